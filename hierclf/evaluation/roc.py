"""Figures of a score before any cut point: ROC curve, its area, average precision.

The weighted figures take many weight vectors at once, one for each resample of
the patients. They are worked on in pieces, so that the memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation.confusion import Floats, Ints, ratio
from hierclf.foundation.errors import InputError

_PIECE = 1 << 21
"""Numbers held at once by one intermediate array: 16 MiB of float64."""


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Points of a ROC curve, from nobody diseased to everybody diseased.

    Parameters
    ----------
    thresholds : ndarray of float, shape (n_points,)
        Falling; a scan is diseased where its score reaches the threshold. The
        first is infinity.
    false_positive_rate : ndarray of float, shape (n_points,), in [0, 1]
        1 - specificity at each threshold.
    true_positive_rate : ndarray of float, shape (n_points,), in [0, 1]
        Sensitivity at each threshold.
    """

    thresholds: Floats
    false_positive_rate: Floats
    true_positive_rate: Floats


def check_scores(where: str, scores: ArrayLike, n_scans: int) -> Floats:
    """Check that an array holds a probability for each scan.

    Parameters
    ----------
    where : str
        Name of the array in the message.
    scores : array-like of float, shape (n_scans,) or (n_scans, n_classes)
        Finite, in [0, 1].
    n_scans : int
        How many rows are wanted.

    Returns
    -------
    scores : ndarray of float64
        The same numbers.

    Raises
    ------
    InputError
        If the number of rows is wrong, or a score is no number in [0, 1].

    Examples
    --------
    >>> check_scores("screen score", [0.5, 1], 2).tolist()
    [0.5, 1.0]
    """
    array = np.asarray(scores, dtype=np.float64)
    if array.shape[:1] != (n_scans,):
        raise InputError(
            f"{where}: expected one row for each of {n_scans} scans, got shape "
            f"{array.shape}. Pass the scores of the same scans as the truth."
        )
    strange = np.argwhere(~((array >= 0) & (array <= 1)))
    if strange.size:
        raise InputError(
            f"{where}, scan {strange[0][0]}: expected a probability in [0, 1], got "
            f"{array[tuple(strange[0])]}. Pass the outputs of predict_proba."
        )
    return array


