from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from hierclf.cascade import curve_interval
from hierclf.cascade.curve import GRID, sweep
from hierclf.cascade.curve_interval import bootstrap_curve, curve_table
from hierclf.cascade.cut_point import choose_cut_point, parse_rule
from hierclf.evaluation.bootstrap import patient_weights
from hierclf.foundation.errors import InputError

RULE = parse_rule("macro_recall")
COSTS = np.array([[0.0, 1, 2], [3, 0, 1], [7, 2, 0]])


def _held_out(n_scans: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n_scans)
    scores = np.clip(rng.normal(0.35 + 0.3 * (truth > 0), 0.2), 0, 1)
    refined = np.where(rng.random(n_scans) < 0.7, np.maximum(truth, 1), 1)
    return truth, scores, refined, rng.integers(0, n_scans // 2, n_scans)


def _copied(case, weights):
    """Repeat the scans of each patient as often as the patient was drawn."""
    truth, scores, refined, groups = case
    codes = np.unique(groups.astype(str), return_inverse=True)[1]
    rows = np.repeat(np.arange(truth.size), weights[codes])
    return truth[rows], scores[rows], refined[rows]


@pytest.mark.parametrize(
    "text", ["macro_recall", "youden", "expected_cost", "sensitivity>=0.9"]
)
def test_resamples_are_swept_like_copied_scans(text):
    case, rule = _held_out(60), parse_rule(text)
    found = bootstrap_curve(
        *case[:3],
        n_classes=3,
        groups=case[3],
        rule=rule,
        costs=COSTS,
        n_resamples=25,
        seed=4,
    )
    n_patients = np.unique(case[3]).size
    curves = [
        sweep(*_copied(case, weights), n_classes=3)
        for weights in patient_weights(n_patients, n_resamples=25, seed=4)
    ]
    chosen = [choose_cut_point(curve, rule, COSTS).threshold for curve in curves]
    np.testing.assert_array_equal(found.chosen, chosen)
    recalls = [curve.macro_recall for curve in curves]
    low, high = np.percentile(recalls, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(found.macro_recall_low, low)
    np.testing.assert_allclose(found.macro_recall_high, high)
    assert (found.threshold_low, found.threshold_high) == pytest.approx(
        tuple(np.percentile(chosen, [2.5, 97.5]))
    )
    assert found.n_excluded == 0


@pytest.mark.parametrize("points", ["grid", "all"])
def test_weights_of_one_give_the_curve_itself(monkeypatch, points):
    monkeypatch.setattr(
        curve_interval,
        "patient_weights",
        lambda n, *, n_resamples, seed: np.ones((n_resamples, n), dtype=np.uint16),
    )
    case = _held_out(80)
    found = bootstrap_curve(
        *case[:3],
        n_classes=3,
        groups=case[3],
        rule=RULE,
        points=points,
        n_resamples=3,
    )
    curve = sweep(*case[:3], n_classes=3, points=points)
    np.testing.assert_array_equal(found.thresholds, curve.thresholds)
    np.testing.assert_allclose(found.macro_recall_low, curve.macro_recall)
    np.testing.assert_allclose(found.macro_recall_high, curve.macro_recall)
    assert set(found.chosen) == {choose_cut_point(curve, RULE).threshold}


def test_many_scores_are_thinned_from_end_to_end():
    case = _held_out(900)
    found = bootstrap_curve(
        *case[:3], n_classes=3, groups=None, rule=RULE, points="all", n_resamples=2
    )
    distinct = np.unique(case[1])
    assert found.thresholds.size == 200
    assert found.thresholds[0] == distinct[0]
    assert distinct[-1] == found.thresholds[-1] == 1.0  # no cut point above 1
    assert set(found.thresholds[:-1]) <= set(distinct)
    ranks = np.searchsorted(distinct, found.thresholds)
    assert set(np.diff(ranks)) <= {distinct.size // 199, distinct.size // 199 + 1}


def test_resamples_without_a_choice_are_counted():
    truth, refined = np.array([0] * 6 + [1] * 6 + [2]), np.array([1] * 12 + [2])
    scores = np.linspace(0.04, 0.96, 13)
    found = bootstrap_curve(
        truth, scores, refined, n_classes=3, groups=None, rule=RULE, n_resamples=200
    )
    weights = patient_weights(13, n_resamples=200, seed=0)
    whole = weights[:, :6].any(1) & weights[:, 6:12].any(1) & (weights[:, 12] > 0)
    np.testing.assert_array_equal(np.isnan(found.chosen), ~whole)
    assert found.n_excluded == (~whole).sum() > 0
    assert np.isfinite([found.threshold_low, found.threshold_high]).all()


def test_a_target_missed_by_a_resample_only_is_counted():
    truth, refined = np.array([0] * 5 + [1] * 5), np.ones(10, dtype=int)
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.02, 0.6, 0.7, 0.8, 0.9])
    rule = parse_rule("sensitivity>=0.8")  # one of five lies below the grid
    found = bootstrap_curve(
        truth, scores, refined, n_classes=2, groups=None, rule=rule, n_resamples=200
    )
    weights = patient_weights(10, n_resamples=200, seed=0).astype(float)
    healthy, diseased = weights[:, :5].sum(axis=1), weights[:, 5:].sum(axis=1)
    missed = (weights[:, 5] > 0.2 * diseased) | (healthy == 0) | (diseased == 0)
    np.testing.assert_array_equal(np.isnan(found.chosen), missed)
    assert found.n_excluded == missed.sum() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"rule": parse_rule("expected_cost")},
            "cut_point.rule: expected a cost matrix",
        ),
        ({"rule": RULE, "groups": ["a"]}, "groups: expected a patient for each of 4"),
        ({"rule": RULE, "groups": ["a"] * 4}, "groups: expected at least 2 patients"),
        ({"rule": parse_rule("sensitivity>=0.9")}, r"reaches 0.9, got 0.5000 at best"),
    ],
)
def test_what_the_sample_does_not_allow_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        bootstrap_curve(
            [0, 0, 1, 1],
            [0.1, 0.2, 0.01, 0.9],
            [1] * 4,
            n_classes=2,
            **({"groups": None} | options),
        )


