"""Figures of parts of the scans: by sex, age, site, device.

A mean over all patients can hide a group that a model fails. But the more groups are
looked at, the more of them look bad by chance: with twenty groups and nothing to find,
one interval of 95 % in twenty leaves the truth out. A difference found here is a
question for new data, not an answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation import confusion
from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.confusion import Floats, Tallies
from hierclf.evaluation.intervals import (
    Estimate,
    bootstrap_estimate,
    difference_estimate,
    mean_estimate,
    proportion_estimate,
)
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.roc import roc_auc
from hierclf.foundation.errors import InputError

LEAST = 10
"""Patients of each kind that a figure of a group needs."""

FIGURES = ("sensitivity", "specificity", "screen_auc", "macro_recall")

Mask = NDArray[np.bool_]


class GroupFigures(BaseModel):
    """Figures of one group.

    Parameters
    ----------
    value : str
        What its scans share.
    n_scans, n_patients, n_diseased : int
        Scans, patients, and diseased scans of the group.
    metrics : mapping of str to Estimate
        Those of `FIGURES` for which there are `LEAST` patients: diseased ones for
        the sensitivity, healthy ones for the specificity, both for the area, and of
        each label for the macro recall.
    differences : mapping of str to Estimate
        Each of them less that of all other scans, where these have as many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str
    n_scans: int
    n_patients: int
    n_diseased: int
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]


class SubgroupFigures(BaseModel):
    """Figures by the values of one column; made by `by_subgroup`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    least: int
    groups: tuple[GroupFigures, ...]


def by_subgroup(
    predictions: Predictions,
    column: str,
    values: Sequence[str],
    *,
    least: int = LEAST,
    n_resamples: int = 1000,
    seed: int = 0,
) -> SubgroupFigures:
    """Measure each group of scans, and how far it is from the others.

    Parameters
    ----------
    predictions : Predictions
        Of one model.
    column : str
        Name of what the scans are parted by.
    values : sequence of str, length n_scans
        Group of each scan.
    least : int, default=10
        Patients that a figure needs.
    n_resamples : int, default=1000
        Resamples of the patients, for the areas.
    seed : int, default=0
        Root seed.

    Returns
    -------
    figures : SubgroupFigures
        Groups in the order of the numbers that they begin with, then of the words.

    Raises
    ------
    InputError
        If there is not a value for each scan.

    Notes
    -----
    A group and the others count as independent. Where a patient has scans in both, as
    with the two sides of a body, their figures rise and fall together, and the interval
    of a difference of shares is wider than it need be; that of areas is not, since it
    comes from resamples of the patients.
    """
    names = np.asarray([str(value) for value in values], dtype=object)
    if names.shape != predictions.truth.shape:
        raise InputError(
            f"subgroups, {column}: expected a value for each of "
            f"{predictions.truth.size} scans, got {names.size}. Pass the column of the "
            "same rows."
        )
    drawn = patient_weights(predictions.n_patients, n_resamples=n_resamples, seed=seed)
    weights = np.concatenate([np.ones_like(drawn[:1]), drawn])
    groups = tuple(
        _group(predictions, str(value), names == value, weights, least)
        for value in sorted(set(names.tolist()), key=_rank)
    )
    return SubgroupFigures(column=column, least=least, groups=groups)


def _rank(value: str) -> tuple[float, str]:
    number = re.match(r"-?\d+(\.\d+)?", value)
    return (float(number[0]) if number else math.inf, value)


def _group(
    said: Predictions,
    value: str,
    inside: Mask,
    weights: NDArray[np.uint16],
    least: int,
) -> GroupFigures:
    mine = _Part(said, inside, weights, least)
    rest = _Part(said, ~inside, weights, least)
    shared = [name for name in mine.metrics if name in rest.metrics]
    return GroupFigures(
        value=value,
        n_scans=int(inside.sum()),
        n_patients=int(np.unique(said.patients[inside]).size),
        n_diseased=int(said.diseased[inside].sum()),
        metrics=mine.metrics,
        differences={name: mine.less(rest, name) for name in shared},
    )


class _Part:
    """Figures of some scans, those that have enough patients."""

    def __init__(
        self, said: Predictions, inside: Mask, weights: NDArray[np.uint16], least: int
    ) -> None:
        owner = said.patients[inside]
        overall = confusion.patient_confusions(
            said.truth[inside],
            said.predicted[inside],
            said.n_classes,
            owner,
            said.n_patients,
        )
        screen = confusion.screen_confusions(overall)
        healthy, diseased = _patients(screen) >= least
        self.metrics: dict[str, Estimate] = {}
        self.areas: Floats = np.full(len(weights), np.nan)
        for name, label, enough in (
            ("sensitivity", 1, diseased),
            ("specificity", 0, healthy),
        ):
            if enough:
                hits, cases = confusion.recall_counts(screen)
                self.metrics[name] = proportion_estimate(
                    hits[:, label], cases[:, label]
                )
        if healthy and diseased and said.screen_score is not None:
            scores = said.screen_score[inside]
            self.areas = roc_auc(said.diseased[inside], scores, weights, owner)
            area = bootstrap_estimate(float(self.areas[0]), self.areas[1:])
            self.metrics["screen_auc"] = area
        if (_patients(overall) >= least).all():
            self.metrics["macro_recall"] = mean_estimate(
                *confusion.recall_counts(overall)
            )

    def less(self, other: _Part, name: str) -> Estimate:
        """Take a figure of another part from that of this one."""
        if name == "screen_auc":
            gap = self.areas - other.areas
            return bootstrap_estimate(float(gap[0]), gap[1:])
        return difference_estimate(self.metrics[name], other.metrics[name])


def _patients(confusions: Tallies) -> NDArray[np.intp]:
    """Count the patients with a scan of each label."""
    found: NDArray[np.intp] = np.count_nonzero(confusions.any(axis=2), axis=0)
    return found
