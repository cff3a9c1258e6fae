"""Models against each other: fitted on some patients, asked about others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.assessed import (
    Assessed,
    candidate,
    cascades,
    stack_all,
    stack_guarded,
)
from hierclf.assembly.members import members_apart
from hierclf.assembly.models import Builder
from hierclf.cascade.choices import Fewer
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, Guards, fit_guards
from hierclf.cascade.hierarchical import Folds, HierarchicalClassifier
from hierclf.cascade.views_choice import (
    ViewsChoice,
    choose_views,
    held_out_predictions,
)
from hierclf.config.commands import TrainOptions
from hierclf.data.split import hold_out
from hierclf.evaluation.calibration import prior_corrected
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.summary import evaluate
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import Hierarchy

_log = logging.getLogger(__name__)
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


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
    selection : dict of str to Estimate
        The figure that chose, of each candidate, on the scans where its cut point was
        set.
    guards : Guards
        Of the cascade.
    views : ViewsChoice or None
        What ten crops and fewer views had on held-out training scans, where both were
        fitted.
    """

    cascade: Any
    chosen: str = ""
    others: dict[str, Any] = field(default_factory=dict)
    selection: dict[str, Estimate] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)
    views: ViewsChoice | None = None

    def with_folds(self, fewer: tuple[bool, ...]) -> Fitted:
        """Add to the choice of views those of the folds that were measured."""
        if self.views is None:
            return self
        told = self.views.model_copy(update={"in_folds": fewer})
        return replace(self, views=told)


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
        Of several candidates the one that is best on held-out scans by
        `figure_of_choice`, the first of equals.
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
    tried = builder.options.try_views
    if tried != "none":
        return _fit_both_views(builder, manifest, tried)
    if not names:
        return Fitted(_fit(builder, manifest))
    others = {name: _fit(builder.of_candidate(name), manifest) for name in names}
    figure, patients = figure_of_choice(builder.options), manifest["patient_id"]
    found = {
        name: _held_out(one, patients.to_numpy(), figure)
        for name, one in others.items()
    }
    chosen = max(found, key=lambda name: _worth(found[name]))
    return Fitted(others[chosen], chosen, others, found)


def _fit_both_views(builder: Builder, manifest: pd.DataFrame, tried: Fewer) -> Fitted:
    exact = _fit(builder, manifest)
    try:
        fewer = _fit(builder.looking_by(tried), manifest)
    except InputError as error:
        raise InputError(f"try_views, {tried}: {error}") from error
    patients = manifest["patient_id"].to_numpy()
    told = {"n_resamples": builder.options.resamples, "seed": builder.options.seed}
    choice = choose_views(exact, fewer, patients, tried=tried, **told)
    return Fitted(fewer if choice.is_taken else exact, views=choice)


def figure_of_choice(options: TrainOptions) -> str:
    """Name the figure that candidates are compared by.

    Parameters
    ----------
    options : TrainOptions
        Of the run.

    Returns
    -------
    figure : {"macro_recall", "quadratic_kappa"}
        Kappa where cut points are chosen for it. The other rules set a rate or a cost
        of the screen, by which a model that names no stage right may win.
    """
    kappa = "quadratic_kappa"
    return kappa if options.cut_point == kappa else "macro_recall"


def _worth(estimate: Estimate) -> float:
    return -np.inf if estimate.value is None else estimate.value


def _held_out(cascade: HierarchicalClassifier, patients: Any, figure: str) -> Estimate:
    said = held_out_predictions(cascade, patients)
    by_order = figure == "quadratic_kappa"
    found = evaluate(said, cascade.hierarchy_.labels, ordered=by_order)
    return found.metrics[figure]


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
    guarding = False
    members: list[dict[str, Decisions]] = []
    taken: list[bool] = []
    for number, (train, test) in enumerate(folds, start=1):
        if len(folds) > 1:
            _log.info("fold %d of %d ...", number, len(folds))
        seen, unseen = manifest.iloc[train], manifest.iloc[test]
        fitted = fit_cascade(builder, seen)
        others = fitted.others.items()
        said = {candidate(name): one.decide(unseen) for name, one in others}
        chosen = said.get(candidate(fitted.chosen)) or fitted.cascade.decide(unseen)
        said |= cascades(chosen)
        watched.append(fitted.guards.look(fitted.cascade, unseen, chosen))
        guarding |= fitted.guards.active
        looks, views = builder, fitted.views
        if views is not None:
            taken.append(views.is_taken)
            if views.is_taken:
                looks = builder.looking_by(views.tried)
        if builder.options.baselines:
            said = _flats(looks, seen, unseen) | said
        parts.append(said)
        members.append(members_apart(fitted.cascade, unseen))
    rows = np.concatenate([test for _, test in folds])
    fold = np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])
    order = np.argsort(rows, kind="stable")
    guarded = stack_guarded(watched, order) if guarding else None
    alone = members if all(one.keys() == members[0].keys() for one in members) else [{}]
    told = (stack_all(parts, order), stack_all(alone, order))
    return Assessed(rows[order], fold[order], *told, guarded, tuple(taken)), fitted


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
