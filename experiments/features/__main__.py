"""A network alone, learners on its features, and several networks together.

``python -m experiments.features --data FOLDER --out FOLDER`` where the first folder
holds ``kermany`` and ``knee_oa``; the phantom is made. Flat and in the cascade,
every scan predicted out of fold, paired with the network on the same scans. With
``--last``, also the last system of He 2019; with ``--leak``, what true labels in the
place of predicted ones are worth.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from experiments.features.last import last_rows
from experiments.features.leak import leak_rows
from experiments.pairs import difference, mean_of, said_in
from experiments.tables import markdown_table, save_rows, seed_row
from hierclf.config.commands import TrainOptions
from hierclf.evaluation.intervals import Estimate
from hierclf.jobs.train import train
from hierclf.results.run import read_results
from hierclf.synthesis.cohort import PhantomOptions, make_cohort

SETS: dict[str, dict[str, Any]] = {
    "phantom": {"healthy": "healthy", "stages": ("stage1", "stage2", "stage3")},
    "knee_oa": {"healthy": "kl0", "stages": ("kl1", "kl2", "kl3", "kl4")},
    "kermany": {"healthy": "normal"},
}
LITES = ("efficientnet_lite1", "efficientnet_lite2")
MODELS: dict[str, dict[str, Any]] = {
    "network": {},
    "pooled+logistic": {"model": "pooled+logistic"},
    "pooled+svm": {"model": "pooled+svm"},
    "scda+svm": {"model": "scda+svm"},
    "scda_flat+svm@16": {"model": "scda_flat+svm@16"},
    "three networks, mean": {"also": LITES, "combine": "mean"},
    "three networks, geometric": {"also": LITES, "combine": "geometric"},
    "three networks, logistic": {"also": LITES, "combine": "logistic"},
    "three networks, features": {"also": LITES, "model": "pooled+logistic"},
    "three learners, mean": {
        "also": LITES,
        "model": "pooled+logistic",
        "combine": "mean",
    },
}
LEARNERS = tuple(name for name in MODELS if "three" not in name)


def run(name: str, model: str, told: argparse.Namespace, seed: int) -> Path:
    """Train one model on one set; a run that is there is taken as it is."""
    slug = model.replace("+", "-").replace(", ", "-").replace(" ", "-")
    folder: Path = told.out / f"{name}-{slug}-{seed}"
    if (folder / "results.json").exists():
        return folder
    values = {
        **SETS[name],
        "data": cohort(told, seed) if name == "phantom" else told.data / name,
        "out": folder,
        "outer_folds": 5,
        "folds": 3,
        "seed": seed,
        "overwrite": True,
        "network": {"views": "whole", **MODELS[model]},
    }
    train(TrainOptions.model_validate(values))
    return folder


def cohort(told: argparse.Namespace, seed: int) -> Path:
    """Make the phantom cohort, where it is not there."""
    folder: Path = told.out / f"cohort-{seed}"
    if not folder.exists():
        make_cohort(PhantomOptions(out=folder, cases=told.cases, seed=seed))
    return folder


def gains(name: str, told: argparse.Namespace) -> list[str]:
    """Compare each model with the first, flat and in the cascade, paired."""
    lines = []
    for model in told.models[1:]:
        found: dict[str, list[Estimate]] = {"flat prior-corrected": [], "predicted": []}
        for seed in range(told.seeds):
            one, two = (run(name, m, told, seed) for m in (told.models[0], model))
            for column, differences in found.items():
                pair = [said_in(f, read_results(f), column) for f in (one, two)]
                differences.append(difference(*pair))
        cells = " | ".join(mean_of(told_of) for told_of in found.values())
        lines.append(f"| {name} | {model} | {cells} |")
    return lines


def main() -> None:
    """Run all and write ``features.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cases", type=int, default=3317)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--models", nargs="+", default=LEARNERS, choices=list(MODELS))
    parser.add_argument("--last", action="store_true")
    parser.add_argument("--leak", action="store_true")
    told = parser.parse_args()
    rows = []
    for name in told.sets:
        for model in told.models:
            for seed in range(told.seeds):
                results = read_results(run(name, model, told, seed))
                rows.append(seed_row(f"{name}, {model}", results))
                save_rows(told.out / "features.json", rows)
    print(markdown_table(rows))
    print(f"| set | less {told.models[0]} | flat prior-corrected | cascade |")
    print("|---|---|---|---|")
    for name in told.sets:
        print("\n".join(gains(name, told)))
    folders = {
        name: cohort(told, 0) if name == "phantom" else told.data / name
        for name in told.sets
    }
    if told.last:
        for name, folder in folders.items():
            plain = run(name, "network", told, 0)
            said = said_in(plain, read_results(plain))
            print(last_rows(name, folder, SETS[name], said), flush=True)
    if told.leak:
        print(leak_rows(folders, SETS, seed=0))


if __name__ == "__main__":
    main()
