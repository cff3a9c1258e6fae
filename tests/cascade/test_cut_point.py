from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from hierclf.cascade.curve import GRID, SweepCurve, sweep
from hierclf.cascade.cut_point import (
    BEST,
    REACHED,
    CutPointChoice,
    Rule,
    choose_cut_point,
    parse_rule,
    plateau_middle,
    rule_for,
)
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import Hierarchy

# Macro recall at 0.05, 0.10, ... 0.95, tables 2.5 and 2.6 of He 2019.
HE_WITH_COSTS = [
    *(0.9098, 0.9110, 0.9107, 0.9154, 0.9140, 0.9133, 0.9157, 0.9162, 0.9089, 0.9050),
    *(0.9099, 0.9078, 0.9072, 0.9045, 0.9018, 0.8965, 0.8851, 0.8697, 0.8497),
]
HE_WITHOUT_COSTS = [
    *(0.9050, 0.9061, 0.9065, 0.9112, 0.9098, 0.9091, 0.9116, 0.9121, 0.9049, 0.9016),
    *(0.9065, 0.9045, 0.9038, 0.9011, 0.8985, 0.8931, 0.8819, 0.8666, 0.8467),
]


def _curve_with(macro_recalls: list[float]) -> SweepCurve:
    """Make a curve of four classes of 10,000 scans with these macro recalls."""
    confusions = np.zeros((len(macro_recalls), 4, 4), dtype=np.int32)
    for place, macro_recall in enumerate(macro_recalls):
        right = round(macro_recall * 40_000)
        confusions[place] = np.diag([right - 30_000, 10_000, 10_000, 10_000])
        confusions[place, 0, 1] = 40_000 - right
    return SweepCurve(np.array(GRID), confusions)


@pytest.mark.parametrize(
    ("published", "value", "at_half"),
    [(HE_WITH_COSTS, 0.9162, 0.9050), (HE_WITHOUT_COSTS, 0.9121, 0.9016)],
)
def test_the_published_curves_give_the_published_cut_point(published, value, at_half):
    curve = _curve_with(published)
    choice = choose_cut_point(curve, parse_rule("macro_recall"))
    assert choice.threshold == 0.4
    assert choice.value == pytest.approx(value)
    assert choice.n_tied == 1
    assert curve.macro_recall[GRID.index(0.5)] == pytest.approx(at_half)


@st.composite
def held_out(draw: st.DrawFn):
    n_scans = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    truth = np.append([0, 1], rng.integers(0, 3, n_scans - 2))
    scores = np.append([0.25, 0.75], np.round(rng.random(n_scans - 2), 2))
    return truth, scores, rng.integers(1, 3, n_scans)


COSTS = np.array([[0.0, 1, 2], [3, 0, 1], [7, 2, 0]])


@given(held_out(), st.sampled_from(["grid", "all"]), st.sampled_from(sorted(BEST)))
def test_no_cut_point_is_better_than_the_chosen_one(case, points, rule):
    truth, scores, refined = case
    curve = sweep(*case, n_classes=3, points=points)
    choice = choose_cut_point(curve, parse_rule(rule), COSTS)

    def figure(threshold: float) -> float:
        called = scores >= threshold
        predicted = np.where(called, refined, 0)
        if rule == "expected_cost":
            return -COSTS[truth, predicted].mean()
        if rule == "quadratic_kappa":
            return cohen_kappa_score(truth, predicted, weights="quadratic")
        if rule == "youden":
            return called[truth > 0].mean() - called[truth == 0].mean()
        return np.mean([(predicted == k)[truth == k].mean() for k in np.unique(truth)])

    figures = np.array([figure(threshold) for threshold in curve.thresholds])
    sign = -1 if rule == "expected_cost" else 1
    assert choice.value == pytest.approx(sign * figures.max())
    assert figures[choice.index] == pytest.approx(figures.max())
    assert choice.n_tied == np.isclose(figures, figures.max(), rtol=0, atol=1e-9).sum()
    assert choice.threshold == curve.thresholds[choice.index]
    assert choice.macro_recall == curve.macro_recall[choice.index]
    assert choice.sensitivity == curve.sensitivity[choice.index]
    assert choice.specificity == curve.specificity[choice.index]


