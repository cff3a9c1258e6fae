"""Whether fewer views may stand for ten crops: by what they cost on held-out scans.

Three crops, or ten windows in one pass (see `hierclf.inference.views`), are taken where
the paired loss of macro recall on held-out training scans is small; both figures stay
in the bundle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hierclf.cascade.choices import Fewer
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.evaluation.comparison import paired
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.foundation.errors import InputError

LARGEST_LOSS = 0.01
"""Of macro recall, as a point estimate."""
_EXACT = "tencrop"
_FIGURE = "macro_recall"


class ViewsChoice(BaseModel):
    """Ten exact crops beside fewer views, on held-out training scans.

    Parameters
    ----------
    tried : {"threecrop", "tencrop_onepass"}
        What was set beside ten crops.
    exact, fewer : Estimate
        Macro recall of the two cascades, each at its own cut point.
    loss : Estimate
        What fewer views lose, on the same resamples of the same patients.
    n_scans : int
        Held-out scans.
    is_taken : bool
        Whether they stand for ten crops: where the loss is at most `LARGEST_LOSS`.
    in_folds : tuple of bool, default=()
        The same in each outer fold, which chose by itself and whose figures those of
        the run are; empty where there is one test part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tried: Fewer
    exact: Estimate
    fewer: Estimate
    loss: Estimate
    n_scans: int = Field(ge=1)
    is_taken: bool
    in_folds: tuple[bool, ...] = ()


def choose_views(
    exact: HierarchicalClassifier,
    fewer: HierarchicalClassifier,
    patients: NDArray[Any],
    *,
    tried: Fewer,
    n_resamples: int = 1000,
    seed: int = 0,
) -> ViewsChoice:
    """Compare two cascades that were fitted on the same scans and folds.

    Parameters
    ----------
    exact, fewer : HierarchicalClassifier
        Fitted, their cut points chosen by a rule.
    patients : ndarray, shape (n_scans,)
        Of the scans that they were fitted on.
    tried : {"threecrop", "tencrop_onepass"}
        How the second one looks.
    n_resamples : int, default=1000
        Resamples of the patients.
    seed : int, default=0
        Root seed.

    Returns
    -------
    choice : ViewsChoice
        With both figures.

    Raises
    ------
    InputError
        If they held out other scans.
    """
    models = {  # the baseline first: the difference is what it loses
        tried: held_out_predictions(fewer, patients),
        _EXACT: held_out_predictions(exact, patients),
    }
    labels = exact.hierarchy_.labels
    (lost,) = paired(models, n_resamples=n_resamples, seed=seed)
    figures = {
        name: evaluate(said, labels, n_resamples=n_resamples, seed=seed)
        for name, said in models.items()
    }
    loss = lost.difference
    return ViewsChoice(
        tried=tried,
        exact=figures[_EXACT].metrics[_FIGURE],
        fewer=figures[tried].metrics[_FIGURE],
        loss=loss,
        n_scans=len(models[_EXACT].truth),
        is_taken=_is_small(loss),
    )


def _is_small(loss: Estimate) -> bool:
    return loss.value is not None and loss.value <= LARGEST_LOSS


def held_out_predictions(
    cascade: HierarchicalClassifier, patients: NDArray[Any]
) -> Predictions:
    """Give what a cascade said of the scans that its cut point was chosen on.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted with a rule.
    patients : ndarray, shape (n_scans,)
        Of the scans that it was fitted on.

    Returns
    -------
    predictions : Predictions
        Of models that were not fitted on the scan's patient.

    Raises
    ------
    InputError
        If it held nothing out.
    """
    held = cascade.held_out_
    if held is None:
        raise InputError(
            "cut_point: expected held-out predictions, got a cascade with a given cut "
            "point. Choose it by a rule."
        )
    refined = cascade.naming_(held.said, held.conditional)
    return predictions_of(
        held.truth,
        np.where(held.screen_score >= cascade.cut_point_, refined, 0),
        n_classes=len(cascade.hierarchy_.labels),
        groups=patients[held.rows],
    )
