"""Patient-disjoint folds for what is chosen inside a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.data.split import merge_rare, patient_folds
from hierclf.foundation.errors import InputError

Indices = NDArray[np.intp]


def inner_folds(
    y: NDArray[Any],
    groups: NDArray[Any],
    *,
    n_folds: int,
    seed: int,
    kin: NDArray[Any] | None = None,
) -> list[tuple[Indices, Indices]]:
    """Fold training scans, also where a class has scans of one patient only.

    Such a class cannot be on both sides of a fold. For the folding it counts as
    the commonest class of its kin; in one fold it is then predicted by stages
    that never saw it, which is what will happen to the next such patient.

    Parameters
    ----------
    y : ndarray, shape (n_scans,)
        Labels.
    groups : ndarray, shape (n_scans,)
        Patients.
    n_folds : int, at least 2
        Folds to make; fewer where there are fewer patients.
    seed : int
        Decides which patients go together.
    kin : ndarray, shape (n_scans,), optional
        Which classes may stand for each other: healthy or diseased. All may
        where it is not given.

    Returns
    -------
    folds : list of tuple of ndarray
        Rows to fit on and rows to predict; every row is predicted once.

    Raises
    ------
    InputError
        If not even the merged classes have two patients.
    """
    merged = merge_rare(y, groups, kin)
    for label in np.unique(merged):
        if len(np.unique(groups[merged == label])) < 2:
            raise InputError(
                "inner folds: expected scans of at least two patients labelled "
                f"{label!s} to fit on, got one patient. Nothing can be chosen "
                "on other patients so: add patients, or give --cut-point a number (and "
                "leave --model network)."
            )
    n_patients = len(np.unique(groups))
    return patient_folds(
        merged, groups, n_folds=min(n_folds, n_patients), seed=seed, least_classes=1
    )
