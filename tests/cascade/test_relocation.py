from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score

from hierclf.cascade.curve import GRID, SweepCurve, cases_of, sweep
from hierclf.cascade.cut_point import BEST, REACHED, choose_cut_point, parse_rule
from hierclf.cascade.relocation import (
    FIGURES,
    MOVING,
    Goal,
    at_prevalence,
    move_cut_point,
    screen_costs,
    settle,
)
from hierclf.evaluation.wards import labelled

POINTS = np.asarray(GRID)


def drawn(seed, n=400, share=0.7, classes=3):
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(n) < share, rng.integers(1, classes, n), 0)
    scores = norm.cdf(rng.normal(np.where(truth > 0, 0.8, -0.8), 1.0))
    refined = np.where(rng.random(n) < 0.7, np.maximum(truth, 1), 1)
    patients = rng.integers(0, n // 2, n)
    cases = cases_of(truth, scores, refined, n_classes=classes)
    return cases, labelled(truth > 0, scores, patients)


def test_scaled_rows_are_repeated_scans():
    """Three of each healthy scan, one of each diseased: another share, by counting."""
    cases, _ = drawn(0)
    curve = sweep(cases.truth, cases.scores, cases.refined, n_classes=3)
    times = np.where(cases.truth == 0, 3, 1)
    again = sweep(*(np.repeat(x, times) for x in (cases.truth, cases.scores,
                  cases.refined)), n_classes=3)  # fmt: skip
    share = np.average(cases.truth > 0, weights=times)
    scaled = at_prevalence(curve.confusions, share)
    np.testing.assert_allclose(scaled, again.confusions / times.sum(), atol=1e-12)
    many = at_prevalence(np.stack([curve.confusions] * 2), np.array([share, 0.5]))
    np.testing.assert_allclose(many[0], scaled)
    np.testing.assert_allclose(many[1].sum(axis=(1, 2)), 1)


TARGETS = {"sensitivity": "sensitivity>=0.9", "specificity": "specificity>=0.8"}
STAYING = sorted({*BEST, *REACHED} - MOVING)


@pytest.mark.parametrize("rule", [TARGETS.get(name, name) for name in STAYING])
def test_rules_on_rates_choose_the_same_at_any_share(rule):
    cases, reference = drawn(1)
    curve = sweep(cases.truth, cases.scores, cases.refined, n_classes=3)
    read = parse_rule(rule)
    first = choose_cut_point(curve, read).threshold
    for share in (0.05, 0.5, 0.95):
        scaled = SweepCurve(POINTS, at_prevalence(curve.confusions, share))
        assert choose_cut_point(scaled, read).threshold == first
    move = move_cut_point(
        cases,
        reference,
        Goal("x", read),
        fixed=0.37,
        prevalence=0.2,
        draws=np.array([0.2]),
        weights=np.ones((1, reference.n_patients)),
        points=POINTS,
    )
    assert move.moved.threshold == move.fixed.threshold == 0.37
    assert not move.goal.moves
    assert move.moved.low is None
    assert "cost" not in move.moved.figures


def test_least_cost_is_where_the_odds_say():
    """Normal scores: the best logit is known in closed form."""
    cases, reference = drawn(2, n=40_000)
    for share, price in ((0.3, 1.0), (0.7, 1.0), (0.3, 5.0)):
        goal = Goal("x", parse_rule("expected_cost"), screen_costs(3, price))
        move = move_cut_point(
            cases,
            reference,
            goal,
            fixed=0.5,
            prevalence=share,
            draws=np.array([share]),
            weights=np.ones((1, reference.n_patients)),
        )
        # ratio of N(0.8, 1) to N(-0.8, 1) at x is exp(1.6 x)
        best = norm.cdf(np.log((1 - share) / (price * share)) / 1.6)
        assert move.moved.threshold == pytest.approx(best, abs=0.05)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.9])
def test_best_kappa_is_that_of_weighted_scans(share):
    """Against scikit-learn, each scan as heavy as its kind is in the ward."""
    cases, reference = drawn(4, n=800)
    move = move_cut_point(
        cases,
        reference,
        Goal("x", parse_rule("quadratic_kappa")),
        fixed=0.5,
        prevalence=share,
        draws=np.array([share]),
        weights=np.ones((1, reference.n_patients)),
        points=POINTS,
    )
    ill = cases.truth > 0
    heavy = np.where(ill, share / ill.sum(), (1 - share) / (~ill).sum())
    kappas = [
        cohen_kappa_score(
            cases.truth,
            np.where(cases.scores >= cut, cases.refined, 0),
            weights="quadratic",
            sample_weight=heavy,
        )
        for cut in POINTS
    ]
    assert move.goal.moves
    best = POINTS[np.flatnonzero(np.isclose(kappas, max(kappas), atol=1e-12))]
    assert move.moved.threshold in best


