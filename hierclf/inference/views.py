"""Views of a frame: the crops whose scores are averaged at test time.

A view is a map of the trunk. The exact views run the trunk on each crop. In one pass it
runs on the frame and on its mirror, and a view is a window of their maps: where the
frame is 8/7 of a crop and the stride of the trunk divides their difference, as 32 does
256 - 224, the corners lie on cells, and other windows between them are interpolated.
That is another model, not the same one cheaper: within the frame a window sees what
lies beyond its border, where a crop sees padding.

Three crops instead are the same model cheaper: a head on a frozen trunk is taught by
all ten and asked about three of them, which lie as far apart as two corners, the center
and both sides of the mirror can. Ten crops help twice: as ten times as many rows to
learn from, and by their mean; the mean of three has nearly all of the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

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
        Frames ``(n, 1, side, side)`` and the crop's side to what the trunk runs on:
        the crops ``(n, n_views, 1, crop, crop)``, or the frame and its mirror.
    places : callable
        Side of the frame and of a crop to the place of each crop, in their order.
    single : str
        Name of the views that are the central one of these alone.
    central : int, default=0
        Which of the views is the center as it is; the whole frame where that is all.
    one_pass : bool, default=False
        Whether views are windows of the maps of frame and mirror.
    taught_by : str, default=""
        Name of the views that teach a head on a frozen trunk, where not these.
    """

    n_views: int
    margin: float
    cut: Callable[[Tensor, int], Tensor]
    places: Callable[[int, int], tuple[Place, ...]]
    single: str
    central: int = 0
    one_pass: bool = False
    taught_by: str = ""

    def maps(
        self,
        frames: Tensor,
        image_size: int,
        trunk: Callable[[Tensor], Tensor],
        pool: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Run a trunk, and give its map of each view.

        Parameters
        ----------
        frames : Tensor, shape (n, 1, side, side)
            Frames, with the side of `frame_side`.
        image_size : int
            Side of a crop in pixels.
        trunk : callable
            Images ``(m, 1, height, width)`` to maps ``(m, n_channels, h, w)``.
        pool : callable, optional
            Maps to what is wanted of them, such as features ``(m, n_features)``, which
            are smaller than windows that overlap.

        Returns
        -------
        maps : Tensor, shape (n, n_views, n_channels, h, w) or (n, n_views, n_features)
            In the order of `places`.
        """
        pool = pool or nn.Identity()
        inputs = self.cut(frames, image_size)
        n_inputs = inputs.shape[1]
        maps = trunk(inputs.flatten(0, 1))
        if not self.one_pass:
            return _apart(pool(maps), n_inputs)
        side, maps = frames.shape[-1], _apart(maps, n_inputs)
        return torch.stack(
            [
                pool(window(maps[:, int(place.mirrored)], place, side, image_size))
                for place in self.places(side, image_size)
            ],
            dim=1,
        )

    def drawn(self, maps: Tensor, side: int, image_size: int) -> Tensor:
        """Take one window of each map at random, as a random crop would be taken.

        Parameters
        ----------
        maps : Tensor, shape (n, n_channels, cells, cells)
            Of frames that were mirrored, or not, before.
        side, image_size : int
            Of the frame and of a crop, in pixels.

        Returns
        -------
        windows : Tensor, shape (n, n_channels, w, w)
            Drawn by torch's generator.
        """
        places = [p for p in self.places(side, image_size) if not p.mirrored]
        windows = torch.stack([window(maps, p, side, image_size) for p in places])
        which = torch.randint(len(places), (len(maps),), device=maps.device)
        return windows[which, torch.arange(len(maps), device=maps.device)]

    def frame_side(self, image_size: int) -> int:
        """Side in pixels of the frame that crops of `image_size` are cut from."""
        return round(image_size * self.margin)


def _apart(maps: Tensor, n_inputs: int) -> Tensor:
    return maps.reshape(-1, n_inputs, *maps.shape[1:])


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
    return _crops(frames, size, _tencrop_places(frames.shape[-1], size))


def _crops(frames: Tensor, size: int, places: tuple[Place, ...]) -> Tensor:
    images = (frames, frames.flip(-1))
    crops = [
        images[p.mirrored][:, :, p.top : p.top + size, p.left : p.left + size]
        for p in places
    ]
    return torch.stack(crops, dim=1)


def _threecrop(frames: Tensor, size: int) -> Tensor:
    return _crops(frames, size, _threecrop_places(frames.shape[-1], size))


def _threecrop_places(side: int, size: int) -> tuple[Place, ...]:
    """Give the center, and two opposite corners of the mirrored frame."""
    far = side - size
    corners = (Place(0, 0, mirrored=True), Place(far, far, mirrored=True))
    return (*_center_place(side, size), *corners)


def _tencrop_places(side: int, size: int) -> tuple[Place, ...]:
    far = side - size
    middle = round(far / 2)
    corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
    return tuple(
        Place(top, left, mirrored)
        for mirrored in (False, True)
        for top, left in corners
    )


def _frame(frames: Tensor, size: int) -> Tensor:
    return frames[:, None]


def _frame_and_mirror(frames: Tensor, size: int) -> Tensor:
    return torch.stack((frames, frames.flip(-1)), dim=1)


def window(maps: Tensor, place: Place, side: int, size: int) -> Tensor:
    """Cut the window of a crop out of the map of its frame.

    Parameters
    ----------
    maps : Tensor, shape (..., cells, cells)
        Of the frame, or of the mirrored frame.
    place : Place
        Where the crop lies.
    side, size : int
        Of the frame and of the crop, in pixels.

    Returns
    -------
    windows : Tensor, shape (..., w, w)
        With as many cells as the crop has of the frame's, rounded; interpolated
        (bilinear) where the crop begins between two cells.
    """
    cells = maps.shape[-1]
    width = round(cells * size / side)
    rows = _slid(maps, place.top * cells / side, width, -2)
    return _slid(rows, place.left * cells / side, width, -1)


def _slid(maps: Tensor, start: float, width: int, dim: int) -> Tensor:
    start = min(start, maps.shape[dim] - width)
    first = int(start)
    near = maps.narrow(dim, first, width)
    if start == first:
        return near
    return near.lerp(maps.narrow(dim, first + 1, width), start - first)


VIEWS: Mapping[str, Views] = MappingProxyType(
    {
        "whole": Views(1, 1.0, _whole, _whole_place, "whole"),
        "center": Views(1, 8 / 7, _center, _center_place, "center"),
        "tencrop": Views(10, 8 / 7, tencrop, _tencrop_places, "center", central=4),
        "threecrop": Views(
            n_views=3,
            margin=8 / 7,
            cut=_threecrop,
            places=_threecrop_places,
            single="center",
            taught_by="tencrop",
        ),
        "center_onepass": Views(
            1, 8 / 7, _frame, _center_place, "center_onepass", one_pass=True
        ),
        "tencrop_onepass": Views(
            n_views=10,
            margin=8 / 7,
            cut=_frame_and_mirror,
            places=_tencrop_places,
            single="center_onepass",
            central=4,
            one_pass=True,
        ),
    }
)
"""Views by name. The margin 8/7 makes 256 of 224."""


def make_views(name: str) -> Views:
    """Look a way to view up by its name.

    Parameters
    ----------
    name : str
        ``whole``: the whole frame; ``center``: its center; ``tencrop``: four corners
        and center, each mirrored; ``threecrop``: the center, and two opposite corners
        mirrored; ``center_onepass`` and ``tencrop_onepass``: as windows of the map of
        the frame and of that of its mirror.

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
