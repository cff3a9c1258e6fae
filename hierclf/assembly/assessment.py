"""Models against each other: fitted on some patients, asked about others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.members import members_apart
from hierclf.assembly.models import Builder
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, Guards, fit_guards, guard_columns
from hierclf.cascade.hierarchical import Folds, HierarchicalClassifier
from hierclf.data.split import hold_out
from hierclf.evaluation.bootstrap import patient_codes
from hierclf.evaluation.calibration import prior_corrected
from hierclf.evaluation.confusion import patient_confusions, recall_counts
from hierclf.evaluation.intervals import Estimate, mean_estimate
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
    """

    rows: Indices
    fold: Indices
    decisions: dict[str, Decisions]
    members: dict[str, Decisions] = field(default_factory=dict)
    guarded: Guarded | None = None


def inner_cv(builder: Builder, manifest: pd.DataFrame) -> int | Folds:
    """Decide what the cut point is swept on.

    Parameters
    ----------
    builder : Builder
        Knows whether the stages are dear to fit.
    manifest : DataFrame, n_scans rows
        Scans to fit on.

    Returns
    -------
    cv : int or list of (train, test)
        Folds by patient where only heads learn. Else one part: the given split
        ``val``, or a share of the patients.
    """
    options = builder.options
    if options.folds >= 2 and not builder.whole_networks:
        return options.folds
    if "split" in manifest and (manifest["split"] == "val").any():
        held = (manifest["split"] == "val").to_numpy()
        return [(np.flatnonzero(~held), np.flatnonzero(held))]
    part = hold_out(
        manifest["label"],
        manifest["patient_id"],
        fraction=options.validation_part,
        seed=options.seed,
    )
    return [part]


@dataclass(frozen=True)
class Fitted:
    """The cascade of a run, and what else was tried.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted, its cut point chosen.
    chosen : str
        Which candidate it is; '' where there were none.
    others : dict of str to HierarchicalClassifier
        All candidates.
    guards : Guards
        Of the cascade.
    """

    cascade: Any
    chosen: str = ""
    others: dict[str, Any] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)

    def held_out(self, patients: Any) -> dict[str, Estimate]:
        """Bound the macro recall of each candidate where its cut point was set.

        Parameters
        ----------
        patients : ndarray, shape (n_scans,)
            Patients of the scans that it was fitted on.

        Returns
        -------
        estimates : dict of str to Estimate
            On held-out scans, by candidate.
        """
        return {name: _held_out(one, patients) for name, one in self.others.items()}


def fit_cascade(builder: Builder, manifest: pd.DataFrame) -> Fitted:
    """Fit the cascade of a run on some scans, its cut point included.

    Parameters
    ----------
    builder : Builder
        Makes the models.
    manifest : DataFrame, n_scans rows
        Scans to fit on; nothing else is looked at.

    Returns
    -------
    fitted : Fitted
        Of several candidates the one with the best macro recall on held-out scans,
        the first of equals.
    """
    found = _fit_candidates(builder, manifest)
    options = builder.options
    guards = fit_guards(
        found.cascade,
        manifest,
        false_alarm=options.gate,
        deferral=options.defer,
        seed=options.seed,
    )
    return replace(found, guards=guards)


def _fit_candidates(builder: Builder, manifest: pd.DataFrame) -> Fitted:
    names = builder.options.candidates
    if not names:
        return Fitted(_fit(builder, manifest))
    others = {name: _fit(builder.of_candidate(name), manifest) for name in names}
    chosen = max(others, key=lambda name: float(others[name].choice_.macro_recall))
    return Fitted(others[chosen], chosen, others)


def _held_out(cascade: HierarchicalClassifier, patients: Any) -> Estimate:
    held = cascade.held_out_
    if held is None:
        raise TypeError("a candidate is fitted with held-out scans")
    refined = cascade.named(held.uncalibrated, held.conditional, cascade.adjustment_)
    codes, n_patients = patient_codes(np.asarray(patients)[held.rows], len(held.rows))
    confusions = patient_confusions(
        held.truth,
        np.where(held.screen_score >= cascade.cut_point_, refined, 0),
        len(cascade.hierarchy_.labels),
        codes,
        n_patients,
    )
    return mean_estimate(*recall_counts(confusions))


def _fit(builder: Builder, manifest: pd.DataFrame) -> Any:
    cascade = builder.cascade(builder.options.cut_point, inner_cv(builder, manifest))
    return cascade.fit(manifest, manifest["label"].to_numpy())


