"""Vessels: the same tree in each scan, and some seen on end."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from hierclf.synthesis.anatomy import Anatomy, Floats, Pose, draw, make_grid
from hierclf.synthesis.vessels import draw_vessels

GRID = make_grid(256, Pose(0.0, 0.0, 0.0, 1.0, 1.0))
AIR = np.ones((256, 256), dtype=np.float32)


def _vessels(patient: int, air: Floats = AIR) -> Floats:
    anatomy = draw(Anatomy, np.random.default_rng(patient))
    return draw_vessels(anatomy, GRID, air, np.random.default_rng(patient))


def _round_spots(field: Floats) -> int:
    """Count peaks that fall off steeply in every direction."""
    rows, columns, mixed = (
        ndimage.gaussian_filter(field, 1.2, order=order)
        for order in ((2, 0), (0, 2), (1, 1))
    )
    half, split = (rows + columns) / 2, np.hypot((rows - columns) / 2, mixed)
    peaks = ndimage.maximum_filter(field, 5) == field
    return int((peaks & (half + split < -0.05)).sum())


def test_healthy_lungs_have_spots_as_round_as_opacities() -> None:
    counts = [_round_spots(_vessels(patient)) for patient in range(20)]
    assert 3.5 < np.mean(counts) < 15
    assert min(counts) < 3  # and not in every patient


def test_vessels_are_seen_against_air_only() -> None:
    assert not _vessels(0, np.zeros_like(AIR)).any()
    np.testing.assert_allclose(_vessels(0, AIR / 3), _vessels(0) / 2, rtol=1e-5)


def test_vessels_thin_out_away_from_the_hila() -> None:
    field = np.mean([_vessels(patient) for patient in range(5)], axis=0)
    away = np.hypot(np.abs(GRID.x) - 0.2, GRID.y)
    rings = [field[(away > r) & (away < r + 0.1)].mean() for r in (0.1, 0.3, 0.5)]
    assert rings[0] > 1.4 * rings[1]
    assert rings[1] > 1.4 * rings[2] > 0
