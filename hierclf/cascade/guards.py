"""What stands between a decision and its use: the input gate and the deferral."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.deferral import Deferral, choose_deferral
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.reference import Reference, reference_of
from hierclf.data.rows import take
from hierclf.features.readers import readers_of
from hierclf.features.scope import (
    ALTERATIONS,
    LEAST_PATIENTS,
    ScopeGate,
    ScopeReader,
    fit_scope_gate,
)
from hierclf.foundation.errors import InputError, ScanError
from hierclf.loading.scans import Frame, FrameReader
from hierclf.problem.labels import Hierarchy

Floats = NDArray[np.float64]
ACCEPT, READER, OUT = "accept", "reader", "out_of_scope"
"""What is to be done with a decision: use it, let a reader look, do not use it."""
MOST_ALTERED = 100
"""Scans that are altered for the gate, at most one of each patient."""


@dataclass(frozen=True)
class Guarded:
    """What the guards say of some scans.

    Parameters
    ----------
    action : ndarray of str, shape (n_scans,)
        ``accept``, ``reader`` or ``out_of_scope``.
    scope : ndarray of float, shape (n_scans,), or None
        Positive out of scope; None without a gate.
    confidence : ndarray of float, shape (n_scans,), in [0, 1], or None
        In the decision; None without a deferral.
    sets : ndarray of bool, shape (n_scans, n_labels), or None
        Labels that may be true, healthy first; None where the deferral has none.
    """

    action: NDArray[np.str_]
    scope: Floats | None = None
    confidence: Floats | None = None
    sets: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Guards:
    """The guards of a cascade, and the held-out scans that they were fitted on.

    Parameters
    ----------
    reference : Reference or None
        None where no scan was held out.
    gate : ScopeGate or None
        None where none was asked for, and for a cascade on feature tables.
    deferral : Deferral or None
        None where none was asked for.
    """

    reference: Reference | None = None
    gate: ScopeGate | None = None
    deferral: Deferral | None = None
    _readers: list[ScopeReader] = field(default_factory=list, compare=False)

    @property
    def active(self) -> bool:
        """Whether anything is guarded."""
        return self.gate is not None or self.deferral is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what these guards tell, see `guard_columns`."""
        if not self.active:
            return ()
        told = ["action"]
        if self.gate is not None:
            told.append("scope")
        if self.deferral is not None:
            told.append("confidence")
            told += ["label_set"] * (self.deferral.quantiles is not None)
        return tuple(told)

    def look(
        self, cascade: HierarchicalClassifier, scans: Any, said: Decisions
    ) -> Guarded:
        """Look at scans and at what was decided on them.

        Parameters
        ----------
        cascade : HierarchicalClassifier
            The one that was fitted with these guards.
        scans : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        said : Decisions
            Of the cascade on these.

        Returns
        -------
        guarded : Guarded
            Being out of scope goes before being sent to a reader.
        """
        action = np.full(len(said.decided), ACCEPT, dtype=f"<U{len(OUT)}")
        sure = sets = over = None
        if self.deferral is not None:
            judged = self.deferral.judge(said)
            sure, sets = judged.confidence, judged.sets
            action[~judged.passes] = READER
        if self.gate is not None:
            over = self.gate.excess(self._reader(cascade)(scans))
            action[~(over <= 0)] = OUT  # what is no number, too
        return Guarded(action, over, sure, sets)

    def _reader(self, cascade: HierarchicalClassifier) -> ScopeReader:
        if not self._readers:
            self._readers.append(ScopeReader(readers_of(cascade.screen_)[0]))
        return self._readers[0]


def guard_columns(
    guarded: Guarded, hierarchy: Hierarchy[Any]
) -> dict[str, NDArray[Any]]:
    """Lay out what guards say, for tables.

    Parameters
    ----------
    guarded : Guarded
        Of some scans.
    hierarchy : Hierarchy
        Names of the labels.

    Returns
    -------
    columns : dict of str to ndarray, shape (n_scans,)
        ``action``, ``scope``, ``confidence`` and ``label_set`` (labels with | between
        them; a / stands for a | in a label), as far as the guards tell them.
    """
    columns: dict[str, NDArray[Any]] = {"action": guarded.action}
    if guarded.scope is not None:
        columns["scope"] = guarded.scope
    if guarded.confidence is not None:
        columns["confidence"] = guarded.confidence
    if guarded.sets is not None:
        labels = [str(label).replace("|", "/") for label in hierarchy.labels]
        names = np.asarray(labels)
        columns["label_set"] = np.array(["|".join(names[one]) for one in guarded.sets])
    return columns


def fit_guards(
    cascade: HierarchicalClassifier,
    scans: pd.DataFrame,
    *,
    false_alarm: float,
    deferral: str,
    seed: int,
) -> Guards:
    """Fit the guards on the scans that a cascade held out.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    scans : DataFrame, n_scans rows
        Manifest rows that it was fitted on.
    false_alarm : float, in [0, 1)
        Of the gate; 0 for no gate. There is none either where fewer than 20 patients
        were held out.
    deferral : str
        The rule; ``none`` for no deferral.
    seed : int
        Which scans are altered for the gate.

    Returns
    -------
    guards : Guards
        Without gate and deferral where no scan was held out and none is asked for.

    Raises
    ------
    InputError
        If a guard is asked for and no scan was held out, or they are too few.
    """
    patients = scans["patient_id"].to_numpy()
    reference = reference_of(cascade, patients, seed=seed)
    if reference is None or cascade.held_out_ is None:
        if deferral != "none":
            raise InputError(
                "defer: expected scans that were held out, got none. Take a rule as "
                "the cut point, or a --calibration."
            )
        return Guards()
    found = None
    if deferral != "none":
        found = choose_deferral(deferral, reference, cascade.cut_point_)
    readers = readers_of(cascade.screen_)
    few = len(np.unique(reference.patients)) < LEAST_PATIENTS
    if not readers or false_alarm == 0 or few:
        return Guards(reference, None, found)
    held = take(scans, cascade.held_out_.rows)
    reader = ScopeReader(readers[0])
    chosen = _one_each(held["patient_id"].to_numpy(), seed)
    frames = _frames(take(held, chosen), readers[0].frame_side)
    altered = [change(frame) for change in ALTERATIONS.values() for frame in frames]
    features = reader(held)
    gate, scope = fit_scope_gate(
        features,
        reader.of_one_view(altered),
        reference.patients,
        np.tile(reference.patients[chosen], len(ALTERATIONS)),
        false_alarm=false_alarm,
    )
    told = replace(reference, projections=gate.project(features), scope=scope)
    return Guards(told, gate, found, [reader])


def _one_each(patients: NDArray[Any], seed: int) -> NDArray[np.intp]:
    """Draw scans of different patients."""
    order = np.random.default_rng(seed).permutation(len(patients))
    _, first = np.unique(patients[order], return_index=True)
    return np.sort(order[np.sort(first)[:MOST_ALTERED]])


def _frames(scans: pd.DataFrame, side: int) -> list[Frame]:
    frames = []
    for frame in FrameReader(side).read_all(scans):
        if isinstance(frame, ScanError):
            raise frame
        frames.append(frame)
    return frames
