"""What a decision by the screen score is worth, over what a missed case weighs.

A false alarm weighs less than a missed case, but how much less is a matter of
judgment. Who calls a scan diseased from a risk of t on takes 1 - t missed cases for
t false alarms; the net benefit counts both in one unit for each t, and is compared
with calling all scans diseased, and none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.confusion import Floats, Ints, ratio
from hierclf.evaluation.intervals import percentiles
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError

THRESHOLDS = tuple(step / 100 for step in range(1, 100))


class NetBenefitCurve(BaseModel):
    """Net benefit over the threshold, with 95 % bands of the patient bootstrap.

    Parameters
    ----------
    thresholds : tuple of float, in (0, 1)
        Rising.
    model : tuple of float
        Net benefit of calling a scan diseased where its score is not below.
    low, high : tuple of float
        Its bounds, threshold by threshold.
    treat_all : tuple of float
        Net benefit of calling every scan diseased; calling none is worth 0.
    gain_low : tuple of float
        Lower bound of what the model is worth over the better of these two.
    prevalence : float, in [0, 1]
        Share of the scans that are diseased; the curve holds for no other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    thresholds: tuple[float, ...]
    model: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    treat_all: tuple[float, ...]
    gain_low: tuple[float, ...]
    prevalence: float

    @property
    def useful(self) -> tuple[float, float] | None:
        """First and last threshold of the longest stretch with a gain above 0."""
        above = np.concatenate([[False], np.asarray(self.gain_low) > 0, [False]])
        starts, ends = np.flatnonzero(np.diff(above.astype(int))).reshape(-1, 2).T
        if not starts.size:
            return None
        longest = int(np.argmax(ends - starts))
        return (
            self.thresholds[starts[longest]],
            self.thresholds[ends[longest] - 1],
        )


def net_benefit(
    diseased: NDArray[np.bool_],
    scores: Floats,
    thresholds: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Net benefit at some thresholds, for one or many weightings of the scans.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Risk of being diseased.
    thresholds : ndarray of float, shape (n_thresholds,), in (0, 1)
        A scan is called diseased where its score is not below.
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        Weight of each column in each resample; ones where it is not given.
    columns : ndarray of int, shape (n_scans,), optional
        Which column weighs each scan: its patient.

    Returns
    -------
    benefits : ndarray of float, shape (n_resamples, n_thresholds)
        Below the prevalence; NaN for a resample without weight.

    Notes
    -----
    :math:`TP/n - FP/n \cdot t/(1-t)`, the formula on p. 567 of [1]_.

    References
    ----------
    .. [1] A. J. Vickers and E. B. Elkin, "Decision curve analysis: a novel method
       for evaluating prediction models", Medical Decision Making 26 (6), 2006,
       p. 565-574.

    Examples
    --------
    >>> truth = np.array([True, True, False, False])
    >>> scores = np.array([0.9, 0.4, 0.6, 0.1])
    >>> net_benefit(truth, scores, np.array([0.2, 0.5])).round(3).tolist()
    [[0.438, 0.0]]
    """
    column = np.arange(scores.size) if columns is None else columns
    rows = np.ones((1, scores.size)) if weights is None else weights.astype(float)
    worth = np.where(diseased[:, None], 1.0, -thresholds / (1 - thresholds))
    summed = np.zeros((rows.shape[1], thresholds.size))
    np.add.at(summed, column, worth * (scores[:, None] >= thresholds))
    sizes = np.bincount(column, minlength=rows.shape[1])
    totals = np.broadcast_to((rows @ sizes)[:, None], (len(rows), thresholds.size))
    return ratio(rows @ summed, totals)


def net_benefit_curve(
    predictions: Predictions,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    n_resamples: int = 1000,
    seed: int = 0,
) -> NetBenefitCurve:
    """Compare deciding by the screen score with calling all scans diseased, and none.

    Parameters
    ----------
    predictions : Predictions
        With screen scores, which are taken for risks.
    thresholds : sequence of float, in (0, 1)
        Where.
    n_resamples : int, default=1000
        Resamples of the patients.
    seed : int, default=0
        Root seed.

    Returns
    -------
    curve : NetBenefitCurve
        Bands are percentiles, threshold by threshold.

    Raises
    ------
    InputError
        If there are no screen scores, or a threshold lies outside (0, 1).
    """
    score = predictions.screen_score
    if score is None:
        raise InputError(
            "net benefit: expected screen scores, got none. "
            "Pass screen_score to predictions_of."
        )
    at = np.asarray(thresholds, dtype=np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise InputError(
            f"net benefit: expected thresholds between 0 and 1, got {at.tolist()}. "
            "At 0 and 1 one kind of error counts for nothing."
        )
    said = predictions
    drawn = patient_weights(said.n_patients, n_resamples=n_resamples, seed=seed)
    weights = np.concatenate([np.ones_like(drawn[:1]), drawn])
    model = net_benefit(said.diseased, score, at, weights, said.patients)
    always = np.ones_like(score)
    everybody = net_benefit(said.diseased, always, at, weights, said.patients)
    low, high = _bounds(model)
    gain_low, _ = _bounds(model - np.maximum(everybody, 0))
    return NetBenefitCurve(
        thresholds=tuple(at.tolist()),
        model=tuple(model[0].tolist()),
        low=low,
        high=high,
        treat_all=tuple(everybody[0].tolist()),
        gain_low=gain_low,
        prevalence=float(said.diseased.mean()),
    )


def _bounds(figures: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Bound each column of shape (1 + n_resamples, n_thresholds)."""
    ends = [percentiles(column)[:2] for column in figures[1:].T]
    low, high = zip(*ends, strict=True)
    return low, high