def test_kappa_moves_with_the_share():
    cases, reference = drawn(4, n=800)
    found = [
        move_cut_point(
            cases,
            reference,
            Goal("x", parse_rule("quadratic_kappa")),
            fixed=0.5,
            prevalence=share,
            draws=np.array([share]),
            weights=np.ones((1, reference.n_patients)),
            points=POINTS,
        ).moved.threshold
        for share in (0.02, 0.98, 0.0)
    ]
    assert found[0] > found[1]
    assert np.isfinite(found).all()  # where nobody is diseased there is no kappa


def test_figures_are_those_of_a_loop():
    cases, reference = drawn(3)
    share, price = 0.25, 1.0
    goal = Goal("x", parse_rule("expected_cost"), screen_costs(3, price))
    draws = np.array([0.2, 0.25, 0.3])
    weights = np.random.default_rng(0).integers(0, 3, (3, reference.n_patients))
    move = move_cut_point(
        cases, reference, goal, fixed=0.5, prevalence=share,
        draws=draws, weights=weights, points=POINTS,
    )  # fmt: skip
    ill, called = cases.truth > 0, cases.scores >= 0.5
    se, sp = called[ill].mean(), (~called[~ill]).mean()
    expected = {
        "sensitivity": se,
        "specificity": sp,
        "ppv": share * se / (share * se + (1 - share) * (1 - sp)),
        "npv": (1 - share) * sp / ((1 - share) * sp + share * (1 - se)),
        "accuracy": share * se + (1 - share) * sp,
        "cost": price * share * (1 - se) + (1 - share) * (1 - sp),
    }
    assert tuple(move.fixed.figures) == FIGURES
    for name, value in expected.items():
        assert move.fixed.figures[name].value == pytest.approx(value), name
    costs = []
    for cut in POINTS:
        called = cases.scores >= cut
        costs.append(
            price * share * (~called)[ill].mean() + (1 - share) * called[~ill].mean()
        )
    best = POINTS[np.flatnonzero(np.isclose(costs, min(costs)))]
    assert move.moved.threshold in best
    assert move.moved.threshold != 0.5
    ppv = []
    for row, q in zip(weights, draws, strict=True):
        w = row[reference.patients]
        se = np.average((cases.scores >= 0.5)[ill], weights=w[ill])
        sp = np.average((cases.scores < 0.5)[~ill], weights=w[~ill])
        ppv.append(q * se / (q * se + (1 - q) * (1 - sp)))
    assert move.fixed.figures["ppv"].low == pytest.approx(np.quantile(ppv, 0.025))
    assert move.fixed.figures["ppv"].high == pytest.approx(np.quantile(ppv, 0.975))
    assert move.moved.low <= move.moved.high


def test_fixed_cut_point_may_lie_between_the_points():
    cases, reference = drawn(4)
    goal = Goal("x", parse_rule("expected_cost"), screen_costs(3))
    move = move_cut_point(
        cases, reference, goal, fixed=0.333, prevalence=0.5,
        draws=np.array([0.5]), weights=np.ones((1, reference.n_patients)),
        points=POINTS,
    )  # fmt: skip
    sensitivity = (cases.scores[cases.truth > 0] >= 0.333).mean()
    assert move.fixed.figures["sensitivity"].value == pytest.approx(sensitivity)


def test_more_labelled_scans_settle_more():
    cases, reference = drawn(5, n=2000)
    goal = Goal("x", parse_rule("macro_recall"))
    found = settle(
        cases, reference, goal, prevalence=0.4, sizes=(20, 300),
        points=POINTS, n_resamples=200, seed=1,
    )  # fmt: skip
    few, many = found
    assert (few.n_scans, many.n_scans) == (20, 300)
    assert few.high - few.low > many.high - many.low
    spread = [s.sensitivity.high - s.sensitivity.low for s in found]
    assert spread[0] > 1.5 * spread[1]
    assert many.low <= many.middle <= many.high
    curve = sweep(cases.truth, cases.scores, cases.refined, n_classes=3)
    assert many.sensitivity.value in curve.sensitivity
    again = settle(
        cases, reference, goal, prevalence=0.4, sizes=(20, 300),
        points=POINTS, n_resamples=200, seed=1,
    )  # fmt: skip
    assert again == found


def test_draws_of_one_kind_allow_no_choice():
    cases, reference = drawn(6)
    (one,) = settle(
        cases, reference, Goal("x", parse_rule("youden")), prevalence=0.01,
        sizes=(20,), points=POINTS, n_resamples=100,
    )  # fmt: skip
    assert one.n_excluded > 50
    assert np.isnan(one.low)
    (none,) = settle(
        cases, reference, Goal("x", parse_rule("youden")), prevalence=0.0,
        sizes=(20,), points=POINTS, n_resamples=10,
    )  # fmt: skip
    assert none.n_excluded == 10
    assert none.sensitivity.value is None
