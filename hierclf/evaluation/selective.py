"""How often decisions are wrong where only the surest are taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import Estimate, proportion_estimate

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Shares of the decisions that a table tells the error of."""
_MOST_POINTS = 200


class SelectivePoint(BaseModel):
    """What is taken from a confidence on, and how often it is wrong.

    Parameters
    ----------
    confidence : float
        Decisions as sure as this, or surer, are taken.
    taken : float, in (0, 1]
        Share of the decisions.
    error : Estimate
        Share of wrong ones among these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: float
    taken: float
    error: Estimate


class SelectiveCurve(BaseModel):
    """Error against the share of decisions that are taken.

    Parameters
    ----------
    taken, error : tuple of float, in [0, 1]
        From the surest decisions to all; at most 200 points.
    area : float, in [0, 1]
        Mean error over all shares; lower is better.
    area_by_chance : float, in [0, 1]
        The same of a confidence that knows nothing: the error of all decisions.
    points : tuple of SelectivePoint
        With intervals, at the `SHARES`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    taken: tuple[float, ...]
    error: tuple[float, ...]
    area: float
    area_by_chance: float
    points: tuple[SelectivePoint, ...]


def selective_curve(
    confidence: Floats, wrong: NDArray[np.bool_], patients: Ints, n_patients: int
) -> SelectiveCurve:
    """Take decisions from the surest on, and count the wrong ones among them.

    Parameters
    ----------
    confidence : ndarray of float, shape (n_scans,)
        In each decision; equally sure ones are taken together.
    wrong : ndarray of bool, shape (n_scans,)
        Whether it was wrong.
    patients : ndarray of int, shape (n_scans,)
        Codes from 0.
    n_patients : int
        How many there are.

    Returns
    -------
    curve : SelectiveCurve
        The risk-coverage curve and the area below it (Geifman, Uziel and El-Yaniv,
        "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019,
        section 2).

    Examples
    --------
    >>> sure, wrong = np.array([0.9, 0.8, 0.7]), np.array([False, False, True])
    >>> curve = selective_curve(sure, wrong, np.arange(3), 3)
    >>> [round(e, 2) for e in curve.error], round(curve.area, 3)
    ([0.0, 0.0, 0.33], 0.111)
    """
    order = np.argsort(-confidence, kind="stable")
    sure, errors = confidence[order], np.cumsum(wrong[order])
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True))
    n = len(sure)
    risks = errors[ends] / (ends + 1)
    sizes = np.diff(ends, prepend=-1)
    kept = np.unique(np.linspace(0, len(ends) - 1, _MOST_POINTS).round().astype(int))
    points = []
    for share in SHARES:
        end = int(ends[np.searchsorted(ends + 1, share * n - 1e-9)])
        cases = np.bincount(patients[order[: end + 1]], minlength=n_patients)
        hits = np.bincount(
            patients[order[: end + 1]], wrong[order[: end + 1]], minlength=n_patients
        )
        point = SelectivePoint(
            confidence=float(sure[end]),
            taken=float((end + 1) / n),
            error=proportion_estimate(hits, cases),
        )
        points += [point] if point not in points else []
    return SelectiveCurve(
        taken=tuple(((ends[kept] + 1) / n).tolist()),
        error=tuple(risks[kept].tolist()),
        area=float((risks * sizes).sum() / n),
        area_by_chance=float(wrong.mean()),
        points=tuple(points),
    )
