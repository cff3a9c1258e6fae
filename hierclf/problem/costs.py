"""What errors cost: a weight per class, or a price per confusion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]


def check_cost_vector(costs: ArrayLike, n_classes: int) -> Floats:
    """Check a cost vector and scale it to mean 1.

    Parameters
    ----------
    costs : array-like of float, shape (n_classes,)
        What an error on a scan of each class costs; positive and finite.
    n_classes : int
        How many classes there are.

    Returns
    -------
    vector : ndarray of float, shape (n_classes,)
        With mean 1, so that the learning rate keeps its meaning.

    Raises
    ------
    InputError
        If the length is wrong or a cost is not positive and finite.

    Examples
    --------
    >>> check_cost_vector([5, 8, 9], 3).round(3).tolist()
    [0.682, 1.091, 1.227]
    """
    vector = np.asarray(costs, dtype=np.float64)
    if vector.shape != (n_classes,):
        raise InputError(
            f"cost vector: expected {n_classes} numbers, got shape {vector.shape}. "
            "Give one cost for each class, in the order of the labels."
        )
    if not (np.isfinite(vector).all() and (vector > 0).all()):
        raise InputError(
            f"cost vector: expected positive finite numbers, got {vector.tolist()}. "
            "Leave a class out of the data rather than give it no cost."
        )
    scaled: Floats = vector / vector.mean()
    return scaled


def check_cost_matrix(costs: ArrayLike, n_classes: int) -> Floats:
    """Check a cost matrix.

    Parameters
    ----------
    costs : array-like of float, shape (n_classes, n_classes)
        ``costs[i, j]`` is the price of calling an `i` a `j`; zero on the
        diagonal, not negative and not all zero elsewhere.
    n_classes : int
        How many classes there are.

    Returns
    -------
    matrix : ndarray of float, shape (n_classes, n_classes)
        Scaled so that its off-diagonal entries have mean 1.

    Raises
    ------
    InputError
        If the shape, the diagonal or a sign is wrong.
    """
    matrix = np.asarray(costs, dtype=np.float64)
    if matrix.shape != (n_classes, n_classes):
        raise InputError(
            f"cost matrix: expected shape {(n_classes, n_classes)}, got "
            f"{matrix.shape}. Rows are true labels, columns are what they are called."
        )
    proper = np.isfinite(matrix).all() and (matrix >= 0).all()
    if not proper or np.diag(matrix).any() or not matrix.any(axis=1).all():
        raise InputError(
            "cost matrix: expected zeros on the diagonal and a cost elsewhere in "
            f"each row, got {matrix.tolist()}. A right answer costs nothing."
        )
    scaled: Floats = matrix * (n_classes * (n_classes - 1) / matrix.sum())
    return scaled


def costs_among(costs: ArrayLike | pd.DataFrame, classes: NDArray[Any]) -> Floats:
    """Give the cost matrix of some classes.

    Parameters
    ----------
    costs : array-like of float, or DataFrame
        A matrix in the order of `classes`, or a table whose rows and columns are
        labels; it may have more of them.
    classes : ndarray, shape (n_classes,)
        Labels.

    Returns
    -------
    matrix : ndarray of float, shape (n_classes, n_classes)
        Checked and scaled as by `check_cost_matrix`.

    Raises
    ------
    InputError
        If a class has no costs, or they are none.
    """
    if isinstance(costs, pd.DataFrame):
        absent = [label for label in classes if label not in costs.index]
        if absent:
            raise InputError(
                f"costs: expected a row for each of {classes.tolist()}, got "
                f"none for {absent[0]!r}. Name every class."
            )
        costs = costs.loc[classes, classes]
    return check_cost_matrix(costs, len(classes))


def recall_costs(recalls: ArrayLike) -> Floats:
    """Derive a cost vector from how well each class is found.

    The worse a class is found, the heavier its errors weigh: the cost of class
    k is proportional to 1 / recall_k. He 2019 (section 2.4.3) reversed the list
    of recalls instead (99, 88, 58 became 5, 8, 9), which agrees with the
    intention only where the classes are already sorted by recall.

    Parameters
    ----------
    recalls : array-like of float, shape (n_classes,), in [0, 1]
        Recall of each class, from predictions on scans that the stage was not
        fitted on. Values under 0.1 count as 0.1: otherwise a class that was
        never found would take the whole loss.

    Returns
    -------
    vector : ndarray of float, shape (n_classes,)
        With mean 1.

    Raises
    ------
    InputError
        If a recall lies outside [0, 1].

    Examples
    --------
    >>> recall_costs([0.99, 0.88, 0.58]).round(3).tolist()
    [0.783, 0.881, 1.336]
    """
    values = np.asarray(recalls, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"recalls: expected numbers in [0, 1], got {values.tolist()}. "
            "Pass fractions and not percent."
        )
    inverse = 1.0 / np.maximum(values, 0.1)
    vector: Floats = inverse / inverse.mean()
    return vector


def ordered_costs(n_classes: int, *, power: float = 2.0) -> Floats:
    """Price a confusion by how far apart the two stages are.

    Parameters
    ----------
    n_classes : int, at least 2
        How many ordered classes there are.
    power : float, default=2
        ``|i - j| ** power``; 1 makes the median the cheapest answer, 2 gives the
        weights of quadratic kappa.

    Returns
    -------
    matrix : ndarray of float, shape (n_classes, n_classes)
        Checked and scaled as by `check_cost_matrix`.
    """
    steps = np.arange(n_classes)
    distance = np.abs(steps[:, None] - steps[None, :]).astype(np.float64)
    return check_cost_matrix(distance**power, n_classes)


def least_cost_decision(probabilities: ArrayLike, costs: Floats) -> NDArray[np.intp]:
    """Choose the class with the least expected cost.

    Parameters
    ----------
    probabilities : array-like of float, shape (n_scans, n_classes)
        Rows that sum to 1.
    costs : ndarray of float, shape (n_classes, n_classes)
        ``costs[i, j]`` is the price of calling an `i` a `j`.

    Returns
    -------
    decisions : ndarray of int, shape (n_scans,)
        Column of the least ``probabilities @ costs``; the first of equals.

    Examples
    --------
    >>> least_cost_decision([[0.6, 0.4]], np.array([[0.0, 1.0], [3.0, 0.0]])).tolist()
    [1]
    """
    expected = np.asarray(probabilities, dtype=np.float64) @ costs
    decisions: NDArray[np.intp] = np.argmin(expected, axis=1)
    return decisions


def vector_as_matrix(vector: Sequence[float] | Floats) -> Floats:
    """Spread a cost vector over a matrix: any error on class i costs ``vector[i]``.

    Parameters
    ----------
    vector : sequence of float, shape (n_classes,)
        Checked costs.

    Returns
    -------
    matrix : ndarray of float, shape (n_classes, n_classes)
        Zero on the diagonal.
    """
    values = np.asarray(vector, dtype=np.float64)
    matrix = np.repeat(values[:, None], values.size, axis=1)
    np.fill_diagonal(matrix, 0.0)
    return matrix
