"""The cut point of the screen: the rule it follows, and the choice by that rule.

A scan is diseased where its score reaches the cut point (score >= threshold). The
cut point is chosen on held-out or out-of-fold predictions of the training patients,
never on the scans that the figures are reported on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from hierclf.cascade.curve import SweepCurve
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import Hierarchy

EQUAL = 1e-12
"""Figures closer than this are the same: sums of a few ratios, rounded."""


@dataclass(frozen=True)
class Rule:
    """How a cut point is chosen; made by `parse_rule`.

    Parameters
    ----------
    name : str
        The figure that decides: one of `BEST`, or of `REACHED` with a target.
    target : float, in (0, 1), optional
        What sensitivity or specificity must reach.
    """

    name: str
    target: float | None = None

    def __str__(self) -> str:
        """Write it the way `parse_rule` reads it."""
        return self.name if self.target is None else f"{self.name}>={self.target}"


class CutPointChoice(BaseModel):
    """A chosen cut point, and how the cascade does there on the same scans.

    Parameters
    ----------
    rule : str
        The rule it was chosen by.
    threshold : float
        A scan is diseased where its score is not below.
    index : int
        Its place on the curve.
    value : float
        What the rule looks at: macro recall, kappa, Youden's index, the mean cost, or
        the sensitivity or specificity that had to reach the target.
    n_tied : int
        Cut points of the curve that serve the rule equally well, this one included.
    macro_recall, sensitivity, specificity : float, in [0, 1]
        At this cut point. They flatter it: it was chosen for them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    threshold: float
    index: int
    value: float
    n_tied: int
    macro_recall: float
    sensitivity: float
    specificity: float


def parse_rule(text: str) -> Rule:
    """Read the rule by which a cut point is chosen.

    Parameters
    ----------
    text : str
        ``macro_recall``, ``quadratic_kappa`` (of ordered labels), ``youden`` or
        ``expected_cost`` for the best value of these, ``sensitivity>=s`` for the best
        specificity among cut points with at least this sensitivity,
        ``specificity>=s`` the other way round; s in (0, 1).

    Returns
    -------
    rule : Rule
        What it says.

    Raises
    ------
    InputError
        If it is no such rule; it names the nearest one.

    Examples
    --------
    >>> parse_rule("sensitivity >= 0.95")
    Rule(name='sensitivity', target=0.95)
    """
    name, sign, number = (part.strip() for part in text.partition(">="))
    target = float(number) if re.fullmatch(r"0?\.\d+", number) else 0.0
    if not sign and name in BEST:
        return Rule(name)
    if name in REACHED and target > 0:
        return Rule(name, target)
    known = [*BEST, *(f"{rate}>={target or 's'}" for rate in REACHED)]
    hint = nearest(text, known)
    if sign and name in REACHED:
        hint = "Write s as a decimal like 0.95."
    raise InputError(
        f"cut_point.rule: expected one of {', '.join(BEST)}, sensitivity>=s, "
        f"specificity>=s with 0 < s < 1, got {text!r}. {hint}"
    )


def rule_for(text: str, hierarchy: Hierarchy[Any]) -> Rule:
    """Read a rule for a cascade of some labels.

    Parameters
    ----------
    text : str
        See `parse_rule`.
    hierarchy : Hierarchy
        The labels.

    Returns
    -------
    rule : Rule
        What it says.

    Raises
    ------
    InputError
        If it is none, or asks for an order that several stages do not have.
    """
    rule = parse_rule(text)
    unordered = len(hierarchy.diseased) > 1 and not hierarchy.ordered
    if rule.name == "quadratic_kappa" and unordered:
        raise InputError(
            "cut_point.rule: expected stages in an order for quadratic_kappa, got ones "
            "without. Train with --ordered, or take another rule."
        )
    return rule


