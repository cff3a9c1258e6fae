"""The search for a cut point as it is written to JSON and shown on a page."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import model_validator

from hierclf.cascade.curve import SweepCurve
from hierclf.cascade.curve_interval import CurveInterval
from hierclf.cascade.cut_point import CutPointChoice
from hierclf.results.data import Strict

MOST_ROWS = 24
"""Rows of the table of cut points at most, beside the chosen one."""


class CutPointFigures(Strict):
    """A chosen cut point, and the curve that it was chosen from.

    Parameters
    ----------
    rule : str
        As `hierclf.cascade.cut_point.parse_rule` reads it.
    how : str
        Whose predictions were swept, for example ``"out of fold, 5 folds by
        patient"``.
    n_scans : int
        Scans that were swept.
    n_patients : int or None
        Patients that they are of; None where nobody knows.
    threshold : float
        The chosen cut point, one of `thresholds`.
    threshold_low, threshold_high : float or None
        95 % interval of the choice over resamples of the patients; None where
        most resamples allow no choice.
    n_excluded : int
        Resamples that allow no choice.
    value : float
        What the rule looks at, at the chosen cut point.
    n_tied : int
        Cut points that serve the rule equally well.
    thresholds : tuple of float
        Rising cut points.
    macro_recall, sensitivity, specificity : tuple of float, in [0, 1]
        At each of them.
    low, high : tuple of (float or None)
        95 % interval of macro recall; None where it was not worked out.
    """

    rule: str
    how: str
    n_scans: int
    n_patients: int | None
    threshold: float
    threshold_low: float | None
    threshold_high: float | None
    n_excluded: int
    value: float
    n_tied: int
    thresholds: tuple[float, ...]
    macro_recall: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    sensitivity: tuple[float, ...]
    specificity: tuple[float, ...]

    @model_validator(mode="after")
    def _one_curve(self) -> CutPointFigures:
        rates = (self.macro_recall, self.sensitivity, self.specificity)
        lengths = {len(column) for column in (*rates, self.low, self.high)}
        if lengths != {len(self.thresholds)}:
            raise ValueError("the columns of the curve are not of the same length")
        if self.threshold not in self.thresholds:
            raise ValueError("threshold is none of thresholds")
        return self

    @property
    def index(self) -> int:
        """Place of the chosen cut point on the curve."""
        return self.thresholds.index(self.threshold)

    @property
    def rows(self) -> tuple[int, ...]:
        """Places to print: all where they are few, else evenly spaced ones."""
        n_points = len(self.thresholds)
        if n_points <= MOST_ROWS:
            return tuple(range(n_points))
        places = np.linspace(0, n_points - 1, MOST_ROWS).round().astype(int)
        return tuple(sorted({self.index, *places.tolist()}))


def cut_point_figures(
    curve: SweepCurve,
    choice: CutPointChoice,
    interval: CurveInterval,
    *,
    n_scans: int,
    n_patients: int | None,
    how: str,
) -> CutPointFigures:
    """Put a curve, the choice on it and their intervals together.

    Of a curve with more points than the interval was worked out on, only those are
    kept that have one, and the chosen one.

    Parameters
    ----------
    curve : SweepCurve
        The curve.
    choice : CutPointChoice
        A point of it.
    interval : CurveInterval
        Of the same scans.
    n_scans : int
        How many were swept.
    n_patients : int or None
        Of how many patients; None where nobody knows.
    how : str
        Whose predictions they are.

    Returns
    -------
    figures : CutPointFigures
        To be shown, and written to JSON.
    """
    kept = np.isin(curve.thresholds, interval.thresholds)
    kept[choice.index] = True
    shared = np.searchsorted(curve.thresholds, interval.thresholds)
    bounds = np.full((2, curve.thresholds.size), np.nan)
    bounds[:, shared] = interval.macro_recall_low, interval.macro_recall_high
    low, high = ([_or_none(x) for x in row[kept]] for row in bounds)
    return CutPointFigures(
        rule=choice.rule,
        how=how,
        n_scans=n_scans,
        n_patients=n_patients,
        threshold=choice.threshold,
        threshold_low=_or_none(interval.threshold_low),
        threshold_high=_or_none(interval.threshold_high),
        n_excluded=interval.n_excluded,
        value=choice.value,
        n_tied=choice.n_tied,
        thresholds=tuple(curve.thresholds[kept].tolist()),
        macro_recall=tuple(curve.macro_recall[kept].tolist()),
        low=tuple(low),
        high=tuple(high),
        sensitivity=tuple(curve.sensitivity[kept].tolist()),
        specificity=tuple(curve.specificity[kept].tolist()),
    )


def _or_none(number: Any) -> float | None:
    return float(number) if math.isfinite(number) else None
