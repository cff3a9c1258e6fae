"""What one model said about a set of scans, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation.bootstrap import patient_codes
from hierclf.evaluation.confusion import Floats, Ints, check_positions
from hierclf.evaluation.roc import check_scores
from hierclf.foundation.errors import InputError


@dataclass(frozen=True, eq=False)
class Predictions:
    """Truth and predictions of the same scans; made by `predictions_of`.

    Parameters
    ----------
    n_classes : int
        Labels of the hierarchy, healthy included.
    truth : ndarray of int, shape (n_scans,), in [0, n_classes)
        True positions, 0 is healthy.
    predicted : ndarray of int, shape (n_scans,), in [0, n_classes)
        What the whole model said.
    patients : ndarray of int, shape (n_scans,), in [0, n_patients)
        Whose scan it is.
    n_patients : int
        How many patients there are.
    screen_score : ndarray of float, shape (n_scans,), optional
        Probability of being diseased.
    probabilities : ndarray of float, shape (n_scans, n_classes), optional
        Probability of each position.
    refined : ndarray of int, shape (n_scans,), in [1, n_classes), optional
        What the refining stage says of each scan, whatever the screen says.
    """

    n_classes: int
    truth: Ints
    predicted: Ints
    patients: Ints
    n_patients: int
    screen_score: Floats | None = None
    probabilities: Floats | None = None
    refined: Ints | None = None

    @property
    def diseased(self) -> NDArray[np.bool_]:
        """Truth of the screen, shape (n_scans,)."""
        return self.truth > 0


def predictions_of(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    n_classes: int,
    groups: ArrayLike | None = None,
    screen_score: ArrayLike | None = None,
    probabilities: ArrayLike | None = None,
    refined: ArrayLike | None = None,
) -> Predictions:
    """Check the predictions of one model.

    Parameters
    ----------
    truth : array-like of int, shape (n_scans,)
        True positions in the hierarchy, 0 is healthy.
    predicted : array-like of int, shape (n_scans,)
        Predicted positions.
    n_classes : int, at least 2
        Labels of the hierarchy, healthy included.
    groups : array-like, shape (n_scans,), optional
        Patient of each scan; each scan is its own patient where it is not given.
    screen_score : array-like of float, shape (n_scans,), in [0, 1], optional
        Probability of being diseased.
    probabilities : array-like of float, shape (n_scans, n_classes), optional
        Probability of each position.
    refined : array-like of int, shape (n_scans,), optional
        What the refining stage says of each scan: 1 to n_classes - 1. Where it is
        not given, the most probable diseased label of `probabilities`.

    Returns
    -------
    predictions : Predictions
        Everything as arrays of the same length.

    Raises
    ------
    InputError
        If a length, a position, a probability or a patient is wrong.

    Examples
    --------
    >>> said = predictions_of([0, 2, 1], [0, 2, 2], n_classes=3, groups=["b", "a", "b"])
    >>> said.patients.tolist()
    [1, 0, 1]
    """
    true = check_positions("truth", truth, n_classes)
    patients, n_patients = patient_codes(groups, true.size)
    score, table = screen_score, probabilities
    probability = None if table is None else _check_table(table, true.size, n_classes)
    return Predictions(
        n_classes=n_classes,
        truth=true,
        predicted=_same_length("predicted", predicted, true.size, n_classes),
        patients=patients,
        n_patients=n_patients,
        screen_score=None if score is None else _check_score(score, true.size),
        probabilities=probability,
        refined=_refined(refined, probability, true.size, n_classes),
    )


def _same_length(
    where: str, positions: ArrayLike, n_scans: int, n_classes: int, least: int = 0
) -> Ints:
    array = check_positions(where, positions, n_classes, least=least)
    if array.size != n_scans:
        raise InputError(
            f"{where}: expected a position for each of {n_scans} scans, got "
            f"{array.size}. Pass the predictions of the same scans as the truth."
        )
    return array


def _check_score(scores: ArrayLike, n_scans: int) -> Floats:
    array = check_scores("screen score", scores, n_scans)
    if array.ndim != 1:
        raise InputError(
            f"screen score: expected a flat array, got shape {array.shape}. "
            "Pass the probability of being diseased."
        )
    return array


def _check_table(probabilities: ArrayLike, n_scans: int, n_classes: int) -> Floats:
    array = check_scores("probabilities", probabilities, n_scans)
    if array.shape != (n_scans, n_classes):
        raise InputError(
            f"probabilities: expected shape {(n_scans, n_classes)}, got "
            f"{array.shape}. Give a column for each label, healthy first."
        )
    return array


def _refined(
    refined: ArrayLike | None,
    probabilities: Floats | None,
    n_scans: int,
    n_classes: int,
) -> Ints | None:
    if refined is not None:
        return _same_length("refined", refined, n_scans, n_classes, least=1)
    if probabilities is None:
        return None
    best: Ints = 1 + probabilities[:, 1:].argmax(axis=1)
    return best
