"""How well a map finds a lesion whose outline is known.

Four figures of one scan, each with what chance would give:

``pointing``
    Whether the hottest place lies in the lesion or within `TOLERANCE` of the longer
    side of the scan from it (the pointing game of Zhang et al., "Top-down neural
    attention by excitation backprop", ECCV 2016, who allow 15 pixels of some 500).
``overlap``
    Intersection over union of the lesion and the hottest places, as many as the
    lesion has pixels (or all that are warm, if these are fewer): the map is told how
    large the lesion is, and not where. So no threshold favors a method.
``energy``
    Share of the sum of the map inside the lesion (Wang et al., "Score-CAM", CVPR
    workshops 2020, section 4.2).
``energy_in_lungs``
    The same of what lies in the lungs: a map that finds lungs and no more scores at
    chance here. Undefined without lung mask, or where the map is cold in the lungs.

A map without any evidence has no hottest place and scores 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hierclf.foundation.errors import InputError

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
TOLERANCE = 0.03
"""Of the longer side of the scan."""
FIGURES = ("pointing", "overlap", "energy", "energy_in_lungs")
Figures = dict[str, float]
_CENTER_SPREAD = 0.25


def localize(heat: Floats, lesion: Bools, lungs: Bools | None = None) -> Figures:
    """Measure a map against the outline of a lesion.

    Parameters
    ----------
    heat : ndarray of float, shape (height, width), at least 0
        The map, in pixels of the scan.
    lesion : ndarray of bool, shape (height, width)
        Not empty.
    lungs : ndarray of bool, shape (height, width), optional
        The lung fields.

    Returns
    -------
    figures : dict of str to float
        By the names in `FIGURES`; NaN where undefined.

    Raises
    ------
    InputError
        If shapes differ or there is no lesion.

    Examples
    --------
    >>> lesion = np.zeros((8, 8), dtype=bool)
    >>> lesion[2:4, 2:4] = True
    >>> localize(lesion * 1.0, lesion)["overlap"]
    1.0
    """
    _check(heat, lesion)
    total = float(heat.sum())
    if total <= 0:
        return {**dict.fromkeys(FIGURES[:3], 0.0), FIGURES[3]: np.nan}
    near = _within(lesion, TOLERANCE * max(heat.shape))
    place = np.unravel_index(int(heat.argmax()), heat.shape)
    hottest = np.argsort(-heat, axis=None, kind="stable")[: int(lesion.sum())]
    hottest = hottest[heat.ravel()[hottest] > 0]
    shared = int(lesion.ravel()[hottest].sum())
    figures = {
        "pointing": float(near[place]),
        "overlap": shared / (int(lesion.sum()) + hottest.size - shared),
        "energy": float(heat[lesion].sum()) / total,
        "energy_in_lungs": np.nan,
    }
    if lungs is not None and heat[lungs].sum() > 0:
        inside = float(heat[lesion & lungs].sum())
        figures["energy_in_lungs"] = inside / float(heat[lungs].sum())
    return figures


def chance(lesion: Bools, lungs: Bools | None = None) -> Figures:
    """Tell what places drawn at random from the scan would score on average.

    Parameters
    ----------
    lesion : ndarray of bool, shape (height, width)
        Not empty.
    lungs : ndarray of bool, shape (height, width), optional
        The lung fields.

    Returns
    -------
    figures : dict of str to float
        ``pointing``: the share of the scan that counts as a hit. ``overlap``: that of
        the expected intersection. ``energy``: the lesion's share of the scan, which an
        even map scores; ``energy_in_lungs``: its share of the lungs.
    """
    share = float(lesion.mean())
    figures = {
        "pointing": float(_within(lesion, TOLERANCE * max(lesion.shape)).mean()),
        "overlap": share / (2 - share),
        "energy": share,
        "energy_in_lungs": np.nan,
    }
    if lungs is not None and lungs.any():
        figures["energy_in_lungs"] = float(lesion[lungs].mean())
    return figures


def center_prior(side: int) -> Floats:
    """Draw the map of who knows that lesions lie in the middle, and no more.

    Parameters
    ----------
    side : int
        Side of the frame in pixels.

    Returns
    -------
    heat : ndarray of float32, shape (side, side)
        A Gaussian around the center with a standard deviation of a quarter of the
        side.
    """
    at = (np.arange(side) + 0.5) / side - 0.5
    ridge = np.exp(-0.5 * (at / _CENTER_SPREAD) ** 2)
    return np.outer(ridge, ridge).astype(np.float32)


def _check(heat: Floats, lesion: Bools) -> None:
    if heat.shape != lesion.shape or not lesion.any():
        raise InputError(
            f"lesion mask: expected a lesion in the shape {heat.shape} of the scan, "
            f"got {int(lesion.sum())} pixels in {lesion.shape}. Correct the mask."
        )


def _within(lesion: Bools, distance: float) -> Bools:
    """Add what lies within a distance of the lesion, in pixels."""
    near: Bools = ndimage.distance_transform_edt(~lesion) <= distance
    return near
