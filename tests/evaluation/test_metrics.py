from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from hierclf.evaluation.metrics import (
    KAPPAS,
    MACRO_RECALLS,
    PROPORTIONS,
    SCORE_FIGURES,
    available,
    draws,
    resampled,
)
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError


def _random_predictions(seed: int, n_scans: int = 60, n_classes: int = 4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_scans)
    score = np.round(np.clip(rng.normal(0.3 + 0.3 * (truth > 0), 0.2), 0, 1), 1)
    refined = np.where(rng.random(n_scans) < 0.6, np.maximum(truth, 1), 1)
    return predictions_of(
        truth,
        np.where(score >= 0.4, refined, 0),
        n_classes=n_classes,
        groups=rng.integers(0, 25, n_scans),
        screen_score=score,
        refined=refined,
    )


def _precision(truth, predicted, positive, weight):
    called = predicted == positive
    return np.average(truth[called] == positive, weights=weight[called])


def _recall(truth, predicted, positive, weight):
    return _precision(predicted, truth, positive, weight)


def _reference_figures(said, weight):
    """Every figure by scikit-learn, or by an average over the scans."""
    truth, predicted = said.truth, said.predicted
    sick, called = truth > 0, predicted > 0
    staged = (truth[sick], said.refined[sick])
    heavy = weight[sick]
    balanced = reference.balanced_accuracy_score
    kappa = reference.cohen_kappa_score
    return {
        "accuracy": reference.accuracy_score(truth, predicted, sample_weight=weight),
        "sensitivity": _recall(sick, called, True, weight),
        "specificity": _recall(sick, called, False, weight),
        "ppv": _precision(sick, called, True, weight),
        "npv": _precision(sick, called, False, weight),
        "screen_accuracy": np.average(sick == called, weights=weight),
        "refine_accuracy": reference.accuracy_score(*staged, sample_weight=heavy),
        "macro_recall": balanced(truth, predicted, sample_weight=weight),
        "balanced_accuracy": balanced(truth, predicted, sample_weight=weight),
        "screen_macro_recall": balanced(sick, called, sample_weight=weight),
        "refine_macro_recall": balanced(*staged, sample_weight=heavy),
        "quadratic_kappa": kappa(
            truth, predicted, weights="quadratic", sample_weight=weight
        ),
        "refine_quadratic_kappa": kappa(
            *staged, weights="quadratic", sample_weight=heavy
        ),
        "screen_auc": reference.roc_auc_score(
            sick, said.screen_score, sample_weight=weight
        ),
        "screen_average_precision": reference.average_precision_score(
            sick, said.screen_score, sample_weight=weight
        ),
        "screen_brier": reference.brier_score_loss(
            sick, said.screen_score, sample_weight=weight
        ),
    }


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_of_every_resample_is_that_of_sklearn(seed):
    said = _random_predictions(seed)
    counted = resampled(said, n_resamples=6, seed=seed)
    names = available(counted, ordered=True)
    found = {name: draws(name, counted) for name in names}
    for row, weights in enumerate(counted.weights):
        expected = _reference_figures(said, weights[said.patients].astype(float))
        assert set(expected) == set(names)
        for name in names:
            assert found[name][row] == pytest.approx(expected[name]), name


def test_the_first_row_is_the_sample_itself():
    counted = resampled(_random_predictions(0), n_resamples=2, seed=0)
    assert (counted.weights[0] == 1).all()
    assert (counted.weights[1:] != 1).any()


def test_registries_share_no_name():
    names = [*PROPORTIONS, *MACRO_RECALLS, *KAPPAS, *SCORE_FIGURES]
    assert len(names) == len(set(names))


def test_figures_need_what_they_are_made_of():
    bare = predictions_of([0, 1, 2], [0, 1, 2], n_classes=3)
    counted = resampled(bare, n_resamples=2, seed=0)
    names = available(counted, ordered=False)
    assert set(names) == {
        "accuracy",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "screen_accuracy",
        "macro_recall",
        "balanced_accuracy",
        "screen_macro_recall",
    }
    assert set(available(counted, ordered=True)) == {*names, "quadratic_kappa"}
    with pytest.raises(InputError, match=r"metric: .* got 'screen_auc'"):
        draws("screen_auc", counted)


@pytest.mark.parametrize(
    "said",
    [
        predictions_of([0, 1], [0, 1], n_classes=2, refined=[1, 1]),
        predictions_of([0, 0], [0, 1], n_classes=3, refined=[1, 2]),
    ],
)
def test_nothing_to_refine_has_no_table(said):
    assert "refine" not in resampled(said, n_resamples=2, seed=0).tables


def test_a_misspelt_figure_is_refused():
    counted = resampled(_random_predictions(0), n_resamples=2, seed=0)
    with pytest.raises(InputError, match="Did you mean 'macro_recall'"):
        draws("macro_recal", counted)


def test_macro_recall_is_undefined_where_a_class_is_lost():
    said = predictions_of([0, 0, 0, 1, 2], [0, 0, 1, 1, 1], n_classes=3)
    counted = resampled(said, n_resamples=50, seed=0)
    healthy = counted.weights[:, :3].sum(axis=1)
    lost = (counted.weights[:, 3:] == 0).any(axis=1) | (healthy == 0)
    assert lost.any()
    assert not lost.all()
    np.testing.assert_array_equal(np.isnan(draws("macro_recall", counted)), lost)
