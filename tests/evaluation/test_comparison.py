from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.comparison import paired
from hierclf.evaluation.metrics import draws, resampled
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError

RNG = np.random.default_rng(4)
TRUTH = RNG.integers(0, 3, 90)
GROUPS = RNG.integers(0, 45, 90)
WORSE = np.where(RNG.random(90) < 0.6, TRUTH, 0)
BETTER = np.where(RNG.random(90) < 0.5, TRUTH, WORSE)


def _said(predicted):
    return predictions_of(TRUTH, predicted, n_classes=3, groups=GROUPS)


def test_difference_is_that_of_sklearn_on_the_same_resamples():
    models = {"flat": _said(WORSE), "cascade": _said(BETTER)}
    (found,) = paired(models, n_resamples=60, seed=2)
    weights = patient_weights(models["flat"].n_patients, n_resamples=60, seed=2)
    gains = [
        balanced_accuracy_score(TRUTH, BETTER, sample_weight=weight)
        - balanced_accuracy_score(TRUTH, WORSE, sample_weight=weight)
        for weight in weights[:, models["flat"].patients]
    ]
    low, high = np.percentile(gains, [2.5, 97.5])
    assert (found.baseline, found.model, found.metric) == (
        "flat",
        "cascade",
        "macro_recall",
    )
    assert found.difference.value == pytest.approx(
        balanced_accuracy_score(TRUTH, BETTER) - balanced_accuracy_score(TRUTH, WORSE)
    )
    assert found.difference.low == pytest.approx(low)
    assert found.difference.high == pytest.approx(high)


def test_pairing_narrows_the_interval():
    models = {"flat": _said(WORSE), "cascade": _said(BETTER)}
    (found,) = paired(models, n_resamples=400)
    flat, cascade = (
        draws("macro_recall", resampled(said, n_resamples=400, seed=seed))[1:]
        for seed, said in enumerate(models.values())
    )
    low, high = np.percentile(cascade - flat, [2.5, 97.5])
    assert found.difference.high - found.difference.low < high - low


def test_a_model_gains_nothing_over_itself():
    (found,) = paired({"a": _said(WORSE), "b": _said(WORSE)}, metric="npv")
    assert (found.difference.value, found.difference.low, found.difference.high) == (
        0.0,
        0.0,
        0.0,
    )


def test_every_pair_is_compared_in_order():
    models = {name: _said(WORSE) for name in "abc"}
    pairs = [(d.baseline, d.model) for d in paired(models, n_resamples=2)]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            predictions_of(1 + TRUTH % 2, WORSE, n_classes=3, groups=GROUPS),
            "models, b: expected the scans and patients of a",
        ),
        (
            predictions_of(TRUTH, WORSE, n_classes=3),
            "models, b: expected the scans and patients of a",
        ),
    ],
)
def test_other_scans_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        paired({"a": _said(WORSE), "b": other})


def test_a_single_model_is_refused():
    with pytest.raises(InputError, match=r"models: expected at least two .* got 1"):
        paired({"a": _said(WORSE)})
