"""From attenuation to gray values."""

from __future__ import annotations

import numpy as np

from hierclf.synthesis.anatomy import Pose, make_grid
from hierclf.synthesis.exposure import Exposure, expose

QUIET = Exposure(0.0, 1.0, 1.0, 0.0, 0.0, 0.0)
STRAIGHT = Pose(0.0, 0.0, 0.0, 1.0, 1.0)


def test_the_film_curve_is_logistic_without_noise() -> None:
    values = np.linspace(-3, 3, 64, dtype=np.float32) * np.ones((64, 1), np.float32)
    grid = make_grid(64, STRAIGHT)
    image = expose(values, QUIET, grid, np.random.default_rng(0))
    np.testing.assert_allclose(image, 1 / (1 + np.exp(0.15 - values)), rtol=1e-5)


def test_noise_grows_with_what_the_rays_passed() -> None:
    grid = make_grid(128, STRAIGHT)
    spread = []
    for level in (-1.0, 0.0, 1.0):
        noisy = Exposure(0.15 - level, 1.0, 1.0, 0.0, 0.0, 0.05)
        flat = np.full((128, 128), level, np.float32)
        image = expose(flat, noisy, grid, np.random.default_rng(0))
        spread.append(image.std() * 4)  # the slope of the curve is 1/4 in the middle
    expected = 0.05 * np.exp([-0.25, 0.0, 0.25])
    np.testing.assert_allclose(spread, expected, rtol=0.03)
