"""Runs set beside each other on the same scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pandas as pd

from hierclf.evaluation.comparison import Difference, against_first, paired
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.results.run import RunResults, read_results


def said_in(
    folder: Path, results: RunResults, column: str = "predicted"
) -> Predictions:
    """Read what a model of a run said of each scan; screen scores of the main one."""
    table = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    places = {label: place for place, label in enumerate(results.labels)}
    main = column == "predicted"
    return predictions_of(
        table["label"].map(places).to_numpy(),
        table[column].map(places).to_numpy(),
        n_classes=len(places),
        groups=table["patient_id"].to_numpy(),
        screen_score=table["screen_score"].to_numpy() if main else None,
    )


@dataclass(frozen=True)
class Beside:
    """Main models of several runs.

    Parameters
    ----------
    results : dict of str to RunResults
        By the name of the run.
    gains : tuple of Difference
        Of each over the first.
    """

    results: dict[str, RunResults]
    gains: tuple[Difference, ...]

    def figures(self, name: str) -> dict[str, Estimate]:
        """Figures of the main model of one run."""
        found = self.results[name]
        return dict(found.models[found.main].metrics)


def beside(folders: Mapping[str, Path], *, seed: int) -> Beside:
    """Read finished runs of the same scans in the same folds, the baseline first."""
    results = {name: read_results(folder) for name, folder in folders.items()}
    said = {name: said_in(folder, results[name]) for name, folder in folders.items()}
    ordered = all(one.ordered for one in results.values())
    return Beside(results, against_first(said, ordered=ordered, seed=seed))


def difference(plain: Predictions, other: Predictions) -> Estimate:
    """Give the macro recall of one less that of another, on the same patients."""
    (found,) = paired({"plain": plain, "other": other})
    return found.difference


def mean_of(found: Sequence[Estimate]) -> str:
    """Give the mean over seeds of a difference and of its bounds."""
    value, low, high = (
        mean(getattr(one, bound) for one in found) for bound in ("value", "low", "high")
    )
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
