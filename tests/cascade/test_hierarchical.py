"""The cascade as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from hierclf.cascade.curve import GRID
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.naming import ADJUSTMENTS
from hierclf.foundation.errors import InputError


def _expected(estimator: Any) -> dict[str, str]:
    return {
        "check_classifiers_train": "predict compares P(diseased) with the cut point "
        "and is not the argmax of predict_proba, by design of a cascade"
    }


@parametrize_with_checks(
    [HierarchicalClassifier(), HierarchicalClassifier(cut_point="macro_recall", cv=3)],
    expected_failed_checks=_expected,
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def _data(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(
        n,
        8,
        n_informative=6,
        n_classes=4,
        class_sep=0.8,
        weights=[0.3, 0.5, 0.15],
        random_state=seed,
    )
    return X, np.array(["healthy", "s1", "s2", "s3"])[y]


def test_probabilities_are_coherent() -> None:
    X, y = _data()
    cascade = HierarchicalClassifier(healthy="healthy", stages=("s3", "s1", "s2"))
    cascade.fit(X, y)
    table = cascade.predict_proba(X)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    score = cascade.screen_.predict_proba(X)[:, 1]
    np.testing.assert_allclose(table[:, 0], 1 - score)
    inner = cascade.refine_.predict_proba(X)  # columns s1, s2, s3
    np.testing.assert_allclose(table[:, 1:], score[:, None] * inner)
    said = cascade.decide(X)
    np.testing.assert_allclose(said.probabilities[:, 1], table[:, 3])  # s3 is first
    assert cascade.classes_.tolist() == ["healthy", "s1", "s2", "s3"]


def test_decision_is_the_cut_points() -> None:
    X, y = _data()
    cascade = HierarchicalClassifier(cut_point=0.9).fit(X, y)
    score = 1 - cascade.predict_proba(X)[:, 0]
    np.testing.assert_array_equal(cascade.predict(X) == "healthy", score < 0.9)
    ill = score >= 0.9
    np.testing.assert_array_equal(
        cascade.predict(X)[ill], cascade.refine_.predict(X)[ill]
    )


def test_a_score_at_the_cut_point_is_diseased() -> None:
    X, y = _data()
    first = HierarchicalClassifier(cut_point=0.5, calibration="none").fit(X, y)
    at = float(np.sort(first.decide(X).screen_score)[len(X) // 3])
    found = HierarchicalClassifier(cut_point=at, calibration="none").fit(X, y).decide(X)
    assert (found.screen_score == at).any()
    np.testing.assert_array_equal(found.decided > 0, found.screen_score >= at)
    np.testing.assert_array_equal(found.cut_point, np.full(len(X), at))


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that notes the rows it was fitted on."""

    seen: list[set[int]] = []  # noqa: RUF012

    def fit(self, X: np.ndarray, y: np.ndarray) -> Recorder:
        Recorder.seen.append({int(row) for row in X[:, 0]})
        self.classes_ = np.unique(y)
        self.inner_ = LogisticRegression(max_iter=500).fit(X[:, 1:], y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        fitted = Recorder.seen[-1]
        if len(fitted) < 400:
            assert not fitted & {int(row) for row in X[:, 0]}, "predicted what it saw"
        return self.inner_.predict_proba(X[:, 1:])


def test_cut_point_is_chosen_on_other_patients() -> None:
    X, y = _data()
    groups = np.arange(400) // 4
    X = np.column_stack([np.arange(400), X])
    Recorder.seen = []
    cascade = HierarchicalClassifier(
        Recorder(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        cut_point="macro_recall",
        cv=4,
    )
    cascade.fit(X, y, groups=groups)
    assert len(Recorder.seen) == 5
    for rows in Recorder.seen[:4]:
        patients = {row // 4 for row in rows}
        assert rows == {row for row in range(400) if row // 4 in patients}
    held = cascade.held_out_
    assert held is not None
    np.testing.assert_array_equal(held.rows, np.arange(400))


def test_cut_point_is_the_best_of_the_curve() -> None:
    X, y = _data()
    cascade = HierarchicalClassifier(cut_point="macro_recall").fit(X, y)
    held = cascade.held_out_
    assert held is not None
    refined = held.conditional.argmax(axis=1) + 1
    recalls = [
        recall_score(
            held.truth,
            np.where(held.screen_score >= cut, refined, 0),
            average="macro",
        )
        for cut in GRID
    ]
    np.testing.assert_allclose(cascade.curve_.macro_recall, recalls)
    assert cascade.cut_point_ in GRID
    assert recalls[GRID.index(cascade.cut_point_)] == pytest.approx(max(recalls))


def test_adjustment_and_cut_point_are_the_best_pair() -> None:
    X, y = _data(seed=3)
    cascade = HierarchicalClassifier(cut_point="macro_recall", adjustment="tuned")
    cascade.fit(X, y)
    held = cascade.held_out_
    assert held is not None
    ill = y[y != "healthy"]
    priors = np.array([np.mean(ill == stage) for stage in ("s1", "s2", "s3")])
    np.testing.assert_allclose(cascade.naming_.priors, priors)
    found = {
        (power, cut): recall_score(
            held.truth,
            np.where(
                held.screen_score >= cut,
                (held.conditional / priors**power).argmax(axis=1) + 1,
                0,
            ),
            average="macro",
        )
        for power in ADJUSTMENTS
        for cut in GRID
    }
    chosen = found[cascade.naming_.adjustment, cascade.cut_point_]
    assert chosen == pytest.approx(max(found.values()))
    assert cascade.naming_.adjustment > 0
    assert chosen > max(v for (power, _), v in found.items() if power == 0) + 0.01


def test_adjustment_changes_no_probability() -> None:
    X, y = _data()
    plain = HierarchicalClassifier().fit(X, y)
    adjusted = HierarchicalClassifier(adjustment=1.0).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), adjusted.predict_proba(X))
    rare = [(model.predict(X) == "s3").sum() for model in (plain, adjusted)]
    assert rare[0] < rare[1]


def test_one_validation_part_fits_nothing_again() -> None:
    X, y = _data()
    pair = (np.arange(300), np.arange(300, 400))
    X = np.column_stack([np.arange(400), X])
    Recorder.seen = []
    cascade = HierarchicalClassifier(
        Recorder(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        cut_point="youden",
        cv=[pair],
    )
    cascade.fit(X, y)
    assert Recorder.seen == [set(range(300))]
    assert cascade.held_out_ is not None
    assert cascade.held_out_.rows.tolist() == list(range(300, 400))


def test_two_classes_have_no_refinement() -> None:
    X, y = _data()
    labels = np.where(y == "healthy", "normal", "covid")
    cascade = HierarchicalClassifier(healthy="normal", cut_point="youden")
    cascade.fit(X, labels)
    assert cascade.refine_ is None
    assert cascade.predict_proba(X).shape == (400, 2)
    assert set(cascade.predict(X)) == {"normal", "covid"}


def test_diseased_class_seen_once() -> None:
    X, y = _data()
    few = np.r_[np.flatnonzero(y != "s3"), np.flatnonzero(y == "s3")[:1]]
    cascade = HierarchicalClassifier(cut_point="macro_recall").fit(X[few], y[few])
    assert cascade.classes_.tolist() == ["healthy", "s1", "s2", "s3"]
    assert np.isfinite(cascade.predict_proba(X)).all()


def test_only_one_diseased_class_in_a_fold() -> None:
    """Two stages, one of which a single patient has: a fold sees the other alone."""
    X, y = _data()
    labels = np.where(y == "healthy", "healthy", "s1")
    labels[np.flatnonzero(labels == "s1")[:3]] = "s2"
    groups = np.arange(400)
    groups[labels == "s2"] = 1000
    cascade = HierarchicalClassifier(cut_point="macro_recall")
    cascade.fit(X, labels, groups=groups)
    assert cascade.predict_proba(X).shape == (400, 3)


def test_costs_decide_the_refinement() -> None:
    X, y = _data()
    costs = np.ones((4, 4)) - np.eye(4)
    costs[3, :3] = 50  # calling an s3 anything else is dear
    plain = HierarchicalClassifier().fit(X, y)
    dear = HierarchicalClassifier(costs=costs).fit(X, y)
    assert (dear.predict(X) == "s3").sum() > (plain.predict(X) == "s3").sum()
    np.testing.assert_allclose(dear.predict_proba(X), plain.predict_proba(X))


def test_expected_cost_rule_uses_the_costs() -> None:
    X, y = _data()
    found = []
    for missed in (0.2, 20.0):
        costs = np.ones((4, 4)) - np.eye(4)
        costs[1:, 0] = missed
        cascade = HierarchicalClassifier(cut_point="expected_cost", costs=costs)
        found.append(cascade.fit(X, y).cut_point_)
    assert found[0] > found[1]


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_raising_the_cut_never_finds_more(cuts: list[float]) -> None:
    X, y = _data()
    called = [
        HierarchicalClassifier(cut_point=cut).fit(X, y).decide(X).decided > 0
        for cut in cuts
    ]
    assert not (called[1] & ~called[0]).any()


def test_frames_of_features_keep_their_patients() -> None:
    """A table with a column patient_id and no paths is a table of features."""
    X, y = _data()
    table = pd.DataFrame(X, columns=[f"f{i}" for i in range(8)])
    cascade = HierarchicalClassifier(cut_point="youden").fit(table, y)
    assert cascade.n_features_in_ == 8
    assert cascade.predict(table).shape == (400,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cut_point": 1.5}, "expected a number in"),
        ({"cut_point": "macro_recal"}, "Did you mean 'macro_recall'"),
        ({"healthy": "helthy"}, "Did you mean 'healthy'"),
        ({"stages": ("s1", "s2")}, "expected exactly"),
        ({"cut_point": "youden", "cv": []}, "expected held-out predictions"),
    ],
)
def test_wrong_arguments_refused(arguments: dict[str, Any], message: str) -> None:
    X, y = _data()
    with pytest.raises(InputError, match=message):
        HierarchicalClassifier(**arguments).fit(X, y)


def test_shallow_leaf_is_not_starved() -> None:
    """HiClass gives a shallow leaf about no probability; here it has its share."""
    X, y = _data()
    cascade = HierarchicalClassifier(healthy="healthy").fit(X, y)
    healthy = cascade.predict_proba(X)[y == "healthy", 0]
    assert healthy.mean() > 0.4


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_calibration_changes_probabilities_and_no_decision(method: str) -> None:
    X, y = _data(n=900)
    told = {
        "healthy": "healthy",
        "cut_point": "macro_recall",
        "points": "all",
        "adjustment": "tuned",
    }
    plain = HierarchicalClassifier(**told).fit(X, y)
    other = HierarchicalClassifier(**told, calibration=method).fit(X, y)
    new = _data(seed=0, n=2000)[0]
    assert plain.predict(new).tolist() == other.predict(new).tolist()
    assert other.naming_.adjustment == plain.naming_.adjustment
    before, after = plain.predict_proba(new), other.predict_proba(new)
    assert np.abs(before - after).max() > 0.01
    np.testing.assert_allclose(after.sum(axis=1), 1)


class TwoViews(LogisticRegression):
    """Looks at each row as it is, and at half of it."""

    def predict_views(self, X: np.ndarray) -> np.ndarray:
        return np.stack([self.predict_proba(view) for view in (X, X / 2)], axis=1)


@pytest.mark.parametrize("method", ["none", "platt"])
def test_views_spread_on_the_scale_of_the_score(method: str) -> None:
    X, y = _data()
    told = {"healthy": "healthy", "cut_point": "macro_recall", "calibration": method}
    cascade = HierarchicalClassifier(TwoViews(C=100), **told).fit(X, y)
    views = cascade.screen_.predict_views(X)[:, :, 1]
    calibrator = cascade.calibrators_[0]
    seen = views if calibrator is None else calibrator.of_positive(views)
    assert (calibrator is None) == (method == "none")
    np.testing.assert_allclose(cascade.decide(X).view_spread, seen.std(axis=1))


def test_calibration_is_fitted_on_scans_that_were_held_out() -> None:
    """One that looked at its own scans would leave scores as sure as they were."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 40))  # nothing to learn
    y = np.where(rng.random(160) < 0.5, "a", "b")
    told = {"screen": LogisticRegression(C=100), "calibration": "platt", "cv": 5}
    cascade = HierarchicalClassifier(**told).fit(X, y)
    raw = cascade.screen_.predict_proba(X)[:, 1]
    assert raw.std() > 0.2
    assert cascade.decide(X).screen_score.std() < 0.1
    assert cascade.held_out_ is not None  # also for a given cut point


def test_least_cost_looks_at_calibrated_probabilities() -> None:
    X, y = _data(n=900)
    costs = [[0, 1, 1, 1], [1, 0, 1, 6], [1, 1, 0, 6], [1, 9, 9, 0]]
    cascade = HierarchicalClassifier(
        healthy="healthy", costs=costs, calibration="platt", cut_point="expected_cost"
    ).fit(X, y)
    held = cascade.held_out_
    assert held is not None
    inner = np.array(costs, dtype=float)[1:, 1:]
    expected = (held.conditional @ inner).argmin(axis=1) + 1
    found = cascade.naming_(held.said, held.conditional)
    np.testing.assert_array_equal(found, expected)
    raw = (held.said @ inner).argmin(axis=1) + 1
    assert (raw != expected).any()


class Asked(LogisticRegression):
    """Remembers how many rows it was asked about."""

    n_asked = 0

    def predict_proba(self, X):
        type(self).n_asked = len(X)
        return super().predict_proba(X)


@pytest.mark.parametrize("calibration", ["none", "platt"])
@pytest.mark.parametrize("costs", [None, [[0, 1, 1], [5, 0, 1], [9, 2, 0]]])
@pytest.mark.parametrize("refinement", ["plain", "ordered"])
def test_healthy_scans_need_no_refinement(calibration, costs, refinement):
    rng = np.random.default_rng(3)
    y = np.array(["0", "1", "2"])[np.arange(150) % 3]
    X = (np.arange(150) % 3)[:, None] + rng.normal(size=(150, 2))
    cascade = HierarchicalClassifier(
        LogisticRegression(),
        Asked(),
        cut_point="macro_recall",
        costs=costs,
        calibration=calibration,
        refinement=refinement,
        ordered=True,
    ).fit(X, y)
    whole = cascade.decide(X)
    less = cascade.decide(X, refine_healthy=False)
    sick = whole.screen_score >= cascade.cut_point_
    assert Asked.n_asked == 150  # together, or the last digits would be others
    assert 0 < sick.sum() < 150
    np.testing.assert_array_equal(less.decided, whole.decided)
    np.testing.assert_array_equal(less.screen_score, whole.screen_score)
    np.testing.assert_array_equal(less.probabilities[sick], whole.probabilities[sick])
    np.testing.assert_array_equal(less.probabilities[:, 0], whole.probabilities[:, 0])
    assert np.isnan(less.probabilities[~sick, 1:]).all()
    assert (less.refined[~sick] == 0).all()


def test_where_all_are_healthy_the_refinement_is_not_asked():
    y = np.array(["0", "1", "2"] * 10)
    X = np.tile([[0.0], [5.0], [9.0]], (10, 1))
    cascade = HierarchicalClassifier(refine=Asked(), cut_point=0.5).fit(X, y)
    Asked.n_asked = -1
    said = cascade.decide(np.full((4, 1), -9.0), refine_healthy=False)
    assert Asked.n_asked == -1
    assert said.decided.tolist() == [0] * 4


def test_one_diseased_label_costs_nothing():
    y = np.array(["0", "1"] * 10)
    X = np.tile([[0.0], [5.0]], (10, 1))
    cascade = HierarchicalClassifier(cut_point=0.5).fit(X, y)
    whole, less = cascade.decide(X), cascade.decide(X, refine_healthy=False)
    np.testing.assert_array_equal(less.probabilities, whole.probabilities)
