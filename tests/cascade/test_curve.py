from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from hierclf.cascade.curve import GRID, every_score, stack, sweep
from hierclf.foundation.errors import InputError


@st.composite
def held_out(draw: st.DrawFn):
    n_classes = draw(st.integers(2, 5))
    n_scans = draw(st.integers(2, 40))
    truth = draw(
        st.lists(st.integers(0, n_classes - 1), min_size=n_scans, max_size=n_scans)
    )
    refined = draw(
        st.lists(st.integers(1, n_classes - 1), min_size=n_scans, max_size=n_scans)
    )
    score = st.integers(0, 20).map(lambda step: step / 20) | st.floats(0, 1)
    scores = draw(st.lists(score, min_size=n_scans, max_size=n_scans))
    assume(0 in truth and max(truth) > 0)
    assume(len(set(scores)) > 1)
    return np.array(truth), np.array(scores), np.array(refined), n_classes


def test_the_grid_is_exact():
    assert [Decimal(str(point)) for point in GRID] == [
        Decimal("0.05") * step for step in range(1, 20)
    ]


@settings(max_examples=40)
@given(held_out(), st.sampled_from(["grid", "all"]))
def test_sweep_is_a_loop_over_cut_points(case, points):
    truth, scores, refined, n_classes = case
    curve = sweep(truth, scores, refined, n_classes=n_classes, points=points)
    sick = truth > 0
    for place, threshold in enumerate(curve.thresholds):
        called = scores >= threshold
        predicted = np.where(called, refined, 0)
        expected = reference.confusion_matrix(truth, predicted, labels=range(n_classes))
        np.testing.assert_array_equal(curve.confusions[place], expected)
        recall = reference.recall_score(
            truth,
            predicted,
            labels=np.unique(truth),
            average="macro",
            zero_division=0.0,
        )
        assert curve.macro_recall[place] == pytest.approx(recall)
        assert curve.accuracy[place] == pytest.approx((truth == predicted).mean())
        assert curve.sensitivity[place] == pytest.approx(called[sick].mean())
        assert curve.specificity[place] == pytest.approx((~called)[~sick].mean())
        assert curve.youden[place] == pytest.approx(
            called[sick].mean() - called[~sick].mean()
        )


@given(held_out(), st.sampled_from(["grid", "all"]))
def test_raising_the_cut_never_raises_sensitivity(case, points):
    truth, scores, refined, n_classes = case
    curve = sweep(truth, scores, refined, n_classes=n_classes, points=points)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.sensitivity) <= 0).all()
    assert (np.diff(curve.specificity) >= 0).all()


@given(held_out())
def test_all_points_go_from_everybody_to_nobody(case):
    truth, scores, refined, n_classes = case
    curve = sweep(truth, scores, refined, n_classes=n_classes, points="all")
    below_one = bool(scores.max() < 1)
    assert curve.thresholds.size == len(set(scores.tolist())) + below_one
    assert (curve.sensitivity[0], curve.specificity[0]) == (1, 0)
    if below_one:
        assert (curve.sensitivity[-1], curve.specificity[-1]) == (0, 1)


@given(held_out())
def test_expected_cost_is_the_mean_price(case):
    truth, scores, refined, n_classes = case
    costs = np.random.default_rng(0).random((n_classes, n_classes))
    curve = sweep(truth, scores, refined, n_classes=n_classes)
    for threshold, price in zip(
        curve.thresholds, curve.expected_cost(costs), strict=True
    ):
        predicted = np.where(scores >= threshold, refined, 0)
        assert price == pytest.approx(costs[truth, predicted].mean())


def test_a_score_on_the_cut_point_is_diseased():
    curve = sweep([0, 1], [0.1, 0.3], [1, 1], n_classes=2)
    assert curve.sensitivity[GRID.index(0.3)] == 1
    assert curve.sensitivity[GRID.index(0.35)] == 0


def test_stack_keeps_leading_dimensions():
    counts = np.random.default_rng(0).integers(0, 5, (3, 2, 6, 4, 3)).astype(float)
    together = stack(counts)
    assert together.shape == (3, 2, 5, 4, 4)
    np.testing.assert_array_equal(together[2, 1], stack(counts[2, 1]))


def test_above_the_highest_score_nobody_is_diseased():
    levels = every_score(np.array([0.5, 0.75, 0.5]))
    assert levels[:2].tolist() == [0.5, 0.75]
    assert 0.75 < levels[2] < 0.7500001


def test_no_cut_point_is_above_one():
    assert every_score(np.array([0.5, 1.0, 0.5])).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"truth": [0, 0, 3]}, "truth, scan 2: expected a position from 0 to 2, got 3"),
        ({"refined": [0, 1, 1]}, "refined, scan 0: expected a position from 1 to 2"),
        ({"refined": [1, 1]}, r"cut point: expected a score and .* 3 scans, .*\(2,\)"),
        ({"scores": [0.1, 0.2]}, "screen score: expected one row for each of 3 scans"),
        (
            {"scores": [[0.1, 0.2]] * 3},
            r"cut point: expected a score .* shapes \(3, 2\)",
        ),
        ({"scores": [0.1, np.nan, 0.2]}, "screen score, scan 1: expected .* got nan"),
        ({"scores": [0.1, 0.2, 1.01]}, "screen score, scan 2: .* got 1.01"),
        ({"scores": [0.1, 0.2, -0.5]}, "screen score, scan 2: .* got -0.5"),
        ({"scores": [0.4] * 3}, "cut point: expected different .* got 0.4 for every"),
        ({"truth": [1, 2, 2]}, "cut point: expected healthy and diseased scans, got 3"),
        ({"truth": [0, 0, 0]}, "cut point: expected healthy and diseased scans, got 3"),
    ],
)
def test_what_cannot_be_swept_is_refused(wrong, message):
    right = {"truth": [0, 1, 2], "scores": [0.1, 0.5, 0.9], "refined": [1, 1, 2]}
    with pytest.raises(InputError, match=message):
        sweep(**(right | wrong), n_classes=3)
