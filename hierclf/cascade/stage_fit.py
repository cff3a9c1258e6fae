"""A stage fitted with what it asks for, and nothing else."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

Groups = NDArray[Any] | None


def fit_stage(
    stage: Any,
    X: Any,
    y: NDArray[Any],
    exam: tuple[Any, NDArray[Any]] | None,
    groups: Groups,
) -> None:
    """Fit a stage in place.

    Parameters
    ----------
    stage : classifier
        Its ``fit`` may take ``validation`` and ``groups``.
    X : DataFrame or array, length n_scans
        What it takes.
    y : ndarray, shape (n_scans,)
        Its targets.
    exam : tuple (X, y) or None
        Scans of other patients, to stop by.
    groups : ndarray, shape (n_scans,), or None
        Patients, where `X` does not tell them.
    """
    told = {"validation": exam, "groups": groups}
    known = {k: v for k, v in told.items() if v is not None}
    stage.fit(X, y, **{k: v for k, v in known.items() if has_fit_parameter(stage, k)})


def some_of(groups: Groups, rows: NDArray[Any]) -> Groups:
    """Give the patients of some rows, where there are any."""
    return None if groups is None else groups[rows]
