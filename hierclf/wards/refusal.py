"""Whether a ward is refused, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierclf.evaluation.mixture import (
    FEATURE_TOLERANCE,
    SCORE_TOLERANCE,
    MixtureFit,
    feature_fit,
    score_fit,
)
from hierclf.foundation.counting import count
from hierclf.results.shift import FitFigures
from hierclf.wards.shift import Known, Ward

LEAST_SCANS = 30
"""Scans of a ward below which nothing could be found out."""
N_CHANCE = 999
"""Wards drawn for a test: the p value can be as small as 0.001."""


def fits_of(
    known: Known, ward: Ward, *, level: float, seed: int
) -> tuple[FitFigures, ...]:
    """Test whether a ward is a mixture of the reference, by scores and by features.

    Parameters
    ----------
    known : Known
        The reference.
    ward : Ward
        At least one scan.
    level : float
        False alarms of both tests together; each gets half.
    seed : int
        Root seed.

    Returns
    -------
    fits : tuple of FitFigures
        One or two.
    """
    found = {
        "scores": score_fit(
            known.scans,
            ward.scans.scores,
            tolerance=SCORE_TOLERANCE,
            n_resamples=N_CHANCE,
            seed=seed,
        )
    }
    if known.features is not None and ward.features is not None:
        found["features"] = feature_fit(
            known.scans,
            known.features,
            ward.features,
            tolerance=FEATURE_TOLERANCE,
            n_resamples=N_CHANCE,
            seed=seed,
        )
    return tuple(_told(name, fit, level / 2) for name, fit in found.items())


def _told(name: str, fit: MixtureFit, level: float) -> FitFigures:
    limit = fit.limit(level)
    return FitFigures(
        of=name,
        distance=fit.distance,
        typical=float(np.median(fit.chance)),
        tolerance=fit.tolerance,
        limit=limit,
        p_value=fit.p_value,
        p_exact=fit.p_exact,
        refused=fit.distance > limit,
    )


def reasons_of(ward: Ward, fits: Sequence[FitFigures]) -> tuple[str, ...]:
    """Say why the cut point may not be moved; empty where it may.

    Parameters
    ----------
    ward : Ward
        Its size counts.
    fits : sequence of FitFigures
        As `fits_of` gives them.

    Returns
    -------
    reasons : tuple of str
        A sentence each.
    """
    reasons = []
    n_scans = ward.scans.scores.size
    if n_scans < LEAST_SCANS:
        are = "is" if n_scans == 1 else "are"
        reasons.append(
            f"There {are} {count(n_scans, 'scan')}; with fewer than {LEAST_SCANS} the "
            "assumption cannot be tested."
        )
    if all(fit.of != "features" for fit in fits):
        reasons.append(
            "The bundle holds no features of its training scans, and scores alone "
            "cannot tell scans of another kind."
        )
    reasons += [_SENTENCES[fit.of].format(fit=fit) for fit in fits if fit.refused]
    return tuple(reasons)


_SENTENCES = {
    "scores": "The scores are no mixture of those of healthy and diseased training "
    "scans: at some cut point {fit.distance:.1%} of the scans are on another side than "
    "in the nearest mixture; up to {fit.limit:.1%} would be chance or harmless.",
    "features": "The scans look otherwise than any mixture of healthy and diseased "
    "training scans: the distance of their features to the nearest one is "
    "{fit.distance:.2f} of that between healthy and diseased; up to {fit.limit:.2f} "
    "would be chance or harmless.",
}
