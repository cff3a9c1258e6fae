from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from hierclf.evaluation.recalibration import (
    CLIP,
    calibration_intercept,
    calibration_slope,
    logits_of,
)


def sample(seed=0, n=200):
    rng = np.random.default_rng(seed)
    z = rng.normal(0.5, 2, n)
    sick = rng.random(n) < expit(-0.4 + 0.6 * z)
    owner = rng.integers(0, 50, n)
    return sick, expit(z), owner, rng.integers(0, 4, (12, 50))


def test_slope_is_that_of_sklearn_on_every_resample():
    sick, scores, owner, weights = sample()
    found = calibration_slope(sick, scores, weights, owner)
    for slope, row in zip(found, weights[:, owner], strict=True):
        kept = row > 0
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        model.fit(logit(scores[kept])[:, None], sick[kept], sample_weight=row[kept])
        assert slope == pytest.approx(model.coef_[0, 0], abs=1e-4)
    (whole,) = calibration_slope(sick, scores)
    assert whole == pytest.approx(0.6, abs=0.2)


def test_intercept_is_the_root_of_the_likelihood_on_every_resample():
    sick, scores, owner, weights = sample(1)
    found = calibration_intercept(sick, scores, weights, owner)
    for intercept, row in zip(found, weights[:, owner], strict=True):

        def slope_at(a, row=row):
            return row @ (sick - expit(a + logit(scores)))

        assert intercept == pytest.approx(brentq(slope_at, -9, 9), abs=1e-6)


def test_known_distortions_are_found():
    rng = np.random.default_rng(3)
    z = rng.normal(0, 1.5, 60_000)
    sick = rng.random(z.size) < expit(z)
    assert calibration_slope(sick, expit(z))[0] == pytest.approx(1, abs=0.03)
    assert calibration_slope(sick, expit(2 * z))[0] == pytest.approx(0.5, abs=0.02)
    assert calibration_slope(sick, expit(-z))[0] == pytest.approx(-1, abs=0.03)
    assert calibration_intercept(sick, expit(z))[0] == pytest.approx(0, abs=0.03)
    assert calibration_intercept(sick, expit(z + 0.7))[0] == pytest.approx(
        -0.7, abs=0.03
    )


def test_scores_of_zero_and_one_are_moved():
    scores = np.array([0.0, 1.0, 1e-9, 0.3])
    ends = [logit(CLIP), logit(1 - CLIP), logit(CLIP), logit(0.3)]
    np.testing.assert_allclose(logits_of(scores), ends)
    sick = np.array([False, True, True, False] * 5)
    assert np.isfinite(calibration_slope(sick, np.tile(scores, 5))).all()


@pytest.mark.parametrize(
    ("sick", "scores"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]),  # no error: no slope is steep enough
        ([0, 1, 0, 1], [0.4, 0.4, 0.4, 0.4]),
        ([1, 1, 1, 1], [0.1, 0.2, 0.6, 0.9]),
    ],
)
def test_what_has_no_slope_is_undefined(sick, scores):
    weights = np.ones((3, 4))
    truth = np.array(sick, dtype=bool)
    assert np.isnan(calibration_slope(truth, np.array(scores))).all()
    found = calibration_slope(truth, np.array(scores), weights)
    assert found.shape == (3,)
    assert np.isnan(found).all()


def test_a_resample_of_one_kind_has_no_figures_and_harms_no_other():
    sick, scores, owner, weights = sample(4)
    owner = np.where(sick, owner, owner + 50)
    weights = np.concatenate([weights, weights], axis=1)
    spoiled = weights.copy()
    spoiled[2, :50] = 0
    for figure in (calibration_slope, calibration_intercept):
        clean = figure(sick, scores, weights, owner)
        found = figure(sick, scores, spoiled, owner)
        assert np.isnan(found[2])
        others = np.arange(12) != 2
        np.testing.assert_allclose(found[others], clean[others], rtol=1e-6)
