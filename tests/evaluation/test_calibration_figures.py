from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.calibration_figures import (
    CalibrationFigures,
    calibration_figures,
)
from hierclf.evaluation.isotonic import brier_parts
from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.recalibration import calibration_slope
from hierclf.evaluation.score_groups import (
    calibration_error,
    group_tallies,
    score_groups,
)


def said_of(seed=0, n_patients=60, slope=0.5, shift=0.0):
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
    z = rng.normal(0, 1.5, n_patients)[owner] + rng.normal(0, 0.5, owner.size)
    truth = (rng.random(owner.size) < expit(shift + slope * z)).astype(int)
    return predictions_of(
        truth, truth, n_classes=2, groups=owner, screen_score=expit(z)
    )


@pytest.fixture(scope="module")
def said():
    return said_of()


@pytest.fixture(scope="module")
def found(said):
    return calibration_figures(said, n_resamples=80, seed=3)


def test_values_are_those_of_the_parts(said, found):
    sick, scores = said.diseased, said.screen_score
    values = {name: estimate.value for name, estimate in found.figures.items()}
    assert values["gap"] == pytest.approx(sick.mean() - scores.mean())
    assert values["slope"] == pytest.approx(calibration_slope(sick, scores)[0])
    parts = [values[n] for n in ("miscalibration", "discrimination", "uncertainty")]
    np.testing.assert_allclose(parts, brier_parts(sick, scores)[0])
    assert parts[0] - parts[1] + parts[2] == pytest.approx(values["brier"])
    assert (found.share, found.mean_score) == (sick.mean(), scores.mean())
    assert found.n_groups == {"ece_equal_mass": 10, "ece_equal_width": 10}
    assert found.test.n_groups == 10


def test_intervals_are_those_of_patients_drawn_in_a_loop(said, found):
    """Every scan of a drawn patient is repeated, and the figures worked out anew."""
    weights = patient_weights(said.n_patients, n_resamples=80, seed=3)
    groups = score_groups(said.screen_score, "equal_mass")
    gaps, slopes, errors = [], [], []
    for row in weights:
        rows = np.repeat(np.arange(said.truth.size), row[said.patients])
        sick, scores = said.diseased[rows], said.screen_score[rows]
        gaps.append(sick.mean() - scores.mean())
        slopes.append(calibration_slope(sick, scores)[0])
        table = np.array(
            [
                [inside.sum(), sick[inside].sum(), scores[inside].sum()]
                for inside in (groups[rows] == g for g in range(10))
            ]
        )
        errors.append(calibration_error(table))
    for name, draws in (("gap", gaps), ("slope", slopes)):
        told = found.figures[name]
        low, high = np.percentile(draws, [2.5, 97.5])
        assert told.low == pytest.approx(low, abs=1e-6)
        assert told.high == pytest.approx(high, abs=1e-6)
        assert told.method == "bootstrap"
    low, high = np.percentile(errors, [2.5, 97.5])
    told = found.figures["ece_equal_mass"]
    assert told.low == pytest.approx(max(0, 2 * told.value - high))
    assert told.high == pytest.approx(max(told.value, 2 * told.value - low))
    assert told.method == "reverse bootstrap"


def test_chance_is_what_scores_that_are_right_get():
    found = calibration_figures(said_of(1, slope=1.0), n_resamples=2, seed=0)
    others = [said_of(seed, slope=1.0) for seed in range(100, 130)]
    errors = []
    for one in others:
        groups = score_groups(one.screen_score, "equal_mass")
        zero = np.zeros_like(groups)
        table = group_tallies(one.diseased, one.screen_score, groups, zero, 1)
        errors.append(calibration_error(table)[0])
    assert found.if_right["ece_equal_mass"] == pytest.approx(np.mean(errors), rel=0.2)
    assert set(found.if_right) == {
        "ece_equal_mass", "ece_equal_width", "miscalibration",
    }  # fmt: skip


def test_same_seed_same_figures_and_json(said, found):
    again = calibration_figures(said, n_resamples=80, seed=3)
    assert again == found
    assert CalibrationFigures.model_validate_json(found.model_dump_json()) == found
    assert calibration_figures(said, n_resamples=80, seed=4) != found


def test_scores_at_the_ends_are_counted():
    score = [0.0, 1.0, 0.5, 0.4, 0.6, 1e-9]
    said = predictions_of([0, 1, 1, 0, 0, 1], [0] * 6, n_classes=2, screen_score=score)
    found = calibration_figures(said, n_resamples=5)
    assert found.n_clipped == 3


@pytest.mark.parametrize(
    ("truth", "score"), [([1, 1], [0.4, 0.6]), ([0, 0], [0.4, 0.6]), ([0, 1], None)]
)
def test_what_has_no_calibration(truth, score):
    said = predictions_of(truth, truth, n_classes=2, screen_score=score)
    assert calibration_figures(said) is None


def test_perfectly_parted_scores_have_no_slope_and_no_bounds():
    score = np.concatenate([np.linspace(0.1, 0.3, 20), np.linspace(0.7, 0.9, 20)])
    truth = (score > 0.5).astype(int)
    said = predictions_of(truth, truth, n_classes=2, screen_score=score)
    slope = calibration_figures(said, n_resamples=20).figures["slope"]
    assert (slope.value, slope.low, slope.high, slope.n_excluded) == (
        None, None, None, 20,
    )  # fmt: skip


def test_slope_is_held_by_its_interval_in_most_samples():
    held = []
    for seed in range(120):
        said = said_of(seed + 500)
        weights = patient_weights(said.n_patients, n_resamples=200, seed=seed)
        draws = calibration_slope(
            said.diseased, said.screen_score, weights, said.patients
        )
        low, high = np.nanpercentile(draws, [2.5, 97.5])
        held.append(low <= 0.5 <= high)
    assert np.mean(held) > 0.86
