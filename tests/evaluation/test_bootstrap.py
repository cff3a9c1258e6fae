from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hierclf.evaluation import bootstrap
from hierclf.foundation.errors import InputError


def test_numbers_of_patients_do_not_depend_on_the_order_of_scans():
    names = np.array(["p10", "p2", "p10", "p1"])
    codes, n_patients = bootstrap.patient_codes(names, 4)
    backwards, _ = bootstrap.patient_codes(names[::-1], 4)
    assert codes.tolist() == backwards[::-1].tolist() == [1, 2, 1, 0]
    assert n_patients == 3


@pytest.mark.parametrize(
    "groups", [[7, 3, 7], pd.Series(["b", "a", "b"], index=[9, 5, 1]), ["b", 1, "b"]]
)
def test_patients_have_any_name(groups):
    codes, n_patients = bootstrap.patient_codes(groups, 3)
    assert codes[0] == codes[2] != codes[1]
    assert n_patients == 2


def test_without_groups_each_scan_is_a_patient():
    codes, n_patients = bootstrap.patient_codes(None, 3)
    assert codes.tolist() == [0, 1, 2]
    assert n_patients == 3


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"], "groups: expected a patient for each of 2 scans, got 1"),
        (["a", None], r"groups, scan 1: expected a patient, got (None|nan)"),
        ([np.nan, 1.0], "groups, scan 0: expected a patient, got nan"),
    ],
)
def test_a_scan_without_a_patient_is_refused(groups, message):
    with pytest.raises(InputError, match=message):
        bootstrap.patient_codes(groups, 2)


def test_weights_are_multinomial():
    weights = bootstrap.patient_weights(6, n_resamples=4000, seed=0)
    assert (weights.sum(axis=1) == 6).all()
    observed = np.bincount(weights.ravel(), minlength=7)[:5]
    expected = stats.binom(6, 1 / 6).pmf(np.arange(5)) * weights.size
    np.testing.assert_allclose(observed, expected, rtol=0.1)
    covariance = np.cov(weights.T.astype(float))
    np.testing.assert_allclose(
        covariance, np.eye(6) - np.full((6, 6), 1 / 6), atol=0.08
    )


def test_the_seed_decides():
    first, again, other = (
        bootstrap.patient_weights(9, n_resamples=5, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("n_patients", "n_resamples", "message"),
    [
        (5, 0, "n_resamples: expected at least 1, got 0"),
        (1, 9, "groups: expected at least 2 patients, got 1"),
    ],
)
def test_nothing_to_draw_is_refused(n_patients, n_resamples, message):
    with pytest.raises(InputError, match=message):
        bootstrap.patient_weights(n_patients, n_resamples=n_resamples, seed=0)


def test_sums_are_those_of_copied_patients():
    rng = np.random.default_rng(0)
    per_patient = rng.integers(0, 9, (7, 2, 3))
    weights = bootstrap.patient_weights(7, n_resamples=11, seed=0)
    sums = bootstrap.resampled_sums(weights, per_patient)
    for row, counts in zip(sums, weights, strict=True):
        copied = np.repeat(per_patient, counts, axis=0)
        np.testing.assert_array_equal(row, copied.sum(axis=0))
