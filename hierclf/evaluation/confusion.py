"""Confusion counts, and the figures that follow from them alone.

A confusion matrix has a row for each true and a column for each predicted
position of the hierarchy: 0 is healthy, 1 to K - 1 are the diseased labels.
Every function takes matrices with any leading dimensions, so that a whole sweep
of cut points or a thousand resamples are worked out at once.

A figure with an empty denominator (the recall of a class that does not occur) is
NaN, and never 0: scikit-learn's 0, with a warning, pulls an average down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Tallies = NDArray[np.floating | np.integer]


def check_positions(
    where: str, positions: ArrayLike, n_classes: int, *, least: int = 0
) -> Ints:
    """Check that an array holds positions of a hierarchy.

    Parameters
    ----------
    where : str
        Name of the array in the message.
    positions : array-like of int, shape (n_scans,)
        At least one position, each in [`least`, `n_classes`).
    n_classes : int
        How many labels the hierarchy has, healthy included.
    least : int, default=0
        Smallest position; 1 where healthy is no possible answer.

    Returns
    -------
    positions : ndarray of int, shape (n_scans,)
        The same numbers.

    Raises
    ------
    InputError
        If the array is empty, not flat, not of whole numbers, or out of range.
    """
    array = np.asarray(positions)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise InputError(
            f"{where}: expected a flat, filled array of whole numbers, got shape "
            f"{array.shape} of {array.dtype}. Pass hierarchy.positions(labels)."
        )
    strange = np.flatnonzero((array < least) | (array >= n_classes))
    if strange.size:
        raise InputError(
            f"{where}, scan {strange[0]}: expected a position from {least} to "
            f"{n_classes - 1}, got {array[strange[0]]}. "
            "Pass hierarchy.positions(labels)."
        )
    return array.astype(np.intp)


def confusion_matrix(
    truth: Ints, predicted: Ints, n_classes: int, weights: ArrayLike | None = None
) -> Floats:
    """Count how often each label was called each label.

    Parameters
    ----------
    truth : ndarray of int, shape (n_scans,), in [0, n_classes)
        True positions.
    predicted : ndarray of int, shape (n_scans,), in [0, n_classes)
        Predicted positions.
    n_classes : int
        Side of the matrix.
    weights : array-like of float, shape (n_scans,), optional
        How much each scan counts; 1 where it is not given.

    Returns
    -------
    confusion : ndarray of float, shape (n_classes, n_classes)
        ``confusion[i, j]`` weighs the scans of `i` that were called `j`.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    cells = truth * n_classes + predicted
    weight = None if weights is None else np.asarray(weights, dtype=np.float64)
    counts = np.bincount(cells, weights=weight, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.float64)


def patient_confusions(
    truth: Ints, predicted: Ints, n_classes: int, patients: Ints, n_patients: int
) -> Floats:
    """Count a confusion matrix for each patient.

    Parameters
    ----------
    truth : ndarray of int, shape (n_scans,), in [0, n_classes)
        True positions.
    predicted : ndarray of int, shape (n_scans,), in [0, n_classes)
        Predicted positions.
    n_classes : int
        Side of the matrices.
    patients : ndarray of int, shape (n_scans,), in [0, n_patients)
        Whose scan it is.
    n_patients : int
        How many patients there are.

    Returns
    -------
    confusions : ndarray of number, shape (n_patients, n_classes, n_classes)
        Their sum over patients is `confusion_matrix`.
    """
    cells = (patients * n_classes + truth) * n_classes + predicted
    counts = np.bincount(cells, minlength=n_patients * n_classes**2)
    return counts.reshape(n_patients, n_classes, n_classes).astype(np.float64)


def ratio(hits: Tallies, cases: Tallies) -> Floats:
    """Divide, with NaN where there are no cases."""
    undefined = np.full(np.shape(cases), np.nan)
    divided: Floats = np.divide(hits, cases, out=undefined, where=cases > 0)
    return divided


def recall_counts(confusions: Tallies) -> tuple[Tallies, Tallies]:
    """Hits and true cases of each class; see `recall`."""
    return np.diagonal(confusions, axis1=-2, axis2=-1), confusions.sum(axis=-1)


def precision_counts(confusions: Tallies) -> tuple[Tallies, Tallies]:
    """Hits and calls of each class; see `precision`."""
    return np.diagonal(confusions, axis1=-2, axis2=-1), confusions.sum(axis=-2)


def accuracy_counts(confusions: Tallies) -> tuple[Tallies, Tallies]:
    """Hits and cases in all; see `accuracy`."""
    hits, _ = recall_counts(confusions)
    return hits.sum(axis=-1), confusions.sum(axis=(-2, -1))


