from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.stats import ecdf, energy_distance

from hierclf.evaluation import mixture
from hierclf.evaluation.mixture import MixtureFit, feature_fit, score_fit
from hierclf.evaluation.wards import labelled
from hierclf.foundation.errors import InputError


def sample(rng, n, share, *, shift=0.0):
    truth = rng.random(n) < share
    features = rng.normal(size=(n, 3))
    features[:, 0] += 2 * truth + shift * ~truth
    scores = 1 / (1 + np.exp(-2 * (features[:, 0] - 1)))
    return truth, scores, features


def test_score_distance_is_that_of_the_distribution_functions():
    """scipy's ecdf, and a brute search of the share."""
    rng = np.random.default_rng(0)
    truth, scores, _ = sample(rng, 120, 0.5)
    scores = scores.round(2)  # ties
    ward = sample(rng, 50, 0.3)[1].round(2)
    fit = score_fit(labelled(truth, scores), ward, n_resamples=1)
    at = np.unique(np.concatenate([scores, ward]))
    sick, healthy, both, seen = (
        ecdf(values).cdf.evaluate(at)
        for values in (scores[truth], scores[~truth], scores, ward)
    )
    mass = np.diff(seen + both, prepend=0)

    def misfit(q):
        return (mass * (seen - q * sick - (1 - q) * healthy) ** 2).sum()

    best = minimize_scalar(misfit, bounds=(0, 1), method="bounded").x
    assert fit.prevalence == pytest.approx(best, abs=1e-4)
    gap = np.abs(seen - fit.prevalence * sick - (1 - fit.prevalence) * healthy).max()
    assert fit.distance == pytest.approx(gap)


def test_feature_distance_is_energy_by_pairs():
    """Means over all pairs, one by one; and scipy's in one dimension."""
    rng = np.random.default_rng(1)
    truth, scores, features = sample(rng, 60, 0.5)
    _, _, ward = sample(rng, 40, 0.7, shift=0.5)
    fit = feature_fit(labelled(truth, scores), features, ward, n_resamples=1)

    def energy(q):
        weights = np.where(truth, q / truth.sum(), (1 - q) / (~truth).sum())
        cross = cdist(features, ward).mean(axis=1) @ weights
        return (
            2 * cross
            - weights @ cdist(features, features) @ weights
            - cdist(ward, ward).mean()
        )

    sides = features[truth], features[~truth]
    apart = (
        2 * cdist(*sides).mean()
        - cdist(sides[0], sides[0]).mean()
        - cdist(sides[1], sides[1]).mean()
    )
    best = minimize_scalar(energy, bounds=(0, 1), method="bounded")
    assert fit.prevalence == pytest.approx(best.x, abs=1e-4)
    assert fit.distance == pytest.approx(np.sqrt(best.fun / apart), abs=1e-6)

    flat = feature_fit(
        labelled(truth, scores), features[:, :1], ward[:, :1], n_resamples=1
    )
    q = flat.prevalence
    far = energy_distance(
        features[:, 0],
        ward[:, 0],
        u_weights=np.where(truth, q / truth.sum(), (1 - q) / (~truth).sum()),
    )
    near = energy_distance(features[truth, 0], features[~truth, 0])
    assert flat.distance == pytest.approx(far / near, rel=1e-6)


def test_wards_that_fit_are_refused_as_often_as_said():
    refused = np.zeros(2)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth, scores, features = sample(rng, 200, 0.7)
        _, ward, told = sample(rng, 100, 0.3)
        reference = labelled(truth, scores)
        one = score_fit(reference, ward, n_resamples=99, seed=seed)
        two = feature_fit(reference, features, told, n_resamples=99, seed=seed)
        refused += [one.p_exact <= 0.1, two.p_exact <= 0.1]
    assert (refused <= 13).all()  # 6 expected; P(more than 13) is 0.002
    assert (refused >= 1).all()


def test_altered_healthy_scans_are_seen_by_features_and_scores():
    rng = np.random.default_rng(2)
    truth, scores, features = sample(rng, 400, 0.5)
    reference = labelled(truth, scores)
    _, ward, told = sample(rng, 300, 0.4, shift=-2.0)
    for fit in (
        score_fit(reference, ward, tolerance=0.02, n_resamples=199),
        feature_fit(reference, features, told, tolerance=0.1, n_resamples=199),
    ):
        assert fit.p_value == 1 / 200
        assert fit.distance > fit.limit(0.005)


def test_features_see_what_scores_do_not():
    rng = np.random.default_rng(3)
    truth, scores, features = sample(rng, 400, 0.5)
    _, ward, told = sample(rng, 200, 0.4)
    told[:, 2] += 1.0  # a direction that scores do not look at
    reference = labelled(truth, scores)
    assert score_fit(reference, ward, n_resamples=199).p_value > 0.01
    assert feature_fit(reference, features, told, n_resamples=199).p_value == 1 / 200


def test_tolerance_lifts_the_limit_and_the_p_value():
    fit = MixtureFit(0.5, 0.5, np.linspace(0, 1, 101)[1:], 0.1)
    assert fit.p_value == pytest.approx((1 + 61) / 101)
    assert fit.p_exact == pytest.approx((1 + 51) / 101)
    assert fit.limit(0.5) == pytest.approx(0.605)


def test_patients_widen_what_chance_does():
    rng = np.random.default_rng(4)
    truth, scores, _ = sample(rng, 100, 0.5)
    many = np.repeat(scores, 4), np.repeat(truth, 4)
    ward = sample(rng, 100, 0.5)[1]
    blind = score_fit(labelled(many[1], many[0]), ward, n_resamples=199)
    known = score_fit(
        labelled(many[1], many[0], np.repeat(np.arange(100), 4)), ward, n_resamples=199
    )
    assert np.median(known.chance) > 1.3 * np.median(blind.chance)


def test_more_scans_than_are_compared(monkeypatch):
    monkeypatch.setattr(mixture, "MOST_SCANS", 50)
    rng = np.random.default_rng(5)
    truth, scores, features = sample(rng, 200, 0.5)
    _, _, told = sample(rng, 120, 0.5)
    fits = [
        feature_fit(labelled(truth, scores), features, told, n_resamples=19, seed=1)
        for _ in range(2)
    ]
    assert fits[0].distance == fits[1].distance
    assert fits[0].p_value > 0.05


def test_other_features_are_refused():
    rng = np.random.default_rng(6)
    truth, scores, features = sample(rng, 20, 0.5)
    with pytest.raises(InputError, match=r"features: expected 2 of each of 20 scans"):
        feature_fit(labelled(truth, scores), features, features[:, :2])


def test_share_stays_in_range():
    rng = np.random.default_rng(7)
    truth, scores, features = sample(rng, 200, 0.5)
    reference = labelled(truth, scores)
    below = score_fit(reference, np.full(50, scores.min() / 2), n_resamples=9)
    assert below.prevalence == 0.0
    above = feature_fit(
        reference, features, features[truth] + np.array([1, 0, 0]), n_resamples=9
    )
    assert above.prevalence == 1.0
