"""What the figures of a model are called, and which stand in which table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hierclf.evaluation.subgroups import SubgroupFigures
from hierclf.evaluation.summary import Summary

TOO_FEW = 10
"""Patients of a class below which its figures are marked."""


@dataclass(frozen=True)
class Metric:
    """How a figure is called and written.

    Parameters
    ----------
    title : str
        Its name in a table.
    percent : bool
        Whether it is a share, written in percent.
    meaning : str
        One sentence for a reader from another field.
    """

    title: str
    percent: bool
    meaning: str


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "macro_recall": Metric(
            "Macro recall",
            True,
            "the share of the scans of a label that were given this label, averaged "
            "over the labels, so that a rare label counts as much as a frequent one",
        ),
        "accuracy": Metric(
            "Accuracy", True, "the share of all scans that were given their own label"
        ),
        "quadratic_kappa": Metric(
            "Quadratic kappa",
            False,
            "agreement on the ordered labels beyond chance, where an error of two "
            "stages weighs four times an error of one; 1 is perfect, 0 is chance",
        ),
        "sensitivity": Metric(
            "Sensitivity", True, "the share of the diseased scans called diseased"
        ),
        "specificity": Metric(
            "Specificity", True, "the share of the healthy scans called healthy"
        ),
        "screen_auc": Metric(
            "Screen AUC",
            False,
            "how often a diseased scan has a higher screen score than a healthy one; "
            "0.5 is chance, and no cut point enters",
        ),
        "ppv": Metric(
            "Positive predictive value",
            True,
            "the share of the scans called diseased that are",
        ),
        "npv": Metric(
            "Negative predictive value",
            True,
            "the share of the scans called healthy that are",
        ),
        "screen_average_precision": Metric(
            "Average precision",
            False,
            "precision averaged over recall; chance reaches the share of diseased",
        ),
        "screen_brier": Metric(
            "Brier score",
            False,
            "mean squared error of the screen score as a probability; lower is better",
        ),
        "refine_macro_recall": Metric(
            "Macro recall", True, "averaged over the diseased labels"
        ),
        "refine_accuracy": Metric(
            "Accuracy", True, "the share of the diseased scans given their own label"
        ),
        "refine_quadratic_kappa": Metric(
            "Quadratic kappa", False, "agreement on the stages beyond chance"
        ),
    }
)
"""Name in `hierclf.evaluation.metrics` to its wording, in the order of tables."""

COMPARED = (
    "macro_recall",
    "accuracy",
    "quadratic_kappa",
    "sensitivity",
    "specificity",
    "screen_auc",
)
"""Columns of the table of models."""

TILES = ("macro_recall", "sensitivity", "specificity", "quadratic_kappa", "screen_auc")
"""Figures at the head of the report."""

SCREENED = (
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "screen_auc",
    "screen_average_precision",
    "screen_brier",
)
"""Rows of the table of the screen."""

REFINED = ("refine_macro_recall", "refine_accuracy", "refine_quadratic_kappa")
"""Rows of the table of the refinement."""


GROUPED = ("sensitivity", "specificity", "screen_auc", "macro_recall")
"""Columns of the tables of subgroups."""

_MEMBERS = ("screen_auc", "screen_average_precision", *REFINED)


def of_members(members: Mapping[str, Summary]) -> tuple[str, ...]:
    """Name the figures of single networks, those that need no cut point."""
    return tuple(
        name for name in _MEMBERS if any(name in s.metrics for s in members.values())
    )


def n_groups(subgroups: Sequence[SubgroupFigures]) -> int:
    """Count the groups of all columns."""
    return sum(len(one.groups) for one in subgroups)


def metric_of(name: str) -> Metric:
    """Find how a figure is written; one without wording keeps its name."""
    return METRICS.get(name, Metric(name.replace("_", " "), False, ""))


def columns(models: Mapping[str, Summary]) -> tuple[str, ...]:
    """Name the figures of `COMPARED` that some model has."""
    return tuple(
        name for name in COMPARED if any(name in s.metrics for s in models.values())
    )
