"""Held-out scans as a bundle remembers them: numbers without names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Reference:
    """What a cascade said of training scans while they were held out.

    New scans are held against it: how sure a score is, whether a ward has shifted,
    how many labelled scans would settle a cut point.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
        Positions in the hierarchy, 0 is healthy.
    screen_score : ndarray of float, shape (n,)
        Calibrated, as `conditional`.
    conditional : ndarray of float, shape (n, n_diseased)
        Probability of each diseased label, should it be one.
    refined : ndarray of int, shape (n,)
        Which diseased label the cascade names, should it be one; at least 1.
    patients : ndarray of int, shape (n,)
        Codes from 0, drawn in an order that says nothing.
    projections : ndarray of float, shape (n, n_components)
        Principal components of the features of the input gate; none without one.
    scope : ndarray of float, shape (n, 2) or (n, 0)
        Scores of the gate while it did not know the patient.
    """

    truth: Indices
    screen_score: Floats
    conditional: Floats
    refined: Indices
    patients: Indices
    projections: Floats
    scope: Floats

    def decide(self, cut_point: float) -> Decisions:
        """Give the decisions at a cut point.

        Parameters
        ----------
        cut_point : float, in [0, 1]
            Of the screen's score.

        Returns
        -------
        decisions : Decisions
            On the held-out scans.
        """
        score = self.screen_score
        return Decisions(
            screen_score=score,
            probabilities=np.column_stack(
                [1 - score, score[:, None] * self.conditional]
            ),
            refined=self.refined,
            decided=np.where(score >= cut_point, self.refined, 0),
            view_spread=None,
            cut_point=np.full(len(score), cut_point),
        )


def reference_of(
    cascade: HierarchicalClassifier, patients: NDArray[Any], *, seed: int
) -> Reference | None:
    """Remember what a cascade said while scans were held out.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    patients : ndarray, shape (n_scans,)
        Patients of the scans it was fitted on.
    seed : int
        Of the codes.

    Returns
    -------
    reference : Reference or None
        Without a gate; None where no scan was held out.
    """
    held = cascade.held_out_
    if held is None:
        return None
    names, codes = np.unique(np.asarray(patients)[held.rows], return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(names))
    n = len(held.rows)
    return Reference(
        truth=held.truth,
        screen_score=held.screen_score,
        conditional=held.conditional,
        refined=cascade.naming_(held.said, held.conditional),
        patients=drawn[codes].astype(np.intp),
        projections=np.empty((n, 0)),
        scope=np.empty((n, 0)),
    )
