from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from hierclf.evaluation.bands import precision_recall_band, roc_band
from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError


def make_said(prevalence=0.4, n_patients=50):
    rng = np.random.default_rng(2)
    owner = rng.integers(n_patients, size=140)
    truth = (rng.random(n_patients) < prevalence).astype(int)[owner]
    score = np.clip(0.25 * truth + rng.normal(0.4, 0.2, 140), 0, 1).round(2)
    return predictions_of(
        truth, (score >= 0.5).astype(int), n_classes=2, groups=owner, screen_score=score
    )


def sensitivity(truth, score, rate):
    """Read the curve of scikit-learn at a rate, the highest where it stands upright."""
    alarms, hits, _ = reference.roc_curve(truth, score, drop_intermediate=False)
    if rate in alarms:
        return hits[alarms == rate].max()
    after = np.flatnonzero(alarms > rate)[0]
    share = (rate - alarms[after - 1]) / (alarms[after] - alarms[after - 1])
    return hits[after - 1] + share * (hits[after] - hits[after - 1])


def precision(truth, score, wanted):
    """Lower the threshold until the recall is reached."""
    precisions, recalls, _ = reference.precision_recall_curve(truth, score)
    reached = np.flatnonzero(recalls >= wanted - 1e-12)
    return precisions[reached[-1]] if recalls[reached[-1]] else precisions[-2]


def repeated(said, weights):
    rows = np.repeat(np.arange(said.truth.size), weights[said.patients])
    return said.truth[rows], said.screen_score[rows]


@pytest.mark.parametrize(
    ("band_of", "read", "places"),
    [
        (roc_band, sensitivity, (0, 1, 10, 50, 99, 100)),
        (precision_recall_band, precision, (0, 9, 28, 57, 99)),
    ],
)
def test_bands_are_percentiles_of_curves_of_sklearn(band_of, read, places):
    said = make_said()
    band = band_of(said, n_resamples=100, seed=4)
    drawn = patient_weights(said.n_patients, n_resamples=100, seed=4)
    assert band.n_excluded == 0
    for place in places:
        at = band.at[place]
        expected = read(said.truth, said.screen_score, at)
        assert band.value[place] == pytest.approx(expected)
        found = [read(*repeated(said, weights), at) for weights in drawn]
        ends = np.quantile(found, [0.025, 0.975])
        assert (band.low[place], band.high[place]) == pytest.approx(ends)


def test_resamples_of_one_kind_are_left_out():
    truth = [1, *[0] * 9]
    said = predictions_of(
        truth, truth, n_classes=2, screen_score=np.linspace(0.9, 0.1, 10)
    )
    band = roc_band(said, n_resamples=200, seed=0)
    drawn = patient_weights(10, n_resamples=200, seed=0)
    assert band.n_excluded == np.count_nonzero(drawn[:, 0] == 0) > 0
    assert set(band.low) == set(band.high) == {1.0}


def test_scores_of_both_kinds_are_wanted():
    said = make_said()
    for short in (
        replace(said, screen_score=None),
        replace(said, truth=np.zeros_like(said.truth)),
        replace(said, truth=np.ones_like(said.truth)),
    ):
        with pytest.raises(InputError, match="band: expected screen scores of healthy"):
            roc_band(short, n_resamples=100, seed=0)
