"""Scores set right by the one curve that rises: what of the Brier score is their fault.

SciPy's ``isotonic_regression`` does the fit. ``model-diagnostics`` (MIT) has the same
decomposition; it would bring polars for what takes ten lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from hierclf.evaluation.confusion import Floats, Ints


def rising_fit(
    diseased: NDArray[np.bool_], scores: Floats, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """Fit the share of diseased scans as a function that never falls with the score.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Probability of being diseased.
    weights : ndarray of float, shape (n_scans,), optional
        How often each scan counts; ones where it is not given.

    Returns
    -------
    levels : ndarray of float, shape (n_levels,)
        Different scores of positive weight, rising.
    shares : ndarray of float, shape (n_levels,), in [0, 1]
        Share of diseased scans at each.

    Examples
    --------
    >>> levels, shares = rising_fit(np.array([False, True, False, True]),
    ...                             np.array([0.1, 0.3, 0.4, 0.9]))
    >>> shares.tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    mass = np.ones_like(scores) if weights is None else weights
    kept = mass > 0
    levels, places = np.unique(scores[kept], return_inverse=True)
    heavy = np.bincount(places, mass[kept])
    hits = np.bincount(places, mass[kept] * diseased[kept])
    return levels, isotonic_regression(hits / heavy, weights=heavy).x


def brier_parts(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Part the Brier score into miscalibration, discrimination and uncertainty.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        Weight of each column in each resample; ones where it is not given.
    columns : ndarray of int, shape (n_scans,), optional
        Which column weighs each scan: its patient.

    Returns
    -------
    parts : ndarray of float, shape (n_resamples, 3)
        Miscalibration, what the best rising curve over the scores would save;
        discrimination, what the scores are then worth beside always answering the
        prevalence; uncertainty, the Brier score of the prevalence. The Brier score is
        the first less the second plus the third. NaN for an empty resample.

    Notes
    -----
    With the isotonic fit :math:`\hat s`, prevalence :math:`\bar y` and B the Brier
    score: :math:`B(s) = [B(s) - B(\hat s)] - [B(\bar y) - B(\hat s)] + B(\bar y)`
    [1]_. Unlike Murphy's reliability, resolution and uncertainty over bins it adds up
    exactly and has no number of bins to choose. The fit also follows chance, so
    miscalibration is never below 0, and above it for scores that are right.

    References
    ----------
    .. [1] T. Dimitriadis, T. Gneiting and A. I. Jordan, "Stable reliability diagrams
       for probabilistic classifiers", PNAS 118 (8), 2021, e2016191118, equation (3).

    Examples
    --------
    >>> truth = np.array([False, True, False, True])
    >>> brier_parts(truth, np.array([0.2, 0.2, 0.6, 0.6])).round(3).tolist()
    [[0.05, 0.0, 0.25]]
    """
    column = np.arange(scores.size) if columns is None else columns
    rows = np.ones((1, scores.size)) if weights is None else weights
    return np.stack([_parts(diseased, scores, row[column]) for row in rows])


def _parts(diseased: NDArray[np.bool_], scores: Floats, weights: Floats) -> Floats:
    total = float(weights.sum())
    if total == 0:
        return np.full(3, np.nan)
    mass = weights.astype(np.float64)
    levels, shares = rising_fit(diseased, scores, mass)
    fitted = np.interp(scores, levels, shares)
    prevalence = float(mass @ diseased) / total
    raw, best, plain = (
        float(mass @ (answer - diseased) ** 2) / total
        for answer in (scores, fitted, prevalence)
    )
    return np.array([raw - best, plain - best, plain])