def test_table_holds_the_curve():
    case = _held_out(60)
    curve = sweep(*case[:3], n_classes=3)
    table = curve_table(curve, ["healthy", "stage1", "stage2"])
    assert table.columns.tolist() == [
        *("threshold", "macro_recall", "accuracy", "sensitivity", "specificity"),
        *("youden", "ppv", "npv", "recall_healthy", "recall_stage1", "recall_stage2"),
    ]
    assert table["threshold"].tolist() == list(GRID)
    with_kappa = curve_table(curve, ["healthy", "stage1", "stage2"], ordered=True)
    kappa = with_kappa.pop("quadratic_kappa")
    pd.testing.assert_frame_equal(with_kappa, table)
    truth, scores, refined, _ = case
    expected = [
        cohen_kappa_score(
            truth, np.where(scores >= cut, refined, 0), weights="quadratic"
        )
        for cut in GRID
    ]
    np.testing.assert_allclose(kappa, expected)
    recalls = table.filter(like="recall_").to_numpy()
    np.testing.assert_allclose(recalls.mean(axis=1), table["macro_recall"])
    truth, scores, _, _ = case
    for row in table.itertuples():
        called = scores >= row.threshold
        sick = truth > 0
        assert row.ppv == pytest.approx(
            sick[called].mean() if called.any() else np.nan, nan_ok=True
        )
        assert row.npv == pytest.approx(
            (~sick)[~called].mean() if (~called).any() else np.nan, nan_ok=True
        )


def test_table_takes_the_interval_where_there_is_one():
    case = _held_out(900)
    for points, n_filled in (("grid", 19), ("all", 200)):
        curve = sweep(*case[:3], n_classes=3, points=points)
        interval = bootstrap_curve(
            *case[:3],
            n_classes=3,
            groups=case[3],
            rule=RULE,
            points=points,
            n_resamples=40,
        )
        table = curve_table(curve, "abc", interval)
        pd.testing.assert_frame_equal(table.iloc[:, :11], curve_table(curve, "abc"))
        bounded = table.dropna(subset=["macro_recall_low"])
        assert len(bounded) == n_filled
        np.testing.assert_array_equal(
            bounded["macro_recall_high"], interval.macro_recall_high
        )
