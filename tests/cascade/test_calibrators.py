"""Calibrators against scikit-learn's, and against a plain minimizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from hierclf.cascade.calibrators import (
    Calibrator,
    calibrated,
    fit_calibrator,
    fit_calibrators,
)
from hierclf.foundation.errors import InputError

METHODS = ("temperature", "platt", "isotonic")


def _binary(seed=0, n=3000, slope=0.5, shift=-0.7):
    """Scores that say too much, and of another prevalence."""
    rng = np.random.default_rng(seed)
    said = rng.normal(0, 3, n)
    truth = (rng.random(n) < expit(slope * said + shift)).astype(int)
    return np.column_stack([expit(-said), expit(said)]), truth


def _several(seed=0, n=3000):
    rng = np.random.default_rng(seed)
    logs = rng.normal(0, 2, (n, 4))
    shares = softmax(0.4 * logs + [1.0, 0.0, -0.5, -0.5], axis=1)
    truth = (rng.random((n, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return softmax(logs, axis=1), truth


class Said(ClassifierMixin, BaseEstimator):
    """Says what it is given."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


def test_temperature_is_that_of_scikit_learn():
    for table, truth in (_binary(), _several()):
        frozen = FrozenEstimator(Said().fit(table, truth))
        theirs = CalibratedClassifierCV(frozen, method="temperature", cv=2)
        ours = fit_calibrator("temperature", table, truth)
        told = theirs.fit(table, truth).predict_proba(table)
        np.testing.assert_allclose(ours(table), told, atol=0.01)
        assert ours.biases == (0.0,) * table.shape[1]


def test_platt_of_two_classes_is_a_logistic_regression_of_the_log_odds():
    table, truth = _binary()
    odds = logit(table[:, 1])[:, None]
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, truth)
    ours = fit_calibrator("platt", table, truth)
    np.testing.assert_allclose(
        ours(table)[:, 1], theirs.predict_proba(odds)[:, 1], atol=2e-3
    )
    assert ours.slope == pytest.approx(0.5, abs=0.05)
    assert ours.biases[1] - ours.biases[0] == pytest.approx(-0.7, abs=0.1)


def test_platt_of_several_classes_has_the_least_loss():
    table, truth = _several()
    logs = np.log(table)

    def loss(params):
        shares = softmax(np.exp(params[0]) * logs + params[1:], axis=1)
        return log_loss(truth, shares) + params @ params / (2 * len(truth))

    theirs = minimize(loss, np.zeros(5), method="BFGS")
    ours = fit_calibrator("platt", table, truth)
    assert ours.slope == pytest.approx(np.exp(theirs.x[0]), abs=1e-3)
    biases = theirs.x[1:] - theirs.x[1:].mean()
    np.testing.assert_allclose(ours.biases, biases, atol=2e-3)
    assert sum(ours.biases) == pytest.approx(0)


def test_isotonic_is_that_of_scikit_learn():
    table, truth = _binary(n=500)
    least = 1 / 502
    theirs = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    theirs.fit(table[:, 1], truth)
    new = _binary(seed=1, n=200)[0]
    ours = fit_calibrator("isotonic", table, truth)
    np.testing.assert_allclose(ours(new)[:, 1], theirs.predict(new[:, 1]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [_binary, _several])
def test_log_loss_of_other_scans_falls(method, make):
    table, truth = make()
    new, its_truth = make(seed=1)
    ours = fit_calibrator(method, table, truth)
    assert log_loss(its_truth, ours(new)) < log_loss(its_truth, new) - 0.05
    np.testing.assert_allclose(ours(new).sum(axis=1), 1)
    again = Calibrator.model_validate_json(ours.model_dump_json())
    np.testing.assert_array_equal(again(new), ours(new))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=40),
    st.randoms(use_true_random=False),
    st.sampled_from(METHODS),
)
def test_the_order_of_the_scores_stays(scores, random, method):
    truth = np.array([0, 1, *(random.randint(0, 1) for _ in scores[2:])])
    table = np.column_stack([1 - np.array(scores), scores])
    found = fit_calibrator(method, table, truth).of_positive(np.sort(scores))
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_classes_that_are_parted_give_finite_numbers():
    table = np.repeat([[1.0, 0.0], [0.0, 1.0]], 20, axis=0)
    truth = np.repeat([0, 1], 20)
    for method in METHODS:
        said = fit_calibrator(method, table, truth)(table)
        assert np.isfinite(said).all()
        assert (said > 0).all()


def test_scores_against_the_truth_are_not_turned_round():
    table, truth = _binary()
    found = fit_calibrator("platt", table, 1 - truth).of_positive(np.array([0.1, 0.9]))
    assert found[0] < found[1]


def test_a_class_without_scans_is_told():
    with pytest.raises(InputError, match=r"expected held-out scans of each class"):
        fit_calibrator("platt", np.full((3, 2), 0.5), np.zeros(3, dtype=int))


def test_the_refinement_is_left_where_a_label_was_not_held_out():
    rng = np.random.default_rng(0)
    truth = np.array([0, 1, 1, 0, 1, 2])
    conditional = softmax(rng.normal(size=(6, 3)), axis=1)
    scores = rng.random(6)
    screen, refine = fit_calibrators("platt", truth, scores, conditional)
    assert screen is not None
    assert refine is None
    told, same = calibrated((screen, refine), scores, conditional)
    assert same is conditional
    np.testing.assert_array_equal(told, screen.of_positive(scores))


def test_the_refinement_learns_from_diseased_scans_only():
    table, truth = _several()
    healthy = np.tile([[0.97, 0.01, 0.01, 0.01]], (500, 1))
    whole = np.concatenate([table, healthy])
    labels = np.concatenate([truth + 1, np.zeros(500, dtype=int)])
    scores = np.clip(labels.astype(float), 0.1, 0.9)
    _, refine = fit_calibrators("platt", labels, scores, whole)
    assert refine == fit_calibrator("platt", table, truth)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slope": 0.0}, "greater than or equal to 0.01"),
        ({"slope": 1e308}, "less than or equal to 100"),
        ({"biases": (float("nan"), 0.0)}, "biases must sum to 0"),
        ({"biases": (1.0, 1.0)}, "biases must sum to 0"),
        ({"biases": (1e308, -1e308)}, "biases must sum to 0"),
        (
            {"method": "isotonic", "steps": (((0.0,), (0.0,)),) * 2},
            "steps must never say 0 or 1",
        ),
        ({"method": "isotonic"}, "steps are needed"),
        ({"steps": (((0.0,), (1.0,)), ((0.0,), (1.0,)))}, "steps are needed"),
        ({"method": "isotonic", "steps": (((0.0,), (0.5,)),)}, "as many entries"),
        (
            {"method": "isotonic", "steps": (((0.0, 1.0), (0.9, 0.1)),) * 2},
            "steps must rise",
        ),
        ({"method": "isotonic", "steps": (((0.0,), ()),) * 2}, "equally many"),
    ],
)
def test_numbers_that_are_no_calibrator_are_refused(changes, message):
    told = {"method": "platt", "slope": 1.0, "biases": (0.0, 0.0)}
    with pytest.raises(ValidationError, match=message):
        Calibrator(**told | changes)
