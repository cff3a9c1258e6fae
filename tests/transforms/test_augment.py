"""Augmentation: seeded by us, within bounds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hierclf.transforms.augment import AugmentOptions, make_augmentation
from hierclf.transforms.geometry import fit_frame

ALL = AugmentOptions(
    vertical_flip=True,
    rotation_deg=20,
    shift=0.1,
    zoom=0.2,
    noise=0.1,
    brightness=0.2,
    contrast=0.2,
)


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).random((64, 64), dtype=np.float32)


def test_same_seed_same_change(frame: np.ndarray) -> None:
    first, second = (make_augmentation(ALL, 48) for _ in range(2))
    np.testing.assert_array_equal(first(frame, 5), second(frame, 5))
    assert (first(frame, 5) != first(frame, 6)).any()
    np.random.seed(1)  # the global generator must not matter
    np.testing.assert_array_equal(first(frame, 5), second(frame, 5))


def test_threads_draw_alike(frame: np.ndarray) -> None:
    augment = make_augmentation(ALL, 48)
    expected = [augment(frame, seed) for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: augment(frame, seed), range(40)))
    np.testing.assert_array_equal(expected, found)


def test_shape_range_and_type(frame: np.ndarray) -> None:
    changed = make_augmentation(ALL, 48)(frame, 1)
    assert changed.shape == (48, 48)
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 1


def test_brightness_and_contrast_stay_within_their_bounds(frame: np.ndarray) -> None:
    """A line through every gray value: its slope is contrast, its shift brightness."""
    options = AugmentOptions(
        crop=1.0, horizontal_flip=False, brightness=0.1, contrast=0.2
    )
    augment = make_augmentation(options, 64)
    inner = 0.3 + 0.4 * frame  # nothing is clipped
    slopes = []
    for seed in range(40):
        slope, shift = np.polyfit(inner.ravel(), augment(inner, seed).ravel(), 1)
        slopes.append(slope)
        assert 0.8 - 1e-4 <= slope <= 1.2 + 1e-4
        assert abs(shift) <= 0.1 + 1e-3
    assert max(slopes) - min(slopes) > 0.2


def test_nothing_switched_on_changes_nothing(frame: np.ndarray) -> None:
    options = AugmentOptions(crop=1.0, horizontal_flip=False)
    np.testing.assert_allclose(
        make_augmentation(options, 64)(frame, 3), frame, atol=1e-6
    )


def test_crop_is_of_the_given_side() -> None:
    """A ramp over a crop of 0.8 spans 0.8 of its range."""
    ramp = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (200, 1))
    options = AugmentOptions(crop=0.8, horizontal_flip=False)
    augment = make_augmentation(options, 160)
    spans = [np.ptp(augment(ramp, seed)) for seed in range(20)]
    np.testing.assert_allclose(spans, 0.8, atol=0.01)


def _overlaps(n_from: int, n_to: int) -> np.ndarray:
    """Share of each target pixel that each source pixel covers, by hand."""
    step = n_from / n_to
    table = np.zeros((n_to, n_from))
    for target in range(n_to):
        for source in range(n_from):
            start = max(target * step, source)
            end = min((target + 1) * step, source + 1)
            table[target, source] = max(0.0, end - start) / step
    return table


@pytest.mark.parametrize("shape", [(100, 80), (64, 64), (31, 200)])
def test_frame_shrinks_by_areas(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).random(shape, dtype=np.float32)
    expected = _overlaps(shape[0], 20) @ pixels @ _overlaps(shape[1], 20).T
    np.testing.assert_allclose(fit_frame(pixels, 20), expected, atol=1e-5)
