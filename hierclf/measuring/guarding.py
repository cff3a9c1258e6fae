"""Guards to the figures that a run writes down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierclf.assembly.assessed import CASCADE, Assessed
from hierclf.cascade.deferral import confidence
from hierclf.cascade.guards import ACCEPT, OUT, Guards
from hierclf.evaluation.intervals import Estimate, proportion_estimate
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.selective import selective_curve
from hierclf.measuring.figures import Assessor
from hierclf.results.guards import (
    DeferralFigures,
    GateFigures,
    GuardFigures,
)


def guard_figures(
    assessor: Assessor, assessed: Assessed, guards: Guards
) -> GuardFigures:
    """Measure guards on scans with a truth.

    Parameters
    ----------
    assessor : Assessor
        Of the scans that were decided on.
    assessed : Assessed
        What the cascade and its guards said of them.
    guards : Guards
        Of the cascade; where there are several folds, of the last.

    Returns
    -------
    figures : GuardFigures
        The curve also where nothing is guarded.
    """
    said, guarded = assessed.decisions[CASCADE], assessed.guarded
    told, labels = assessor.predictions(said), assessor.hierarchy.labels
    wrong = told.predicted != told.truth
    curve = selective_curve(confidence(said), wrong, told.patients, told.n_patients)
    if guarded is None:
        return GuardFigures(curve=curve)
    every = np.ones(len(wrong), dtype=bool)
    gate = deferral = None
    if guards.gate is not None:
        marked = _share(guarded.action == OUT, every, told)
        gate = GateFigures(false_alarm=guards.gate.false_alarm, marked=marked)
    if guards.deferral is not None:
        passes = guarded.action == ACCEPT
        sets = guarded.sets
        covered = {}
        if sets is not None:
            held = sets[np.arange(len(wrong)), told.truth]
            for place, label in enumerate(labels):
                covered[label] = _share(held, told.truth == place, told)
        deferral = DeferralFigures(
            rule=guards.deferral.rule,
            passed=_share(passes, guarded.action != OUT, told),
            error=_share(wrong, passes, told),
            covered=covered,
            set_size=None if sets is None else float(sets.sum(axis=1).mean()),
        )
    return GuardFigures(curve=curve, gate=gate, deferral=deferral)


def _share(
    hits: NDArray[np.bool_], among: NDArray[np.bool_], told: Predictions
) -> Estimate:
    n = told.n_patients
    return proportion_estimate(
        np.bincount(told.patients[hits & among], minlength=n),
        np.bincount(told.patients[among], minlength=n),
    )
