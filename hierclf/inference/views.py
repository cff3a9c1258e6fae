"""Views of a frame: the crops whose scores are averaged at test time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from hierclf.foundation.choices import choose


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
    central : int, default=0
        Which of the views is the center as it is; the whole frame where that is all.
    """

    n_views: int
    margin: float
    cut: Callable[[Tensor, int], Tensor]
    central: int = 0

    def frame_side(self, image_size: int) -> int:
        """Side in pixels of the frame that crops of `image_size` are cut from."""
        return round(image_size * self.margin)


def _whole(frames: Tensor, size: int) -> Tensor:
    return frames[:, None]


def _center(frames: Tensor, size: int) -> Tensor:
    start = round((frames.shape[-1] - size) / 2)
    crop = frames[:, :, start : start + size, start : start + size]
    return crop[:, None]


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
    far = frames.shape[-1] - size
    middle = round(far / 2)
    corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
    crops = [
        image[:, :, top : top + size, left : left + size]
        for image in (frames, frames.flip(-1))
        for top, left in corners
    ]
    return torch.stack(crops, dim=1)


VIEWS: Mapping[str, Views] = MappingProxyType(
    {
        "whole": Views(1, 1.0, _whole),
        "center": Views(1, 8 / 7, _center),
        "tencrop": Views(10, 8 / 7, tencrop, central=4),
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
