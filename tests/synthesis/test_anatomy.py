"""Body coordinates and drawn numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.synthesis.anatomy import Pose, draw, make_grid


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([64, 97, 256]))
def test_points_return_to_their_pixels(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    grid = make_grid(size, draw(Pose, rng))
    rows, columns = rng.integers(0, size, (2, 20))
    points = np.stack([grid.x[rows, columns], grid.y[rows, columns]], axis=1)
    found = grid.to_pixels(points)
    np.testing.assert_allclose(found, np.stack([rows, columns], 1), atol=0.01)


def test_no_pose_leaves_the_table_of_knots() -> None:
    low = {"turn": 0.052, "shift_x": 0.035, "shift_y": -0.03, "zoom": 0.96}
    grid = make_grid(64, Pose(**low, breath=0.95))
    knots = grid.knots()
    assert max(np.abs(grid.x).max(), np.abs(grid.y).max()) < knots[-1]
    found = grid.along(grid.y, knots**2)
    np.testing.assert_allclose(found, grid.y**2, atol=0.01)


def test_numbers_are_drawn_from_their_ranges() -> None:
    rng = np.random.default_rng(0)
    turns = [draw(Pose, rng).turn for _ in range(300)]
    assert -0.052 <= min(turns) < -0.045
    assert 0.045 < max(turns) <= 0.052
