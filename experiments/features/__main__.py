"""A network alone, learners on pooled features, and learners on SCDA features.

``python -m experiments.features --data FOLDER --out FOLDER`` where the first folder
holds ``kermany`` and ``knee_oa``; the phantom is made. Flat and in the cascade,
every scan predicted out of fold, paired with the network on the same scans. With
``--leak``, also what true labels in the place of predicted ones are worth.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.features.leak import leak_rows
from experiments.tables import markdown_table, save_rows, seed_row
from hierclf.config.commands import TrainOptions
from hierclf.evaluation.comparison import paired
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.jobs.train import train
from hierclf.reporting.results import RunResults, read_results
from hierclf.synthesis.cohort import PhantomOptions, make_cohort

SETS = {
    "phantom": {"healthy": "healthy", "stages": ("stage1", "stage2", "stage3")},
    "knee_oa": {"healthy": "kl0", "stages": ("kl1", "kl2", "kl3", "kl4")},
    "kermany": {"healthy": "normal"},
}
MODELS = ("network", "pooled+svm", "scda+svm", "pooled+logistic")


def run(name: str, model: str, told: argparse.Namespace) -> Path:
    """Train one model on one set; a run that is there is taken as it is."""
    folder: Path = told.out / f"{name}-{model.replace('+', '-')}-{told.seed}"
    if (folder / "results.json").exists():
        return folder
    values = {
        **SETS[name],
        "data": cohort(told) if name == "phantom" else told.data / name,
        "out": folder,
        "outer_folds": 5,
        "folds": 3,
        "seed": told.seed,
        "overwrite": True,
        "network": {"views": "whole", "model": model},
    }
    train(TrainOptions.model_validate(values))
    return folder


def cohort(told: argparse.Namespace) -> Path:
    """Make the phantom cohort, where it is not there."""
    folder: Path = told.out / f"cohort-{told.seed}"
    if not folder.exists():
        make_cohort(PhantomOptions(out=folder, cases=told.cases, seed=told.seed))
    return folder


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


def gains(name: str, told: argparse.Namespace) -> list[str]:
    """Compare each model with the network, flat and in the cascade, paired."""
    lines = []
    plain = run(name, "network", told)
    known = read_results(plain)
    for model in told.models[1:]:
        folder = run(name, model, told)
        results = read_results(folder)
        cells = []
        for column in ("flat prior-corrected", "predicted"):
            pair = {
                "network": said_in(plain, known, column),
                model: said_in(folder, results, column),
            }
            cells.append(_gain(paired(pair, n_resamples=1000, seed=0), model))
        lines.append(f"| {name} | {model} | {' | '.join(cells)} |")
    return lines


def _gain(differences: Any, model: str) -> str:
    (found,) = [
        d.difference
        for d in differences
        if d.metric == "macro_recall" and d.model == model
    ]
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def main() -> None:
    """Run all and write ``features.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=3317)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--leak", action="store_true")
    told = parser.parse_args()
    rows = []
    for name in told.sets:
        for model in told.models:
            results = read_results(run(name, model, told))
            rows.append(seed_row(f"{name}, {model}", results))
            save_rows(told.out / "features.json", rows)
    print(markdown_table(rows))
    print("| set | learner less network | flat prior-corrected | cascade |")
    print("|---|---|---|---|")
    for name in told.sets:
        print("\n".join(gains(name, told)))
    if told.leak:
        folders = {name: run(name, "network", told) for name in told.sets}
        data = {n: cohort(told) if n == "phantom" else told.data / n for n in folders}
        print(leak_rows(data, SETS, seed=told.seed))


if __name__ == "__main__":
    main()