@given(held_out(), st.floats(0.01, 0.99))
def test_a_target_is_reached_at_the_least_loss(case, target):
    truth, scores, _ = case
    curve = sweep(*case, n_classes=3, points="all")
    rates = {
        "sensitivity": [(scores >= t)[truth > 0].mean() for t in curve.thresholds],
        "specificity": [(scores < t)[truth == 0].mean() for t in curve.thresholds],
    }
    for name, other, sign in (
        ("sensitivity", "specificity", 1),
        ("specificity", "sensitivity", -1),
    ):
        enough = [i for i, rate in enumerate(rates[name]) if rate >= target]
        if not enough:  # a healthy score of 1 is above every cut point
            with pytest.raises(InputError, match="at best"):
                choose_cut_point(curve, Rule(name, target))
            continue
        choice = choose_cut_point(curve, Rule(name, target))
        best = max(enough, key=lambda i: (rates[other][i], rates[name][i], sign * i))
        assert choice.index == best
        assert choice.value == pytest.approx(rates[name][choice.index])
        assert rates[other][choice.index] == max(rates[other][i] for i in enough)


def test_points_with_both_rates_alike_count_as_tied():
    curve = sweep([0, 0, 1, 1], [0.1, 0.2, 0.42, 0.9], [1] * 4, n_classes=2)
    choice = choose_cut_point(curve, parse_rule("sensitivity>=0.9"))
    assert (choice.threshold, choice.value, choice.n_tied) == (0.4, 1.0, 4)
    choice = choose_cut_point(curve, parse_rule("specificity>=0.9"))
    assert (choice.threshold, choice.value, choice.n_tied) == (0.25, 1.0, 4)


@pytest.mark.parametrize(
    ("rule", "scores", "best"),
    [
        ("sensitivity>=0.9", [0.02, 0.6, 0.01, 0.8], "0.5000"),
        ("specificity>=0.6", [0.96, 0.5, 0.97, 0.8], "0.5000"),
    ],
)
def test_a_target_out_of_reach_is_refused(rule, scores, best):
    curve = sweep([0, 0, 1, 1], scores, [1] * 4, n_classes=2)
    with pytest.raises(InputError, match=f"cut_point.rule: .* got {best} at best"):
        choose_cut_point(curve, parse_rule(rule))


@pytest.mark.parametrize(
    ("tied", "chosen"),
    [
        ([7], 7),
        ([3, 4, 5], 4),
        ([3, 4, 5, 6], 4),  # of two middles the lower
        ([0, 1, 5, 6, 7, 12], 6),
        ([2, 3, 10, 11], 2),  # of two runs as long the lower
        ([0, 1, 17, 18], 0),
        ([1, 7], 1),  # 0.4 - 0.35 is more than 0.1 - 0.05 in floats
        (list(range(19)), 9),
    ],
)
def test_the_middle_of_the_longest_plateau_is_chosen(tied, chosen):
    assert plateau_middle(np.array(GRID), np.array(tied)) == chosen


def test_sums_that_differ_by_rounding_alone_are_equally_good():
    right = np.array([[1, 2, 3], [3, 2, 1], [1, 1, 1]])
    confusions = np.stack([np.diag(row) for row in right])
    confusions[:, :, 1] += [[9, 8, 7], [7, 8, 9], [9, 9, 9]]
    confusions[:, 1, :] = [[8, 2, 0], [8, 2, 0], [9, 1, 0]]
    curve = SweepCurve(np.array([0.2, 0.4, 0.6]), confusions)
    assert curve.macro_recall[0] != curve.macro_recall[1]
    assert choose_cut_point(curve, parse_rule("macro_recall")).n_tied == 2


