from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as reference

from hierclf.evaluation.calibration import brier_score, prior_corrected
from hierclf.foundation.errors import InputError


def test_weighted_brier_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    sick, scores = rng.random(40) < 0.5, rng.random(40)
    patients, weights = rng.integers(0, 8, 40), rng.integers(0, 4, (15, 8))
    found = brier_score(sick, scores, weights, patients)
    for row, spread in enumerate(weights[:, patients]):
        expected = reference.brier_score_loss(sick, scores, sample_weight=spread)
        assert found[row] == pytest.approx(expected)
    plain = reference.brier_score_loss(sick, scores)
    assert brier_score(sick, scores)[0] == pytest.approx(plain)


def test_brier_of_an_empty_resample_is_undefined():
    weights = np.array([[0, 0]])
    assert np.isnan(brier_score(np.array([True, False]), np.array([1.0, 0.0]), weights))


@given(
    arrays.arrays(float, (5, 3), elements=st.floats(0.01, 1)),
    st.lists(st.integers(1, 900), min_size=3, max_size=3),
)
def test_correction_is_bayes_rule(likelihoods, counts):
    shares = np.array(counts) / sum(counts)
    joint = likelihoods * shares
    posterior = joint / joint.sum(axis=1, keepdims=True)
    expected = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(prior_corrected(posterior, counts), expected)


def test_equal_counts_change_nothing():
    table = np.array([[0.2, 0.8], [0.5, 0.5]])
    np.testing.assert_allclose(prior_corrected(table, [7, 7]), table)


@pytest.mark.parametrize(
    ("table", "counts", "message"),
    [
        ([[0.5, 0.5]], [1, 1, 1], r"train_counts: expected one count for each column"),
        ([0.5, 0.5], [1, 1], r"train_counts: .* column of \(2,\)"),
        ([[0.5, 0.5]], [1, 0], r"train_counts: expected positive .* got \[1.0, 0.0\]"),
        ([[0.5, 0.5]], [1, np.nan], "train_counts: expected positive numbers"),
        ([[0.5, 0.5], [0, 0]], [1, 1], "probabilities, scan 1: expected a row with"),
        ([[np.nan, 0.5]], [1, 1], "probabilities, scan 0: expected a row with"),
    ],
)
def test_what_cannot_be_corrected_is_refused(table, counts, message):
    with pytest.raises(InputError, match=message):
        prior_corrected(table, counts)
