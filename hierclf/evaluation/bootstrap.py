"""The patient bootstrap: which patients a resample holds, and how often.

Scans of one patient resemble each other, so patients are drawn and not scans. A
resample is kept as a row of counts, one for each patient. Whatever is a sum over
scans is first summed for each patient; then all resamples cost one matrix product
of the counts with these sums, and no scan is copied.

Patients are drawn from all of them, and not from each label apart. Drawing within
labels would never lose a class, but it holds the class sizes fixed, which is
untrue for predictive values, accuracy and kappa, and it has no answer for a
patient with scans of two labels. The price is that a class of m patients is absent
from a resample with a chance of about exp(-m): 0.005 % for ten patients, 5 % for
three. A figure that needs the class is then undefined in that resample, the
resample is left out of that figure's interval, and the number left out is
reported.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation.confusion import Floats, Ints, Tallies
from hierclf.evaluation.roc import in_pieces
from hierclf.foundation.errors import InputError
from hierclf.foundation.seeding import generator


def patient_codes(groups: ArrayLike | None, n_scans: int) -> tuple[Ints, int]:
    """Give each patient a number.

    Parameters
    ----------
    groups : array-like, shape (n_scans,), optional
        Patient of each scan; each scan is its own patient where it is not given.
    n_scans : int
        How many scans there are.

    Returns
    -------
    codes : ndarray of int, shape (n_scans,)
        Number of each scan's patient, in the sorted order of their names: the
        same whatever the order of the scans.
    n_patients : int
        How many patients there are.

    Raises
    ------
    InputError
        If the length is wrong or a patient is missing.

    Examples
    --------
    >>> codes, n_patients = patient_codes(["b", "a", "b"], 3)
    >>> codes.tolist(), n_patients
    ([1, 0, 1], 2)
    """
    if groups is None:
        return np.arange(n_scans), n_scans
    column = pd.Series(np.asarray(groups))
    if len(column) != n_scans:
        raise InputError(
            f"groups: expected a patient for each of {n_scans} scans, got "
            f"{len(column)}. Pass the patient_id column of the same rows."
        )
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise InputError(
            f"groups, scan {missing[0]}: expected a patient, got {column[missing[0]]}. "
            "Without it scans that belong together count as independent."
        )
    codes, names = pd.factorize(column.astype(str), sort=True)
    return codes.astype(np.intp), len(names)


def patient_weights(
    n_patients: int, *, n_resamples: int, seed: int
) -> NDArray[np.uint16]:
    """Draw how often each patient stands in each resample.

    Parameters
    ----------
    n_patients : int, at least 2
        How many patients there are; as many are drawn, with replacement.
    n_resamples : int, at least 1
        How many resamples are drawn.
    seed : int, at least 0
        Root seed. Two models with the same patients and seed get the same
        resamples, which is what makes their difference a paired one.

    Returns
    -------
    weights : ndarray of uint16, shape (n_resamples, n_patients)
        Multinomial counts; each row sums to `n_patients`.

    Raises
    ------
    InputError
        If `n_resamples` is less than 1, or there is a single patient: it always
        draws itself, and no interval can come of that.

    Examples
    --------
    >>> patient_weights(5, n_resamples=3, seed=0).sum(axis=1).tolist()
    [5, 5, 5]
    """
    if n_resamples < 1:
        raise InputError(
            f"n_resamples: expected at least 1, got {n_resamples}. "
            "A 95 % interval wants about 1000."
        )
    if n_patients < 2:
        raise InputError(
            f"groups: expected at least 2 patients, got {n_patients}. "
            "Intervals need patients to draw from; check the patient_id column."
        )
    rng = generator(seed, "bootstrap")
    weights = np.empty((n_resamples, n_patients), dtype=np.uint16)
    for row in weights:
        drawn = rng.integers(n_patients, size=n_patients)
        row[:] = np.bincount(drawn, minlength=n_patients)
    return weights


def resampled_sums(weights: NDArray[np.number], per_patient: Tallies) -> Floats:
    """Sum a quantity of each patient over every resample.

    Parameters
    ----------
    weights : ndarray of number, shape (n_resamples, n_patients)
        How often each patient stands in each resample.
    per_patient : ndarray of number, shape (n_patients, ...)
        Its sum over the scans of each patient, for example a confusion matrix.

    Returns
    -------
    sums : ndarray of float, shape (n_resamples, ...)
        ``weights @ per_patient``.
    """
    flat = per_patient.reshape(len(per_patient), -1).astype(np.float64)
    sums = in_pieces(lambda piece: piece @ flat, weights, len(per_patient))
    return sums.reshape(len(weights), *per_patient.shape[1:])