def test_a_plateau_is_as_long_as_its_stretch_of_scores():
    thresholds = np.array([0.1, 0.11, 0.12, 0.13, 0.6, 0.7, 0.95])
    assert plateau_middle(thresholds, np.array([0, 1, 2, 4, 5])) == 4
    assert plateau_middle(thresholds, np.array([1, 2, 3, 6])) == 6


def test_a_perfect_screen_is_cut_in_the_middle():
    curve = sweep([0, 0, 1, 1], [0.0, 0.01, 0.99, 1.0], [1] * 4, n_classes=2)
    for rule in ("macro_recall", "youden"):
        choice = choose_cut_point(curve, parse_rule(rule))
        assert (choice.threshold, choice.n_tied, choice.value) == (0.5, 19, 1.0)


@pytest.mark.parametrize("costs", [None, np.zeros((3, 3))])
def test_costs_must_fit(costs):
    curve = sweep([0, 1], [0.1, 0.9], [1, 1], n_classes=2)
    got = "none" if costs is None else r"shape \(3, 3\)"
    with pytest.raises(
        InputError, match=rf"cost matrix of shape \(2, 2\) .* got {got}"
    ):
        choose_cut_point(curve, parse_rule("expected_cost"), costs)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("macro_recall", Rule("macro_recall")),
        ("youden", Rule("youden")),
        ("expected_cost", Rule("expected_cost")),
        ("sensitivity>=0.95", Rule("sensitivity", 0.95)),
        (" specificity >= .9 ", Rule("specificity", 0.9)),
    ],
)
def test_rules_are_read_and_written(text, rule):
    assert parse_rule(text) == rule
    assert parse_rule(str(rule)) == rule


def test_every_rule_has_a_name():
    for name in BEST:
        assert parse_rule(name) == Rule(name)
    for name in REACHED:
        assert parse_rule(f"{name}>=0.123456789") == Rule(name, 0.123456789)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "sensitivty>=0.95",
            "got 'sensitivty>=0.95'. Did you mean 'sensitivity>=0.95'",
        ),
        ("macro_recal", "got 'macro_recal'. Did you mean 'macro_recall'"),
        ("yoden", "Did you mean 'youden'"),
        ("sensitivity>=1.0", "got 'sensitivity>=1.0'. Write s as a decimal like 0.95"),
        ("sensitivity>=0.0", "0 < s < 1, got 'sensitivity>=0.0'. Write s"),
        ("specificity>=95", "got 'specificity>=95'. Write s"),
        ("specificity>=0.9%", "Write s"),
        ("specificity>=nan", "Write s"),
        ("sensitivity>=", "Write s"),
        ("sensitivity", "got 'sensitivity'. Did you mean 'sensitivity>=s'"),
        ("sensitivity>0.9", "got 'sensitivity>0.9'. Did you mean 'sensitivity>=s'"),
        ("macro_recall>=0.9", "Did you mean 'macro_recall'"),
        ("", "got ''. Known: "),
    ],
)
def test_nonsense_is_refused_with_the_nearest_rule(text, hint):
    with pytest.raises(InputError, match=f"cut_point.rule: expected one of .*{hint}"):
        parse_rule(text)


def test_a_choice_comes_back_from_json():
    curve = sweep([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.8], [1] * 4, n_classes=2)
    choice = choose_cut_point(curve, parse_rule("youden"))
    assert CutPointChoice.model_validate_json(choice.model_dump_json()) == choice


def test_kappa_is_no_rule_for_types() -> None:
    types = Hierarchy("healthy", ("bacteria", "virus"))
    with pytest.raises(InputError, match=r"expected stages in an order"):
        rule_for("quadratic_kappa", types)
    assert rule_for("youden", types).name == "youden"
    for fine in (Hierarchy("a", ("b",)), Hierarchy("a", ("b", "c"), ordered=True)):
        assert rule_for("quadratic_kappa", fine).name == "quadratic_kappa"
