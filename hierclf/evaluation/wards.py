"""Scans with and without labels, and wards drawn from those with labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation.bootstrap import patient_codes
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.roc import check_scores
from hierclf.foundation.errors import InputError


@dataclass(frozen=True, eq=False)
class Labelled:
    """Scores of scans whose truth is known; made by `labelled`.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        By models that never saw the patient.
    patients : ndarray of int, shape (n_scans,), in [0, n_patients)
        Number of each scan's patient.
    n_patients : int
        How many there are.
    """

    diseased: NDArray[np.bool_]
    scores: Floats
    patients: Ints
    n_patients: int

    @property
    def prevalence(self) -> float:
        """Share of the scans that is diseased."""
        return float(self.diseased.mean())


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Scores of scans whose truth is not known; made by `unlabelled`.

    Parameters
    ----------
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Screen scores.
    patients : ndarray of int, shape (n_scans,), in [0, n_patients)
        Number of each scan's patient.
    n_patients : int
        How many there are.
    """

    scores: Floats
    patients: Ints
    n_patients: int


def labelled(
    diseased: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None
) -> Labelled:
    """Check the scores of a reference.

    Parameters
    ----------
    diseased : array-like of bool, shape (n_scans,)
        The truth.
    scores : array-like of float, shape (n_scans,), in [0, 1]
        Held-out screen scores.
    groups : array-like, shape (n_scans,), optional
        Patient of each scan; each is its own where it is not given.

    Returns
    -------
    reference : Labelled
        Both kinds occur in it, and the scores differ.

    Raises
    ------
    InputError
        If one kind is missing, lengths differ, or all scores are equal.
    """
    truth = np.asarray(diseased, dtype=bool)
    checked = check_scores("reference score", scores, truth.size)
    patients, n_patients = patient_codes(groups, truth.size)
    if truth.all() or not truth.any() or checked.min() == checked.max():
        raise InputError(
            "reference: expected healthy and diseased scans with different scores, "
            f"got {int(truth.sum())} diseased of {truth.size} with scores from "
            f"{checked.min()} to {checked.max()}. Train on more scans."
        )
    return Labelled(truth, checked, patients, n_patients)


def unlabelled(scores: ArrayLike, groups: ArrayLike | None = None) -> Unlabelled:
    """Check the scores of a ward.

    Parameters
    ----------
    scores : array-like of float, shape (n_scans,), in [0, 1]
        Screen scores.
    groups : array-like, shape (n_scans,), optional
        Patient of each scan; each is its own where it is not given.

    Returns
    -------
    ward : Unlabelled
        Of one patient at least.

    Raises
    ------
    InputError
        If a score is no probability or lengths differ.
    """
    size = np.asarray(scores).shape[0] if np.ndim(scores) else 0
    checked = check_scores("ward score", scores, size)
    patients, n_patients = patient_codes(groups, size)
    return Unlabelled(checked, patients, n_patients)


def ward_drawer(
    reference: Labelled, rng: np.random.Generator
) -> Callable[[int, float], Floats]:
    """Make what draws wards of any size and prevalence from a reference.

    Patients are drawn with replacement, the healthy and the diseased scans of a
    patient apart, until there are about as many scans as wanted.

    Parameters
    ----------
    reference : Labelled
        To be drawn from.
    rng : numpy.random.Generator
        Of the draws.

    Returns
    -------
    draw : callable
        Number of scans and prevalence to how often each scan of the reference
        stands in the ward, shape (n_scans,).

    Examples
    --------
    >>> reference = labelled([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    >>> draw = ward_drawer(reference, np.random.default_rng(0))
    >>> weights = draw(1000, 0.9)
    >>> weights.sum(), 850 < weights[2:].sum() < 950
    (np.float64(1000.0), np.True_)
    """
    kinds = []
    for kind in (True, False):
        rows = np.flatnonzero(reference.diseased == kind)
        names, codes = np.unique(reference.patients[rows], return_inverse=True)
        kinds.append((rows, codes, names.size))

    def draw(n_scans: int, prevalence: float) -> Floats:
        weights = np.zeros(reference.diseased.size)
        n_sick = int(rng.binomial(n_scans, prevalence))
        wanted = (n_sick, n_scans - n_sick)
        for (rows, codes, n_patients), n in zip(kinds, wanted, strict=True):
            n_drawn = max(round(n * n_patients / rows.size), int(n > 0))
            drawn = rng.integers(n_patients, size=n_drawn)
            weights[rows] = np.bincount(drawn, minlength=n_patients)[codes]
        return weights

    return draw
