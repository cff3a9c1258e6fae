"""Maps of views put back where they come from: into the frame, and into the scan.

A frame is the whole scan resized to a square (see `hierclf.transforms.geometry`), so
relative places are the same in both. A view is a crop of the frame or of its mirror
image: its map is mirrored back, put at the crop's place, and where crops overlap the
mean of those that cover a place is taken. So a corner that two of ten crops saw is as
bright as the evidence in these two, though in the score it counts a fifth of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hierclf.explanation.evidence import Evidence
from hierclf.features.regions import main_regions
from hierclf.foundation.choices import choose
from hierclf.inference.views import Views
from hierclf.networks.activation_maps import plusplus_weights

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
REGION_AT = 0.5
"""A place is part of a region where its map is above this share of the maximum, or,
for the mask, where so many of the views that cover it keep it."""


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """Maps of some scans, in the frame.

    Parameters
    ----------
    heat : ndarray of float32, shape (n_scans, side, side), at least 0
        Evidence for the class, in units of its score; 0 where no view looked.
    regions : ndarray of bool, shape (n_scans, side, side)
        What is outlined.
    seen : ndarray of bool, shape (side, side)
        Where a view looked.
    """

    heat: Floats
    regions: Bools
    seen: Bools


def place_views(
    cells: Floats, views: Views, image_size: int, *, smooth: bool = True
) -> tuple[Floats, Bools]:
    """Put maps of views back into the frame, averaged where they overlap.

    Parameters
    ----------
    cells : ndarray of float, shape (n_scans, n_views, h, w)
        A map of each view.
    views : Views
        How the frame was looked at.
    image_size : int
        Side of a view in pixels.
    smooth : bool, default=True
        Interpolate between the centers of cells; else each cell is a rectangle.

    Returns
    -------
    placed : ndarray of float32, shape (n_scans, side, side)
        0 where no view looked.
    seen : ndarray of bool, shape (side, side)
        Where one did.

    Examples
    --------
    >>> from hierclf.inference.views import make_views
    >>> placed, seen = place_views(np.ones((1, 1, 7, 7)), make_views("center"), 224)
    >>> placed.shape, float(placed.max()), round(float(seen.mean()), 3)
    ((1, 256, 256), 1.0, 0.766)
    """
    side = views.frame_side(image_size)
    total = np.zeros((len(cells), side, side), dtype=np.float32)
    covered = np.zeros((side, side), dtype=np.float32)
    for number, place in enumerate(views.places(side, image_size)):
        within = slice(place.top, place.top + image_size)
        columns = slice(place.left, place.left + image_size)
        over = total[:, :, ::-1] if place.mirrored else total
        for scan, one in enumerate(cells[:, number]):
            over[scan, within, columns] += enlarged(one, image_size, smooth=smooth)
        counted = covered[:, ::-1] if place.mirrored else covered
        counted[within, columns] += 1
    return total / np.maximum(covered, 1), covered > 0


def enlarged(cells: Floats, *size: int, smooth: bool = True) -> Floats:
    """Enlarge a map.

    Parameters
    ----------
    cells : ndarray of float, shape (h, w)
        A value for each cell.
    *size : int
        Side of the result, or its height and width.
    smooth : bool, default=True
        Interpolate between the centers of cells.

    Returns
    -------
    large : ndarray of float32, shape (height, width)
        Covering the same field.
    """
    height, width = size[0], size[-1]
    method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    source = np.ascontiguousarray(cells, dtype=np.float32)
    return np.asarray(cv2.resize(source, (width, height), interpolation=method))


def gradcam(evidence: Sequence[Evidence]) -> HeatMaps:
    """Make maps of Grad-CAM; see `make_maps`."""
    signed, seen = _summed(evidence, _mean_weights)
    return _outlined(np.maximum(signed, 0), seen)


def gradcam_plusplus(evidence: Sequence[Evidence]) -> HeatMaps:
    """Make maps of Grad-CAM++; see `make_maps`."""
    signed, seen = _summed(evidence, _plusplus_weights)
    return _outlined(np.maximum(signed, 0), seen)


def scda(evidence: Sequence[Evidence]) -> HeatMaps:
    """Make maps of Grad-CAM cut to the main region; see `make_maps`."""
    signed, seen = _summed(evidence, _mean_weights)
    kept = np.zeros_like(signed)
    weight = np.maximum(sum(np.abs(one.share) for one in evidence), 1e-12)
    for one in evidence:
        cells = _weighed(one, _mean_weights)
        masks = main_regions(cells.reshape(-1, *cells.shape[2:])).reshape(cells.shape)
        placed = _placed(masks.astype(np.float32), one, len(signed[0]), smooth=False)[0]
        kept += placed * (np.abs(one.share) / weight)[:, None, None]
    regions = kept >= REGION_AT
    return HeatMaps(np.maximum(signed, 0) * regions, regions, seen)


METHODS: Mapping[str, Callable[[Sequence[Evidence]], HeatMaps]] = MappingProxyType(
    {"gradcam": gradcam, "gradcam++": gradcam_plusplus, "scda": scda}
)
"""Methods by name."""


def make_maps(method: str, evidence: Sequence[Evidence]) -> HeatMaps:
    r"""Make maps of the evidence for a class.

    Parameters
    ----------
    method : {"gradcam", "gradcam++", "scda"}
        How channels are weighed, see `hierclf.networks.activation_maps`; ``scda`` is
        Grad-CAM within the main region of `hierclf.features.regions`, cell by cell as
        the features of this name have it.
    evidence : sequence of Evidence
        At least one, of the same scans.

    Returns
    -------
    maps : HeatMaps
        In the frame of the first trunk.

    Raises
    ------
    InputError
        If there is no such method.

    Notes
    -----
    :math:`\mathrm{relu}(\sum_k w_k A^k)` (Selvaraju et al. 2017, equation 2). The ReLU
    comes last, behind the mean over views and the sum over readers: a place is hot
    where all that looked at it speak for the class on balance.
    """
    return choose("method", method, METHODS)(evidence)


def _mean_weights(maps: Floats, gradients: Floats) -> Floats:
    means: Floats = gradients.mean(axis=(2, 3))
    return means


def _plusplus_weights(maps: Floats, gradients: Floats) -> Floats:
    pair = (torch.tensor(a) for a in (maps, gradients))  # cached ones are read only
    weights: Floats = plusplus_weights(*pair).numpy()
    return weights


Weigh = Callable[[Floats, Floats], Floats]


def _weighed(one: Evidence, weigh: Weigh) -> Floats:
    """Sum the weighted channels: ``(n_scans, n_views, h, w)``."""
    flat, slopes = (a.reshape(-1, *a.shape[2:]) for a in (one.maps, one.gradients))
    cells = np.einsum("nk,nkhw->nhw", weigh(flat, slopes), flat, optimize=True)
    shaped: Floats = cells.reshape(*one.maps.shape[:2], *one.maps.shape[3:])
    return shaped


def _summed(evidence: Sequence[Evidence], weigh: Weigh) -> tuple[Floats, Bools]:
    side = evidence[0].trunk.frame_side
    total = np.zeros((len(evidence[0].maps), side, side), dtype=np.float32)
    seen = np.zeros((side, side), dtype=np.bool_)
    for one in evidence:
        cells = _weighed(one, weigh) * one.share[:, None, None, None]
        placed, covered = _placed(cells, one, side)
        total += placed
        seen |= covered
    return total, seen


def _placed(
    cells: Floats, one: Evidence, side: int, *, smooth: bool = True
) -> tuple[Floats, Bools]:
    size = one.trunk.options.image_size
    placed, seen = place_views(cells, one.trunk.views, size, smooth=smooth)
    if seen.shape[0] != side:
        placed = np.stack([enlarged(m, side, smooth=smooth) for m in placed])
        seen = enlarged(seen.astype(np.float32), side, smooth=False) > 0
    return placed, seen


def _outlined(heat: Floats, seen: Bools) -> HeatMaps:
    tops = heat.max(axis=(1, 2), keepdims=True)
    return HeatMaps(heat, (heat > REGION_AT * tops) & (tops > 0), seen)
