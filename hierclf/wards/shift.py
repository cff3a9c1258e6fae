"""A ward without labels: tested, and if it passes, its prevalence and cut points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.cascade.curve import GRID, Cases
from hierclf.cascade.curve_interval import swept_points
from hierclf.cascade.cut_point import Rule, rule_for
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.relocation import (
    Goal,
    Move,
    Settled,
    move_cut_point,
    screen_costs,
    settle,
)
from hierclf.config.shift import ACCURACY, ShiftOptions
from hierclf.evaluation.prevalence import Prevalence, calibrated_odds
from hierclf.evaluation.wards import Labelled, Unlabelled
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import Hierarchy
from hierclf.results.shift import (
    MoveFigures,
    ScoreHistogram,
    SettledFigures,
)
from hierclf.results.wording import rule_in_words

LEAST_PATIENTS = 10
"""Patients of each kind that a reference needs."""
_SHOWN = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_BINS = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Known:
    """The reference of a bundle.

    Parameters
    ----------
    cases : Cases
        Truth, scores and what the refinement says, of held-out training scans.
    scans : Labelled
        The same for the screen, with patients.
    features : ndarray of float, shape (n_reference, n_features), or None
        Scaled features; None where the bundle has none.
    fixed : float
        The cut point in use.
    points : ndarray of float, shape (n_points,)
        Rising cut points to choose from.
    """

    cases: Cases
    scans: Labelled
    features: Floats | None
    fixed: float
    points: Floats


@dataclass(frozen=True, eq=False)
class Ward:
    """The scans of a ward.

    Parameters
    ----------
    scans : Unlabelled
        Scores and patients.
    features : ndarray of float, shape (n_scans, n_features), or None
        Scaled as those of the reference.
    truth : ndarray of int, shape (n_scans,), or None
        Positions, where all labels are known. Only the drift by label looks at them.
    """

    scans: Unlabelled
    features: Floats | None
    truth: NDArray[np.intp] | None = None


def check_reference(scans: Labelled) -> None:
    """Refuse a reference that is too small to be drawn from.

    Parameters
    ----------
    scans : Labelled
        Held-out training scans.

    Raises
    ------
    InputError
        If there are fewer than 10 patients of a kind.
    """
    for kind, name in ((False, "healthy"), (True, "diseased")):
        n_patients = np.unique(scans.patients[scans.diseased == kind]).size
        if n_patients < LEAST_PATIENTS:
            raise InputError(
                f"reference: expected held-out {name} scans of at least "
                f"{LEAST_PATIENTS} patients, got {n_patients}. Train on more scans."
            )


def cut_points(scores: Floats, points: str) -> Floats:
    """Give the cut points that a bundle chose from, thinned to 200."""
    return np.asarray(GRID) if points == "grid" else swept_points(scores, "all")


def goals_of(
    options: ShiftOptions, cascade: HierarchicalClassifier, costs: Floats | None
) -> tuple[Goal, ...]:
    """List what the cut point is moved for; the first one counts.

    Parameters
    ----------
    options : ShiftOptions
        ``rule`` and ``miss_cost``.
    cascade : HierarchicalClassifier
        Its rule, where it has one.
    costs : ndarray of float, shape (n_classes, n_classes), or None
        Of the cascade.

    Returns
    -------
    goals : tuple of Goal
        What was asked for, the bundle's own rule, and accuracy.
    """
    n_classes = len(cascade.hierarchy_.labels)
    asked = [options.rule] if options.rule else []
    own = [cascade.choice_.rule] if cascade.choice_ is not None else []
    priced = []
    if options.miss_cost is not None:
        name = f"the least cost, a miss at {options.miss_cost:g} false alarms"
        table = screen_costs(n_classes, options.miss_cost)
        priced = [Goal(name, Rule("expected_cost"), table)]
    rules = dict.fromkeys([*asked, *own, ACCURACY])
    return (*priced, *(_goal(rule, cascade.hierarchy_, costs) for rule in rules))


def _goal(rule: str, hierarchy: Hierarchy[Any], costs: Floats | None) -> Goal:
    if rule == ACCURACY:
        name = "the most scans rightly called healthy or diseased (accuracy)"
        return Goal(name, Rule("expected_cost"), screen_costs(len(hierarchy.labels)))
    read = rule_for(rule, hierarchy)
    return Goal(
        rule_in_words(rule), read, costs if read.name == "expected_cost" else None
    )


def swept_goal(goals: Sequence[Goal]) -> Goal:
    """Choose what few labelled scans are to settle: the first goal of ``sweep``.

    Parameters
    ----------
    goals : sequence of Goal
        As `goals_of` gives them.

    Returns
    -------
    goal : Goal
        Macro recall where ``sweep`` knows none of them.
    """
    known = (goal for goal in goals if goal.name == rule_in_words(str(goal.rule)))
    recall = Rule("macro_recall")
    return next(known, Goal(rule_in_words(str(recall)), recall))


def moves_of(
    known: Known, ward: Ward, goals: Sequence[Goal], estimate: Prevalence
) -> tuple[MoveFigures, ...]:
    """Place the fixed and the moved cut point for each goal.

    Parameters
    ----------
    known : Known
        The reference.
    ward : Ward
        Its scores are counted at both.
    goals : sequence of Goal
        At least one.
    estimate : Prevalence
        Of the ward.

    Returns
    -------
    moves : tuple of MoveFigures
        In the order of the goals.
    """
    value = estimate.likelihood.value
    found = []
    for goal in goals:
        move = move_cut_point(
            known.cases,
            known.scans,
            goal,
            fixed=known.fixed,
            prevalence=0.0 if value is None else value,
            draws=estimate.draws,
            weights=estimate.reference_weights.astype(np.float64),
            points=known.points,
        )
        found.append(_move(move, ward.scans.scores))
    return tuple(found)


def _move(move: Move, scores: Floats) -> MoveFigures:
    return MoveFigures(
        goal=move.goal.name,
        rule=str(move.goal.rule),
        moves=move.goal.moves,
        at_reference=move.at_reference,
        fixed=move.fixed,
        moved=move.moved,
        fixed_called=float((scores >= move.fixed.threshold).mean()),
        moved_called=float((scores >= move.moved.threshold).mean()),
    )


def rebased(known: Known, prevalence: float) -> tuple[tuple[float, float, float], ...]:
    """Say what some scores mean, in the reference and in the ward.

    Parameters
    ----------
    known : Known
        Scores are calibrated on it.
    prevalence : float
        Of the ward.

    Returns
    -------
    rows : tuple of (score, chance in the reference, chance in the ward)
        By rising score.
    """
    ratios = calibrated_odds(known.scans, np.asarray(_SHOWN))
    columns = [
        share * ratios / (share * ratios + 1 - share)
        for share in (known.scans.prevalence, prevalence)
    ]
    rows = zip(_SHOWN, *(column.tolist() for column in columns), strict=True)
    return tuple((score, old, new) for score, old, new in rows)


def settled_by(
    known: Known, goal: Goal, prevalence: float, *, n_resamples: int, seed: int
) -> tuple[SettledFigures, ...]:
    """Say how firmly 20, 50 and 100 labelled scans would settle the cut point.

    Parameters
    ----------
    known : Known
        The reference.
    goal : Goal
        What is chosen for.
    prevalence : float
        Among the labelled scans.
    n_resamples, seed : int
        Draws of each size, and the root seed.

    Returns
    -------
    settled : tuple of SettledFigures
        By rising size.
    """
    found = settle(
        known.cases,
        known.scans,
        goal,
        prevalence=prevalence,
        points=known.points,
        n_resamples=n_resamples,
        seed=seed,
    )
    return tuple(_settled(one) for one in found)


def _settled(one: Settled) -> SettledFigures:
    told = asdict(one)
    for name in ("low", "middle", "high"):
        told[name] = told[name] if np.isfinite(told[name]) else None
    return SettledFigures.model_validate(told)


def histogram(known: Known, ward: Ward, mixture: float) -> ScoreHistogram:
    """Count the scores of the healthy, the diseased and the ward."""
    edges = np.linspace(0, 1, _BINS + 1)
    ill = known.scans.diseased
    sides = (known.scans.scores[~ill], known.scans.scores[ill], ward.scans.scores)
    healthy, diseased, seen = (
        tuple((np.histogram(side, edges)[0] / side.size).tolist()) for side in sides
    )
    return ScoreHistogram(
        edges=tuple(edges.tolist()),
        healthy=healthy,
        diseased=diseased,
        ward=seen,
        mixture=mixture,
    )
