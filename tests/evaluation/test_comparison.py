from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.comparison import COMPARED, against_first, paired
from hierclf.evaluation.delong import area_differences
from hierclf.evaluation.mcnemar import discordances
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
    (found,) = paired({"a": _said(WORSE), "b": _said(WORSE)}, metrics=["npv"])
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


def _scored(predicted, score):
    return predictions_of(
        TRUTH, predicted, n_classes=3, groups=GROUPS, screen_score=score
    )


def test_each_model_is_set_against_the_first_in_every_figure():
    noise = np.random.default_rng(8).random((3, 90))
    scores = 0.3 * (TRUTH > 0) + 0.7 * noise
    names = ("old", "new", "other")
    answers = (WORSE, BETTER, TRUTH)
    models = {
        name: _scored(*told)
        for name, told in zip(names, zip(answers, scores, strict=True), strict=True)
    }
    found = against_first(models, ordered=True, n_resamples=40, seed=3)
    assert [(d.baseline, d.model, d.metric) for d in found] == [
        ("old", model, metric) for model in names[1:] for metric in COMPARED
    ]
    for d in found:
        alone = {name: models[name] for name in ("old", d.model)}
        (same,) = paired(alone, metrics=[d.metric], n_resamples=40, seed=3)
        assert d == same
    unordered = against_first(models, ordered=False, n_resamples=2)
    assert "quadratic_kappa" not in {d.metric for d in unordered}


def test_without_scores_only_decisions_are_compared():
    found = against_first({"a": _said(WORSE), "b": _said(BETTER)}, ordered=False)
    metrics = [d.metric for d in found]
    assert metrics == ["macro_recall", "sensitivity", "specificity"]


def test_other_scans_are_refused_against_the_first():
    other = predictions_of(TRUTH, WORSE, n_classes=3)
    with pytest.raises(InputError, match=r"models, b: expected the scans"):
        against_first({"a": _said(WORSE), "b": other}, ordered=False)


def test_models_alike_are_seldom_told_apart():
    """Clustered scans of 40 patients, no difference in truth: about 5 % of 300."""
    rng = np.random.default_rng(0)
    wrong = {"delong": 0, "bootstrap": 0, "by scan": 0, "by patient": 0}
    for seed in range(300):
        owner = np.repeat(np.arange(40), rng.integers(1, 6, 40))
        truth = (rng.random(40) < 0.5).astype(int)[owner]
        shared = rng.normal(0, 1, 40)[owner]
        models = {}
        for name in "ab":
            own = rng.normal(0, 1, 40)[owner] + rng.normal(0, 1, owner.size)
            score = 1 / (1 + np.exp(1 - 2 * truth - shared - own))
            models[name] = predictions_of(
                truth,
                (score >= 0.5).astype(int),
                n_classes=2,
                groups=owner,
                screen_score=score,
            )
        gains = against_first(models, ordered=False, n_resamples=300, seed=seed)
        (area,) = (d.difference for d in gains if d.metric == "screen_auc")
        (other,) = area_differences(models)
        accuracy = discordances(models)[0]
        wrong["bootstrap"] += not area.low <= 0 <= area.high
        wrong["delong"] += not other.difference.low <= 0 <= other.difference.high
        wrong["by scan"] += accuracy.by_scan.mid < 0.05
        wrong["by patient"] += accuracy.by_patient.mid < 0.05
    assert 6 <= wrong["delong"] <= 27
    assert 6 <= wrong["bootstrap"] <= 36
    assert wrong["by patient"] <= 27
    assert wrong["by scan"] >= 30  # what patients are for
