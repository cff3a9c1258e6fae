"""What learners say, as one table with the same columns for each fold."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

Floats = NDArray[np.float64]
Column = tuple[int, ...]


def columns_of(learner: Any, n_classes: int) -> tuple[Column, ...]:
    """Name the columns that a learner of so many classes fills.

    Parameters
    ----------
    learner : classifier
        Fitted or not.
    n_classes : int, at least 2
        Classes.

    Returns
    -------
    columns : tuple of tuple of int
        Pairs of class positions for a one-vs-one machine, else classes.
    """
    if isinstance(learner, SVC):
        return tuple(combinations(range(n_classes), 2))
    return tuple((position,) for position in range(n_classes))


def scores_of(learner: Any, table: NDArray[np.floating], n_classes: int) -> Floats:
    """Ask a learner, whatever it is, how far each row is on each side.

    Parameters
    ----------
    learner : classifier
        Fitted on class positions, maybe not on all of them.
    table : ndarray of float, shape (n_rows, n_features)
        Features.
    n_classes : int, at least 2
        Classes of the whole.

    Returns
    -------
    scores : ndarray of float, shape (n_rows, n_columns)
        Margins, or probabilities of a learner that has no margins (forest, tree,
        neighbors: their logarithms would be those of many zeros), in the order of
        `columns_of`. A pair of which the learner saw one class or none has margin
        0; a class that it did not see has the least score of its row.
    """
    wanted = columns_of(learner, n_classes)
    own = [int(position) for position in learner.classes_]
    found = _raw(learner, table)
    result = np.zeros((len(table), len(wanted)))
    if isinstance(learner, SVC):
        names = [tuple(pair) for pair in combinations(own, 2)]
    else:
        names = [(position,) for position in own]
        result[:] = found.min(axis=1, keepdims=True)
    for column, name in enumerate(names):
        result[:, wanted.index(name)] = found[:, column]
    return result


def _raw(learner: Any, table: NDArray[np.floating]) -> Floats:
    if not hasattr(learner, "decision_function"):
        shares: Floats = learner.predict_proba(table)
        return shares
    margins = np.asarray(learner.decision_function(table), dtype=np.float64)
    if margins.ndim == 1:  # positive for the second class; pairs speak for the first
        if isinstance(learner, SVC):
            return -margins[:, None]
        return np.column_stack([-margins, margins])
    return margins
