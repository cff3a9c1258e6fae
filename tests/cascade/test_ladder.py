"""Ordered stages in a cascade: the cut points of the steps, and who climbs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from hierclf.cascade.cut_point import parse_rule
from hierclf.cascade.decisions import HeldOut
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.ladder import TRIED, above_stages, climb, climb_better
from hierclf.cascade.naming import Naming, tune_naming
from hierclf.foundation.errors import InputError
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.problem.costs import ordered_costs

LABELS = ["a", "b", "c", "d"]
TOLD = {"cut_point": "macro_recall", "refinement": "ordered", "ordered": True}


def cases(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n)
    X = np.column_stack([hidden + rng.normal(size=n) * 0.5, rng.normal(size=n)])
    return X, np.asarray(LABELS)[np.digitize(hidden, [-0.3, 0.5, 1.3])]


def places_of(labels) -> np.ndarray:
    return np.asarray([LABELS.index(label) for label in labels])


def test_climbing_stops_at_the_first_step_that_is_too_high() -> None:
    above = np.array([[0.9, 0.1, 0.1], [0.2, 0.2, 0.2], [0.9, 0.8, 0.7]])
    rungs = np.array([0.5, 0.3, 0.05])
    assert climb(above, rungs).tolist() == [2, 1, 4]


def test_a_step_at_its_cut_point_is_climbed() -> None:
    """As a scan at the cut point of the screen is diseased."""
    assert climb(np.array([[0.5], [0.4999]]), np.array([0.5])).tolist() == [2, 1]


def test_stages_add_up_from_the_top() -> None:
    said = np.array([[0.2, 0.3, 0.1]])  # and 0.4 for healthy
    np.testing.assert_allclose(above_stages(said), [[0.4, 0.1]])


@pytest.mark.parametrize("figure", ["quadratic_kappa", "macro_recall"])
def test_no_single_cut_point_is_better_than_the_chosen_ones(figure) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, 300)
    above = np.sort(
        np.clip(
            (truth[:, None] - [1.5, 2.5]) / 4 + rng.normal(0.5, 0.2, (300, 2)), 0, 1
        )
    )[:, ::-1]
    passed = truth + rng.normal(0, 0.7, 300) > 0.5
    rungs = np.array([0.5, 0.5])
    for _ in range(6):
        rungs = climb_better(above, truth, passed, rungs, figure)

    def value(tried) -> float:
        decided = np.where(passed, climb(above, np.asarray(tried)), 0)
        if figure == "quadratic_kappa":
            return cohen_kappa_score(truth, decided, weights="quadratic")
        return balanced_accuracy_score(truth, decided)

    found = value(rungs)
    for step, cut_point in itertools.product(range(2), TRIED):
        other = rungs.copy()
        other[step] = cut_point
        assert value(other) <= found + 1e-9
    assert found > value([0.5, 0.5]) - 1e-12


def test_decisions_are_those_of_the_ladder() -> None:
    """The stage that a scan gets, from the parts of a fitted cascade."""
    X, y = cases()
    base = OrdinalClassifier(LogisticRegression(), order=LABELS)
    cascade = HierarchicalClassifier(refine=base, **TOLD).fit(X, y)
    new = cases(200, seed=1)[0]
    score = cascade.screen_.predict_proba(new)[:, 1]
    steps = cascade.refine_.above(new)[:, 1:]
    expected = []
    for scan, (first, *rest) in enumerate(zip(score, *steps.T, strict=True)):
        place = 0
        if first >= cascade.cut_point_:
            place = 1
            for value, rung in zip(rest, cascade.naming_.rungs, strict=True):
                if value < rung:
                    break
                place += 1
        expected.append(LABELS[place])
        assert scan < len(new)
    assert cascade.predict(new).tolist() == expected
    assert set(expected) == set(LABELS)


@pytest.mark.parametrize("calibration", ["none", "platt"])
def test_probabilities_stay_coherent(calibration) -> None:
    X, y = cases()
    cascade = HierarchicalClassifier(**TOLD, calibration=calibration).fit(X, y)
    said = cascade.decide(X)
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(1 - said.probabilities[:, 0], said.screen_score)


def test_steps_are_chosen_on_scans_that_were_held_out() -> None:
    X, y = cases()
    cascade = HierarchicalClassifier(**TOLD).fit(X, y)
    held = cascade.held_out_
    passed = held.screen_score >= cascade.cut_point_
    again = climb_better(
        above_stages(held.said), held.truth, passed, cascade.naming_.rungs, "macro"
    )
    assert again.tolist() == cascade.naming_.rungs.tolist()
    decided = np.where(passed, cascade.naming_(held.said, held.conditional), 0)
    recall = balanced_accuracy_score(held.truth, decided)
    assert cascade.choice_.macro_recall == pytest.approx(recall)


def test_rule_of_kappa_gives_the_better_kappa() -> None:
    X, y = cases(1500)
    told = {**TOLD, "cut_point": "quadratic_kappa"}
    for_kappa = HierarchicalClassifier(**told).fit(X, y)
    for_recall = HierarchicalClassifier(**TOLD).fit(X, y)

    def kappa(cascade) -> float:
        held = cascade.held_out_
        named = cascade.naming_(held.said, held.conditional)
        decided = np.where(held.screen_score >= cascade.cut_point_, named, 0)
        return cohen_kappa_score(held.truth, decided, weights="quadratic")

    assert kappa(for_kappa) > kappa(for_recall)
    assert for_kappa.choice_.value == pytest.approx(kappa(for_kappa))


def test_given_cut_point_leaves_steps_at_one_half() -> None:
    X, y = cases()
    cascade = HierarchicalClassifier(**{**TOLD, "cut_point": 0.4}).fit(X, y)
    assert cascade.naming_.rungs.tolist() == [0.5, 0.5]
    assert cascade.cut_point_ == 0.4


def test_costs_decide_before_steps_do() -> None:
    X, y = cases()
    costs = ordered_costs(4, power=1.0)
    cascade = HierarchicalClassifier(**TOLD, costs=costs).fit(X, y)
    said = cascade.decide(X)
    conditional = said.probabilities[:, 1:] / said.screen_score[:, None]
    expected = (conditional @ costs[1:, 1:]).argmin(axis=1) + 1
    assert said.refined.tolist() == expected.tolist()
    assert cascade.naming_.rungs.tolist() == [0.5, 0.5]  # nothing asks for better


def test_one_diseased_label_needs_no_ladder() -> None:
    X, y = cases()
    cascade = HierarchicalClassifier(**TOLD).fit(X, np.where(y == "a", "a", "b"))
    assert cascade.naming_.rungs is None
    assert cascade.refine_ is None


def test_kappa_of_labels_without_order_refused() -> None:
    X, y = cases()
    with pytest.raises(InputError, match=r"expected stages in an order"):
        HierarchicalClassifier(cut_point="quadratic_kappa").fit(X, y)


def test_stage_that_a_fold_lacks() -> None:
    """Two scans of the last stage, of one patient: one fold knows nothing of it."""
    X, y = cases(300)
    y[y == "d"] = "c"
    y[:2] = "d"
    patients = np.r_[["p", "p"], [f"q{k}" for k in range(298)]]
    cascade = HierarchicalClassifier(**TOLD, stages=LABELS[1:], healthy="a")
    cascade.fit(X, y, groups=patients)
    assert cascade.predict_proba(X).shape == (300, 4)
    assert len(cascade.naming_.rungs) == 2


def test_kappa_of_one_label_is_no_trouble() -> None:
    """All scans healthy and called so: agreement beyond chance has no value there."""
    above, rungs = np.full((5, 2), 0.4), np.array([0.5, 0.5])
    truth, passed = np.zeros(5, dtype=np.intp), np.zeros(5, dtype=np.bool_)
    found = climb_better(above, truth, passed, rungs, "quadratic_kappa")
    assert found.tolist() == [0.5, 0.5]


def held_out(truth, score, said) -> HeldOut:
    truth, said = np.asarray(truth), np.asarray(said, dtype=float)
    conditional = said / said.sum(axis=1, keepdims=True)
    return HeldOut(np.arange(len(truth)), truth, np.asarray(score), conditional, said)


def tuned(held: HeldOut, rungs) -> tuple[np.ndarray, float]:
    naming = Naming(np.ones(held.said.shape[1]), 0.0, np.asarray(rungs))
    rule = parse_rule("quadratic_kappa")
    found, _, choice = tune_naming(naming, held, rule, "grid", adjusted=False)
    return found.rungs, choice.threshold


def test_steps_are_chosen_among_scans_that_pass_the_chosen_screen() -> None:
    """None passes at one half; and of equal cut points the middle is taken."""
    truth = np.repeat([0, 1, 2], 10)
    said = np.array([[0.1, 0.02], [0.3, 0.1], [0.1, 0.3]])[truth]
    held = held_out(truth, np.array([0.1, 0.3, 0.3])[truth], said)
    rungs, threshold = tuned(held, [0.5])
    assert 0.1 < threshold <= 0.3
    assert rungs.tolist() == [0.2]  # of 0.15, 0.2, 0.25 and 0.3


def test_a_step_that_is_as_good_as_any_stays() -> None:
    truth = np.repeat([1, 2], 10)
    above = np.array([0, 0.1, 0.3])[truth][:, None]
    passed = np.ones(20, dtype=np.bool_)
    kept = climb_better(above, truth, passed, np.array([0.3]), "quadratic_kappa")
    assert kept.tolist() == [0.3]


def test_screen_and_steps_are_chosen_until_nothing_moves() -> None:
    """Here the second round still moves a step, and kappa rises by .018."""
    rng = np.random.default_rng(2)
    truth = np.arange(60) % 4
    said = rng.dirichlet(np.ones(4), 60) * 0.6
    said += 0.4 * np.eye(4)[truth] * rng.random((60, 1))
    said /= said.sum(axis=1, keepdims=True)
    score = np.clip((truth > 0) * 0.2 + rng.random(60) * 0.8, 0, 1)
    held = held_out(truth, score, said[:, 1:])
    rungs, threshold = tuned(held, [0.5, 0.5])
    above, passed = above_stages(held.said), held.screen_score >= threshold
    again = climb_better(above, truth, passed, rungs, "quadratic_kappa")
    assert again.tolist() == rungs.tolist()
