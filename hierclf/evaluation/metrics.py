"""The figures of a model by name, on the sample and on every resample.

A figure belongs to one of three tables of counts: ``overall`` (all labels),
``screen`` (healthy or diseased, as the whole model decided) and ``refine`` (truly
diseased scans only, called as the refining stage alone would call them); or it
comes from the screen's score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hierclf.evaluation import confusion
from hierclf.evaluation.bootstrap import patient_weights, resampled_sums
from hierclf.evaluation.calibration import brier_score
from hierclf.evaluation.confusion import Floats, Ints, Tallies
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.roc import average_precision, roc_auc
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

Counts = Callable[[Tallies], tuple[Tallies, Tallies]]
ScoreFigure = Callable[[NDArray[np.bool_], Floats, NDArray[np.number], Ints], Floats]


def _of(counts: Counts, label: int) -> Counts:
    def of_label(confusions: Tallies) -> tuple[Tallies, Tallies]:
        hits, cases = counts(confusions)
        return hits[..., label], cases[..., label]

    return of_label


PROPORTIONS: Mapping[str, tuple[str, Counts]] = MappingProxyType(
    {
        "accuracy": ("overall", confusion.accuracy_counts),
        "sensitivity": ("screen", _of(confusion.recall_counts, 1)),
        "specificity": ("screen", _of(confusion.recall_counts, 0)),
        "ppv": ("screen", _of(confusion.precision_counts, 1)),
        "npv": ("screen", _of(confusion.precision_counts, 0)),
        "screen_accuracy": ("screen", confusion.accuracy_counts),
        "refine_accuracy": ("refine", confusion.accuracy_counts),
    }
)
"""Name to table, and the function that tells hits and cases."""

MACRO_RECALLS: Mapping[str, str] = MappingProxyType(
    {
        "macro_recall": "overall",
        "balanced_accuracy": "overall",
        "screen_macro_recall": "screen",
        "refine_macro_recall": "refine",
    }
)
"""Name to table. The second is the first by its other name; readers look for both."""

KAPPAS: Mapping[str, str] = MappingProxyType(
    {"quadratic_kappa": "overall", "refine_quadratic_kappa": "refine"}
)
"""Name to table, for ordered hierarchies."""

SCORE_FIGURES: Mapping[str, ScoreFigure] = MappingProxyType(
    {
        "screen_auc": roc_auc,
        "screen_average_precision": average_precision,
        "screen_brier": brier_score,
    }
)
"""Name to a function of truth, score, weights and their columns."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Predictions counted on the sample and on each of its resamples.

    Parameters
    ----------
    predictions : Predictions
        The sample.
    weights : ndarray of uint16, shape (1 + n_resamples, n_patients)
        The first row is all ones: the sample itself.
    per_patient : mapping of str to ndarray, shape (n_patients, k, k)
        Confusion matrices by table; no ``refine`` where nothing was refined, no
        scan is diseased, or there is one diseased label only.
    tables : mapping of str to ndarray, shape (1 + n_resamples, k, k)
        Their sums over each resample.
    """

    predictions: Predictions
    weights: NDArray[np.uint16]
    per_patient: Mapping[str, Tallies]
    tables: Mapping[str, Tallies]


def resampled(predictions: Predictions, *, n_resamples: int, seed: int) -> Resampled:
    """Count predictions on the sample and on resamples of its patients.

    Parameters
    ----------
    predictions : Predictions
        The sample.
    n_resamples : int, at least 1
        How many resamples.
    seed : int
        Root seed.

    Returns
    -------
    counted : Resampled
        To be asked by `draws`.
    """
    drawn = patient_weights(predictions.n_patients, n_resamples=n_resamples, seed=seed)
    weights = np.concatenate([np.ones_like(drawn[:1]), drawn])
    per_patient = _tables(predictions)
    tables = {name: resampled_sums(weights, of) for name, of in per_patient.items()}
    return Resampled(predictions, weights, per_patient, tables)


def _tables(said: Predictions) -> dict[str, Tallies]:
    overall = confusion.patient_confusions(
        said.truth, said.predicted, said.n_classes, said.patients, said.n_patients
    )
    tables = {"overall": overall, "screen": confusion.screen_confusions(overall)}
    sick = said.diseased
    if said.refined is not None and said.n_classes > 2 and sick.any():
        tables["refine"] = confusion.patient_confusions(
            said.truth[sick] - 1,
            said.refined[sick] - 1,
            said.n_classes - 1,
            said.patients[sick],
            said.n_patients,
        )
    return tables


def available(counted: Resampled, *, ordered: bool) -> tuple[str, ...]:
    """Name the figures that predictions allow.

    Parameters
    ----------
    counted : Resampled
        What the model said.
    ordered : bool
        Whether the diseased labels are an order; without it there is no kappa.

    Returns
    -------
    names : tuple of str
        Each can be asked of `draws`.
    """
    on_tables = {name: table for name, (table, _) in PROPORTIONS.items()}
    on_tables |= MACRO_RECALLS
    on_tables |= KAPPAS if ordered else {}
    names = tuple(name for name, table in on_tables.items() if table in counted.tables)
    scored = counted.predictions.screen_score is not None
    return names + (tuple(SCORE_FIGURES) if scored else ())


def draws(name: str, counted: Resampled) -> Floats:
    """Work out a figure on the sample and on each resample.

    Parameters
    ----------
    name : str
        A figure of `available`.
    counted : Resampled
        The sample and its resamples.

    Returns
    -------
    figures : ndarray of float, shape (1 + n_resamples,)
        The sample's first. NaN where it is undefined; a macro recall is undefined
        in a resample that lost a class of the sample.

    Raises
    ------
    InputError
        If the name is unknown, or the predictions do not allow it.
    """
    allowed = available(counted, ordered=True)
    if name not in allowed:
        raise InputError(
            f"metric: expected a figure that these predictions allow, got {name!r}. "
            f"{nearest(name, allowed)}"
        )
    if name in SCORE_FIGURES:
        said = counted.predictions
        score = np.asarray(said.screen_score)
        return SCORE_FIGURES[name](said.diseased, score, counted.weights, said.patients)
    if name in PROPORTIONS:
        table, counts = PROPORTIONS[name]
        return confusion.ratio(*counts(counted.tables[table]))
    if name in KAPPAS:
        return confusion.quadratic_kappa(counted.tables[KAPPAS[name]])
    confusions = counted.tables[MACRO_RECALLS[name]]
    present = confusions[0].any(axis=1)
    return confusion.macro_recall(confusions, present)