def assess(
    builder: Builder, manifest: pd.DataFrame, folds: Folds
) -> tuple[Assessed, Fitted]:
    """Fit every model on the train side of each fold and ask about the other.

    Parameters
    ----------
    builder : Builder
        Makes the models.
    manifest : DataFrame, n_scans rows
        All scans.
    folds : sequence of (train, test)
        Patient-disjoint rows.

    Returns
    -------
    assessed : Assessed
        Decisions on all test sides.
    fitted : Fitted
        What was fitted in the last fold.
    """
    parts: list[dict[str, Decisions]] = []
    watched: list[Guarded] = []
    members: list[dict[str, Decisions]] = []
    for train, test in folds:
        seen, unseen = manifest.iloc[train], manifest.iloc[test]
        fitted = fit_cascade(builder, seen)
        others = fitted.others.items()
        said = {candidate(name): one.decide(unseen) for name, one in others}
        chosen = said.get(candidate(fitted.chosen)) or fitted.cascade.decide(unseen)
        said |= cascades(chosen)
        if fitted.guards.active:
            watched.append(fitted.guards.look(fitted.cascade, unseen, chosen))
        if builder.options.baselines:
            said = _flats(builder, seen, unseen) | said
        parts.append(said)
        members.append(members_apart(fitted.cascade, unseen))
    rows = np.concatenate([test for _, test in folds])
    fold = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
    order = np.argsort(rows, kind="stable")
    guarded = _stack_guarded(watched, order) if watched else None
    alone = members if all(one.keys() == members[0].keys() for one in members) else [{}]
    told = (_stack_all(parts, order), _stack_all(alone, order))
    return Assessed(rows[order], fold[order], *told, guarded), fitted


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


def _flats(
    builder: Builder, seen: pd.DataFrame, unseen: pd.DataFrame
) -> dict[str, Decisions]:
    labels = seen["label"].to_numpy()
    plain = builder.flat().fit(seen, labels)
    balanced = builder.balanced_flat().fit(seen, labels)
    table = flat_table(plain, unseen, builder.hierarchy)
    counts = np.bincount(builder.hierarchy.positions(labels), minlength=table.shape[1])
    return {
        "flat": by_argmax(table),
        "flat balanced": by_argmax(flat_table(balanced, unseen, builder.hierarchy)),
        "flat prior-corrected": by_argmax(prior_corrected(table, counts)),
    }


def flat_table(
    classifier: Any, scans: pd.DataFrame, hierarchy: Hierarchy[str]
) -> NDArray[np.float64]:
    """Give a flat classifier's probabilities in the order of the hierarchy."""
    table = np.zeros((len(scans), len(hierarchy.labels)))
    columns = hierarchy.positions(classifier.classes_.tolist())
    table[:, columns] = classifier.predict_proba(scans)
    return table


def by_argmax(table: NDArray[np.float64]) -> Decisions:
    """Decide for the most probable label.

    Parameters
    ----------
    table : ndarray of float, shape (n_scans, n_labels)
        Probabilities, healthy first.

    Returns
    -------
    decisions : Decisions
        With the screen score that they imply.
    """
    return Decisions(
        screen_score=1 - table[:, 0],
        probabilities=table,
        refined=table[:, 1:].argmax(axis=1) + 1,
        decided=table.argmax(axis=1),
        view_spread=None,
    )


def _stack_all(
    parts: Sequence[dict[str, Decisions]], order: Indices
) -> dict[str, Decisions]:
    return {name: _stack([part[name] for part in parts], order) for name in parts[0]}


def _stack(parts: Sequence[Decisions], order: Indices) -> Decisions:
    def all_of(columns: Iterable[Floats | None]) -> Floats | None:
        found = [column for column in columns if column is not None]
        return np.concatenate(found)[order] if found else None

    return Decisions(
        screen_score=np.concatenate([p.screen_score for p in parts])[order],
        probabilities=np.concatenate([p.probabilities for p in parts])[order],
        refined=np.concatenate([p.refined for p in parts])[order],
        decided=np.concatenate([p.decided for p in parts])[order],
        view_spread=all_of(part.view_spread for part in parts),
        cut_point=all_of(part.cut_point for part in parts),
    )


def _stack_guarded(parts: Sequence[Guarded], order: Indices) -> Guarded:
    def all_of(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else np.concatenate(found)[order]

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
    if assessed.guarded is not None:
        for name, cells in guard_columns(assessed.guarded, hierarchy).items():
            table[name] = cells
    for name, other in assessed.decisions.items():
        if name != CASCADE:
            table[name] = names[other.decided]
    return table
