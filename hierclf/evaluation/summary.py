"""Everything a report says about one model, with intervals, to and from JSON."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from hierclf.evaluation import confusion
from hierclf.evaluation.confusion import Floats
from hierclf.evaluation.intervals import (
    Estimate,
    bootstrap_estimate,
    mean_estimate,
    proportion_estimate,
)
from hierclf.evaluation.metrics import (
    MACRO_RECALLS,
    PROPORTIONS,
    Resampled,
    available,
    draws,
    resampled,
)
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError

Matrix = tuple[tuple[int, ...], ...]


class ClassFigures(BaseModel):
    """Figures of one label among those of a table.

    Parameters
    ----------
    label : str
        Name of the label.
    n_scans : int
        Scans of this label.
    n_patients : int
        Patients with such a scan. With fewer than about ten, read the interval of
        `recall` and leave that of `f1` alone.
    recall, precision, f1 : Estimate
        Undefined (None) where the label does not occur or is never predicted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    n_scans: int
    n_patients: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


class Table(BaseModel):
    """A confusion matrix and the figures of its classes.

    Parameters
    ----------
    labels : tuple of str
        Names of its rows and columns.
    confusion : tuple of tuple of int
        ``confusion[i][j]``: scans of label i that were called j.
    classes : tuple of ClassFigures
        One for each label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[str, ...]
    confusion: Matrix
    classes: tuple[ClassFigures, ...]


class Summary(BaseModel):
    """The figures of one model on one set of scans; made by `evaluate`.

    Parameters
    ----------
    unit : str
        What a row of the predictions is, for example ``"scan"``.
    n_scans, n_patients : int
        How many there are.
    ordered : bool
        Whether the diseased labels are an order.
    n_resamples, seed : int
        Of the patient bootstrap.
    metrics : mapping of str to Estimate
        Figures by the names of `hierclf.evaluation.metrics`.
    overall : Table
        All labels, as the whole model decided.
    screen : Table
        Healthy or diseased, as the whole model decided.
    refine : Table or None
        Truly diseased scans only, as the refining stage alone calls them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str
    n_scans: int
    n_patients: int
    ordered: bool
    n_resamples: int
    seed: int
    metrics: Mapping[str, Estimate]
    overall: Table
    screen: Table
    refine: Table | None

    def to_json(self) -> str:
        """Write strict JSON: an undefined figure is null."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        summary : Summary
            Equal to the one that was written.

        Raises
        ------
        InputError
            If it is no such JSON.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the text"
            raise InputError(
                f"evaluation, {place}: expected what evaluate wrote, got "
                f"'{first['msg']}'. Run evaluate again."
            ) from error


def evaluate(
    predictions: Predictions,
    labels: Sequence[Hashable],
    *,
    ordered: bool = False,
    n_resamples: int = 1000,
    seed: int = 0,
    unit: str = "scan",
) -> Summary:
    """Work out every figure of one model and bound each by its 95 % interval.

    Parameters
    ----------
    predictions : Predictions
        Made by `predictions_of`.
    labels : sequence of label, shape (n_classes,)
        Names of the positions, healthy first.
    ordered : bool, default=False
        Whether the diseased labels are an order; adds quadratic kappa.
    n_resamples : int, default=1000
        Resamples of the patients.
    seed : int, default=0
        Root seed.
    unit : str, default="scan"
        What a row is; `by_patient` says what to write here.

    Returns
    -------
    summary : Summary
        See there.

    Raises
    ------
    InputError
        If the labels are not as many as the positions.

    Examples
    --------
    >>> from hierclf.evaluation.predictions import predictions_of
    >>> said = predictions_of([0, 0, 1, 1], [0, 1, 1, 1], n_classes=2)
    >>> evaluate(said, ("healthy", "ill")).metrics["specificity"].value
    0.5
    """
    names = tuple(map(str, labels))
    if len(names) != predictions.n_classes:
        raise InputError(
            f"labels: expected {predictions.n_classes} names, got {len(names)}. "
            "Pass hierarchy.labels."
        )
    counted = resampled(predictions, n_resamples=n_resamples, seed=seed)
    refined = "refine" in counted.tables
    wanted = available(counted, ordered=ordered)
    return Summary(
        unit=unit,
        n_scans=predictions.truth.size,
        n_patients=predictions.n_patients,
        ordered=ordered,
        n_resamples=n_resamples,
        seed=seed,
        metrics={name: _estimate(name, counted) for name in wanted},
        overall=_table("overall", names, counted),
        screen=_table("screen", (names[0], "diseased"), counted),
        refine=_table("refine", names[1:], counted) if refined else None,
    )


def _estimate(name: str, counted: Resampled) -> Estimate:
    if name in PROPORTIONS:
        table, counts = PROPORTIONS[name]
        return proportion_estimate(*counts(counted.per_patient[table]))
    if name in MACRO_RECALLS:
        per_patient = counted.per_patient[MACRO_RECALLS[name]]
        return mean_estimate(*confusion.recall_counts(per_patient))
    return _bootstrapped(draws(name, counted))


def _bootstrapped(figures: Floats) -> Estimate:
    return bootstrap_estimate(float(figures[0]), figures[1:])


def _table(name: str, labels: tuple[str, ...], counted: Resampled) -> Table:
    per_patient = counted.per_patient[name]
    sample = counted.tables[name][0].astype(np.int64)
    f1 = confusion.f1(counted.tables[name])
    found, called = (
        zip(*(part.T for part in counts(per_patient)), strict=True)
        for counts in (confusion.recall_counts, confusion.precision_counts)
    )
    classes = tuple(
        ClassFigures(
            label=label,
            n_scans=int(cases.sum()),
            n_patients=int(np.count_nonzero(cases)),
            recall=proportion_estimate(hits, cases),
            precision=proportion_estimate(*calls),
            f1=_bootstrapped(f1[:, place]),
        )
        for place, (label, (hits, cases), calls) in enumerate(
            zip(labels, found, called, strict=True)
        )
    )
    matrix = tuple(tuple(row) for row in sample.tolist())
    return Table(labels=labels, confusion=matrix, classes=classes)
