"""Rows of whatever a stage is fitted on: a manifest, an array, a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from hierclf.foundation.errors import InputError


def patients_of(X: Any, n_scans: int, groups: Any = None) -> NDArray[Any]:
    """Give the patient of each scan.

    Parameters
    ----------
    X : DataFrame or array, length n_scans
        A manifest has a column ``patient_id``.
    n_scans : int
        Length of `X`.
    groups : array-like, shape (n_scans,), optional
        Patients, where they are told apart from `X`.

    Returns
    -------
    patients : ndarray, shape (n_scans,)
        Each scan is its own patient where nobody tells.

    Raises
    ------
    InputError
        If there are more or fewer groups than scans.
    """
    if groups is not None:
        told = np.asarray(groups)
        if told.shape != (n_scans,):
            raise InputError(
                f"groups: expected one for each of {n_scans} scans, got shape "
                f"{told.shape}. Pass a list as long as the labels."
            )
        return told
    if isinstance(X, pd.DataFrame) and "patient_id" in X:
        return X["patient_id"].to_numpy()
    return np.arange(n_scans)


def row_weights(sample_weight: Any, n_rows: int) -> NDArray[np.float64]:
    """Check what each row counts.

    Parameters
    ----------
    sample_weight : array-like of float, shape (n_rows,), at least 0, or None
        None for the same for all.
    n_rows : int
        How many there must be.

    Returns
    -------
    weights : ndarray of float, shape (n_rows,)
        With a mean of 1.

    Raises
    ------
    InputError
        If it is no such array, or all are 0.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise InputError(
            f"sample_weight: expected one for each of {n_rows} scans, got shape "
            f"{weights.shape}. Pass a list as long as the labels."
        )
    fine = np.isfinite(weights) & (weights >= 0) & (weights < 1e100)
    if not fine.all() or not weights.any():
        got = "only 0" if fine.all() else str(weights[~fine][0])
        raise InputError(
            "sample_weight: expected finite numbers of at least 0, not all 0, got "
            f"{got}. Mend the weights."
        )
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled


def accepted(estimator: Any, **told: Any) -> dict[str, Any]:
    """Keep what is told and what the ``fit`` of an estimator asks for.

    Parameters
    ----------
    estimator : estimator
        Its ``fit`` may take, for example, ``groups`` or ``validation``.
    **told : object
        By name; None where there is nothing to tell.

    Returns
    -------
    accepted : dict of str to object
        To be passed on.
    """
    return {
        name: value
        for name, value in told.items()
        if value is not None and has_fit_parameter(estimator, name)
    }


def some_of(groups: NDArray[Any] | None, rows: NDArray[Any]) -> NDArray[Any] | None:
    """Give the patients of some rows, where they are told apart from these."""
    return None if groups is None else groups[rows]


def take(X: Any, rows: NDArray[np.intp]) -> Any:
    """Take some rows of a manifest, an array or a list, in the order asked for."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[rows]
    return [X[row] for row in rows] if isinstance(X, list) else X[rows]


def is_plain(X: Any) -> bool:
    """Tell feature tables from scans.

    Parameters
    ----------
    X : object
        What was passed to an estimator.

    Returns
    -------
    plain : bool
        False for a manifest (a DataFrame with a column ``path``) and for scans
        in memory (a list or object array of two-dimensional arrays).
    """
    if isinstance(X, pd.DataFrame):
        return "path" not in X
    if isinstance(X, list) or (isinstance(X, np.ndarray) and X.dtype == object):
        first = X[0] if len(X) else None
        return not (isinstance(first, np.ndarray) and first.ndim == 2)
    return True
