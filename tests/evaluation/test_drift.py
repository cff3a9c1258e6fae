from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from hierclf.evaluation.drift import (
    domain_auc,
    label_drift,
    matched_weights,
    standardized_differences,
)
from hierclf.evaluation.wards import labelled, unlabelled


def test_weights_give_the_share():
    truth = np.array([True, False, False, True, False])
    weights = matched_weights(truth, 0.9)
    assert weights[truth].sum() == pytest.approx(0.9)
    assert weights.sum() == pytest.approx(1)
    assert np.ptp(weights[truth]) == 0


def test_differences_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    truth = rng.random(50) < 0.4
    known, seen = rng.normal(size=(50, 4)), rng.normal(0.5, 2, size=(30, 4))
    known[:, 3] = seen[:, 3] = 1.0
    weights = matched_weights(truth, 0.7)
    found = standardized_differences(truth, known, seen, 0.7)
    for k in range(3):
        mean = np.average(known[:, k], weights=weights)
        variance = np.average((known[:, k] - mean) ** 2, weights=weights)
        pooled = np.sqrt((variance + seen[:, k].var()) / 2)
        assert found[k] == pytest.approx((seen[:, k].mean() - mean) / pooled)
    assert found[3] == 0


def test_another_share_is_no_drift():
    rng = np.random.default_rng(1)

    def draw(n, share):
        truth = rng.random(n) < share
        return truth, rng.normal(np.where(truth, 3.0, 0.0)[:, None], 1.0, (n, 3))

    truth, known = draw(800, 0.8)
    _, seen = draw(600, 0.2)
    reference = labelled(truth, rng.random(800))
    ward = unlabelled(rng.random(600))
    fair = domain_auc(reference, known, ward, seen, 0.2)
    assert fair == pytest.approx(0.5, abs=0.05)
    assert domain_auc(reference, known, ward, seen, 0.8) > 0.7
    assert np.abs(standardized_differences(truth, known, seen, 0.2)).max() < 0.2
    moved = seen + np.array([0.0, 1.0, 0.0])
    assert domain_auc(reference, known, ward, moved, 0.2) > 0.65


def test_domain_folds_are_by_patient():
    """Equal scans of a patient on both sides of a fold would be told apart."""
    rng = np.random.default_rng(2)
    features = np.repeat(rng.normal(size=(12, 40)), 10, axis=0)
    patients = np.repeat(np.arange(12), 10)
    reference = labelled(np.arange(60) % 2, rng.random(60), patients[:60])
    ward = unlabelled(rng.random(60), patients[60:])
    auc = domain_auc(reference, features[:60], ward, features[60:], 0.5)
    assert auc < 0.9
    alone = unlabelled(rng.random(60))
    blind = labelled(np.arange(60) % 2, reference.scores)
    assert domain_auc(blind, features[:60], alone, features[60:], 0.5) > 0.99
    few = unlabelled([0.1, 0.2])
    assert np.isnan(domain_auc(reference, features[:60], few, features[:2], 0.5))


def test_drift_by_label_is_mann_whitney():
    rng = np.random.default_rng(3)
    truth, seen = rng.integers(0, 3, 90), rng.integers(0, 2, 60)
    scores, other = rng.random(90).round(2), (rng.random(60) ** 2).round(2)
    reference = labelled(truth > 0, scores, rng.integers(0, 50, 90))
    ward = unlabelled(other, rng.integers(0, 40, 60))
    found = label_drift(truth, reference, seen, ward, n_resamples=100)
    assert [one.position for one in found] == [0, 1]
    for one in found:
        old, new = scores[truth == one.position], other[seen == one.position]
        u = mannwhitneyu(new, old).statistic / (old.size * new.size)
        assert one.auc.value == pytest.approx(u)
        assert one.auc.low < u < one.auc.high
        assert (one.n_reference, one.n_ward) == (old.size, new.size)
        assert one.reference_mean == pytest.approx(old.mean())
        assert one.ward_mean == pytest.approx(new.mean())
