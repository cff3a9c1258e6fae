"""Bones lie where the anatomy puts them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from hierclf.synthesis.anatomy import Anatomy, Pose, draw, make_grid
from hierclf.synthesis.skeleton import draw_skeleton
from hierclf.synthesis.thorax import draw_thorax


@pytest.mark.parametrize("patient", range(6))
def test_ribs_cross_the_lung_at_their_distance(patient: int) -> None:
    rng = np.random.default_rng(patient)
    anatomy, grid = draw(Anatomy, rng), make_grid(256, Pose(0, 0, 0, 1, 1))
    bones = draw_skeleton(anatomy, grid, draw_thorax(anatomy, grid), rng)
    beside_the_spine = gaussian_filter1d(bones[20:180, 160], 2)
    peaks = find_peaks(beside_the_spine, prominence=0.03)[0]
    assert len(peaks) >= 5
    assert np.median(np.diff(peaks)) == pytest.approx(anatomy.rib_gap * 128, abs=2.5)


def test_bones_only_add_and_the_spine_is_the_densest() -> None:
    rng = np.random.default_rng(0)
    anatomy, grid = draw(Anatomy, rng), make_grid(128, Pose(0, 0, 0, 1, 1))
    bones = draw_skeleton(anatomy, grid, draw_thorax(anatomy, grid), rng)
    assert bones.min() >= 0
    columns = bones[40:110].mean(axis=0)
    assert abs(int(np.argmax(columns)) - 63.5) < 8
