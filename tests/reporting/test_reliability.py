from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from hierclf.evaluation.intervals import clustered_wilson
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError
from hierclf.pictures.reliability import reliability


def said(truth, score, groups=None):
    return predictions_of(truth, truth, n_classes=2, screen_score=score, groups=groups)


def test_bins_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    score = rng.permutation(np.linspace(0.01, 0.99, 120))
    truth = (rng.random(120) < score).astype(int)
    found = reliability(said(truth, score))
    share, mean = calibration_curve(truth, score, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([b.diseased.value for b in found], share)
    np.testing.assert_allclose([b.mean_score for b in found], mean)
    assert {b.n_scans for b in found} == {12}


def test_bounds_count_patients_and_not_scans():
    score = np.concatenate([np.linspace(0.1, 0.2, 8), np.linspace(0.8, 0.9, 8)])
    truth = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0])
    groups = np.repeat(np.arange(8), 2)
    low, high = reliability(said(truth, score, groups), n_bins=2)
    assert (low.diseased.low, low.diseased.high) == pytest.approx(
        clustered_wilson(np.array([0, 2, 0, 0]), np.array([2, 2, 2, 2]))
    )
    assert high.diseased.value == 0.75


def test_equal_scores_are_not_parted():
    score = np.array([0.2] * 7 + [0.6, 0.7, 0.8])
    found = reliability(said(np.array([0] * 6 + [1] * 4), score), n_bins=5)
    assert [b.n_scans for b in found] == [7, 1, 2]
    assert found[0].mean_score == pytest.approx(0.2)
    assert sum(b.n_scans for b in found) == 10


def test_scores_are_needed():
    with pytest.raises(InputError, match="reliability: expected screen scores"):
        reliability(predictions_of([0, 1], [0, 1], n_classes=2))
