"""Slopes are what the probabilities do when features move."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.foundation.errors import InputError
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.slopes import logit_slopes, member_slopes
from hierclf.metalearners.stacking import ProbabilityStack


def data(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n_classes)
    y = rng.integers(n_classes, size=120)
    X = rng.normal(size=(120, 6)) * [1, 2, 3, 1, 0.1, 1] + y[:, None] * [
        1,
        0,
        2,
        0,
        0,
        0,
    ]
    return X, y


def moved(stage, X, rows, by):
    """Log-probabilities when one feature moves."""
    shifted = X[rows] + by
    return np.log(stage.predict_proba(shifted))


@pytest.mark.parametrize("components", [None, 3])
@pytest.mark.parametrize("learner", ["logistic", "svm", "linear_svm"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_slopes_are_those_of_the_probabilities(learner, n_classes, components) -> None:
    """Differences of two classes' logits are what probabilities determine."""
    X, y = data(n_classes)
    stage = MetaLearner(learner=learner, components=(components,)).fit(X, y)
    rows = np.arange(5)
    first, last = np.zeros(5, dtype=int), np.full(5, n_classes - 1)
    found = logit_slopes(stage, X[rows], last) - logit_slopes(stage, X[rows], first)
    if n_classes == 2:  # the second's logit is already the difference
        found = found / 2
    step = 1e-4
    for feature in range(X.shape[1]):
        by = step * np.eye(X.shape[1])[feature]
        ahead, behind = moved(stage, X, rows, by), moved(stage, X, rows, -by)
        odds = (ahead - behind)[:, -1] - (ahead - behind)[:, 0]
        np.testing.assert_allclose(
            found[:, feature], odds / (2 * step), rtol=2e-3, atol=2e-4
        )


def test_a_step_function_is_refused() -> None:
    X, y = data(2)
    stage = MetaLearner(learner="tree", components=(None,)).fit(X, y)
    with pytest.raises(InputError, match=r"logistic, svm, linear_svm\), got 'tree'"):
        logit_slopes(stage, X[:1], np.array([1]))


@pytest.mark.parametrize("combine", ["geometric", "mean", "logistic"])
def test_members_count_what_the_combination_makes_of_them(combine) -> None:
    X, y = data(2)
    members = [
        ("a", MetaLearner(learner="logistic", components=(None,))),
        ("b", MetaLearner(learner="svm", components=(None,))),
    ]
    stack = ProbabilityStack(members, combine=combine, cv=3).fit(X, y)
    told = stack.told(stack.members_, X[:4])
    found = member_slopes(stack, told, np.array([1, 0, 1, 0]))
    if combine == "geometric":  # the mean of two logits
        np.testing.assert_allclose(found, 0.5, rtol=1e-5)
    p = stack.combined(told)[:, 1]
    sign = np.array([1, -1, 1, -1])
    for member in range(2):
        logit = np.log(told[:, member, 1] / told[:, member, 0])
        step = 1e-5
        ends = []
        for by in (step, -step):
            changed = told.copy()
            changed[:, member, 1] = 1 / (1 + np.exp(-(logit + by * sign)))
            changed[:, member, 0] = 1 - changed[:, member, 1]
            q = stack.combined(changed)[:, 1]
            ends.append(sign * np.log(q / (1 - q)))
        np.testing.assert_allclose(
            found[:, member], (ends[0] - ends[1]) / (2 * step), rtol=1e-3
        )
    assert np.isfinite(p).all()
