"""Bones: ribs, clavicles, spine, shoulder blades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierclf.synthesis.anatomy import N_RIBS, Anatomy, Floats, Grid
from hierclf.synthesis.shapes import ramp
from hierclf.synthesis.thorax import Thorax


def draw_skeleton(
    anatomy: Anatomy, grid: Grid, thorax: Thorax, rng: np.random.Generator
) -> Floats:
    """Draw the bones of a patient.

    Parameters
    ----------
    anatomy : Anatomy
        Shape of the patient.
    grid : Grid
        Pixels of the scan.
    thorax : Thorax
        The rib cage that the ribs run around.
    rng : numpy.random.Generator
        Of the patient: small irregularities of the ribs.

    Returns
    -------
    attenuation : ndarray of float32, shape (size, size)
        Of all bones.
    """
    wobble = rng.normal(0, 0.05, (2, N_RIBS + 1)).astype(np.float32)
    bones: Floats = (
        anatomy.rib_density * _ribs(anatomy, grid, thorax, wobble)
        + 0.60 * _clavicles(anatomy, grid)
        + 0.45 * _spine(anatomy, grid)
        + 0.30 * _shoulders(anatomy, grid)
    )
    return bones


def _band(offset: Floats, half: Floats | float) -> Floats:
    """Cross-section of a flat bone: a plateau with denser rims."""
    t = np.abs(offset) / half
    rim = np.exp(-(((t - 0.8) * 4.5) ** 2))
    band: Floats = ramp(1 - t, 0.35) * (0.75 + 0.45 * rim)
    return band


def _ribs(
    anatomy: Anatomy, grid: Grid, thorax: Thorax, wobble: NDArray[np.float32]
) -> Floats:
    """Posterior and anterior arcs.

    A rib leaves the spine at height y0 and runs around an elliptic cage of half
    width w, sinking on its way. At angle a from the spine it is seen at
    x = w sin(a), y = y0 + drop (1 - cos(a)): up to 90 degrees from behind, then
    from the front, which for a given x are the two signs of cos(a).
    """
    across = np.minimum(np.abs(grid.x) / np.maximum(thorax.wall, 0.05), 1)
    cos = np.sqrt(1 - across * across)
    lean = anatomy.rib_drop * across / np.maximum(cos * thorax.wall, 1e-3)
    upright = 1 / np.sqrt(1 + lean * lean)
    bounds = ramp(thorax.wall + 0.02 - np.abs(grid.x), 0.03)
    back = _arcs(anatomy, grid.y - anatomy.rib_drop * (1 - cos), upright, wobble[0])
    front = _arcs(anatomy, grid.y - anatomy.rib_drop * (1 + cos), upright, wobble[1])
    back *= ramp(np.abs(grid.x) - 0.10, 0.04)
    front *= 0.62 * ramp(across - 0.45, 0.18)
    return bounds * (back + front) * ramp(0.75 - grid.y, 0.5)


def _arcs(
    anatomy: Anatomy, height: Floats, upright: Floats, wobble: NDArray[np.float32]
) -> Floats:
    phase = (height - anatomy.rib_first) * (1 / anatomy.rib_gap)
    number = np.clip(np.rint(phase), 0, N_RIBS)
    nearest = number.astype(np.intp)
    offset = (phase - number - wobble[nearest]) * anatomy.rib_gap * upright
    half = (anatomy.rib_half * (1 + wobble))[nearest]
    return _band(offset, half)


def _clavicles(anatomy: Anatomy, grid: Grid) -> Floats:
    away = np.abs(grid.x) - 0.08
    bend = anatomy.clavicle_bend * np.sin(away * 7.5)
    middle = anatomy.clavicle_y - anatomy.clavicle_rise * away + bend
    half = 0.030 + 0.016 * np.exp(-away * 12)
    ends = ramp(away - 0.0, 0.03) * ramp(0.80 - away, 0.05)
    return ends * _band(grid.y - middle, half)


def _spine(anatomy: Anatomy, grid: Grid) -> Floats:
    """Vertebral bodies with their end plates and pedicles."""
    phase = (grid.y - anatomy.rib_first) * (1 / (anatomy.rib_gap * 0.93))
    within = np.abs(phase - np.rint(phase))  # 0 in the middle of a body
    waist = 0.075 + 0.020 * within + 0.02 * ramp(grid.y, 1.6)
    body = ramp(waist - np.abs(grid.x), 0.02)
    disc = ramp(within - 0.42, 0.06)
    plate = np.exp(-(((within - 0.38) * 20) ** 2))
    pedicle = np.exp(
        -(((np.abs(grid.x) - 0.052) * 55) ** 2) - ((within - 0.1) * 9) ** 2
    )
    spine: Floats = body * (0.7 - 0.5 * disc + 0.35 * plate) + 0.35 * pedicle
    return spine


def _shoulders(anatomy: Anatomy, grid: Grid) -> Floats:
    """Shoulder blades and heads of the upper arm bones."""
    x, y = np.abs(grid.x), grid.y
    edge = x - anatomy.scapula + 0.16 * (y + 0.20) + 0.05
    blade = ramp(edge, 0.02) * ramp(-0.12 - y - 0.4 * (x - anatomy.scapula), 0.06)
    blade *= 0.7 + 0.8 * np.exp(-((edge * 40) ** 2))
    reach = np.sqrt((x - anatomy.scapula - 0.12) ** 2 + (y + 0.66) ** 2)
    head = ramp(0.13 - reach, 0.02) * (
        0.8 + 0.5 * np.exp(-(((reach - 0.12) * 60) ** 2))
    )
    return blade * ramp(y + 0.66, 0.10) + 1.3 * head
