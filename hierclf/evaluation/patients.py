"""From scans to patients: one answer for each patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

Cut = float | Floats | None


@dataclass(frozen=True, eq=False)
class PatientPredictions:
    """One row for each patient; made by `by_patient`.

    Parameters
    ----------
    predictions : Predictions
        Of patients, in the order of their numbers.
    n_mixed : int
        Patients whose scans bear more than one true label.
    unit : str
        How patients were made of scans, to be passed to `evaluate`.
    """

    predictions: Predictions
    n_mixed: int
    unit: str


def by_patient(
    predictions: Predictions,
    rule: str,
    *,
    ordered: bool,
    cut_point: Cut = None,
) -> PatientPredictions:
    """Make one prediction for each patient of those of the scans.

    The true label of a patient with several is the most severe where the labels
    are ordered. Where they are not, a diseased label goes before healthy, and the
    most frequent of them is taken, the first of equals. It never depends on what a
    model said, so that models are measured against the same truth.

    Parameters
    ----------
    predictions : Predictions
        Of scans.
    rule : {"any", "mean"}
        ``"any"``: a patient is diseased if one scan is called diseased. The label
        is the most severe one called where labels are ordered, else that of the
        diseased scan with the highest screen score, and so are the probabilities.
        The screen score is the highest.
        ``"mean"``: screen scores and probabilities are averaged; a patient is
        diseased where the mean score reaches the cut point, and gets the label that
        most of the scans would get, should they be diseased, and of several such
        the one with the highest mean probability.
    ordered : bool
        Whether the diseased labels are an order of severity.
    cut_point : float or ndarray of float, shape (n_scans,), in [0, 1], optional
        Wanted by the rule ``"mean"``; averaged, too, where scans have their own.

    Returns
    -------
    patients : PatientPredictions
        The predictions, and how many patients had several labels.

    Raises
    ------
    InputError
        If there is no such rule, or it lacks scores, probabilities or a cut point.

    Examples
    --------
    >>> from hierclf.evaluation.predictions import predictions_of
    >>> said = predictions_of([0, 2, 1], [1, 2, 0], n_classes=3, groups=["a", "b", "b"])
    >>> made = by_patient(said, "any", ordered=True)
    >>> made.predictions.truth.tolist(), made.predictions.predicted.tolist()
    ([0, 2], [1, 2])
    >>> made.n_mixed
    1
    """
    merge = choose("by_patient", rule, RULES)
    truth, n_mixed = _true_labels(predictions, ordered=ordered)
    merged = merge(predictions, truth, ordered, cut_point)
    preference = "the most severe" if ordered else "the most frequent diseased one"
    unit = (
        f"patient (rule '{rule}'; {n_mixed} with several true labels, "
        f"of which {preference} counts)"
    )
    return PatientPredictions(merged, n_mixed, unit)


def _true_labels(said: Predictions, *, ordered: bool) -> tuple[Ints, int]:
    cells = said.patients * said.n_classes + said.truth
    counts = np.bincount(cells, minlength=said.n_patients * said.n_classes)
    counts = counts.reshape(said.n_patients, said.n_classes)
    n_mixed = int(np.count_nonzero((counts > 0).sum(axis=1) > 1))
    if ordered:
        return _highest(said.truth, said), n_mixed
    sick = counts[:, 1:].any(axis=1)
    return np.where(sick, 1 + counts[:, 1:].argmax(axis=1), 0), n_mixed


def _highest(positions: Ints, said: Predictions) -> Ints:
    """Largest position of each patient's scans, shape (n_patients,)."""
    highest = np.zeros(said.n_patients, dtype=np.intp)
    np.maximum.at(highest, said.patients, positions)
    return highest


def _any(said: Predictions, truth: Ints, ordered: bool, cut_point: Cut) -> Predictions:
    if said.screen_score is None and not ordered:
        raise InputError(
            "by_patient, any: expected screen scores to choose among unordered "
            "labels, got none. Pass screen_score to predictions_of."
        )
    score = said.screen_score
    key = np.zeros(said.truth.size) if score is None else score
    order = np.lexsort((key, said.predicted > 0, said.patients))
    last = np.flatnonzero(np.diff(said.patients[order], append=said.n_patients))
    top = order[last]  # of each patient, the strongest scan called diseased
    refined = said.refined
    return Predictions(
        n_classes=said.n_classes,
        truth=truth,
        predicted=_highest(said.predicted, said) if ordered else said.predicted[top],
        patients=np.arange(said.n_patients),
        n_patients=said.n_patients,
        screen_score=None if score is None else _maxima(score, said),
        probabilities=None if said.probabilities is None else said.probabilities[top],
        refined=_refined(refined, top, said, ordered),
    )


def _maxima(scores: Floats, said: Predictions) -> Floats:
    highest = np.zeros(said.n_patients)
    np.maximum.at(highest, said.patients, scores)
    return highest


def _refined(
    refined: Ints | None, top: Ints, said: Predictions, ordered: bool
) -> Ints | None:
    if refined is None:
        return None
    return _highest(refined, said) if ordered else refined[top]


def _mean(said: Predictions, truth: Ints, ordered: bool, cut_point: Cut) -> Predictions:
    del ordered
    score, table, refined = said.screen_score, said.probabilities, said.refined
    if score is None or table is None or refined is None or cut_point is None:
        raise InputError(
            "by_patient, mean: expected screen scores, probabilities, refined labels "
            "and a cut point, got less. Pass all four, or use the rule 'any'."
        )
    n_scans = np.bincount(said.patients)
    columns = [np.bincount(said.patients, weights=column) for column in table.T]
    probabilities = np.stack(columns, axis=1) / n_scans[:, None]
    mean_score = np.bincount(said.patients, weights=score) / n_scans
    cuts = np.broadcast_to(cut_point, score.shape)
    mean_cut = np.bincount(said.patients, weights=cuts) / n_scans
    votes = np.zeros_like(probabilities)
    np.add.at(votes, (said.patients, refined), 2)  # more than a probability can
    ballot: Ints = 1 + (votes + probabilities)[:, 1:].argmax(axis=1)
    return Predictions(
        n_classes=said.n_classes,
        truth=truth,
        predicted=np.where(mean_score >= mean_cut, ballot, 0),
        patients=np.arange(said.n_patients),
        n_patients=said.n_patients,
        screen_score=mean_score,
        probabilities=probabilities,
        refined=ballot,
    )


RULES: Mapping[str, Callable[[Predictions, Ints, bool, Cut], Predictions]] = (
    MappingProxyType({"any": _any, "mean": _mean})
)
"""Name of a rule to what makes patients of scans by it."""
