"""Figures of maps against lesions, by loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.explanation.localization import (
    FIGURES,
    TOLERANCE,
    center_prior,
    chance,
    localize,
)
from hierclf.foundation.errors import InputError

SHAPE = (40, 70)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lesion = np.zeros(SHAPE, dtype=bool)
    row, column = rng.integers(0, 30), rng.integers(0, 60)
    lesion[row : row + rng.integers(2, 9), column : column + rng.integers(2, 9)] = True
    lungs = lesion | (rng.random(SHAPE) < 0.4)
    return rng.random(SHAPE).astype(np.float32), lesion, lungs


def hit(place: tuple[int, int], lesion: np.ndarray) -> bool:
    reach = TOLERANCE * max(lesion.shape)
    return any(
        np.hypot(r - place[0], c - place[1]) <= reach for r, c in np.argwhere(lesion)
    )


@given(seed=st.integers(0, 60))
def test_figures_are_those_of_loops(seed: int) -> None:
    heat, lesion, lungs = scene(seed)
    found = localize(heat, lesion, lungs)
    pixels = sorted(np.ndindex(SHAPE), key=lambda p: -heat[p])
    assert found["pointing"] == hit(pixels[0], lesion)
    sick = {tuple(p) for p in np.argwhere(lesion)}
    hottest = set(pixels[: len(sick)])
    assert found["overlap"] == pytest.approx(len(sick & hottest) / len(sick | hottest))
    inside = sum(float(heat[p]) for p in sick)
    assert found["energy"] == pytest.approx(inside / float(heat.sum()), rel=1e-4)
    lung_heat = sum(float(heat[tuple(p)]) for p in np.argwhere(lungs))
    assert found["energy_in_lungs"] == pytest.approx(inside / lung_heat, rel=1e-4)


def test_chance_is_what_random_places_score() -> None:
    _, lesion, lungs = scene(3)
    rng = np.random.default_rng(1)
    drawn = [
        localize(rng.random(SHAPE).astype(np.float32), lesion, lungs)
        for _ in range(1500)
    ]
    told = chance(lesion, lungs)
    for name in FIGURES:
        mean = np.mean([figures[name] for figures in drawn])
        spread = np.std([figures[name] for figures in drawn]) / np.sqrt(len(drawn))
        bias = 0.002 if name == "overlap" else 0.0  # a mean of ratios, not of counts
        assert abs(mean - told[name]) <= 4 * spread + bias, name


def test_an_even_map_scores_the_share_of_the_lesion() -> None:
    _, lesion, lungs = scene(5)
    found = localize(np.ones(SHAPE), lesion, lungs)
    told = chance(lesion, lungs)
    assert found["energy"] == pytest.approx(told["energy"])
    assert found["energy_in_lungs"] == pytest.approx(told["energy_in_lungs"])


def test_the_lesion_itself_scores_one() -> None:
    _, lesion, lungs = scene(7)
    assert set(localize(lesion * 2.0, lesion, lungs).values()) == {1.0}


def test_fewer_warm_pixels_than_the_lesion_has() -> None:
    lesion = np.zeros((20, 20), dtype=bool)
    lesion[:4] = True
    heat = np.zeros((20, 20))
    heat[3:5, :5] = 1  # 5 of 10 inside
    assert localize(heat, lesion)["overlap"] == pytest.approx(5 / 85)


def test_a_cold_map_scores_nothing() -> None:
    _, lesion, lungs = scene(2)
    found = localize(np.zeros(SHAPE), lesion, lungs)
    assert [found[name] for name in FIGURES[:3]] == [0, 0, 0]
    assert np.isnan(found["energy_in_lungs"])


@pytest.mark.parametrize(("away", "hits"), [(1, 1.0), (3, 1.0), (4, 0.0)])
def test_a_near_miss_is_a_hit(away: int, hits: float) -> None:
    lesion = np.zeros((100, 60), dtype=bool)  # the tolerance is 3 pixels
    lesion[50:54, 20:24] = True
    heat = np.zeros((100, 60))
    heat[51, 23 + away] = 1
    assert localize(heat, lesion)["pointing"] == hits


def test_no_lungs_known() -> None:
    heat, lesion, _ = scene(4)
    assert np.isnan(localize(heat, lesion)["energy_in_lungs"])
    assert np.isnan(chance(lesion)["energy_in_lungs"])


def test_center_prior_is_hottest_in_the_middle() -> None:
    heat = center_prior(64)
    np.testing.assert_array_equal(heat, heat[::-1, ::-1])
    assert np.unravel_index(heat.argmax(), heat.shape) in [(31, 31), (31, 32), (32, 31)]
    at_sigma = heat[32, 48] / heat[32, 32]
    assert at_sigma == pytest.approx(np.exp(-0.5), rel=0.05)


@pytest.mark.parametrize("shape", [(40, 69), SHAPE])
def test_a_mask_that_cannot_be_measured_against_is_refused(shape) -> None:
    with pytest.raises(
        InputError, match=r"lesion mask: expected a lesion in the shape"
    ):
        localize(np.ones(SHAPE), np.zeros(shape, dtype=bool))
