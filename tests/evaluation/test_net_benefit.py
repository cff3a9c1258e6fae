from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.net_benefit import (
    NetBenefitCurve,
    net_benefit,
    net_benefit_curve,
)
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError


def make_said(n_scans=150, n_patients=60, seed=3):
    rng = np.random.default_rng(seed)
    owner = rng.integers(n_patients, size=n_scans)
    truth = (rng.random(n_patients) < 0.4).astype(int)[owner]
    score = np.clip(0.3 * truth + rng.normal(0.4, 0.2, n_scans), 0, 1).round(2)
    return predictions_of(
        truth, (score >= 0.5).astype(int), n_classes=2, groups=owner, screen_score=score
    )


def by_hand(truth, score, weight, threshold):
    """Count hits and alarms scan by scan."""
    hits = alarms = total = 0.0
    for sick, risk, times in zip(truth, score, weight, strict=True):
        total += times
        if risk >= threshold:
            hits += times * sick
            alarms += times * (1 - sick)
    return hits / total - alarms / total * threshold / (1 - threshold)


def test_net_benefit_is_that_of_counting():
    said, at = make_said(), np.array([0.05, 0.4, 0.41, 0.5, 0.9])
    weights = np.random.default_rng(1).integers(0, 4, (6, said.n_patients))
    found = net_benefit(said.diseased, said.screen_score, at, weights, said.patients)
    for row, drawn in enumerate(weights):
        for place, threshold in enumerate(at):
            expected = by_hand(
                said.truth, said.screen_score, drawn[said.patients], threshold
            )
            assert found[row, place] == pytest.approx(expected)


def test_what_no_patient_weighs_is_undefined():
    found = net_benefit(
        np.array([True, False]), np.array([0.9, 0.1]), np.array([0.5]), np.zeros((1, 2))
    )
    assert np.isnan(found).all()


def test_calling_all_is_worth_prevalence_less_the_odds_of_the_others():
    said = make_said()
    curve = net_benefit_curve(said, thresholds=[0.1, 0.5], n_resamples=100)
    share = said.truth.mean()
    assert curve.prevalence == pytest.approx(share)
    assert curve.treat_all == pytest.approx(
        [share - (1 - share) / 9, share - (1 - share)]
    )


def test_bounds_are_percentiles_of_the_patients_drawn():
    said = make_said()
    curve = net_benefit_curve(said, thresholds=[0.3, 0.6], n_resamples=200, seed=5)
    drawn = patient_weights(said.n_patients, n_resamples=200, seed=5)
    for place, threshold in enumerate((0.3, 0.6)):
        model, gain = [], []
        for weights in drawn:
            each = weights[said.patients]
            model.append(by_hand(said.truth, said.screen_score, each, threshold))
            everybody = by_hand(said.truth, np.ones(said.truth.size), each, threshold)
            gain.append(model[-1] - max(everybody, 0))
        assert curve.low[place] == pytest.approx(np.quantile(model, 0.025))
        assert curve.high[place] == pytest.approx(np.quantile(model, 0.975))
        assert curve.gain_low[place] == pytest.approx(np.quantile(gain, 0.025))


def test_a_perfect_score_is_worth_the_prevalence():
    said = make_said()
    perfect = replace(said, screen_score=said.truth.astype(float))
    curve = net_benefit_curve(perfect, thresholds=[0.2, 0.8], n_resamples=100)
    assert curve.model == pytest.approx([said.truth.mean()] * 2)
    assert curve.useful == (0.2, 0.8)


@pytest.mark.parametrize(
    ("gains", "useful"),
    [
        ((-1, 0, -1, -1), None),
        ((0.1, -1, 0.1, 0.1), (0.3, 0.4)),
        ((0.1, 0.1, -1, 0.1), (0.1, 0.2)),
        ((-1, 0.2, -1, -1), (0.2, 0.2)),
    ],
)
def test_useful_is_the_longest_stretch_above_both(gains, useful):
    at, nothing = (0.1, 0.2, 0.3, 0.4), (0.0,) * 4
    curve = NetBenefitCurve(
        thresholds=at,
        model=nothing,
        low=nothing,
        high=nothing,
        treat_all=nothing,
        gain_low=gains,
        prevalence=0.5,
    )
    assert curve.useful == useful


def test_wrong_thresholds_and_no_scores_are_refused():
    said = make_said()
    with pytest.raises(InputError, match=r"net benefit: expected thresholds .* \[0\.0"):
        net_benefit_curve(said, thresholds=[0.0, 0.5])
    with pytest.raises(InputError, match=r"net benefit: .* got \[1\.0"):
        net_benefit_curve(said, thresholds=[1.0])
    with pytest.raises(InputError, match="net benefit: expected screen scores"):
        net_benefit_curve(replace(said, screen_score=None))
