"""Decisions to the results that a run writes down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from hierclf.assembly.assessed import CASCADE, explain, predictions_from
from hierclf.assembly.provenance import versions
from hierclf.assembly.scans import RunData
from hierclf.assembly.words import refinement_in_words, stages_in_words
from hierclf.cascade.curve_interval import CurveInterval, bootstrap_curve
from hierclf.cascade.cut_point import parse_rule
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.config.scans import Measured
from hierclf.data.groups import groups_of
from hierclf.evaluation.bands import precision_recall_band, roc_band
from hierclf.evaluation.calibration_figures import (
    CalibrationFigures,
    calibration_figures,
)
from hierclf.evaluation.comparison import Difference, paired
from hierclf.evaluation.net_benefit import net_benefit_curve
from hierclf.evaluation.patients import by_patient
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.subgroups import SubgroupFigures, by_subgroup
from hierclf.evaluation.summary import Summary, evaluate
from hierclf.measuring.mistakes import worst_mistakes
from hierclf.problem.labels import Hierarchy
from hierclf.results.cut_point import CutPointFigures, cut_point_figures
from hierclf.results.data import (
    DataFigures,
    PartFigures,
    UnreadableScan,
)
from hierclf.results.run import EpochFigures, RunResults, ScreenCurves


def data_figures(
    data: RunData, hierarchy: Hierarchy[str], *, by_split: bool = False
) -> DataFigures:
    """Count what a run works on.

    Parameters
    ----------
    data : RunData
        The scans.
    hierarchy : Hierarchy
        Tells which labels are diseased.
    by_split : bool, default=False
        Count by the column ``split``; else one called "all".

    Returns
    -------
    figures : DataFigures
        For the report.
    """
    manifest, dataset = data.manifest, data.dataset
    every = pd.Series("all", manifest.index)
    names = manifest["split"] if by_split else every
    order = sorted(names.unique(), key=_rank)
    table = pd.crosstab(manifest["label"], names)[order]
    counts = {
        str(label): {str(name): int(row[name]) for name in table.columns}
        for label, row in table.iterrows()
    }
    return DataFigures(
        name=data.name,
        fingerprint=dataset.fingerprint,
        phantom=data.phantom,
        n_scans=len(manifest),
        n_patients=int(manifest["patient_id"].nunique()),
        has_patients=dataset.has_patients,
        counts=counts,
        parts=_parts(manifest, names, hierarchy),
        n_patients_found=data.n_patients_found,
        n_set_aside=data.n_set_aside,
        unreadable=tuple(
            UnreadableScan(scan=u.scan, code=u.code, message=u.message)
            for u in data.unreadable
        ),
        remarks=tuple(dataset.remarks),
    )


def _parts(
    manifest: pd.DataFrame, names: pd.Series[str], hierarchy: Hierarchy[str]
) -> dict[str, PartFigures]:
    sick = pd.Series(hierarchy.is_diseased(manifest["label"].to_numpy()))
    return {
        str(name): PartFigures(
            n_scans=len(rows),
            n_patients=int(rows["patient_id"].nunique()),
            n_diseased=int(sick.loc[rows.index].sum()),
        )
        for name in sorted(names.unique(), key=_rank)
        for rows in [manifest[names.to_numpy() == name]]
    }


def _rank(split: str) -> tuple[int, str]:
    """Train, validation and test in this order, then all others by name."""
    known = ("train", "val", "test")
    return (known.index(split) if split in known else len(known), split)


def sweep_interval(
    cascade: HierarchicalClassifier, patients: Any, *, n_resamples: int
) -> CurveInterval | None:
    """Bootstrap the curve that a cascade's cut point was chosen from.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    patients : ndarray, shape (n_scans,)
        Patients of the scans it was fitted on.
    n_resamples : int
        Of the patients.

    Returns
    -------
    interval : CurveInterval or None
        None where the cut point was given.
    """
    held, choice = cascade.held_out_, cascade.choice_
    if held is None or choice is None:
        return None
    costs = None if cascade.costs is None else np.asarray(cascade.costs, dtype=float)
    return bootstrap_curve(
        held.truth,
        held.screen_score,
        cascade.naming_(held.said, held.conditional),
        n_classes=len(cascade.hierarchy_.labels),
        groups=np.asarray(patients)[held.rows],
        rule=parse_rule(choice.rule),
        costs=costs,
        points=cascade.points,
        n_resamples=n_resamples,
        seed=cascade.seed,
    )


def searched_cut_point(
    cascade: HierarchicalClassifier, patients: Any, interval: CurveInterval | None
) -> CutPointFigures | None:
    """Write down how the cut point was found; None where it was given."""
    held, choice, curve = cascade.held_out_, cascade.choice_, cascade.curve_
    if held is None or choice is None or curve is None or interval is None:
        return None
    n_patients = len(np.unique(np.asarray(patients)[held.rows]))
    once = not isinstance(cascade.cv, int)
    how = (
        "one validation part, by patient"
        if once
        else f"out of fold, {cascade.cv} folds by patient"
    )
    return cut_point_figures(
        curve, choice, interval, n_scans=len(held.rows), n_patients=n_patients, how=how
    )


class Assessor:
    """Turn decisions on some scans into figures.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        The scans that were decided on.
    hierarchy : Hierarchy
        Order of the labels.
    n_resamples : int
        Patient bootstraps.
    seed : int
        Of the bootstraps.
    """

    def __init__(
        self,
        manifest: pd.DataFrame,
        hierarchy: Hierarchy[str],
        *,
        n_resamples: int,
        seed: int,
    ) -> None:
        self.manifest = manifest
        self.hierarchy = hierarchy
        self._n_resamples = n_resamples
        self._seed = seed

    def predictions(self, said: Decisions) -> Predictions:
        """Put decisions beside the truth."""
        return predictions_from(said, self.manifest, self.hierarchy)

    def summary(self, said: Predictions, unit: str = "scan") -> Summary:
        """Work out every figure of one model."""
        return evaluate(
            said,
            self.hierarchy.labels,
            ordered=self.hierarchy.ordered,
            n_resamples=self._n_resamples,
            seed=self._seed,
            unit=unit,
        )

    def differences(self, models: Mapping[str, Decisions]) -> tuple[Difference, ...]:
        """Compare the cascade with each other model on the same patients."""
        said = {name: self.predictions(model) for name, model in models.items()}
        if len(said) < 2:
            return ()
        several = self.hierarchy.ordered and len(self.hierarchy.diseased) > 1
        metrics = ("macro_recall", *(("quadratic_kappa",) if several else ()))
        pairs = paired(
            said, metrics=metrics, n_resamples=self._n_resamples, seed=self._seed
        )
        return tuple(pair for pair in pairs if pair.model == CASCADE)

    def calibration(self, said: Decisions) -> CalibrationFigures | None:
        """Measure how far screen scores are probabilities; None where none differ."""
        return calibration_figures(
            self.predictions(said), n_resamples=self._n_resamples, seed=self._seed
        )

    def per_patient(self, said: Decisions, rule: str) -> Summary | None:
        """Figures by patient; None where each has one scan."""
        if not self.manifest["patient_id"].duplicated().any():
            return None
        merged = by_patient(
            self.predictions(said),
            rule,
            ordered=self.hierarchy.ordered,
            cut_point=said.cut_point,
        )
        return self.summary(merged.predictions, merged.unit)

    def curves(self, said: Decisions) -> ScreenCurves | None:
        """Bound the curves of the screen; None for scans of one kind."""
        predictions = self.predictions(said)
        if predictions.diseased.all() or not predictions.diseased.any():
            return None
        n, seed = self._n_resamples, self._seed
        return ScreenCurves(
            roc=roc_band(predictions, n_resamples=n, seed=seed),
            precision_recall=precision_recall_band(
                predictions, n_resamples=n, seed=seed
            ),
            net_benefit=net_benefit_curve(predictions, n_resamples=n, seed=seed),
        )

    def subgroups(
        self, said: Decisions, columns: Sequence[str]
    ) -> tuple[SubgroupFigures, ...]:
        """Figures by columns of the manifest, see `hierclf.data.groups`."""
        predictions = self.predictions(said)
        return tuple(
            by_subgroup(
                predictions,
                column,
                values,
                n_resamples=self._n_resamples,
                seed=self._seed,
            )
            for column, values in groups_of(self.manifest, columns).items()
        )

    def argmax(self, said: Decisions) -> Summary:
        """Figures of the most probable label instead of the cut point."""
        best = said.probabilities.argmax(axis=1)
        return self.summary(self.predictions(replace(said, decided=best)))


def histories(cascade: HierarchicalClassifier) -> dict[str, tuple[EpochFigures, ...]]:
    """Collect the training curves of the stages that have one."""
    found = {}
    for name in ("screen", "refine"):
        stage = getattr(cascade, f"{name}_")
        epochs = getattr(unweighted(stage), "history_", [])
        if epochs:
            figures = (EpochFigures.model_validate(e.model_dump()) for e in epochs)
            found[name] = tuple(figures)
    return found


def run_results(
    assessor: Assessor,
    models: Mapping[str, Decisions],
    cascade: HierarchicalClassifier,
    *,
    options: Measured,
    rule: str,
    members: Mapping[str, Decisions] = MappingProxyType({}),
    **told: Any,
) -> RunResults:
    """Work out everything that a run reports.

    Parameters
    ----------
    assessor : Assessor
        Of the scans that were decided on.
    models : mapping of str to Decisions
        The cascade last.
    cascade : HierarchicalClassifier
        The one that is kept.
    options : Measured
        Of the command.
    rule : str
        How the scans of a patient are put together.
    members : mapping of str to Decisions, optional
        Of single networks of the cascade.
    **told : object
        Other fields of `RunResults`.

    Returns
    -------
    results : RunResults
        To be written.
    """
    said = models[CASCADE]
    cut_point = told.get("cut_point")
    return RunResults(
        labels=assessor.hierarchy.labels,
        ordered=assessor.hierarchy.ordered,
        versions=versions(),
        models={
            n: assessor.summary(assessor.predictions(m)) for n, m in models.items()
        },
        explanations={name: explain(name) for name in models},
        main=CASCADE,
        differences=assessor.differences(models),
        per_patient=assessor.per_patient(said, rule),
        per_patient_rule=rule,
        argmax=assessor.argmax(said),
        members={
            n: assessor.summary(assessor.predictions(m)) for n, m in members.items()
        },
        curves=assessor.curves(said),
        subgroups=assessor.subgroups(said, options.subgroups),
        mistakes=worst_mistakes(
            said, assessor.manifest, assessor.hierarchy, options.pictured
        ),
        seed=options.seed,
        options=options.model_dump(mode="json"),
        calibration=assessor.calibration(said),
        given_cut_point=cascade.cut_point_ if cut_point is None else None,
        refinement=refinement_in_words(cascade),
        stages=stages_in_words(cascade),
        histories=histories(cascade),
        **told,
    )
