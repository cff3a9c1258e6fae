"""Class weights from costs and from recalls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import cross_val_predict

from hierclf.cascade.weighting import CostWeighted
from hierclf.data.inner_folds import inner_folds
from hierclf.foundation.errors import InputError
from hierclf.problem.costs import recall_costs


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.choice([0, 1, 2], p=[0.8, 0.15, 0.05], size=400)
    return rng.normal(size=(400, 2)) + y[:, None] * 0.8, np.array(["a", "b", "c"])[y]


def test_recalls_are_out_of_fold() -> None:
    X, y = _data()
    stage = CostWeighted(LogisticRegression(), cv=4, seed=1).fit(X, y)
    folds = inner_folds(y, np.arange(400), n_folds=4, seed=1)
    answers = cross_val_predict(LogisticRegression(), X, y, cv=folds)
    expected = recall_score(y, answers, average=None, labels=["a", "b", "c"])
    np.testing.assert_allclose(stage.recalls_, expected)
    np.testing.assert_allclose(stage.costs_, recall_costs(expected))


def test_worst_found_class_is_found_more_often() -> None:
    X, y = _data()
    plain = LogisticRegression().fit(X, y)
    weighted = CostWeighted(LogisticRegression()).fit(X, y)
    worst = weighted.classes_[np.argmin(weighted.recalls_)]
    assert (weighted.predict(X) == worst).sum() > (plain.predict(X) == worst).sum()


def test_named_costs_weigh_their_class() -> None:
    X, y = _data()
    stage = CostWeighted(LogisticRegression(), {"c": 9, "a": 5, "b": 8}).fit(X, y)
    weights = np.array([5, 8, 9]) / np.mean([5, 8, 9])
    np.testing.assert_allclose(stage.costs_, weights)
    by_hand = LogisticRegression().fit(
        X, y, sample_weight=weights[np.unique(y, return_inverse=True)[1]]
    )
    np.testing.assert_allclose(stage.predict_proba(X), by_hand.predict_proba(X))


def test_cost_of_a_missing_class_refused() -> None:
    X, y = _data()
    with pytest.raises(InputError, match=r"got none for \['c'\]"):
        CostWeighted(LogisticRegression(), {"a": 1, "b": 1}).fit(X, y)


def test_validation_scans_give_the_recalls() -> None:
    X, y = _data()
    held = (X[300:], y[300:])
    stage = CostWeighted(LogisticRegression()).fit(X[:300], y[:300], validation=held)
    plain = LogisticRegression().fit(X[:300], y[:300])
    expected = recall_score(held[1], plain.predict(held[0]), average=None)
    np.testing.assert_allclose(stage.recalls_, expected)


@pytest.mark.parametrize("kin", [None, "diseased"])
def test_folds_serve_a_class_of_one_patient(kin: Any) -> None:
    y = np.array(["h"] * 30 + ["s1"] * 30 + ["s2"] * 2)
    groups = np.r_[np.arange(60), 77, 77]
    relatives = None if kin is None else (y != "h").astype(int)
    folds = inner_folds(y, groups, n_folds=5, seed=0, kin=relatives)
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(62))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
