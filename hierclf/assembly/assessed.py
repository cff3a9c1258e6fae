"""What models said of scans that they were not fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import LUNGS_FOUND
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, guard_columns
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.problem.labels import Hierarchy

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CASCADE = "cascade"
EXPLANATIONS: Mapping[str, str] = {
    "flat": "one network for all labels, its most probable label",
    "flat balanced": "the same with the balance and costs of the cascade",
    "flat prior-corrected": "the flat one, its probabilities divided by how common "
    "each label was in training",
    "cascade at 0.50": "screen and refinement, diseased from a score of 0.50",
    CASCADE: "screen and refinement at the tuned cut point",
}
"""The models that a run compares, in the order of its table."""


@dataclass(frozen=True)
class Assessed:
    """What all models said of the scans that they were not fitted on.

    Parameters
    ----------
    rows : ndarray of int, shape (n_scans,)
        Rows of the manifest, rising.
    fold : ndarray of int, shape (n_scans,)
        Which outer fold predicted them.
    decisions : dict of str to Decisions
        By the names of `EXPLANATIONS`, and by `candidate`.
    members : dict of str to Decisions, optional
        Of each network by itself, where the stages of every fold combine the same.
    guarded : Guarded or None
        What the guards of the cascade said of them; None without any.
    fewer : tuple of bool, default=()
        Of each fold, whether fewer views than ten crops were taken; empty where none
        were tried.
    """

    rows: Indices
    fold: Indices
    decisions: dict[str, Decisions]
    members: dict[str, Decisions] = field(default_factory=dict)
    guarded: Guarded | None = None
    fewer: tuple[bool, ...] = ()

    @property
    def fold_cut_points(self) -> tuple[float, ...]:
        """Cut point of the cascade of each fold; empty without folds or such a rule."""
        cuts = self.decisions[CASCADE].cut_point
        first = np.unique(self.fold, return_index=True)[1]
        if cuts is None or len(first) < 2 or np.isnan(cuts[first]).any():
            return ()
        return tuple(cuts[first].tolist())


def candidate(name: str) -> str:
    """Name the cascade of a candidate in tables."""
    return f"{CASCADE}, {name}"


def explain(name: str) -> str:
    """Say in a line what a model of the table is."""
    return EXPLANATIONS.get(name, "a candidate, fitted and tuned as the others")


def cascades(said: Decisions) -> dict[str, Decisions]:
    """Put the decisions at a cut point of one half before those at its own."""
    half = np.full_like(said.screen_score, 0.5)
    decided = np.where(said.screen_score >= half, said.refined, 0)
    at_half = replace(said, decided=decided, cut_point=half)
    return {"cascade at 0.50": at_half, CASCADE: said}


def stack_all(
    parts: Sequence[dict[str, Decisions]], order: Indices
) -> dict[str, Decisions]:
    """Put the decisions of all folds into one, by the names of the models."""
    return {name: _stack([part[name] for part in parts], order) for name in parts[0]}


def _stack(parts: Sequence[Decisions], order: Indices) -> Decisions:
    def all_of(columns: Iterable[Floats | None]) -> Floats | None:
        """Folds may choose candidates without it: these have NaN."""
        told = list(columns)
        if all(column is None for column in told):
            return None
        filled = [
            np.full(len(part.decided), np.nan) if column is None else column
            for part, column in zip(parts, told, strict=True)
        ]
        return np.concatenate(filled)[order]

    return Decisions(
        screen_score=np.concatenate([p.screen_score for p in parts])[order],
        probabilities=np.concatenate([p.probabilities for p in parts])[order],
        refined=np.concatenate([p.refined for p in parts])[order],
        decided=np.concatenate([p.decided for p in parts])[order],
        view_spread=all_of(part.view_spread for part in parts),
        cut_point=all_of(part.cut_point for part in parts),
    )


def stack_guarded(parts: Sequence[Guarded], order: Indices) -> Guarded:
    """Put what the guards said in all folds into one.

    A fold of too few patients has no gate: its scans have NaN for how far they are
    out of scope.
    """

    def all_of(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        if all(one is None for one in found):
            return None
        sizes = [len(part.action) for part in parts]
        filled = [
            np.full(size, np.nan) if one is None else one
            for one, size in zip(found, sizes, strict=True)
        ]
        return np.concatenate(filled)[order]

    return Guarded(**{name: all_of(name) for name in Guarded.__dataclass_fields__})


def predictions_from(
    said: Decisions, manifest: pd.DataFrame, hierarchy: Hierarchy[str]
) -> Predictions:
    """Put decisions beside the truth.

    Parameters
    ----------
    said : Decisions
        On the rows of `manifest`.
    manifest : DataFrame, n_scans rows
        With labels and patients.
    hierarchy : Hierarchy
        Order of the labels.

    Returns
    -------
    predictions : Predictions
        For `hierclf.evaluation`.
    """
    return predictions_of(
        hierarchy.positions(manifest["label"].tolist()),
        said.decided,
        n_classes=len(hierarchy.labels),
        groups=manifest["patient_id"].to_numpy(),
        screen_score=np.clip(said.screen_score, 0.0, 1.0),
        probabilities=said.probabilities,
        refined=said.refined,
    )


def decisions_table(
    assessed: Assessed, manifest: pd.DataFrame, hierarchy: Hierarchy[str]
) -> pd.DataFrame:
    """Lay out what was said of each scan, for ``predictions.csv``.

    Parameters
    ----------
    assessed : Assessed
        Decisions on some rows.
    manifest : DataFrame
        All rows.
    hierarchy : Hierarchy
        Names of the labels.

    Returns
    -------
    table : DataFrame
        Scan, patient, truth, fold, the cascade's scores and decision, and the
        label that each other model gave.
    """
    rows = manifest.iloc[assessed.rows]
    names = np.asarray(hierarchy.labels)
    said = assessed.decisions[CASCADE]
    table = pd.DataFrame(
        {
            "path": rows["scan"].to_numpy(),
            "patient_id": rows["patient_id"].to_numpy(),
            "label": rows["label"].to_numpy(),
            "fold": assessed.fold,
            "screen_score": said.screen_score,
            "predicted": names[said.decided],
        }
    )
    for place, label in enumerate(hierarchy.labels):
        table[f"p_{label}"] = said.probabilities[:, place]
    if said.view_spread is not None:
        table["view_spread"] = said.view_spread
    if LUNGS_FOUND in rows:
        table[LUNGS_FOUND] = rows[LUNGS_FOUND].to_numpy()
    if assessed.guarded is not None:
        for name, cells in guard_columns(assessed.guarded, hierarchy).items():
            table[name] = cells
    for name, other in assessed.decisions.items():
        if name != CASCADE:
            table[name] = names[other.decided]
    return table
