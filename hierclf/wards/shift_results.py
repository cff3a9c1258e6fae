"""All that can be said of a ward without labels, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from hierclf.cascade.relocation import Goal
from hierclf.evaluation.drift import (
    LabelDrift,
    domain_auc,
    label_drift,
    standardized_differences,
)
from hierclf.evaluation.mixture import score_fit
from hierclf.evaluation.prevalence import Prevalence, estimate_prevalence
from hierclf.foundation.progress import Progress
from hierclf.results.shift import ShiftResults
from hierclf.wards.refusal import fits_of, reasons_of
from hierclf.wards.shift import (
    Known,
    Ward,
    histogram,
    moves_of,
    rebased,
    settled_by,
    swept_goal,
)


@dataclass(frozen=True)
class Told:
    """What is known of a ward and a bundle beside their scores.

    Parameters
    ----------
    name, reference : str
        Of the ward and of the training data.
    phantom : bool
        Whether either is synthetic.
    labels : tuple of str
        Healthy first.
    has_patients : bool
        Whether the patients of the ward are known.
    remarks : tuple of str
        What else the reader must know.
    """

    name: str
    reference: str
    phantom: bool
    labels: tuple[str, ...]
    has_patients: bool
    remarks: tuple[str, ...] = ()


def examine(
    known: Known,
    ward: Ward,
    goals: Sequence[Goal],
    told: Told,
    *,
    level: float = 0.01,
    n_resamples: int = 1000,
    seed: int = 0,
) -> ShiftResults:
    """Test a ward; estimate and move only where it passes.

    Parameters
    ----------
    known : Known
        The reference.
    ward : Ward
        Of two patients at least.
    goals : sequence of Goal
        What the cut point is moved for, the one that counts first.
    told : Told
        For the reader.
    level : float, default=0.01
        False alarms of the test that are accepted.
    n_resamples : int, default=1000
        Bootstraps of the intervals.
    seed : int, default=0
        Root seed.

    Returns
    -------
    results : ShiftResults
        Without estimate and moves where the ward is refused.
    """
    fits = fits_of(known, ward, level=level, seed=seed)
    reasons = reasons_of(ward, fits)
    near = score_fit(known.scans, ward.scans.scores, n_resamples=1).prevalence
    estimate = None if reasons else _estimate(known, ward, n_resamples, seed)
    share = near if estimate is None else estimate.likelihood.value or 0.0
    settled_at = known.scans.prevalence if reasons else share
    truth, swept = ward.truth, swept_goal(goals)
    return ShiftResults(
        name=told.name,
        reference=told.reference,
        phantom=told.phantom,
        labels=told.labels,
        n_scans=ward.scans.scores.size,
        n_patients=ward.scans.n_patients if told.has_patients else None,
        n_reference=known.scans.scores.size,
        n_reference_patients=known.scans.n_patients,
        reference_prevalence=known.scans.prevalence,
        level=level,
        fits=fits,
        reasons=reasons,
        prevalence=None if estimate is None else estimate.likelihood,
        counted=None if estimate is None else estimate.counted,
        known_prevalence=None if truth is None else float((truth > 0).mean()),
        moves=() if estimate is None else moves_of(known, ward, goals, estimate),
        rebased=() if estimate is None else rebased(known, share),
        settled=settled_by(
            known, swept, settled_at, n_resamples=n_resamples, seed=seed
        ),
        settled_at=settled_at,
        settled_rule=str(swept.rule),
        histogram=histogram(known, ward, near),
        differences=_differences(known, ward, share),
        domain_auc=_domain(known, ward, share, seed),
        by_label=_by_label(known, ward, n_resamples, seed),
        remarks=told.remarks,
    )


def _estimate(known: Known, ward: Ward, n_resamples: int, seed: int) -> Prevalence:
    bar = partial(Progress, desc="shift", unit="resample")
    return estimate_prevalence(
        known.scans, ward.scans, n_resamples=n_resamples, seed=seed, progress=bar
    )


def _differences(known: Known, ward: Ward, share: float) -> tuple[float, ...]:
    if known.features is None or ward.features is None:
        return ()
    moved = standardized_differences(
        known.scans.diseased, known.features, ward.features, share
    )
    return tuple(moved.tolist())


def _domain(known: Known, ward: Ward, share: float, seed: int) -> float | None:
    if known.features is None or ward.features is None:
        return None
    auc = domain_auc(
        known.scans, known.features, ward.scans, ward.features, share, seed=seed
    )
    return auc if np.isfinite(auc) else None


def _by_label(
    known: Known, ward: Ward, n_resamples: int, seed: int
) -> tuple[LabelDrift, ...]:
    if ward.truth is None:
        return ()
    return label_drift(
        known.cases.truth,
        known.scans,
        ward.truth,
        ward.scans,
        n_resamples=n_resamples,
        seed=seed,
    )
