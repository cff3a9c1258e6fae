"""Features that are no numbers, and of which scans."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.foundation.errors import InputError, join_troubles
from hierclf.loading.scans import Scans

Floats = NDArray[np.floating]
_ROWS_AT_ONCE = 16  # some table has 62,720 columns


def finite(X: Scans, features: Floats) -> Floats:
    """Give features as they are, if they are numbers.

    Parameters
    ----------
    X : DataFrame or sequence of ndarray, length n_scans
        Manifest rows, or scans in memory.
    features : ndarray of float, shape (n_scans, n_features)
        Of these.

    Returns
    -------
    features : ndarray of float, shape (n_scans, n_features)
        The same.

    Raises
    ------
    InputError
        If one is NaN or infinite; it names the first few scans.
    """
    fine = np.ones(len(features), dtype=bool)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        fine[rows] = np.isfinite(features[rows]).all(axis=1)
    if not fine.all():
        names = [_name(X, int(row)) for row in np.flatnonzero(~fine)]
        told = "expected finite features, got NaN or infinity. Look at the scan."
        raise InputError(join_troubles([f"{name}: {told}" for name in names]))
    return features


def _name(X: Scans, row: int) -> str:
    if isinstance(X, pd.DataFrame):
        told = X.iloc[row]
        return str(told["scan"] if "scan" in X else told["path"])
    return f"scan {row}"
