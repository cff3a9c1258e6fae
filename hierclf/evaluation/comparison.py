"""How much better one model is than another on the same patients.

Of a thousand pairs of equally good models on 40 patients with 1 to 5 scans each, the
percentile intervals called 6 to 8 % different instead of 5 %, by figure; on 150
patients 4 to 7 %. DeLong's interval by patient called 5 and 6 % different, the one
that takes scans for independent 16 and 17 %; McNemar's exact test by patient 2 to 5 %,
that by scan 10 to 12 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType

import numpy as np
from pydantic import BaseModel, ConfigDict

from hierclf.evaluation.confusion import Floats
from hierclf.evaluation.intervals import Estimate, bootstrap_estimate
from hierclf.evaluation.metrics import Resampled, available, draws, resampled
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError

COMPARED: Mapping[str, bool] = MappingProxyType(
    {
        "macro_recall": True,
        "quadratic_kappa": True,
        "sensitivity": True,
        "specificity": True,
        "screen_auc": True,
        "screen_brier": False,
    }
)
"""Figures in which bundles are compared, and whether more of it is better. The first
is the one to decide by; it is named here so that nobody picks it afterwards."""


class Difference(BaseModel):
    """What one model gains over another.

    Parameters
    ----------
    metric : str
        Name of the figure.
    baseline, model : str
        Names of the two models.
    difference : Estimate
        The figure of `model` less that of `baseline`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    baseline: str
    model: str
    difference: Estimate


def paired(
    models: Mapping[str, Predictions],
    *,
    metrics: Sequence[str] = ("macro_recall",),
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Compare models on the same resamples of the same patients.

    The two figures of a pair move together from one resample to the next, so the
    interval of their difference is narrower than their own intervals suggest: two
    models whose intervals overlap may well differ.

    Parameters
    ----------
    models : mapping of str to Predictions
        At least two, of the same scans in the same order.
    metrics : sequence of str, default=("macro_recall",)
        Figures that all predictions allow; see `hierclf.evaluation.metrics`.
    n_resamples : int, default=1000
        Resamples of the patients.
    seed : int, default=0
        Root seed.

    Returns
    -------
    differences : tuple of Difference
        Figure by figure, one for each pair; of two, the one named first is the
        baseline.

    Raises
    ------
    InputError
        If there are fewer than two, or they are not of the same scans.
    """
    _check_same(models)
    counted = _resampled(models, n_resamples=n_resamples, seed=seed)
    figures = {n: {m: draws(m, c) for m in metrics} for n, c in counted.items()}
    return tuple(
        _difference(metric, (baseline, model), figures)
        for metric in metrics
        for baseline, model in combinations(models, 2)
    )


def against_first(
    models: Mapping[str, Predictions],
    *,
    ordered: bool,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[Difference, ...]:
    """Compare models with the first in all figures of `COMPARED` that they allow.

    Parameters
    ----------
    models : mapping of str to Predictions
        At least two, of the same scans in the same order.
    ordered : bool
        Whether the diseased labels are an order; without it there is no kappa.
    n_resamples : int, default=1000
        Resamples of the patients, the same for all models and figures.
    seed : int, default=0
        Root seed.

    Returns
    -------
    differences : tuple of Difference
        Model by model, in the order of `COMPARED`.

    Raises
    ------
    InputError
        If there are fewer than two, or they are not of the same scans.
    """
    _check_same(models)
    counted = _resampled(models, n_resamples=n_resamples, seed=seed)
    allowed = [set(available(one, ordered=ordered)) for one in counted.values()]
    metrics = [metric for metric in COMPARED if all(metric in a for a in allowed)]
    figures = {n: {m: draws(m, c) for m in metrics} for n, c in counted.items()}
    baseline, *others = models
    return tuple(
        _difference(metric, (baseline, model), figures)
        for model in others
        for metric in metrics
    )


def _resampled(
    models: Mapping[str, Predictions], *, n_resamples: int, seed: int
) -> dict[str, Resampled]:
    return {
        name: resampled(said, n_resamples=n_resamples, seed=seed)
        for name, said in models.items()
    }


def _difference(
    metric: str, names: tuple[str, str], figures: Mapping[str, Mapping[str, Floats]]
) -> Difference:
    baseline, model = names
    gain = figures[model][metric] - figures[baseline][metric]
    return Difference(
        metric=metric,
        baseline=baseline,
        model=model,
        difference=bootstrap_estimate(float(gain[0]), gain[1:]),
    )


def _check_same(models: Mapping[str, Predictions]) -> None:
    if len(models) < 2:
        raise InputError(
            f"models: expected at least two to compare, got {len(models)}. "
            "Pass the predictions of a baseline too."
        )
    first, *others = models.items()
    for name, said in others:
        same_truth = np.array_equal(said.truth, first[1].truth)
        if not same_truth or not np.array_equal(said.patients, first[1].patients):
            raise InputError(
                f"models, {name}: expected the scans and patients of {first[0]}, got "
                "others. Predict the same rows with both."
            )