def choose_cut_point(
    curve: SweepCurve, rule: Rule, costs: Floats | None = None
) -> CutPointChoice:
    """Choose a point of a curve.

    Of equally good cut points, the middle of the longest unbroken run of them is
    taken: a cut point in the middle of a plateau keeps its value when scores of new
    scans shift a little to either side, one at its edge does not. The length of a run
    is the stretch of scores on which it holds. Of two middles, and of two runs of the
    same length, the lower is taken, which misses fewer diseased scans. A rule with a
    target has no plateau to choose from: it takes the highest cut point that reaches
    the sensitivity, or the lowest that reaches the specificity.

    Parameters
    ----------
    curve : SweepCurve
        Of held-out scans.
    rule : Rule
        Made by `parse_rule`.
    costs : ndarray of float, shape (n_classes, n_classes), optional
        ``costs[i, j]`` is the price of calling an i a j, healthy included. Only the
        rule ``expected_cost`` reads it.

    Returns
    -------
    choice : CutPointChoice
        With its figures.

    Raises
    ------
    InputError
        If the target cannot be reached, or the rule lacks a fitting cost matrix.

    Examples
    --------
    >>> from hierclf.cascade.curve import sweep
    >>> curve = sweep([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.8], [1, 1, 1, 1], n_classes=2)
    >>> choose_cut_point(curve, parse_rule("macro_recall")).threshold
    0.5
    """
    if rule.target is not None:
        values = REACHED[rule.name](curve)
        last = rule.name == "sensitivity"
        index, n_tied = _reaching(curve, values, rule.target, last=last)
    else:
        values = BEST[rule.name](curve, costs)
        tied = np.flatnonzero(values >= values.max() - EQUAL)
        index, n_tied = plateau_middle(curve.thresholds, tied), tied.size
    sign = -1.0 if rule.name == "expected_cost" else 1.0
    return CutPointChoice(
        rule=str(rule),
        threshold=float(curve.thresholds[index]),
        index=index,
        value=sign * float(values[index]),
        n_tied=n_tied,
        macro_recall=float(curve.macro_recall[index]),
        sensitivity=float(curve.sensitivity[index]),
        specificity=float(curve.specificity[index]),
    )


def _reaching(
    curve: SweepCurve, rates: Floats, target: float, *, last: bool
) -> tuple[int, int]:
    """Find a point that reaches a target and has the best other rate of those.

    One rate falls and the other rises along the curve: the last point that reaches
    a sensitivity, the first that reaches a specificity. Where others are as good in
    the other rate, the best of them in the rate asked for is taken, and of points
    that are alike in both the one nearest to the edge of the target.
    """
    enough = np.flatnonzero(rates >= target)
    if not enough.size:
        raise InputError(
            f"cut_point.rule: expected a cut point that reaches {target}, got "
            f"{rates.max():.4f} at best. Lower the target, or search all points."
        )
    edge = int(enough[-1] if last else enough[0])
    other = curve.specificity if last else curve.sensitivity
    equal = enough[other[enough] == other[edge]]
    best = equal[rates[equal] == rates[equal].max()]
    index = int(best[-1] if last else best[0])
    same = curve.sensitivity == curve.sensitivity[index]
    same &= curve.specificity == curve.specificity[index]
    return index, int(same.sum())


def plateau_middle(thresholds: Floats, tied: Ints) -> int:
    """Find the middle of the longest unbroken run of equally good cut points.

    Parameters
    ----------
    thresholds : ndarray of float, shape (n_points,)
        Rising cut points.
    tied : ndarray of int, shape (n_tied,), at least one
        Rising places of those that are equally good.

    Returns
    -------
    index : int
        One of `tied`.

    Examples
    --------
    >>> plateau_middle(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0, 2, 3, 4]))
    3
    """
    breaks = np.flatnonzero(np.diff(tied) > 1)
    first = tied[np.concatenate([[0], breaks + 1])]
    last = tied[np.append(breaks, -1)]
    below = np.concatenate([[0.0], thresholds])  # a cut point holds from the one below
    lengths = thresholds[last] - below[first]
    longest = int(np.flatnonzero(lengths >= lengths.max() - EQUAL)[0])
    run = thresholds[first[longest] : last[longest] + 1]
    distances = np.abs(run - (run[0] + run[-1]) / 2)
    nearest_ones = np.flatnonzero(distances <= distances.min() + EQUAL)
    return int(first[longest] + nearest_ones[0])


def _cheapness(curve: SweepCurve, costs: Floats | None) -> Floats:
    """Mean cost at each cut point, negative so that the highest is best."""
    shape = curve.confusions.shape[1:]
    if costs is None or np.shape(costs) != shape:
        got = "none" if costs is None else f"shape {np.shape(costs)}"
        raise InputError(
            f"cut_point.rule: expected a cost matrix of shape {shape} for "
            f"'expected_cost', got {got}. Price every confusion, healthy first."
        )
    return -curve.expected_cost(costs)


BEST: Mapping[str, Callable[[SweepCurve, Floats | None], Floats]] = MappingProxyType(
    {
        "macro_recall": lambda curve, _: curve.macro_recall,
        "quadratic_kappa": lambda curve, _: np.nan_to_num(curve.quadratic_kappa),
        "youden": lambda curve, _: curve.youden,
        "expected_cost": _cheapness,
    }
)
"""Rules without a target: what is to be highest, from a curve and a cost matrix. Kappa
counts as none where all scans are of one label and called so."""

REACHED: Mapping[str, Callable[[SweepCurve], Floats]] = MappingProxyType(
    {
        "sensitivity": lambda curve: curve.sensitivity,
        "specificity": lambda curve: curve.specificity,
    }
)
"""Rules with a target: what is to reach it."""
