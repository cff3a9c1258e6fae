"""Splits and folds: the laws, and scikit-learn beside them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hierclf.data.split import (
    hold_out,
    patient_folds,
)
from hierclf.foundation.errors import InputError

Scans = list[tuple[str, int]]
SCANS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=1, max_size=24
)
SEEDS = st.integers(0, 2**31)
FRACTIONS = st.floats(0.05, 0.95)


def divided(scans: Scans) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    labels, patients = zip(*scans, strict=True)
    return np.array(labels), np.array(patients)


def can_be_divided(scans: Scans) -> bool:
    """Try all ways to give the patients two sides."""
    patients = sorted({patient for _, patient in scans})
    classes = {label for label, _ in scans}
    if len(classes) < 2:
        return False
    for sides in itertools.product((0, 1), repeat=len(patients)):
        side = dict(zip(patients, sides, strict=True))
        met = {(label, side[patient]) for label, patient in scans}
        if len(met) == 2 * len(classes):
            return True
    return False


@settings(deadline=None)
@given(SCANS, FRACTIONS, SEEDS)
def test_a_hold_out_is_made_whenever_there_is_one(
    scans: Scans, fraction: float, seed: int
) -> None:
    """Law: no patient on both sides, each class on both; refused only if impossible."""
    labels, patients = divided(scans)
    if not can_be_divided(scans):
        with pytest.raises(InputError, match="split: expected"):
            hold_out(labels, patients, fraction=fraction, seed=seed)
        return
    train, test = hold_out(labels, patients, fraction=fraction, seed=seed)
    assert sorted([*train, *test]) == list(range(len(scans)))
    assert not set(patients[train]) & set(patients[test])
    assert set(labels[train]) == set(labels[test]) == set(labels)
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()


@settings(deadline=None)
@given(SCANS, st.integers(2, 7), SEEDS)
def test_folds_test_each_scan_once_and_train_with_every_class(
    scans: Scans, n_folds: int, seed: int
) -> None:
    """Law: folds partition, patients are whole, no training side lacks a class."""
    labels, patients = divided(scans)
    if not can_be_divided(scans) or n_folds > len(set(patients)):
        with pytest.raises(InputError, match=r"(split|folds): expected"):
            patient_folds(labels, patients, n_folds=n_folds, seed=seed)
        return
    folds = patient_folds(labels, patients, n_folds=n_folds, seed=seed)
    assert len(folds) == n_folds
    assert sorted(np.concatenate([test for _, test in folds])) == [*range(len(scans))]
    for train, test in folds:
        assert len(test) > 0
        assert sorted([*train, *test]) == list(range(len(scans)))
        assert not set(patients[train]) & set(patients[test])
        assert set(labels[train]) == set(labels)


@pytest.mark.parametrize(
    "divide",
    [
        lambda y, g, seed: hold_out(y, g, fraction=0.3, seed=seed)[1].tolist(),
        lambda y, g, seed: patient_folds(y, g, n_folds=3, seed=seed)[0][1].tolist(),
    ],
)
def test_the_seed_alone_decides(divide: Callable[..., list[int]]) -> None:
    rng = np.random.default_rng(5)
    labels, patients = rng.choice(["x", "y"], 90), rng.integers(0, 60, 90)
    first = divide(labels, patients, 1)
    assert divide(pd.Series(labels), patients.tolist(), 1) == first
    assert divide(labels, patients, 2) != first


def test_patients_in_each_others_way_are_tried_in_other_orders() -> None:
    """By size alone, most seeds leave a class of these on one side."""
    labels, patients = list("acaaaddc"), [1, 1, 0, 0, 2, 0, 3, 3]
    for seed in range(8):
        _, test = hold_out(labels, patients, fraction=0.3, seed=seed)
        assert {labels[row] for row in test} == {"a", "c", "d"}


@pytest.mark.parametrize("fraction", [0.15, 0.3, 0.45])
@pytest.mark.parametrize("n_patients", range(10, 40, 3))
def test_equal_patients_are_shared_out_to_the_nearest_whole_number(
    fraction: float, n_patients: int
) -> None:
    """As Sainte-Lague's method does between two parties."""
    labels = np.repeat(["a", "b"], n_patients)
    rows = np.arange(2 * n_patients)
    _, test = hold_out(labels, rows, fraction=fraction, seed=0)
    for label in ("a", "b"):
        n_test = (labels[test] == label).sum()
        assert abs(n_test - fraction * n_patients) <= 0.5 + 1e-9


def test_two_patients_of_a_rare_class_sit_on_two_sides() -> None:
    labels = ["common"] * 100 + ["rare"] * 2
    for fraction in (0.01, 0.5, 0.99):
        train, test = hold_out(labels, range(102), fraction=fraction, seed=0)
        assert np.isin([100, 101], train).sum() == 1
        assert np.isin([100, 101], test).sum() == 1


@pytest.mark.parametrize(
    ("labels", "patients", "counts"),
    [
        ("aaa", [1, 2, 3], "got a 3 scans of 3 patients"),
        ("aabb", [1, 2, 3, 3], "got a 2 scans of 2 patients; b 2 scans of 1 patient"),
    ],
)
def test_classes_that_cannot_be_divided_are_refused_with_counts(
    labels: str, patients: list[int], counts: str
) -> None:
    """Fault 53: one class only, or a class with too few patients."""
    with pytest.raises(InputError, match=counts):
        hold_out(list(labels), patients, fraction=0.5, seed=0)
    with pytest.raises(InputError, match=counts):
        patient_folds(list(labels), patients, n_folds=2, seed=0)


def test_patients_that_stand_in_each_others_way_are_refused() -> None:
    """Fault 53: each class has two patients, yet no division has all on both sides."""
    labels, patients = list("abacbc"), [1, 1, 2, 2, 3, 3]
    with pytest.raises(InputError, match="no such division of 3 patients, of whom 3"):
        hold_out(labels, patients, fraction=0.3, seed=0)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_a_fraction_is_one(fraction: float) -> None:
    with pytest.raises(InputError, match="expected a number between 0 and 1, got"):
        hold_out(list("aabb"), range(4), fraction=fraction, seed=0)


@pytest.mark.parametrize("n_folds", [1, 5])
def test_folds_are_two_at_least_and_no_more_than_patients(n_folds: int) -> None:
    with pytest.raises(InputError, match=rf"that of the patients \(4\), got {n_folds}"):
        patient_folds(list("aabb"), range(4), n_folds=n_folds, seed=0)


@pytest.mark.parametrize(("labels", "patients"), [("", []), ("ab", [1]), ("ab", [[1]])])
def test_a_label_and_a_patient_for_each_scan(labels: str, patients: list[Any]) -> None:
    with pytest.raises(InputError, match="a label and a patient for each scan, got"):
        hold_out(list(labels), patients, fraction=0.5, seed=0)
