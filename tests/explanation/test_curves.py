"""Deletion and insertion against a model whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.explanation.curves import (
    N_STEPS,
    REFERENCES,
    area_under,
    curves_of,
    order_of,
    random_heat,
)


def frame_of(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 1, size=(20, 20)).astype(np.float32)


def brightness(frames: list[np.ndarray]) -> np.ndarray:
    return np.array([float(frame.mean()) for frame in frames])


def test_curves_are_those_of_a_loop() -> None:
    """The least bright reference is black: what is left is a sum over pixels."""
    frame = frame_of(0)
    heats = [frame, -frame, random_heat(20, 0, "a")]
    curves = curves_of(frame, heats, brightness)
    assert curves.shape == (3, 2, N_STEPS + 1)
    for heat, (deletion, insertion) in zip(heats, curves, strict=True):
        pixels = sorted(np.ndindex(frame.shape), key=lambda p: -heat[p])
        for step in range(N_STEPS + 1):
            first = pixels[: round(step * len(pixels) / N_STEPS)]
            taken = sum(float(frame[p]) for p in first) / frame.size
            assert insertion[step] == pytest.approx(taken, abs=1e-5)
            assert deletion[step] == pytest.approx(frame.mean() - taken, abs=1e-5)


def test_the_right_order_is_best() -> None:
    frame = frame_of(1)
    best, worst, drawn = area_under(
        curves_of(frame, [frame, -frame, random_heat(20, 0, "b")], brightness)
    )
    assert best[0] < drawn[0] < worst[0]
    assert best[1] > drawn[1] > worst[1]


def test_the_reference_has_the_least_score() -> None:
    frame = frame_of(2)

    def darkness(frames: list[np.ndarray]) -> np.ndarray:
        return 1 - brightness(frames)

    for score in (brightness, darkness):
        told = min(score([make(frame)])[0] for make in REFERENCES.values())
        curves = curves_of(frame, [frame], score)
        assert curves[0, 0, -1] == curves[0, 1, 0] == pytest.approx(told)
        assert curves[0, 0, 0] == curves[0, 1, -1] == pytest.approx(score([frame])[0])


def test_equal_places_have_no_direction() -> None:
    order = order_of(np.zeros((30, 30)))
    assert sorted(order.ravel().tolist()) == list(range(900))
    assert np.ptp(order.mean(axis=1)) < 600  # row by row it would be 870
    steps = np.abs(np.diff(order, axis=0)).mean()
    assert steps < 150  # shuffled pixel by pixel it would be 300


def test_random_heat_is_of_its_scan() -> None:
    assert np.array_equal(random_heat(16, 1, "a"), random_heat(16, 1, "a"))
    assert not np.array_equal(random_heat(16, 1, "a"), random_heat(16, 1, "b"))


def test_area_is_that_of_trapezoids() -> None:
    values = np.random.default_rng(0).random((2, N_STEPS + 1))
    expected = (values[:, 1:] + values[:, :-1]).sum(axis=1) / 2 / N_STEPS
    np.testing.assert_allclose(area_under(values), expected)