def roc_auc(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Area under the ROC curve, for one or many weightings of the scans.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Higher means more likely diseased. Equal scores count half.
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        Weight of each column in each resample, not negative; a single row of
        ones where it is not given.
    columns : ndarray of int, shape (n_scans,), optional
        Which column of `weights` weighs each scan: its patient. The scan's own
        number where it is not given.

    Returns
    -------
    areas : ndarray of float, shape (n_resamples,), in [0, 1]
        NaN where a resample has no diseased or no healthy scan.

    Notes
    -----
    The area is the part of pairs of a diseased scan i and a healthy scan j, each
    of weight :math:`w_i w_j`, that the score puts in the right order. With the
    healthy scans sorted, the weight below and up to each :math:`s_i` comes from
    one running sum, so a resample costs O(n) after a common sort.

    Examples
    --------
    >>> truth = np.array([False, False, True, True])
    >>> roc_auc(truth, np.array([0.1, 0.4, 0.35, 0.8])).tolist()
    [0.75]
    """
    column = np.arange(scores.size) if columns is None else columns
    sick, well = np.flatnonzero(diseased), np.flatnonzero(~diseased)
    well = well[np.argsort(scores[well], kind="stable")]
    below = np.searchsorted(scores[well], scores[sick], side="left")
    up_to = np.searchsorted(scores[well], scores[sick], side="right")

    def area(piece: Floats) -> Floats:
        running = np.zeros((len(piece), well.size + 1))
        np.cumsum(piece[:, column[well]], axis=1, out=running[:, 1:])
        heavy = piece[:, column[sick]]
        pairs = np.einsum("bi,bi->b", heavy, running[:, below])
        pairs += np.einsum("bi,bi->b", heavy, running[:, up_to])
        return ratio(pairs / 2, heavy.sum(axis=1) * running[:, -1])

    return in_pieces(area, weights, scores.size)


def average_precision(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Precision averaged over the steps of recall, for many weightings.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Higher means more likely diseased; equal scores are one step.
    weights, columns : ndarray, optional
        As in `roc_auc`.

    Returns
    -------
    averages : ndarray of float, shape (n_resamples,), in [0, 1]
        NaN where a resample has no diseased scan. A score that knows nothing
        reaches the prevalence, not 0.5.

    Notes
    -----
    :math:`\sum_t (R_t - R_{t-1}) P_t` over falling distinct scores t, without
    interpolation, as scikit-learn's ``average_precision_score``.

    Examples
    --------
    >>> truth = np.array([False, False, True, True])
    >>> average_precision(truth, np.array([0.1, 0.4, 0.35, 0.8])).round(3).tolist()
    [0.833]
    """
    column = np.arange(scores.size) if columns is None else columns
    order, ends = _steps(scores)

    def average(piece: Floats) -> Floats:
        sorted_weights = piece[:, column[order]]
        called = np.cumsum(sorted_weights, axis=1)[:, ends]
        hits = np.cumsum(sorted_weights * diseased[order], axis=1)[:, ends]
        gained = np.diff(hits, axis=1, prepend=0.0)
        right = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        return ratio(np.einsum("bt,bt->b", gained, right), hits[:, -1])

    return in_pieces(average, weights, scores.size)


def roc_curve(diseased: NDArray[np.bool_], scores: Floats) -> RocCurve:
    """Work out the points of the ROC curve.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Higher means more likely diseased.

    Returns
    -------
    curve : RocCurve
        One point for each distinct score, after (0, 0).

    Raises
    ------
    InputError
        If there is no healthy or no diseased scan.

    Examples
    --------
    >>> curve = roc_curve(np.array([False, True]), np.array([0.2, 0.7]))
    >>> curve.true_positive_rate.tolist()
    [0.0, 1.0, 1.0]
    """
    if diseased.all() or not diseased.any():
        raise InputError(
            f"ROC curve: expected healthy and diseased scans, got {diseased.size} of "
            "one kind. Evaluate on a set that holds both."
        )
    order, ends = _steps(scores)
    hits = np.cumsum(diseased[order])[ends]
    alarms = ends + 1 - hits
    return RocCurve(
        np.concatenate([[np.inf], scores[order][ends]]),
        np.concatenate([[0.0], alarms / alarms[-1]]),
        np.concatenate([[0.0], hits / hits[-1]]),
    )


def _steps(scores: Floats) -> tuple[Ints, Ints]:
    """Order by falling score, and the last place of each run of equal scores."""
    order = np.argsort(-scores, kind="stable")
    changes = np.flatnonzero(np.diff(scores[order]))
    return order, np.append(changes, scores.size - 1)


def in_pieces(
    figure: Callable[[Floats], Floats],
    weights: NDArray[np.number] | None,
    n_scans: int,
) -> Floats:
    """Work out a figure for a bounded number of resamples at a time.

    Parameters
    ----------
    figure : callable
        Takes weights of shape (n, n_columns), answers numbers of shape (n, ...).
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        All weights; a single row of `n_scans` ones where they are not given.
    n_scans : int, at least 1
        Numbers that `figure` holds for one resample; sets the size of a piece.

    Returns
    -------
    figures : ndarray of float, shape (n_resamples, ...)
        As if `figure` had been called once with all of them.
    """
    rows = np.ones((1, n_scans)) if weights is None else weights
    step = max(1, _PIECE // n_scans)
    starts = range(0, len(rows), step)
    pieces = [figure(rows[start : start + step].astype(np.float64)) for start in starts]
    return np.concatenate(pieces)