def recall(confusions: Tallies) -> Floats:
    """Part of each class that was found.

    Parameters
    ----------
    confusions : ndarray of number, shape (..., n_classes, n_classes)
        Confusion matrices.

    Returns
    -------
    recalls : ndarray of float, shape (..., n_classes), in [0, 1]
        NaN for a class that does not occur.

    Examples
    --------
    >>> recall(np.array([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [1.0, 0.5]
    """
    return ratio(*recall_counts(confusions))


def precision(confusions: Tallies) -> Floats:
    """Part of the calls of each class that were right; NaN for one never called."""
    return ratio(*precision_counts(confusions))


def f1(confusions: Tallies) -> Floats:
    """Harmonic mean of precision and recall of each class.

    Worked out as 2 TP / (2 TP + FP + FN): 0 for a class that occurs but is never
    predicted, NaN for one that neither occurs nor is predicted.
    """
    hits, cases = recall_counts(confusions)
    return ratio(2 * hits, cases + confusions.sum(axis=-2))


def accuracy(confusions: Tallies) -> Floats:
    """Part of all scans that were called by their own label."""
    return ratio(*accuracy_counts(confusions))


def macro_recall(
    confusions: Tallies, present: NDArray[np.bool_] | None = None
) -> Floats:
    """Mean recall over the classes that occur, also called balanced accuracy.

    Parameters
    ----------
    confusions : ndarray of number, shape (..., n_classes, n_classes)
        Confusion matrices.
    present : ndarray of bool, shape (n_classes,), optional
        Classes to average over; a matrix that lacks one of them has no macro recall
        then (NaN). Each matrix is averaged over its own classes otherwise.

    Returns
    -------
    means : ndarray of float, shape (...), in [0, 1]
        NaN for an empty matrix.

    Notes
    -----
    Scikit-learn's ``balanced_accuracy_score`` is the same number. Its
    ``recall_score(average="macro")`` also averages over classes that are predicted
    but do not occur, as 0; this function leaves them out.

    Examples
    --------
    >>> float(macro_recall(np.array([[9.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0] * 3])))
    0.7
    """
    recalls = recall(confusions)
    if present is not None:
        chosen: Floats = recalls[..., present].mean(axis=-1)
        return chosen
    defined = ~np.isnan(recalls)
    found = np.where(defined, recalls, 0.0).sum(axis=-1)
    return ratio(found, defined.sum(axis=-1).astype(np.float64))


def quadratic_kappa(confusions: Tallies) -> Floats:
    r"""Agreement beyond chance, where a miss costs its squared distance.

    For ordered labels only: the distance of two stages must mean something.

    Parameters
    ----------
    confusions : ndarray of number, shape (..., n_classes, n_classes)
        Confusion matrices with classes in their order.

    Returns
    -------
    kappas : ndarray of float, shape (...), at most 1
        NaN where truth and prediction are all of one same class.

    Notes
    -----
    With observed counts :math:`O` and counts :math:`E` expected from the two
    margins, :math:`1 - \sum (i-j)^2 O_{ij} / \sum (i-j)^2 E_{ij}` [1]_.

    References
    ----------
    .. [1] J. Cohen, "Weighted kappa", Psychological Bulletin 70 (4), 1968,
       p. 213-220.
    """
    steps = np.arange(confusions.shape[-1])
    distance = (steps[:, None] - steps[None, :]).astype(np.float64) ** 2
    rows, columns = confusions.sum(axis=-1), confusions.sum(axis=-2)
    by_chance = np.einsum("...i,ij,...j->...", rows, distance, columns)
    observed = (confusions * distance).sum(axis=(-2, -1)) * rows.sum(axis=-1)
    kappas: Floats = 1.0 - ratio(observed, by_chance)
    return kappas


def screen_confusions(confusions: Tallies) -> Tallies:
    """Merge all diseased labels into one.

    Parameters
    ----------
    confusions : ndarray of number, shape (..., n_classes, n_classes)
        Confusion matrices.

    Returns
    -------
    merged : ndarray of number, shape (..., 2, 2)
        Position 0 is healthy, 1 is diseased.
    """
    merged = np.add.reduceat(confusions, [0, 1], axis=-1)
    collapsed: Tallies = np.add.reduceat(merged, [0, 1], axis=-2)
    return collapsed


def sensitivity(confusions: Tallies) -> Floats:
    """Part of the diseased that were called diseased, with whichever label."""
    return recall(screen_confusions(confusions))[..., 1]


def specificity(confusions: Tallies) -> Floats:
    """Part of the healthy that were called healthy."""
    return recall(screen_confusions(confusions))[..., 0]


def positive_predictive_value(confusions: Tallies) -> Floats:
    """Part of those called diseased that are; it moves with the prevalence."""
    return precision(screen_confusions(confusions))[..., 1]


def negative_predictive_value(confusions: Tallies) -> Floats:
    """Part of those called healthy that are; it moves with the prevalence."""
    return precision(screen_confusions(confusions))[..., 0]
