"""Areas under ROC curves on the same scans: how surely they differ.

Own code, since no library counts patients: `MLstatkit` (MIT, 2025) and
`confidenceinterval` (MIT, 2024) hold DeLong's variance of independent scans only, the
first turns silently into a bootstrap where a variance is zero, the second knows one
model at a time and needs statsmodels; scikit-learn, SciPy and statsmodels have none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import LEVEL, Estimate
from hierclf.evaluation.predictions import Predictions


class AreaDifference(BaseModel):
    """By how much the areas of two screen scores differ, without resampling.

    Parameters
    ----------
    baseline, model : str
        Names of the two models.
    difference : Estimate
        Area of `model` less that of `baseline`; no bounds where their error is
        unknown, as with a single patient of a kind.
    p_value : float or None
        Of no difference, two-sided; None where the error is zero or unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: str
    model: str
    difference: Estimate
    p_value: float | None


def placements(diseased: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Place each scan among the scans of the other kind.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Higher means more likely diseased.

    Returns
    -------
    of_sick : ndarray of float, shape (n_diseased,), in [0, 1]
        Share of the healthy scans that lie below; equal scores count half.
    of_well : ndarray of float, shape (n_healthy,), in [0, 1]
        Share of the diseased scans that lie above. Both have the area as mean.

    Notes
    -----
    The components V10 and V01 of [1]_, by sorting instead of by pairs as in [2]_:
    O(n log n).

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas
       under two or more correlated receiver operating characteristic curves: a
       nonparametric approach", Biometrics 44 (3), 1988, p. 837-845.
    .. [2] X. Sun and W. Xu, "Fast implementation of DeLong's algorithm for comparing
       the areas under correlated receiver operating characteristic curves", IEEE
       Signal Processing Letters 21 (11), 2014, p. 1389-1393.

    Examples
    --------
    >>> truth = np.array([False, False, True, True])
    >>> [part.tolist() for part in placements(truth, np.array([0.1, 0.4, 0.35, 0.8]))]
    [[0.5, 1.0], [1.0, 0.5]]
    """
    sick, well = scores[diseased], scores[~diseased]
    return _below(sick, well), 1 - _below(well, sick)


def _below(scores: Floats, others: Floats) -> Floats:
    ladder = np.sort(others)
    sides = [np.searchsorted(ladder, scores, side=s) for s in ("left", "right")]
    shares: Floats = (sides[0] + sides[1]) / (2 * max(1, ladder.size))
    return shares


def area_covariance(
    diseased: NDArray[np.bool_],
    scores: Floats,
    patients: Ints,
) -> tuple[Floats, Floats]:
    r"""Estimate areas, and how their errors hang together, with scans by patient.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth; both kinds occur.
    scores : ndarray of float, shape (n_models, n_scans)
        Of each model, higher means more likely diseased.
    patients : ndarray of int, shape (n_scans,), at least 0
        Whose scan it is.

    Returns
    -------
    areas : ndarray of float, shape (n_models,), in [0, 1]
        Areas under the ROC curves.
    covariance : ndarray of float, shape (n_models, n_models)
        Of their errors; NaN where only one patient has scans of a kind.

    Notes
    -----
    With :math:`a_i` the sum, over the m diseased scans of patient i, of their
    placements less the area, and :math:`b_i` that over the n healthy ones [1]_:

    .. math::

        \frac{I_{10}}{I_{10}-1} \frac{\sum_i a_i a_i^T}{m^2}
        + \frac{I_{01}}{I_{01}-1} \frac{\sum_i b_i b_i^T}{n^2}
        + \frac{I}{I-1} \frac{\sum_i a_i b_i^T + b_i a_i^T}{m n}

    for I patients, of whom :math:`I_{10}` have a diseased and :math:`I_{01}` a
    healthy scan. With one scan of each patient it is DeLong's covariance.

    References
    ----------
    .. [1] N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data",
       Biometrics 53 (2), 1997, p. 567-578.
    """
    rows = [placements(diseased, row) for row in scores]
    of_sick, of_well = (np.stack(side) for side in zip(*rows, strict=True))
    areas = of_sick.mean(axis=1)
    whose = np.unique(patients, return_inverse=True)[1]
    kinds = ((of_sick, whose[diseased]), (of_well, whose[~diseased]))
    sums = [_by_patient(part - areas[:, None], who) for part, who in kinds]
    n_patients = max(part.shape[1] for part in sums)
    a, b = (np.pad(s, ((0, 0), (0, n_patients - s.shape[1]))) for s in sums)
    factors = [_unbiased(np.unique(who).size) for _, who in kinds]
    crossed = _unbiased(n_patients) * a @ b.T
    return areas, factors[0] * a @ a.T + factors[1] * b @ b.T + crossed + crossed.T


def _by_patient(errors: Floats, patients: Ints) -> Floats:
    """Sum over the scans of each patient, as shares of all: (n_models, n_patients)."""
    sums = [np.bincount(patients, row) for row in errors]
    return np.stack(sums) / patients.size


def _unbiased(n_patients: int) -> float:
    return n_patients / (n_patients - 1) if n_patients > 1 else math.nan


def area_differences(models: Mapping[str, Predictions]) -> tuple[AreaDifference, ...]:
    """Compare the areas of screen scores with that of the first.

    Parameters
    ----------
    models : mapping of str to Predictions
        With screen scores, of the same scans in the same order.

    Returns
    -------
    differences : tuple of AreaDifference
        One for each but the first, bounded at 95 % by the normal distribution; none
        where the scans are all healthy or all diseased.
    """
    said = list(models.values())
    sick = said[0].diseased
    if sick.all() or not sick.any():
        return ()
    scores = np.stack([np.asarray(one.screen_score) for one in said])
    areas, covariance = area_covariance(sick, scores, said[0].patients)
    names = list(models)
    return tuple(
        _difference(names[0], name, areas, covariance, place)
        for place, name in enumerate(names[1:], start=1)
    )


def _difference(
    baseline: str, model: str, areas: Floats, covariance: Floats, place: int
) -> AreaDifference:
    gain = float(areas[place] - areas[0])
    signs = np.zeros(areas.size)
    signs[[0, place]] = (-1, 1)
    variance = float(signs @ covariance @ signs)
    error = math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan
    bell = NormalDist()
    half = bell.inv_cdf((1 + LEVEL) / 2) * error
    known = math.isfinite(error)
    return AreaDifference(
        baseline=baseline,
        model=model,
        difference=Estimate(
            value=gain,
            low=gain - half if known else None,
            high=gain + half if known else None,
            method="delong",
        ),
        p_value=2 * bell.cdf(-abs(gain) / error) if known and error > 1e-12 else None,
    )
