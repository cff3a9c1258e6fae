from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import lsq_linear, minimize, minimize_scalar
from scipy.stats import norm

from hierclf.evaluation.prevalence import (
    black_box,
    calibrated_odds,
    estimate_prevalence,
    expectation_maximization,
    quantile_edges,
)
from hierclf.evaluation.wards import labelled, unlabelled


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def drawn(rng, n, share, *, scale=1.0, offset=0.0):
    """Logits are normal around -1 and 1: the true ratio is exp(2 logit)."""
    truth = rng.random(n) < share
    logits = rng.normal(np.where(truth, 1.0, -1.0), 1.0)
    return truth, sigmoid(scale * logits + offset), logits


def test_likelihood_is_at_its_maximum():
    """Against scipy's bounded minimum of the negative log likelihood."""
    rng = np.random.default_rng(1)
    for share in (0.1, 0.5, 0.97):
        _, _, logits = drawn(rng, 300, share)
        ratios = np.exp(2 * logits)
        weights = rng.integers(0, 4, size=300)

        def loss(q, ratios=ratios, weights=weights):
            return -(weights * np.log(q * ratios + 1 - q)).sum()

        best = minimize_scalar(
            loss, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}
        )
        found = expectation_maximization(ratios, weights)
        assert found == pytest.approx(best.x, abs=1e-5)
    assert expectation_maximization(np.array([0.1, 0.2])) == pytest.approx(0, abs=1e-6)
    assert expectation_maximization(np.array([9.0, 5.0])) == pytest.approx(1, abs=1e-6)


def test_one_step_is_that_of_saerens():
    """Their equation for two scans, by hand."""
    ratios = np.array([4.0, 0.5])
    found = expectation_maximization(ratios)
    g = found * ratios / (found * ratios + 1 - found)
    assert g.mean() == pytest.approx(found, abs=1e-6)
    assert found == pytest.approx(5 / 6, abs=1e-5)  # root of the score equation


