"""Means over scans, bounded by the patient bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierclf.evaluation.bootstrap import resampled_sums
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import (
    Estimate,
    bootstrap_estimate,
    proportion_estimate,
)


def mean_of_scans(
    values: Floats, patients: Ints, weights: NDArray[np.number]
) -> Estimate:
    """Bound the mean of a figure that each scan has.

    Parameters
    ----------
    values : ndarray of float, shape (n_scans,)
        NaN where a scan has none; it is left out.
    patients : ndarray of int, shape (n_scans,)
        Number of each scan's patient.
    weights : ndarray of number, shape (n_resamples, n_patients)
        From `hierclf.evaluation.bootstrap.patient_weights`.

    Returns
    -------
    estimate : Estimate
        Where all values are 0 or 1 it is a proportion, which has the Wilson interval
        of `hierclf.evaluation.intervals.proportion_estimate`: ten hits of ten bound
        no bootstrap. Else percentiles of the patient bootstrap.

    Examples
    --------
    >>> from hierclf.evaluation.bootstrap import patient_weights
    >>> weights = patient_weights(3, n_resamples=200, seed=0)
    >>> mean_of_scans(np.array([0.25, 0.5, 0.75]), np.arange(3), weights).value
    0.5
    """
    known = ~np.isnan(values)
    n_patients = weights.shape[1]
    owners, found = patients[known], values[known]
    sums = np.bincount(owners, found, minlength=n_patients)
    counts = np.bincount(owners, minlength=n_patients)
    if known.any() and np.isin(found, (0.0, 1.0)).all():
        return proportion_estimate(sums, counts)
    pair = resampled_sums(weights, np.column_stack([sums, counts]))
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = pair[:, 0] / pair[:, 1]
    value = float(found.mean()) if known.any() else np.nan
    return bootstrap_estimate(value, draws)
