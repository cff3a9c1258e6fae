r"""Where the cut point goes when the share of diseased scans changes.

If only that share changes, healthy scans keep their scores and so do diseased ones. A
rule that looks at rates within the true labels then chooses the same cut point at any
share: macro recall, Youden's index, a sensitivity or specificity to be reached. Such a
cut point does not move, and to move it would be an error. A rule that counts scans
does: quadratic kappa, whose agreement by chance follows the shares, and the expected
cost, of which accuracy is the case of equal costs. With a price of
a miss :math:`c` in false alarms, the best cut point is where the odds of being diseased
are 1 to :math:`c`, and these odds move with the share.

The curve at another share needs no scan to be weighed: the rows of each confusion
matrix are true labels, so the row of the healthy is scaled by
:math:`(1 - q) / (1 - \pi)`, those of the diseased by :math:`q / \pi`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierclf.cascade.curve import Cases, SweepCurve, cells, stack
from hierclf.cascade.curve_interval import resampler, swept_points
from hierclf.cascade.cut_point import Rule, choose_cut_point
from hierclf.evaluation import confusion
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import Estimate, bootstrap_estimate, percentiles
from hierclf.evaluation.roc import in_pieces
from hierclf.evaluation.wards import Labelled, ward_drawer
from hierclf.foundation.errors import InputError
from hierclf.foundation.seeding import generator

MOVING = frozenset({"expected_cost", "quadratic_kappa"})
"""The rules whose choice depends on the share of diseased scans."""

FIGURES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "cost")
"""What is told of a cut point; accuracy is that of healthy against diseased."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What a cut point is chosen for.

    Parameters
    ----------
    name : str
        What people call it.
    rule : Rule
        How it is chosen.
    costs : ndarray of float, shape (n_classes, n_classes), or None
        Price of each confusion, for the rule ``expected_cost``.
    """

    name: str
    rule: Rule
    costs: Floats | None = None

    @property
    def moves(self) -> bool:
        """Whether the choice depends on the share of diseased scans."""
        return self.rule.name in MOVING


def screen_costs(n_classes: int, miss_cost: float = 1.0) -> Floats:
    """Price misses and false alarms of the screen, and nothing else.

    Parameters
    ----------
    n_classes : int, at least 2
        Labels, healthy included.
    miss_cost : float, positive, default=1.0
        What a diseased scan that is called healthy costs, in false alarms. With 1
        the cheapest cut point is the most accurate one.

    Returns
    -------
    costs : ndarray of float, shape (n_classes, n_classes)
        Rows are true, columns are predicted.

    Examples
    --------
    >>> screen_costs(3, 5.0).tolist()
    [[0.0, 1.0, 1.0], [5.0, 0.0, 0.0], [5.0, 0.0, 0.0]]
    """
    costs = np.zeros((n_classes, n_classes))
    costs[0, 1:], costs[1:, 0] = 1.0, miss_cost
    return costs


def at_prevalence(confusions: Floats, prevalence: Floats | float) -> Floats:
    """Scale confusion matrices so that another share of the scans is diseased.

    Parameters
    ----------
    confusions : ndarray of number, shape (..., n_points, n_classes, n_classes)
        Counts; at every cut point of the same scans.
    prevalence : float or ndarray of float, shape (...,), in [0, 1]
        The share.

    Returns
    -------
    scaled : ndarray of float, shape (..., n_points, n_classes, n_classes)
        Each matrix sums to 1. NaN where there is no healthy or no diseased scan.

    Examples
    --------
    >>> at_prevalence(np.array([[[3, 1], [1, 1]]]), 0.5).tolist()
    [[[0.375, 0.125], [0.25, 0.25]]]
    """
    rows = confusions.sum(axis=-1).astype(np.float64)  # (..., n_points, n_classes)
    share = np.asarray(prevalence, dtype=np.float64)[..., None]
    factors = np.empty(rows.shape)
    factors[..., 0] = confusion.ratio(1 - share + 0 * rows[..., 0], rows[..., 0])
    sick = rows[..., 1:].sum(axis=-1)
    factors[..., 1:] = confusion.ratio(share + 0 * sick, sick)[..., None]
    scaled: Floats = confusions * factors[..., None]
    return scaled


@dataclass(frozen=True)
class PlacedCut:
    """A cut point and what it is expected to do in the ward.

    Parameters
    ----------
    threshold : float
        A scan is diseased where its score is not below.
    low, high : float or None
        2.5 and 97.5 percentiles of the choice; None for one that was given.
    figures : dict of str to Estimate
        By the names of `FIGURES`, at the share of the ward. The cost is that of the
        goal, and missing where it has none.
    """

    threshold: float
    low: float | None
    high: float | None
    figures: dict[str, Estimate]


@dataclass(frozen=True)
class Move:
    """The fixed cut point and the moved one, for one goal.

    Parameters
    ----------
    goal : Goal
        What the moved one is best for.
    at_reference : float
        The goal's choice at the share of the reference.
    fixed, moved : PlacedCut
        Equal thresholds where the goal does not move.
    """

    goal: Goal
    at_reference: float
    fixed: PlacedCut
    moved: PlacedCut


def move_cut_point(
    cases: Cases,
    reference: Labelled,
    goal: Goal,
    *,
    fixed: float,
    prevalence: float,
    draws: Floats,
    weights: Floats,
    points: Floats | None = None,
) -> Move:
    """Choose a cut point again for the share of diseased scans of a ward.

    Parameters
    ----------
    cases : Cases
        Held-out scans of the reference.
    reference : Labelled
        Their patients.
    goal : Goal
        What to choose for. One that does not move keeps the fixed cut point.
    fixed : float, in [0, 1]
        The cut point in use.
    prevalence : float, in [0, 1]
        Of the ward.
    draws : ndarray of float, shape (n_resamples,)
        The same on resamples.
    weights : ndarray of number, shape (n_resamples, n_patients)
        How often each patient of the reference stands in these.
    points : ndarray of float, shape (n_points,), optional
        Rising cut points to choose from; 200 of the scores where not given.

    Returns
    -------
    move : Move
        With the intervals that chance in reference and ward makes.

    Raises
    ------
    InputError
        If the goal cannot be reached at any cut point.
    """
    levels = swept_points(cases.scores, "all") if points is None else points
    levels = np.unique(np.append(levels, fixed))
    confusions_of = resampler(cases, levels, reference.patients, reference.n_patients)
    sample = confusions_of(np.ones((1, reference.n_patients)))
    here = at_prevalence(sample, np.array([prevalence]))[0]
    chosen = fixed
    first = choose_cut_point(SweepCurve(levels, sample[0]), goal.rule, goal.costs)
    if goal.moves:
        moved = choose_cut_point(SweepCurve(levels, here), goal.rule, goal.costs)
        chosen = moved.threshold
    places = np.searchsorted(levels, [fixed, chosen])

    def drawn(piece: Floats) -> Floats:
        shares, counts = piece[:, 0], piece[:, 1:]
        scaled = at_prevalence(confusions_of(counts), shares)
        told = [np.stack(_figures(scaled[:, p], goal), axis=1) for p in places]
        return np.concatenate([*told, _choices(levels, scaled, goal)], axis=1)

    table = np.column_stack([draws, weights]).astype(np.float64)
    found = in_pieces(drawn, table, max(weights.shape[1], sample.size))
    low, high, _ = percentiles(found[:, -1])
    known = goal.moves and bool(np.isfinite(low))
    width = len(FIGURES)
    both = [
        {
            name: bootstrap_estimate(float(value[0]), found[:, n * width + k])
            for k, (name, value) in enumerate(
                zip(FIGURES, _figures(here[None, place], goal), strict=True)
            )
            if name != "cost" or goal.costs is not None
        }
        for n, place in enumerate(places)
    ]
    return Move(
        goal,
        first.threshold,
        PlacedCut(fixed, None, None, both[0]),
        PlacedCut(chosen, low if known else None, high if known else None, both[1]),
    )


def _figures(matrices: Floats, goal: Goal) -> list[Floats]:
    """Figures of matrices of shape (n, n_classes, n_classes), in their order."""
    screen = confusion.screen_confusions(matrices)
    price = np.full(len(matrices), np.nan)
    if goal.costs is not None:
        price = np.tensordot(matrices, goal.costs, axes=2)
    return [
        confusion.sensitivity(matrices),
        confusion.specificity(matrices),
        confusion.positive_predictive_value(matrices),
        confusion.negative_predictive_value(matrices),
        confusion.accuracy(screen),
        price,
    ]


def _choices(levels: Floats, scaled: Floats, goal: Goal) -> Floats:
    """Choose on each resample, shape (n_resamples, 1); NaN where it cannot be."""
    chosen = np.full((len(scaled), 1), np.nan)
    for row, confusions in enumerate(scaled):
        if np.isfinite(confusions).all():
            with contextlib.suppress(InputError):  # the target is out of reach here
                curve = SweepCurve(levels, confusions)
                chosen[row] = choose_cut_point(curve, goal.rule, goal.costs).threshold
    return chosen


@dataclass(frozen=True)
class Settled:
    """What a cut point chosen on so many labelled scans would be worth.

    Parameters
    ----------
    n_scans : int
        Labelled scans.
    low, middle, high : float
        2.5, 50 and 97.5 percentiles of the cut point chosen on them.
    sensitivity, specificity : Estimate
        That the chosen cut points have on the reference: the median and the
        percentiles.
    n_excluded : int
        Of the draws, those that allow no choice.
    """

    n_scans: int
    low: float
    middle: float
    high: float
    sensitivity: Estimate
    specificity: Estimate
    n_excluded: int


def settle(
    cases: Cases,
    reference: Labelled,
    goal: Goal,
    *,
    prevalence: float,
    sizes: Sequence[int] = (20, 50, 100),
    points: Floats,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[Settled, ...]:
    """Say how firmly a few labelled scans would settle a cut point.

    As many scans are drawn from the reference, by patient, and the cut point is
    chosen on them. A ward that is harder than the reference needs more.

    Parameters
    ----------
    cases : Cases
        Held-out scans of the reference.
    reference : Labelled
        Their patients.
    goal : Goal
        What the cut point is chosen for.
    prevalence : float, in [0, 1]
        Share of diseased scans among those that are labelled.
    sizes : sequence of int, default=(20, 50, 100)
        Numbers of labelled scans.
    points : ndarray of float, shape (n_points,)
        Rising cut points to choose from.
    n_resamples : int, default=1000
        Draws of each size.
    seed : int, default=0
        Root seed.

    Returns
    -------
    settled : tuple of Settled
        In the order of `sizes`.
    """
    numbers = cells(cases, points)
    shape = (points.size + 1, cases.n_classes, cases.n_classes - 1)
    whole = _curve(numbers, np.ones(numbers.size), shape, points)
    draw = ward_drawer(reference, generator(seed, "shift", "settle"))
    found = []
    for n_scans in sizes:
        rows = np.full(n_resamples, -1, dtype=np.intp)
        for one in range(n_resamples):
            curve = _curve(numbers, draw(n_scans, prevalence), shape, points)
            if _both_kinds(curve):
                with contextlib.suppress(InputError):
                    choice = choose_cut_point(curve, goal.rule, goal.costs)
                    rows[one] = choice.index
        found.append(_settled(n_scans, whole, rows))
    return tuple(found)


def _curve(
    numbers: Ints, weights: Floats, shape: tuple[int, int, int], points: Floats
) -> SweepCurve:
    counts = np.bincount(numbers, weights, minlength=int(np.prod(shape)))
    floats: Floats = counts.astype(np.float64).reshape(shape)
    return SweepCurve(points, stack(floats))


def _both_kinds(curve: SweepCurve) -> bool:
    counts = curve.confusions[0].sum(axis=1)
    return bool(counts[0] > 0 and counts[1:].sum() > 0)


def _settled(n_scans: int, whole: SweepCurve, rows: Ints) -> Settled:
    chosen = np.where(rows >= 0, whole.thresholds[rows], np.nan)
    rates = [
        np.where(rows >= 0, rate[rows], np.nan)
        for rate in (whole.sensitivity, whole.specificity)
    ]
    low, high, n_excluded = percentiles(chosen)
    middles = [
        float(np.nanmedian(one)) if (rows >= 0).any() else float("nan")
        for one in (chosen, *rates)
    ]
    return Settled(
        n_scans,
        low,
        middles[0],
        high,
        bootstrap_estimate(middles[1], rates[0]),
        bootstrap_estimate(middles[2], rates[1]),
        n_excluded,
    )
