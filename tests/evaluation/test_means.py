"""Means over scans, by a loop over resamples."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.intervals import clustered_wilson
from hierclf.evaluation.means import mean_of_scans


def test_interval_is_that_of_a_loop_over_patients() -> None:
    rng = np.random.default_rng(0)
    patients = np.array([0, 0, 1, 2, 2, 2, 3])
    values = rng.uniform(size=7)
    values[3] = np.nan
    weights = patient_weights(4, n_resamples=200, seed=3)
    means = []
    for row in weights:
        drawn = [
            value
            for patient, times in enumerate(row)
            for value in np.tile(values[patients == patient], int(times))
            if not np.isnan(value)
        ]
        means.append(np.mean(drawn))
    found = mean_of_scans(values, patients, weights)
    assert found.value == pytest.approx(np.nanmean(values))
    assert found.low == pytest.approx(np.quantile(means, 0.025))
    assert found.high == pytest.approx(np.quantile(means, 0.975))


def test_hits_get_the_interval_of_a_proportion() -> None:
    patients = np.array([0, 0, 1, 2])
    weights = patient_weights(3, n_resamples=200, seed=0)
    found = mean_of_scans(np.array([1.0, 1.0, 1.0, 1.0]), patients, weights)
    low, high = clustered_wilson(np.array([2.0, 1, 1]), np.array([2.0, 1, 1]))
    assert (found.method, found.value) == ("wilson", 1.0)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_nothing_known_is_undefined() -> None:
    weights = patient_weights(2, n_resamples=200, seed=0)
    found = mean_of_scans(np.array([np.nan, np.nan]), np.array([0, 1]), weights)
    assert (found.value, found.low, found.n_excluded) == (None, None, 200)