def test_odds_are_those_of_a_brute_force_fit():
    """Penalized weighted logistic loss, minimized by scipy."""
    rng = np.random.default_rng(2)
    truth, scores, _ = drawn(rng, 400, 0.3, scale=0.5, offset=1.0)
    reference = labelled(truth, scores)
    weights = rng.integers(0, 3, size=400).astype(float)
    logits = np.log(scores / (1 - scores))
    share = np.where(truth, weights[truth].sum(), weights[~truth].sum())
    balanced = weights / share * weights.sum() / 2

    def loss(told):
        signs = np.where(truth, 1, -1) * (told[0] * logits + told[1])
        return (balanced * np.logaddexp(0, -signs)).sum() * 1000 + told[0] ** 2 / 2

    slope, intercept = minimize(loss, [1.0, 0.0], tol=1e-10).x
    at = np.array([0.3, 0.6, 0.9])
    expected = np.exp(slope * np.log(at / (1 - at)) + intercept)
    np.testing.assert_allclose(
        calibrated_odds(reference, at, weights), expected, rtol=1e-3
    )
    assert np.isfinite(calibrated_odds(reference, np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_miscalibrated_scores_give_the_share(share):
    rng = np.random.default_rng(3)
    truth, scores, _ = drawn(rng, 20_000, 0.7, scale=0.3, offset=-2.0)
    reference = labelled(truth, scores)
    _, ward, _ = drawn(rng, 20_000, share, scale=0.3, offset=-2.0)
    found = expectation_maximization(calibrated_odds(reference, ward))
    assert found == pytest.approx(share, abs=0.015)
    edges = quantile_edges(reference)
    assert black_box(reference, ward, edges) == pytest.approx(share, abs=0.015)


def test_one_edge_is_the_adjusted_count():
    """Gart and Buck 1966: (called - false alarms) / (sensitivity - false alarms)."""
    rng = np.random.default_rng(4)
    truth, scores, _ = drawn(rng, 500, 0.5)
    _, ward, _ = drawn(rng, 200, 0.6)
    reference = labelled(truth, scores)
    old, new = rng.integers(0, 3, size=500), rng.integers(0, 3, size=200)
    rates = [
        np.average(scores[side] >= 0.4, weights=old[side]) for side in (truth, ~truth)
    ]
    called = np.average(ward >= 0.4, weights=new)
    expected = (called - rates[1]) / (rates[0] - rates[1])
    assert black_box(reference, ward, [0.4], new, old) == pytest.approx(expected)
    assert black_box(reference, np.zeros(5), [0.4]) == 0.0
    assert black_box(reference, np.ones(5), [0.4]) == 1.0
    assert np.isnan(black_box(reference, ward, [2.0]))


def test_several_edges_are_weighted_least_squares():
    """Against scipy's bounded least squares on the same equations."""
    rng = np.random.default_rng(5)
    truth, scores, _ = drawn(rng, 600, 0.5)
    _, ward, _ = drawn(rng, 150, 0.3)
    reference = labelled(truth, scores)
    edges = quantile_edges(reference, 6)
    assert edges.size == 5
    bins = np.concatenate([[-np.inf], edges, [np.inf]])

    def parts(values):
        return np.array(
            [((values >= low) & (values < high)).mean() for low, high in pairwise(bins)]
        )

    sick, healthy, seen = parts(scores[truth]), parts(scores[~truth]), parts(ward)
    spread = np.maximum((seen + (sick + healthy) / 2) / 2, 1 / 150)
    root = 1 / np.sqrt(spread)
    solved = lsq_linear(
        ((sick - healthy) * root)[:, None], (seen - healthy) * root, bounds=(0, 1)
    )
    assert black_box(reference, ward, edges) == pytest.approx(solved.x[0], abs=1e-6)


def test_edges_weigh_both_kinds_alike():
    scores = np.concatenate([np.full(900, 0.1), np.linspace(0.5, 1, 100)])
    reference = labelled(np.arange(1000) >= 900, scores)
    edges = quantile_edges(reference, 4)
    assert edges[0] == 0.1
    assert edges[-1] == pytest.approx(0.75, abs=0.01)


def test_interval_holds_the_truth_and_the_uncertainty_of_the_reference():
    widths, held = {}, 0
    for n_reference in (80, 1000):
        for seed in range(6):
            rng = np.random.default_rng(seed)
            truth, scores, _ = drawn(rng, n_reference, 0.5)
            _, ward, _ = drawn(rng, 300, 0.3)
            found = estimate_prevalence(
                labelled(truth, scores), unlabelled(ward), n_resamples=50, seed=seed
            )
            one = found.likelihood
            held += one.low <= 0.3 <= one.high
            widths.setdefault(n_reference, []).append(one.high - one.low)
            assert found.counted.low <= found.counted.value <= found.counted.high
    assert held >= 10  # of 12
    assert np.mean(widths[80]) > 1.15 * np.mean(widths[1000])


def test_interval_is_by_patient():
    """Four equal scans of a patient are one scan."""
    rng = np.random.default_rng(6)
    truth, scores, _ = drawn(rng, 1000, 0.5)
    _, ward, _ = drawn(rng, 100, 0.3)
    reference = labelled(truth, scores)
    four = np.repeat(ward, 4)
    known = estimate_prevalence(
        reference,
        unlabelled(four, np.repeat(np.arange(100), 4)),
        n_resamples=60,
    ).likelihood
    blind = estimate_prevalence(reference, unlabelled(four), n_resamples=60).likelihood
    assert known.value == pytest.approx(blind.value)
    assert known.high - known.low > 1.5 * (blind.high - blind.low)


def test_same_seed_same_interval_and_paired_weights():
    rng = np.random.default_rng(7)
    truth, scores, _ = drawn(rng, 200, 0.5)
    reference = labelled(truth, scores)
    ward = unlabelled(norm.cdf(rng.normal(size=50)))
    one, two = (
        estimate_prevalence(reference, ward, n_resamples=20, seed=3) for _ in range(2)
    )
    np.testing.assert_array_equal(one.draws, two.draws)
    np.testing.assert_array_equal(one.reference_weights, two.reference_weights)
    assert one.reference_weights.shape == (20, 200)
