"""Two models on the same scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import pandas as pd

from hierclf.evaluation.comparison import paired
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.results.run import RunResults


def said_in(folder: Path, results: RunResults, column: str) -> Predictions:
    """Read what a model of a run said of each scan."""
    table = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    places = {label: place for place, label in enumerate(results.labels)}
    return predictions_of(
        table["label"].map(places).to_numpy(),
        table[column].map(places).to_numpy(),
        n_classes=len(places),
        groups=table["patient_id"].to_numpy(),
    )


def difference(plain: Predictions, other: Predictions) -> Estimate:
    """Give the macro recall of one less that of another, on the same patients."""
    pair = {"plain": plain, "other": other}
    (found,) = [
        d.difference
        for d in paired(pair, n_resamples=1000, seed=0)
        if d.metric == "macro_recall" and d.model == "other"
    ]
    return found


def mean_of(found: Sequence[Estimate]) -> str:
    """Give the mean over seeds of a difference and of its bounds."""
    value, low, high = (
        mean(getattr(one, bound) for one in found) for bound in ("value", "low", "high")
    )
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
