from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as reference

from hierclf.evaluation import confusion
from hierclf.foundation.errors import InputError


@st.composite
def labelings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    n_classes = draw(st.integers(2, 5))
    n_scans = draw(st.integers(1, 40))
    position = st.integers(0, n_classes - 1)
    column = st.lists(position, min_size=n_scans, max_size=n_scans)
    weights = draw(st.lists(st.integers(0, 3), min_size=n_scans, max_size=n_scans))
    return np.array(draw(column)), np.array(draw(column)), np.array(weights), n_classes


@given(labelings())
def test_weighted_counts_are_those_of_sklearn(case):
    truth, predicted, weights, n_classes = case
    assume(weights.any())  # scikit-learn refuses a matrix of nothing
    expected = reference.confusion_matrix(
        truth, predicted, labels=range(n_classes), sample_weight=weights
    )
    found = confusion.confusion_matrix(truth, predicted, n_classes, weights)
    np.testing.assert_array_equal(found, expected)


@given(labelings())
def test_figures_of_classes_are_those_of_sklearn(case):
    truth, predicted, _, n_classes = case
    matrix = confusion.confusion_matrix(truth, predicted, n_classes)
    expected = reference.precision_recall_fscore_support(
        truth, predicted, labels=range(n_classes), zero_division=np.nan
    )
    np.testing.assert_allclose(confusion.precision(matrix), expected[0])
    np.testing.assert_allclose(confusion.recall(matrix), expected[1])
    either = (matrix.sum(0) + matrix.sum(1)) > 0
    np.testing.assert_allclose(confusion.f1(matrix)[either], expected[2][either])
    assert np.isnan(confusion.f1(matrix)[~either]).all()


@given(labelings())
def test_averages_are_those_of_sklearn(case):
    truth, predicted, _, n_classes = case
    matrix = confusion.confusion_matrix(truth, predicted, n_classes)
    recall = reference.recall_score(
        truth, predicted, labels=np.unique(truth), average="macro", zero_division=0.0
    )
    assert confusion.macro_recall(matrix) == pytest.approx(recall)
    assert confusion.accuracy(matrix) == pytest.approx(
        reference.accuracy_score(truth, predicted)
    )


def test_macro_recall_is_balanced_accuracy():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    found = confusion.macro_recall(confusion.confusion_matrix(truth, predicted, 4))
    assert found == pytest.approx(reference.balanced_accuracy_score(truth, predicted))


@given(labelings())
def test_quadratic_kappa_is_that_of_sklearn(case):
    truth, predicted, _, n_classes = case
    found = confusion.quadratic_kappa(
        confusion.confusion_matrix(truth, predicted, n_classes)
    )
    if len({*truth.tolist(), *predicted.tolist()}) == 1:
        assert np.isnan(found)
        return
    expected = reference.cohen_kappa_score(
        truth, predicted, labels=range(n_classes), weights="quadratic"
    )
    assert found == pytest.approx(expected, abs=1e-12)


@given(labelings())
def test_screen_figures_are_those_of_the_merged_labels(case):
    truth, predicted, _, n_classes = case
    matrix = confusion.confusion_matrix(truth, predicted, n_classes)
    sick, called = truth > 0, predicted > 0
    expected = reference.confusion_matrix(sick, called, labels=[False, True])
    np.testing.assert_array_equal(confusion.screen_confusions(matrix), expected)
    by_hand = {
        confusion.sensitivity: (sick & called, sick),
        confusion.specificity: (~sick & ~called, ~sick),
        confusion.positive_predictive_value: (sick & called, called),
        confusion.negative_predictive_value: (~sick & ~called, ~called),
    }
    for figure, (hits, cases) in by_hand.items():
        wanted = hits.sum() / cases.sum() if cases.any() else np.nan
        assert figure(matrix) == pytest.approx(wanted, nan_ok=True)


@given(labelings())
def test_patients_add_up_to_the_whole(case):
    truth, predicted, patients, n_classes = case
    parts = confusion.patient_confusions(truth, predicted, n_classes, patients, 4)
    for patient in range(4):
        of = patients == patient
        np.testing.assert_array_equal(
            parts[patient],
            confusion.confusion_matrix(truth[of], predicted[of], n_classes),
        )


def test_leading_dimensions_are_worked_out_at_once():
    matrices = np.random.default_rng(1).integers(0, 9, (3, 2, 4, 4)).astype(float)
    for figure in (
        confusion.recall,
        confusion.precision,
        confusion.f1,
        confusion.accuracy,
        confusion.macro_recall,
        confusion.quadratic_kappa,
        confusion.sensitivity,
        confusion.specificity,
    ):
        single = [[figure(matrix) for matrix in row] for row in matrices]
        np.testing.assert_allclose(figure(matrices), single)


def test_macro_recall_over_given_classes_is_undefined_where_one_is_lost():
    whole, lost = np.diag([2.0, 3.0, 0.0]), np.diag([2.0, 0.0, 0.0])
    present = np.array([True, True, False])
    found = confusion.macro_recall(np.stack([whole, lost]), present)
    np.testing.assert_array_equal(found, [1.0, np.nan])
    assert confusion.macro_recall(lost) == 1.0


def test_macro_recall_of_nothing_is_undefined():
    assert np.isnan(confusion.macro_recall(np.zeros((2, 2))))


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (
            [],
            r"truth: expected a flat, filled array of whole numbers, got shape \(0,\)",
        ),
        ([[0, 1]], r"got shape \(1, 2\) of int64"),
        ([0.0, 1.0], "of float64"),
        ([0, 3], "truth, scan 1: expected a position from 0 to 2, got 3"),
        ([-1], "truth, scan 0: expected a position from 0 to 2, got -1"),
    ],
)
def test_what_is_no_position_is_refused(positions, message):
    with pytest.raises(InputError, match=message):
        confusion.check_positions("truth", positions, 3)


def test_healthy_is_no_answer_of_a_refining_stage():
    with pytest.raises(InputError, match=r"refined, scan 1: expected .* from 1 to 2"):
        confusion.check_positions("refined", [1, 0], 3, least=1)
