"""Boxes are those of OpenCV's connected components."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hierclf.explanation.boxes import MOST_BOXES, boxes_of


@given(seed=st.integers(0, 200), share=st.floats(0.05, 0.6))
def test_boxes_are_those_of_opencv(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    region = rng.random((12, 17)) < share
    heat = rng.random((12, 17)).astype(np.float32)
    n_parts, parts, stats, _ = cv2.connectedComponentsWithStats(
        region.astype(np.uint8), connectivity=8
    )
    expected = {
        (left, top, left + width, top + height): heat[parts == number].sum()
        / heat.sum()
        for number, (left, top, width, height, _) in enumerate(stats.tolist())
        if number
    }
    found = boxes_of(region, heat)
    assert len(found) == min(MOST_BOXES, n_parts - 1)
    energies = [box.energy for box in found]
    assert energies == sorted(energies, reverse=True)
    best = sorted(expected.values(), reverse=True)[: len(found)]
    np.testing.assert_allclose(energies, best, rtol=1e-5)
    for box in found:
        corners = (box.left, box.top, box.right, box.bottom)
        assert corners in expected


def test_specks_get_no_box() -> None:
    region = np.zeros((100, 100), dtype=bool)
    region[3:6, 3:9] = True  # 18 pixels of 10,000
    region[50:60, 50:53] = True
    found = boxes_of(region, np.ones((100, 100)))
    assert [(b.left, b.top, b.right, b.bottom) for b in found] == [(50, 50, 53, 60)]


def test_a_cold_map_has_no_box() -> None:
    assert boxes_of(np.zeros((9, 9), dtype=bool), np.zeros((9, 9))) == ()
