"""How far probabilities can be taken at their word."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation.confusion import Floats, Ints, ratio
from hierclf.evaluation.roc import in_pieces
from hierclf.foundation.errors import InputError


def brier_score(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    """Mean squared distance of a probability from what came true.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        Weight of each column in each resample; ones where it is not given.
    columns : ndarray of int, shape (n_scans,), optional
        Which column weighs each scan: its patient.

    Returns
    -------
    scores : ndarray of float, shape (n_resamples,), in [0, 1]
        Lower is better; always answering the prevalence q reaches q (1 - q).

    Examples
    --------
    >>> brier_score(np.array([True, False]), np.array([0.8, 0.4])).round(3).tolist()
    [0.1]
    """
    column = np.arange(scores.size) if columns is None else columns
    n_columns = scores.size if weights is None else weights.shape[1]
    losses = np.bincount(column, (scores - diseased) ** 2, minlength=n_columns)
    sizes = np.bincount(column, minlength=n_columns).astype(np.float64)
    return in_pieces(lambda w: ratio(w @ losses, w @ sizes), weights, scores.size)


def prior_corrected(probabilities: ArrayLike, train_counts: ArrayLike) -> Floats:
    r"""Take the class sizes of the training set out of probabilities.

    A network fitted on a hundred scans of one stage to ten of another has learned
    this proportion too. Where the classes are to count alike, as for macro recall,
    it is divided out.

    Parameters
    ----------
    probabilities : array-like of float, shape (n_scans, n_classes), in [0, 1]
        Probabilities of a model fitted without balancing.
    train_counts : array-like of float, shape (n_classes,), positive
        How many scans of each class it was fitted on.

    Returns
    -------
    corrected : ndarray of float, shape (n_scans, n_classes)
        Probabilities as if all classes were equally frequent; rows sum to 1.

    Raises
    ------
    InputError
        If the shapes differ, a count is not positive, or a row is all zero.

    Notes
    -----
    :math:`q_k \propto p_k / \pi_k` with the training shares :math:`\pi_k`, equation
    (2.4) of [1]_ for equal new shares.

    References
    ----------
    .. [1] M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a
       classifier to new a priori probabilities: a simple procedure", Neural
       Computation 14 (1), 2002, p. 21-41.

    Examples
    --------
    >>> prior_corrected([[0.9, 0.1]], [90, 10]).round(3).tolist()
    [[0.5, 0.5]]
    """
    table = np.asarray(probabilities, dtype=np.float64)
    counts = np.asarray(train_counts, dtype=np.float64)
    if table.ndim != 2 or counts.shape != table.shape[1:]:
        raise InputError(
            f"train_counts: expected one count for each column of {table.shape}, got "
            f"shape {counts.shape}. Count the labels in the order of the columns."
        )
    if not (np.isfinite(counts).all() and (counts > 0).all()):
        raise InputError(
            f"train_counts: expected positive numbers, got {counts.tolist()}. "
            "A class without training scans has no prior to correct."
        )
    odds = table / counts
    totals = odds.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        raise InputError(
            f"probabilities, scan {np.flatnonzero(~(totals[:, 0] > 0))[0]}: expected "
            "a row with a positive entry, got none. Pass outputs of predict_proba."
        )
    corrected: Floats = odds / totals
    return corrected
