"""Bands around the ROC curve and the precision-recall curve of a score.

Patients are drawn, see `hierclf.evaluation.bootstrap`, and the curve of each resample
is read off at fixed places: the sensitivity at a false positive rate, the precision at
a recall. The band is made of the percentiles at each place; it says where the curve
passes there, and not that the whole curve lies inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import percentiles
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError

FALSE_POSITIVE_RATES = tuple(step / 100 for step in range(101))
RECALLS = tuple(step / 100 for step in range(1, 101))

Reading = Callable[[Floats, Floats, Floats], Floats]


class CurveBand(BaseModel):
    """A curve at fixed places, with 95 % bounds.

    Parameters
    ----------
    at : tuple of float, in [0, 1]
        False positive rates, or recalls; rising.
    value : tuple of float, in [0, 1]
        Sensitivities, or precisions.
    low, high : tuple of float, in [0, 1]
        Their bounds.
    n_excluded : int
        Resamples without healthy or diseased scans, which were left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_excluded: int


def sensitivity_at(hits: Floats, alarms: Floats, rates: Floats) -> Floats:
    """Read a ROC curve at false positive rates.

    Parameters
    ----------
    hits, alarms : ndarray of float, shape (n_points,)
        True and false positives at falling thresholds, from 0 to all.
    rates : ndarray of float, shape (n_rates,), in [0, 1]
        Where; between two points of the curve it is straight.

    Returns
    -------
    sensitivities : ndarray of float, shape (n_rates,)
        The highest at each rate.

    Examples
    --------
    >>> steps = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 2.0])
    >>> sensitivity_at(*steps, np.array([0.0, 0.75])).tolist()
    [0.5, 0.75]
    """
    found: Floats = np.interp(rates, alarms / alarms[-1], hits / hits[-1])
    return found


def precision_at(hits: Floats, alarms: Floats, recalls: Floats) -> Floats:
    """Read a precision-recall curve at recalls.

    Parameters
    ----------
    hits, alarms : ndarray of float, shape (n_points,)
        True and false positives at falling thresholds, from 0 to all.
    recalls : ndarray of float, shape (n_recalls,), in (0, 1]
        Where; it is a step curve, since a straight line between two points of it
        cannot be reached by any threshold.

    Returns
    -------
    precisions : ndarray of float, shape (n_recalls,)
        At the first threshold that reaches each recall.

    Examples
    --------
    >>> steps = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 2.0])
    >>> precision_at(*steps, np.array([0.5, 0.75])).tolist()
    [1.0, 0.5]
    """
    wanted = recalls * hits[-1] - 1e-9 * hits[-1]  # 0.29 * 100 is more than 29
    places = np.searchsorted(hits, wanted, side="left")
    found: Floats = hits[places] / (hits[places] + alarms[places])
    return found


def roc_band(predictions: Predictions, *, n_resamples: int, seed: int) -> CurveBand:
    """Bound the ROC curve of the screen score.

    Parameters
    ----------
    predictions : Predictions
        With screen scores, of healthy and diseased scans.
    n_resamples : int
        Resamples of the patients.
    seed : int
        Root seed.

    Returns
    -------
    band : CurveBand
        Sensitivity at `FALSE_POSITIVE_RATES`.

    Raises
    ------
    InputError
        If there are no screen scores, or scans of one kind only.
    """
    return _band(predictions, sensitivity_at, FALSE_POSITIVE_RATES, n_resamples, seed)


def precision_recall_band(
    predictions: Predictions, *, n_resamples: int, seed: int
) -> CurveBand:
    """Bound the precision-recall curve of the screen score.

    Parameters
    ----------
    predictions : Predictions
        With screen scores, of healthy and diseased scans.
    n_resamples : int
        Resamples of the patients.
    seed : int
        Root seed.

    Returns
    -------
    band : CurveBand
        Precision at `RECALLS`.

    Raises
    ------
    InputError
        As `roc_band`.
    """
    return _band(predictions, precision_at, RECALLS, n_resamples, seed)


def _band(
    said: Predictions,
    read: Reading,
    places: tuple[float, ...],
    n_resamples: int,
    seed: int,
) -> CurveBand:
    score, sick, at = said.screen_score, said.diseased, np.asarray(places)
    if score is None or sick.all() or not sick.any():
        raise InputError(
            "band: expected screen scores of healthy and diseased scans, got less. "
            "Evaluate on a set that holds both."
        )
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    owner, sick = said.patients[order], sick[order]
    drawn = patient_weights(said.n_patients, n_resamples=n_resamples, seed=seed)
    draws = [_read(weights[owner], sick, ends, read, at) for weights in drawn]
    table = np.stack(draws)
    bounds = [percentiles(column) for column in table.T]
    value = _read(np.ones(score.size), sick, ends, read, at)
    return CurveBand(
        at=places,
        value=tuple(value.tolist()),
        low=tuple(low for low, _, _ in bounds),
        high=tuple(high for _, high, _ in bounds),
        n_excluded=bounds[0][2],
    )


def _read(
    weights: NDArray[np.number],
    sick: NDArray[np.bool_],
    ends: Ints,
    read: Reading,
    at: Floats,
) -> Floats:
    """Read the curve of one resample; NaN without healthy or diseased scans."""
    hits = np.concatenate([[0.0], np.cumsum(weights * sick)[ends]])
    alarms = np.concatenate([[0.0], np.cumsum(weights * ~sick)[ends]])
    if not (hits[-1] and alarms[-1]):
        return np.full(at.size, np.nan)
    return read(hits, alarms, at)
