"""How far chance moves the curve of cut points, and the choice of one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from hierclf.cascade.curve import (
    GRID,
    Cases,
    Points,
    SweepCurve,
    cases_of,
    cells,
    every_score,
    stack,
)
from hierclf.cascade.cut_point import Rule, choose_cut_point
from hierclf.evaluation import confusion
from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import percentiles
from hierclf.evaluation.roc import in_pieces
from hierclf.foundation.errors import InputError

MOST_POINTS = 200
"""Cut points at most on which every resample is swept."""


@dataclass(frozen=True, eq=False)
class CurveInterval:
    """What the curve and its choice do over resamples of the patients.

    Parameters
    ----------
    thresholds : ndarray of float, shape (n_points,)
        Rising cut points; at most 200.
    macro_recall_low, macro_recall_high : ndarray of float, shape (n_points,)
        95 % interval of macro recall at each.
    chosen : ndarray of float, shape (n_resamples,)
        The cut point that the rule chooses on each resample; NaN where it cannot:
        a class is missing, or the target is out of reach.
    threshold_low, threshold_high : float
        2.5 and 97.5 percentiles of `chosen`; NaN where more than half are NaN. A
        wide interval says that the cut point is chosen by chance, and that its
        figures on new scans will be lower than on these.
    n_excluded : int
        How many of `chosen` are NaN.
    """

    thresholds: Floats
    macro_recall_low: Floats
    macro_recall_high: Floats
    chosen: Floats
    threshold_low: float
    threshold_high: float
    n_excluded: int


def bootstrap_curve(
    truth: ArrayLike,
    scores: ArrayLike,
    refined: ArrayLike,
    *,
    n_classes: int,
    groups: ArrayLike | None,
    rule: Rule,
    costs: Floats | None = None,
    points: Points = "grid",
    n_resamples: int = 1000,
    seed: int = 0,
) -> CurveInterval:
    """Sweep resamples of the patients and choose a cut point on each.

    Parameters
    ----------
    truth, scores, refined : array-like, shape (n_scans,)
        Held-out predictions, as `hierclf.cascade.curve.sweep` takes them.
    n_classes : int, at least 2
        Labels of the hierarchy, healthy included.
    groups : array-like, shape (n_scans,), or None
        Patient of each scan; each scan is its own patient where there is none.
    rule : Rule
        What the cut point is chosen by.
    costs : ndarray of float, shape (n_classes, n_classes), optional
        For the rule ``expected_cost``.
    points : {"grid", "all"}, default="grid"
        Where there are more than 200 distinct scores, ``"all"`` takes 200 of them,
        evenly spaced in rank.
    n_resamples : int, default=1000
        Resamples of the patients.
    seed : int, default=0
        Root seed.

    Returns
    -------
    interval : CurveInterval
        Of the curve and of the chosen cut point.

    Raises
    ------
    InputError
        As `sweep`, and if a patient is missing.
    """
    cases = cases_of(truth, scores, refined, n_classes=n_classes)
    thresholds = swept_points(cases.scores, points)
    patients, n_patients = patient_codes(groups, cases.truth.size)
    weights = patient_weights(n_patients, n_resamples=n_resamples, seed=seed)
    confusions_of = resampler(cases, thresholds, patients, n_patients)
    sample = confusions_of(np.ones((1, n_patients)))
    choose_cut_point(SweepCurve(thresholds, sample[0]), rule, costs)  # can it be met?
    drawn = in_pieces(
        lambda piece: _figures(
            thresholds, confusions_of(piece), sample[0], rule, costs
        ),
        weights,
        max(n_patients, sample.size),
    )
    bounds = np.array([percentiles(figure)[:2] for figure in drawn.T])
    return CurveInterval(
        thresholds=thresholds,
        macro_recall_low=bounds[:-1, 0],
        macro_recall_high=bounds[:-1, 1],
        chosen=drawn[:, -1],
        threshold_low=float(bounds[-1, 0]),
        threshold_high=float(bounds[-1, 1]),
        n_excluded=int(np.isnan(drawn[:, -1]).sum()),
    )


def _figures(
    thresholds: Floats,
    confusions: Floats,
    sample: Floats,
    rule: Rule,
    costs: Floats | None,
) -> Floats:
    """Macro recall at each cut point, and the chosen one: (n, n_points + 1)."""
    recalls = confusion.macro_recall(confusions, sample[0].any(axis=1))
    chosen = np.full(len(confusions), np.nan)
    for row in np.flatnonzero(~np.isnan(recalls[:, 0])):
        with contextlib.suppress(InputError):  # the target is out of reach here
            curve = SweepCurve(thresholds, confusions[row])
            chosen[row] = choose_cut_point(curve, rule, costs).threshold
    return np.column_stack([recalls, chosen])


def swept_points(scores: Floats, points: Points) -> Floats:
    """Choose the cut points on which resamples are swept.

    Parameters
    ----------
    scores : ndarray of float, shape (n_scans,)
        Screen scores.
    points : {"grid", "all"}
        See `bootstrap_curve`.

    Returns
    -------
    thresholds : ndarray of float, shape (at most 200,)
        Rising.
    """
    if points == "grid":
        return np.asarray(GRID)
    levels = every_score(scores)
    if levels.size <= MOST_POINTS:
        return levels
    kept = np.linspace(0, levels.size - 1, MOST_POINTS).round().astype(np.intp)
    return levels[kept]


def resampler(
    cases: Cases, thresholds: Floats, patients: Ints, n_patients: int
) -> Callable[[Floats], Floats]:
    """Make what turns patient weights into confusions at each cut point.

    Each scan is one entry of a sparse table of patients by cells, so a resample costs
    as much as there are scans.

    Parameters
    ----------
    cases : Cases
        The scans.
    thresholds : ndarray of float, shape (n_points,)
        Rising cut points.
    patients : ndarray of int, shape (n_scans,)
        Number of each scan's patient.
    n_patients : int
        How many there are.

    Returns
    -------
    confusions_of : callable
        Weights of shape (n_resamples, n_patients) to confusions of shape
        (n_resamples, n_points, n_classes, n_classes).
    """
    shape = (thresholds.size + 1, cases.n_classes, cases.n_classes - 1)
    entries = (np.ones(patients.size), (patients, cells(cases, thresholds)))
    table = csr_array(entries, shape=(n_patients, int(np.prod(shape)))).T

    def confusions_of(weights: Floats) -> Floats:
        counts = np.ascontiguousarray((table @ weights.T).T)
        return stack(counts.reshape(-1, *shape))

    return confusions_of


def curve_table(
    curve: SweepCurve,
    labels: Sequence[object],
    interval: CurveInterval | None = None,
    *,
    ordered: bool = False,
) -> pd.DataFrame:
    """Lay a curve out as a table.

    Parameters
    ----------
    curve : SweepCurve
        To be shown.
    labels : sequence of label, shape (n_classes,)
        Names of the positions, healthy first.
    interval : CurveInterval, optional
        Of the same scans; empty at cut points that it left out.
    ordered : bool, default=False
        Whether the labels are an order, so that they have a kappa.

    Returns
    -------
    table : DataFrame, one row for each cut point
        Columns ``threshold``, ``macro_recall``, ``quadratic_kappa`` (of ordered
        labels), ``accuracy``, ``sensitivity``, ``specificity``, ``youden``, ``ppv``,
        ``npv``, ``recall_<label>`` for each label, and with an interval
        ``macro_recall_low``, ``macro_recall_high``.
    """
    columns = {
        "threshold": curve.thresholds,
        "macro_recall": curve.macro_recall,
        **({"quadratic_kappa": curve.quadratic_kappa} if ordered else {}),
        "accuracy": curve.accuracy,
        "sensitivity": curve.sensitivity,
        "specificity": curve.specificity,
        "youden": curve.youden,
        "ppv": confusion.positive_predictive_value(curve.confusions),
        "npv": confusion.negative_predictive_value(curve.confusions),
    }
    recalls = confusion.recall(curve.confusions)
    for place, label in enumerate(labels):
        columns[f"recall_{label}"] = recalls[:, place]
    table = pd.DataFrame(columns)
    if interval is None:
        return table
    bounds = pd.DataFrame(
        {
            "threshold": interval.thresholds,
            "macro_recall_low": interval.macro_recall_low,
            "macro_recall_high": interval.macro_recall_high,
        }
    )
    return table.merge(bounds, on="threshold", how="left")
