"""Views of a frame: the crops whose scores are averaged at test time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from hierclf.foundation.choices import choose


@dataclass(frozen=True)
class Place:
    """Where a crop comes from.

    Parameters
    ----------
    top, left : int
        Its first row and column in the frame, in pixels; of the mirrored frame where
        it is `mirrored`.
    mirrored : bool
        Whether the frame was mirrored before the crop was cut.
    """

    top: int
    left: int
    mirrored: bool = False


@dataclass(frozen=True)
class Views:
    """A way to look at a frame.

    Parameters
    ----------
    n_views : int
        How many crops it gives.
    margin : float
        Side of the frame over side of a crop.
    cut : callable
        Frames ``(n, 1, side, side)`` and the crop's side to crops
        ``(n, n_views, 1, crop, crop)``.
    places : callable
        Side of the frame and of a crop to the place of each crop, in their order.
    central : int, default=0
        Which of the views is the center as it is; the whole frame where that is all.
    """

    n_views: int
    margin: float
    cut: Callable[[Tensor, int], Tensor]
    places: Callable[[int, int], tuple[Place, ...]]
    central: int = 0

    def frame_side(self, image_size: int) -> int:
        """Side in pixels of the frame that crops of `image_size` are cut from."""
        return round(image_size * self.margin)


def _whole(frames: Tensor, size: int) -> Tensor:
    return frames[:, None]


def _whole_place(side: int, size: int) -> tuple[Place, ...]:
    return (Place(0, 0),)


def _center(frames: Tensor, size: int) -> Tensor:
    (place,) = _center_place(frames.shape[-1], size)
    start = place.top
    crop = frames[:, :, start : start + size, start : start + size]
    return crop[:, None]


def _center_place(side: int, size: int) -> tuple[Place, ...]:
    start = round((side - size) / 2)
    return (Place(start, start),)


def tencrop(frames: Tensor, size: int) -> Tensor:
    """Cut the four corners and the center, then the same of the mirrored frame.

    The order is that of ``torchvision.transforms.functional.ten_crop``: top
    left, top right, bottom left, bottom right, center, and these five mirrored.

    Parameters
    ----------
    frames : Tensor, shape (n, 1, side, side)
        Frames with side at least `size`.
    size : int
        Side of a crop in pixels.

    Returns
    -------
    crops : Tensor, shape (n, 10, 1, size, size)
        Equal to torchvision's.
    """
    images = (frames, frames.flip(-1))
    crops = [
        images[p.mirrored][:, :, p.top : p.top + size, p.left : p.left + size]
        for p in _tencrop_places(frames.shape[-1], size)
    ]
    return torch.stack(crops, dim=1)


def _tencrop_places(side: int, size: int) -> tuple[Place, ...]:
    far = side - size
    middle = round(far / 2)
    corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
    return tuple(
        Place(top, left, mirrored)
        for mirrored in (False, True)
        for top, left in corners
    )


VIEWS: Mapping[str, Views] = MappingProxyType(
    {
        "whole": Views(1, 1.0, _whole, _whole_place),
        "center": Views(1, 8 / 7, _center, _center_place),
        "tencrop": Views(10, 8 / 7, tencrop, _tencrop_places, central=4),
    }
)
"""Views by name. The margin 8/7 makes 256 of 224."""


def make_views(name: str) -> Views:
    """Look a way to view up by its name.

    Parameters
    ----------
    name : {"whole", "center", "tencrop"}
        The whole frame; its center; four corners and center, each mirrored.

    Returns
    -------
    views : Views
        To be asked for the frame's side, and to cut crops.

    Raises
    ------
    InputError
        If there is no such name.
    """
    return choose("views", name, VIEWS)
