"""Ladders of binary classifiers, against their parts written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from hierclf.foundation.errors import InputError
from hierclf.metalearners.ordinal import OrdinalClassifier, falling

ORDER = ["none", "mild", "bad", "awful"]  # sorted otherwise: awful, bad, mild, none


def _expected(estimator: object) -> dict[str, str]:
    return {"check_classifiers_train": "the median is not the most probable label"}


@parametrize_with_checks([OrdinalClassifier()], expected_failed_checks=_expected)
def test_is_an_estimator_of_scikit_learn(estimator, check) -> None:
    check(estimator)


def cases(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n)
    X = np.column_stack([hidden + rng.normal(size=n) * 0.4, rng.normal(size=n)])
    places = np.digitize(hidden, [-0.7, 0.2, 1.2])
    return X, np.asarray(ORDER)[places]


def test_rungs_are_the_binary_questions() -> None:
    X, y = cases()
    model = OrdinalClassifier(LogisticRegression(C=0.1), order=ORDER).fit(X, y)
    places = np.asarray([ORDER.index(label) for label in y])
    asked = [
        LogisticRegression(C=0.1).fit(X, places > k).predict_proba(X)[:, 1]
        for k in range(3)
    ]
    above = falling(np.column_stack(asked))
    np.testing.assert_allclose(model.above(X), above)
    table = model.predict_proba(X)
    columns = [model.classes_.tolist().index(label) for label in ORDER]
    climbed = table[:, columns][:, ::-1].cumsum(axis=1)[:, -2::-1]
    np.testing.assert_allclose(climbed, above, atol=1e-12)
    np.testing.assert_allclose(table.sum(axis=1), 1)


def test_decides_for_the_median() -> None:
    X, y = cases()
    model = OrdinalClassifier(order=ORDER).fit(X, y)
    table = model.predict_proba(X)[
        :, [model.classes_.tolist().index(label) for label in ORDER]
    ]
    distance = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    cheapest = (table @ distance).argmin(axis=1)
    assert model.predict(X).tolist() == np.asarray(ORDER)[cheapest].tolist()


def test_misses_by_less_than_a_classifier_without_order() -> None:
    """Where the middle labels are hard, order tells how far off an answer is."""
    X, y = cases(3000, seed=1)
    new, truth = cases(3000, seed=2)
    place = {label: k for k, label in enumerate(ORDER)}
    true = np.asarray([place[label] for label in truth])

    def off(model) -> float:
        said = model.fit(X, y).predict(new)
        return float(np.abs(np.asarray([place[label] for label in said]) - true).mean())

    stump = DecisionTreeClassifier(max_depth=2, random_state=0)
    assert off(OrdinalClassifier(stump, order=ORDER)) < off(stump)


@given(arrays(float, (7, 4), elements=st.floats(0, 1)))
def test_rows_fall_and_what_fell_stays(told) -> None:
    found = falling(told)
    assert (np.diff(found, axis=1) <= 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()
    already = (np.diff(told, axis=1) <= 0).all(axis=1)
    np.testing.assert_array_equal(found[already], told[already])
    mirrored = 1 - falling(1 - told[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(found, mirrored, atol=1e-12)


def test_weights_reach_every_rung() -> None:
    X, y = cases()
    weights = np.where(y == "awful", 5.0, 1.0)
    heavy = OrdinalClassifier(order=ORDER).fit(X, y, sample_weight=weights)
    plain = OrdinalClassifier(order=ORDER).fit(X, y)
    for step, one in enumerate(heavy.rungs_):
        alone = LogisticRegression(max_iter=2000)
        places = np.asarray([ORDER.index(label) for label in y])
        alone.fit(X, places > step, sample_weight=weights)
        np.testing.assert_allclose(one.coef_, alone.coef_)
        assert not np.allclose(one.coef_, plain.rungs_[step].coef_)


class _Knows(LogisticRegression):
    knows_order = True


def test_one_that_knows_the_order_is_fitted_once_on_positions() -> None:
    X, y = cases()
    model = OrdinalClassifier(_Knows(max_iter=500), order=ORDER).fit(X, y)
    assert len(model.rungs_) == 1
    assert model.rungs_[0].classes_.tolist() == [0, 1, 2, 3]
    table = model.rungs_[0].predict_proba(X)
    columns = [ORDER.index(label) for label in model.classes_.tolist()]
    np.testing.assert_allclose(model.predict_proba(X), table[:, columns], atol=1e-12)


class _Sees(LogisticRegression):
    def fit(self, X, y, validation=None):
        self.seen_ = validation
        return super().fit(X, y)


def test_validation_scans_are_asked_the_same_question() -> None:
    X, y = cases()
    known = y != "bad"  # of which there are some to validate on only
    model = OrdinalClassifier(_Sees(), order=ORDER)
    model.fit(X[known], y[known], validation=(X, y))
    assert model.order_ == ("none", "mild", "awful")
    place = {"none": 0, "mild": 1, "bad": 1, "awful": 2}
    truth = np.asarray([place[label] for label in y])
    for step, rung in enumerate(model.rungs_):
        np.testing.assert_array_equal(rung.seen_[1], truth > step)


@pytest.mark.parametrize("order", [["mild", "bad"], [*ORDER, "mild"]])
def test_order_without_a_place_for_each_label_refused(order) -> None:
    X, y = cases()
    with pytest.raises(InputError, match=r"once in the order"):
        OrdinalClassifier(order=order).fit(X, y)


def test_one_label_refused() -> None:
    with pytest.raises(InputError, match=r"expected two at least"):
        OrdinalClassifier().fit(np.zeros((3, 1)), ["a", "a", "a"])


class _Looking(LogisticRegression):
    """Keeps the validation part that it is given."""

    def fit(self, X, y, sample_weight=None, validation=None):
        self.seen_ = validation
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("order", [(), ("a", "b", "c", "d")])
def test_a_label_that_was_not_seen_counts_as_the_one_below(order) -> None:
    model = OrdinalClassifier(_Looking(), order=order)
    tables, labels = np.arange(9.0)[:, None], np.repeat(list("abd"), 3)
    model.fit(tables, labels, validation=(tables[:4], np.array(list("abcd"))))
    answers = [rung.seen_[1].tolist() for rung in model.rungs_]
    assert answers == [[False, True, True, True], [False, False, False, True]]


class _Listens(LogisticRegression):
    """Keeps the patients that it is told."""

    def fit(self, X, y, groups=None):
        self.heard_ = groups
        return super().fit(X, y)


def test_every_rung_hears_of_the_patients() -> None:
    """Else one patient would be on both sides of its inner folds."""
    X, y = cases(40)
    patients = [f"p{row // 3}" for row in range(40)]
    model = OrdinalClassifier(_Listens(), order=ORDER).fit(X, y, groups=patients)
    assert [list(rung.heard_) for rung in model.rungs_] == [patients] * 3


def test_a_scan_at_one_half_is_above() -> None:
    """As at a cut point, see `hierclf.cascade.ladder.climb`."""
    X, y = np.zeros((6, 1)), np.repeat(["mild", "bad"], 3)
    model = OrdinalClassifier(DummyClassifier(strategy="prior"), order=("mild", "bad"))
    assert model.fit(X, y).above(X)[0, 0] == 0.5
    assert set(model.predict(X)) == {"bad"}


class _KnowsAndSees(_Sees):
    knows_order = True


def test_a_label_below_all_that_were_seen_counts_as_the_lowest() -> None:
    X, y = cases()
    known = y != "none"
    model = OrdinalClassifier(_KnowsAndSees(max_iter=500), order=ORDER)
    model.fit(X[known], y[known], validation=(X, y))
    places = {"none": 0, "mild": 0, "bad": 1, "awful": 2}
    assert model.rungs_[0].seen_[1].tolist() == [places[label] for label in y]
