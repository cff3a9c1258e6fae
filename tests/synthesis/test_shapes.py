"""Strokes against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.synthesis.shapes import add_spots, ellipsoid, ramp, smooth_noise

SIZE = 40


def _brute_spots(pixels: np.ndarray, sigma: np.ndarray, height: np.ndarray):
    row, column = np.mgrid[:SIZE, :SIZE]
    total = np.zeros((SIZE, SIZE))
    for (r, c), s, h in zip(pixels, sigma, height, strict=True):
        total += h * np.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * s * s))
    return total


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 12))
def test_spots_add_up_to_gaussians(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(-15, SIZE + 15, (count, 2)).astype(np.float32)
    sigma = rng.uniform(0.6, 4.0, count).astype(np.float32)
    height = rng.uniform(0.1, 1.0, count).astype(np.float32)
    field = add_spots(SIZE, pixels, sigma, height)
    assert field.shape == (SIZE, SIZE)
    assert field.dtype == np.float32
    # each spot is cut off where it has fallen to exp(-4.5) of its height or less
    missing = _brute_spots(pixels, sigma, height) - field
    assert missing.min() > -1e-5
    assert missing.max() <= height.sum() * np.exp(-0.5 * 2.5**2)


def test_a_spot_is_exact_inside_its_reach() -> None:
    where = np.array([[20.25, 17.5]], dtype=np.float32)
    sigma, height = np.full(1, 2.0, np.float32), np.full(1, 0.8, np.float32)
    field = add_spots(SIZE, where, sigma, height)
    brute = _brute_spots(where, sigma, height)
    inside = np.s_[15:26, 13:23]
    np.testing.assert_allclose(field[inside], brute[inside], rtol=1e-5)


def test_a_ramp_is_the_cubic_step() -> None:
    found = ramp(np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]), 2.0)
    expected = [0, 0, 5 / 32, 1 / 2, 27 / 32, 1, 1]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_ellipsoid_has_the_volume_of_one() -> None:
    line = np.linspace(-1, 1, 401)
    thickness = ellipsoid(*np.meshgrid(line, line), 0.8, 0.5)
    volume = thickness.sum() * (line[1] - line[0]) ** 2
    assert volume == pytest.approx(2 / 3 * np.pi * 0.8 * 0.5, rel=1e-3)


def _keys(t: np.ndarray) -> np.ndarray:
    """The cubic kernel of Keys (1981) with a = -1/2."""
    t = np.abs(t)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def test_smooth_noise_is_cubic_and_as_smooth_as_asked() -> None:
    rng = np.random.default_rng(0)
    coarse, fine = smooth_noise(rng, 512, 16), smooth_noise(rng, 512, 128)
    # a sum of white noise under the kernel has its squared integral as variance,
    # once for each axis
    expected = np.mean(_keys(np.linspace(-2, 2, 4001)) ** 2) * 4
    assert expected == pytest.approx(0.8, abs=0.02)
    assert fine.std() == pytest.approx(expected, rel=0.03)
    assert coarse.std() == pytest.approx(expected, rel=0.2)
    steps = [np.abs(np.diff(field, axis=1)).mean() for field in (coarse, fine)]
    assert steps[1] / steps[0] == pytest.approx(128 / 16, rel=0.25)
