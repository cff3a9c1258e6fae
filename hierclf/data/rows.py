"""Rows of whatever a stage is fitted on: a manifest, an array, a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def patients_of(X: Any, n_scans: int) -> NDArray[Any]:
    """Give the patient of each scan.

    Parameters
    ----------
    X : DataFrame or array, length n_scans
        A manifest has a column ``patient_id``.
    n_scans : int
        Length of `X`.

    Returns
    -------
    patients : ndarray, shape (n_scans,)
        Each scan is its own patient where there is no such column.
    """
    if isinstance(X, pd.DataFrame) and "patient_id" in X:
        return X["patient_id"].to_numpy()
    return np.arange(n_scans)


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
