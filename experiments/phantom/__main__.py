"""The cascade against flat classifiers on phantoms in the proportions of He 2019.

``python -m experiments.phantom --out FOLDER [--seeds 3] [--cases 3317]``. Every
scan is predicted out of fold, by models that never saw its patient. Each seed is a
cohort of its own. Two runs for each: without costs, and with costs from recalls.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.tables import markdown_gains, markdown_table, save_rows, seed_row
from hierclf.config.commands import TrainOptions
from hierclf.jobs.train import train
from hierclf.results.run import RunResults, read_results
from hierclf.synthesis.cohort import PhantomOptions, make_cohort


def run_seed(told: argparse.Namespace, seed: int, costs: str) -> RunResults:
    """Train on one cohort."""
    cohort = told.out / f"cohort-{seed}"
    if not cohort.exists():
        make_cohort(PhantomOptions(out=cohort, cases=told.cases, seed=seed))
    folder = told.out / f"run-{seed}-{costs}"
    values = {
        "data": cohort,
        "out": folder,
        "healthy": "healthy",
        "stages": ("stage1", "stage2", "stage3"),
        "ordered": True,
        "costs": costs,
        "outer_folds": 5,
        "seed": seed,
        "overwrite": True,
        "network": {"views": told.views},
    }
    train(TrainOptions.model_validate(values))
    return read_results(folder)


def main() -> None:
    """Run all and write ``phantom.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=3317)
    parser.add_argument("--views", default="whole")
    told = parser.parse_args()
    rows = []
    for seed in range(told.seeds):
        for costs in ("none", "recall"):
            results = run_seed(told, seed, costs)
            rows.append(seed_row(f"phantom, costs {costs}", results))
            save_rows(told.out / "phantom.json", rows)
    print(markdown_table(rows))
    print(markdown_gains(rows, independent=True))


if __name__ == "__main__":
    main()
