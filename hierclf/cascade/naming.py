"""Which diseased label a scan has, should it have one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierclf.cascade.curve import Points, SweepCurve, sweep
from hierclf.cascade.cut_point import CutPointChoice, Rule, choose_cut_point
from hierclf.cascade.decisions import HeldOut
from hierclf.cascade.ladder import above_stages, climb, climb_better
from hierclf.problem.costs import least_cost_decision

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Choice = tuple[SweepCurve, CutPointChoice]

ADJUSTMENTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Adjustments that are tried where one is tuned; the least of equals is taken."""
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Naming:
    """How a refinement decides. Costs go before rungs, and rungs before all else.

    Parameters
    ----------
    priors : ndarray of float, shape (n_diseased,)
        Share of each diseased label among the diseased training scans.
    adjustment : float, at least 0
        Power to which probabilities are divided by these.
    rungs : ndarray of float, shape (n_diseased - 1,), or None
        Cut points of the steps of an ordered refinement.
    costs : ndarray of float, shape (n_labels, n_labels), or None
        Price of each confusion, healthy first.
    """

    priors: Floats
    adjustment: float = 0.0
    rungs: Floats | None = None
    costs: Floats | None = None

    def __call__(self, said: Floats, conditional: Floats) -> Indices:
        """Decide for each scan.

        Parameters
        ----------
        said : ndarray of float, shape (n_scans, n_diseased)
            What the refinement said, see `hierclf.cascade.stages.Answers`.
        conditional : ndarray of float, shape (n_scans, n_diseased)
            Probability of each diseased label, given that it is one; calibrated.

        Returns
        -------
        refined : ndarray of int, shape (n_scans,)
            Positions in the hierarchy, at least 1.
        """
        if self.costs is not None:
            places = least_cost_decision(conditional, self.costs[1:, 1:])
        elif self.rungs is not None:
            return climb(above_stages(said), self.rungs)
        else:
            places = np.argmax(said / self.priors**self.adjustment, axis=1)
        refined: Indices = places + 1
        return refined


def tune_naming(
    naming: Naming, held: HeldOut, rule: Rule, points: Points, *, adjusted: bool
) -> tuple[Naming, SweepCurve, CutPointChoice]:
    """Choose the cut point, and what the refinement decides by, on held-out scans.

    Parameters
    ----------
    naming : Naming
        Rungs, where there are some, are where the search begins.
    held : HeldOut
        Predictions of scans that the stages were not fitted on.
    rule : Rule
        Of the cut point.
    points : {"grid", "all"}
        Cut points that are tried.
    adjusted : bool
        Whether the adjustment is chosen: the one with the best macro recall among
        the cut points that the rule would take.

    Returns
    -------
    naming : Naming
        The one to use.
    curve : SweepCurve
        Of all cut points with it.
    choice : CutPointChoice
        The one that was taken.
    """
    if naming.costs is None and naming.rungs is not None:
        rungs = _tuned_rungs(naming, naming.rungs, held, rule, points)
        naming = replace(naming, rungs=rungs)
    elif naming.costs is None and adjusted and len(naming.priors) > 1:
        tried = [replace(naming, adjustment=power) for power in ADJUSTMENTS]
        recalls = [_sweep(one, held, rule, points)[1].macro_recall for one in tried]
        naming = tried[int(np.argmax(recalls))]
    return naming, *_sweep(naming, held, rule, points)


def _tuned_rungs(
    naming: Naming, rungs: Floats, held: HeldOut, rule: Rule, points: Points
) -> Floats:
    """Move the screen's cut point and the steps' in turn, until nothing moves."""
    above = above_stages(held.said)
    for _ in range(_ROUNDS):
        _, choice = _sweep(replace(naming, rungs=rungs), held, rule, points)
        passed = held.screen_score >= choice.threshold
        moved = climb_better(above, held.truth, passed, rungs, rule.name)
        if np.array_equal(moved, rungs):
            break
        rungs = moved
    return rungs


def _sweep(naming: Naming, held: HeldOut, rule: Rule, points: Points) -> Choice:
    curve = sweep(
        held.truth,
        held.screen_score,
        naming(held.said, held.conditional),
        n_classes=len(naming.priors) + 1,
        points=points,
    )
    return curve, choose_cut_point(curve, rule, naming.costs)
