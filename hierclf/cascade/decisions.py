"""What a cascade says of scans, and what it said of those held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Decisions:
    """What a cascade says of some scans. Positions count healthy as 0.

    Parameters
    ----------
    screen_score : ndarray of float, shape (n_scans,)
        Probability of being diseased.
    probabilities : ndarray of float, shape (n_scans, n_labels)
        Healthy, then the diseased labels in their order; rows sum to 1. NaN for the
        diseased labels where the refinement was not asked.
    refined : ndarray of int, shape (n_scans,)
        Which diseased label it is, should it be one; at least 1, or 0 where the
        refinement was not asked.
    decided : ndarray of int, shape (n_scans,)
        0 where the score is below the cut point, else `refined`.
    view_spread : ndarray of float, shape (n_scans,), or None
        Standard deviation of the screen score over the views of a scan.
    cut_point : ndarray of float, shape (n_scans,), or None
        Screen score from which a scan is called diseased; None where another rule
        decided.
    """

    screen_score: Floats
    probabilities: Floats
    refined: Indices
    decided: Indices
    view_spread: Floats | None
    cut_point: Floats | None = None


@dataclass(frozen=True)
class HeldOut:
    """Predictions by stages that were fitted on other patients.

    Parameters
    ----------
    rows : ndarray of int, shape (n_held,)
        Which rows of the training scans.
    truth : ndarray of int, shape (n_held,)
        Their positions.
    screen_score : ndarray of float, shape (n_held,)
        Probability of being diseased.
    conditional : ndarray of float, shape (n_held, n_diseased)
        Probability of each diseased label, should it be one.
    said : ndarray of float, shape (n_held, n_diseased)
        What the refinement said itself, see `hierclf.cascade.stages.Answers`.
    """

    rows: Indices
    truth: Indices
    screen_score: Floats
    conditional: Floats
    said: Floats
