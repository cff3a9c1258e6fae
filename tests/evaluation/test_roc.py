from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from hierclf.evaluation import roc
from hierclf.foundation.errors import InputError


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n_scans = draw(st.integers(2, 40))
    score = st.integers(0, 8).map(lambda step: step / 8)  # many ties
    scores = draw(st.lists(score, min_size=n_scans, max_size=n_scans))
    weights = draw(st.lists(st.integers(1, 4), min_size=n_scans, max_size=n_scans))
    sick = draw(st.lists(st.booleans(), min_size=n_scans - 2, max_size=n_scans - 2))
    return np.array([True, False, *sick]), np.array(scores), np.array([weights])


@given(scored())
def test_weighted_area_is_that_of_sklearn(case):
    sick, scores, weights = case
    expected = reference.roc_auc_score(sick, scores, sample_weight=weights[0])
    assert roc.roc_auc(sick, scores, weights)[0] == pytest.approx(expected)


@given(scored())
def test_weighted_average_precision_is_that_of_sklearn(case):
    sick, scores, weights = case
    expected = reference.average_precision_score(sick, scores, sample_weight=weights[0])
    assert roc.average_precision(sick, scores, weights)[0] == pytest.approx(expected)


@given(scored())
def test_weights_of_one_are_no_weights(case):
    sick, scores, _ = case
    ones = np.ones((1, sick.size))
    np.testing.assert_allclose(
        roc.roc_auc(sick, scores, ones), roc.roc_auc(sick, scores)
    )
    np.testing.assert_allclose(
        roc.average_precision(sick, scores, ones), roc.average_precision(sick, scores)
    )


@given(scored())
def test_area_does_not_depend_on_the_order_of_scans(case):
    sick, scores, weights = case
    order = np.random.default_rng(0).permutation(sick.size)
    mixed = roc.roc_auc(sick[order], scores[order], weights[:, order])
    np.testing.assert_allclose(mixed, roc.roc_auc(sick, scores, weights))


@given(scored())
def test_curve_is_that_of_sklearn(case):
    sick, scores, _ = case
    curve = roc.roc_curve(sick, scores)
    alarms, hits, thresholds = reference.roc_curve(
        sick, scores, drop_intermediate=False
    )
    np.testing.assert_allclose(curve.false_positive_rate, alarms)
    np.testing.assert_allclose(curve.true_positive_rate, hits)
    np.testing.assert_allclose(curve.thresholds, thresholds)


def test_weights_of_patients_are_spread_over_their_scans(monkeypatch):
    monkeypatch.setattr(roc, "_PIECE", 100)  # three resamples at a time
    rng = np.random.default_rng(0)
    sick, scores = rng.random(30) < 0.4, rng.integers(0, 9, 30) / 8
    patients, weights = rng.integers(0, 6, 30), rng.integers(0, 4, (20, 6))
    found = roc.roc_auc(sick, scores, weights, patients)
    average = roc.average_precision(sick, scores, weights, patients)
    for row, spread in enumerate(weights[:, patients]):
        expected = reference.roc_auc_score(sick, scores, sample_weight=spread)
        assert found[row] == pytest.approx(expected)
        expected = reference.average_precision_score(sick, scores, sample_weight=spread)
        assert average[row] == pytest.approx(expected)


def test_a_resample_without_one_kind_is_undefined():
    sick, scores = np.array([True, False]), np.array([0.9, 0.1])
    weights = np.array([[1, 1], [2, 0], [0, 2]])
    np.testing.assert_array_equal(
        roc.roc_auc(sick, scores, weights), [1.0, np.nan, np.nan]
    )
    np.testing.assert_array_equal(
        roc.average_precision(sick, scores, weights), [1.0, 1.0, np.nan]
    )


def test_pieces_join_to_the_whole(monkeypatch):
    weights = np.arange(24, dtype=np.uint16).reshape(8, 3)
    sizes = []

    def doubled(piece):
        sizes.append(len(piece))
        return piece * 2

    monkeypatch.setattr(roc, "_PIECE", 9)
    np.testing.assert_array_equal(roc.in_pieces(doubled, weights, 3), weights * 2)
    assert sizes == [3, 3, 2]


@pytest.mark.parametrize("kind", [True, False])
def test_a_curve_wants_both_kinds(kind):
    with pytest.raises(InputError, match="ROC curve: expected healthy and diseased"):
        roc.roc_curve(np.array([kind, kind]), np.array([0.1, 0.2]))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (
            [0.5],
            r"screen score: expected one row for each of 2 scans, got shape \(1,\)",
        ),
        ([0.5, np.nan], r"screen score, scan 1: expected a probability .* got nan"),
        ([-0.1, 0.5], r"screen score, scan 0: .* got -0.1"),
        ([[0.5, 0.5], [1.5, 0.1]], r"screen score, scan 1: .* got 1.5"),
    ],
)
def test_what_is_no_probability_is_refused(scores, message):
    with pytest.raises(InputError, match=message):
        roc.check_scores("screen score", scores, 2)
