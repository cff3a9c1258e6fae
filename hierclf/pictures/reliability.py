"""How often a score came true, by height of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierclf.evaluation.confusion import Ints
from hierclf.evaluation.intervals import Estimate, proportion_estimate
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.score_groups import N_GROUPS, score_groups
from hierclf.foundation.errors import InputError


@dataclass(frozen=True)
class ReliabilityBin:
    """Scans with neighboring screen scores.

    Parameters
    ----------
    mean_score : float, in [0, 1]
        What the screen said on average.
    diseased : Estimate
        Share of them that is diseased.
    n_scans : int
        How many there are.
    """

    mean_score: float
    diseased: Estimate
    n_scans: int


def reliability(
    predictions: Predictions, *, n_bins: int = N_GROUPS
) -> tuple[ReliabilityBin, ...]:
    """Compare screen scores with what came true.

    The bins hold equally many scans rather than equally long stretches of the score:
    most scores lie near 0 and 1, and a bin of two scans shows only chance.

    Parameters
    ----------
    predictions : Predictions
        With screen scores.
    n_bins : int, default=10
        Bins at most; equal scores are never parted.

    Returns
    -------
    bins : tuple of ReliabilityBin
        By rising score.

    Raises
    ------
    InputError
        If there are no screen scores.

    Examples
    --------
    >>> from hierclf.evaluation.predictions import predictions_of
    >>> said = predictions_of([0, 1], [0, 1], n_classes=2, screen_score=[0.2, 0.9])
    >>> [bin.mean_score for bin in reliability(said, n_bins=2)]
    [0.2, 0.9]
    """
    score = predictions.screen_score
    if score is None:
        raise InputError(
            "reliability: expected screen scores, got none. "
            "Pass screen_score to predictions_of."
        )
    places = score_groups(score, "equal_mass", n_bins)
    return tuple(
        ReliabilityBin(
            mean_score=float(score[inside].mean()),
            diseased=_share(predictions, inside),
            n_scans=int(inside.size),
        )
        for inside in (np.flatnonzero(places == place) for place in np.unique(places))
    )


def _share(said: Predictions, inside: Ints) -> Estimate:
    patients = said.patients[inside]
    hits = np.bincount(patients, said.diseased[inside], minlength=said.n_patients)
    cases = np.bincount(patients, minlength=said.n_patients)
    return proportion_estimate(hits, cases)
