"""Regions of a map as rectangles, in pixels of the scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from hierclf.explanation.heatmap import Bools, Floats, enlarged

MOST_BOXES = 6
LEAST_SHARE = 0.002
"""Of the area of the scan; a smaller region is not boxed."""
_TOUCHING = np.ones((3, 3))


@dataclass(frozen=True)
class Box:
    """A rectangle around a region.

    Parameters
    ----------
    left, top, right, bottom : int
        In pixels of the scan as it was decoded; `right` and `bottom` are the first
        column and row outside.
    energy : float, in [0, 1]
        Share of the map's sum within the region.
    """

    left: int
    top: int
    right: int
    bottom: int
    energy: float


def heat_in_scan(heat: Floats, shape: tuple[int, int]) -> Floats:
    """Bring a map in the frame to the shape of the scan.

    Parameters
    ----------
    heat : ndarray of float, shape (side, side)
        In the frame, which is the whole scan resized to a square.
    shape : tuple of int
        Height and width of the scan in pixels.

    Returns
    -------
    stretched : ndarray of float32, shape `shape`
        Interpolated.
    """
    return enlarged(heat, *shape)


def region_in_scan(region: Bools, shape: tuple[int, int]) -> Bools:
    """Bring a region in the frame to the shape of the scan; see `heat_in_scan`."""
    inside: Bools = enlarged(region.astype(np.float32), *shape, smooth=False) > 0
    return inside


def boxes_of(region: Bools, heat: Floats) -> tuple[Box, ...]:
    """Draw a rectangle around each connected part of a region.

    Parameters
    ----------
    region : ndarray of bool, shape (height, width)
        In pixels of the scan; parts that touch at a corner are one.
    heat : ndarray of float, shape (height, width), at least 0
        The map.

    Returns
    -------
    boxes : tuple of Box
        At most `MOST_BOXES`, that with the most heat first; none around parts smaller
        than `LEAST_SHARE` of the scan.

    Examples
    --------
    >>> region = np.zeros((10, 20), dtype=bool)
    >>> region[2:5, 3:9] = True
    >>> boxes_of(region, np.ones((10, 20)) * region)
    (Box(left=3, top=2, right=9, bottom=5, energy=1.0),)
    """
    parts, n_parts = ndimage.label(region, _TOUCHING)
    total = float(heat.sum()) or 1.0
    numbers = np.arange(1, n_parts + 1)
    warmth = ndimage.sum_labels(heat, parts, numbers) / total
    areas = ndimage.sum_labels(region, parts, numbers)
    found = [
        Box(columns.start, rows.start, columns.stop, rows.stop, float(share))
        for (rows, columns), share, area in zip(
            ndimage.find_objects(parts), warmth, areas, strict=True
        )
        if area >= LEAST_SHARE * region.size
    ]
    return tuple(sorted(found, key=lambda box: -box.energy)[:MOST_BOXES])
