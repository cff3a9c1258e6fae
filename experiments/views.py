"""Ways to look at a scan, beside ten exact crops in the same folds.

``python -m experiments.views --data FOLDER --out FOLDER [--seeds 2] [-- ...]`` trains
the sets of `experiments.quickstart` with each way, and prints the cascade's macro
recall, the area of the screen, what each gains on ten crops (paired; means over the
seeds), and the share of equal labels. What stands behind ``--`` goes to ``train``. A
run that is there is taken as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean

import pandas as pd
import torch

from experiments.pairs import Beside, beside, mean_of
from experiments.quickstart.__main__ import SETS, run_set
from hierclf.evaluation.intervals import Estimate
from hierclf.inference.views import VIEWS, make_views

EXACT = "tencrop"
WAYS = (EXACT, *(name for name in VIEWS if name not in {EXACT, "center_onepass"}))
FIGURES = ("macro_recall", "screen_auc")
_SIDE = 224


def cost(way: str) -> float:
    """Give the pixels that a network sees of a scan, in crops."""
    views = make_views(way)
    side = views.frame_side(_SIDE)
    return views.cut(torch.zeros(1, 1, side, side), _SIDE).numel() / _SIDE**2


def equal(one: Path, other: Path) -> float:
    """Give the share of scans to which two runs give the same label."""
    said = [
        pd.read_csv(folder / "predictions.csv", index_col="path")["predicted"]
        for folder in (one, other)
    ]
    return float((said[0] == said[1].reindex(said[0].index)).mean())


def line(name: str, way: str, runs: list[dict[str, Path]], found: list[Beside]) -> str:
    """Write what one way reaches on one set."""
    cells = [name, way, f"{cost(way):.1f}"]
    cells += [_mean(found, way, figure) for figure in FIGURES]
    if way != EXACT:
        for figure in FIGURES:
            cells.append(mean_of([_gain(one, way, figure) for one in found]))
        same = mean(equal(folders[EXACT], folders[way]) for folders in runs)
        cells.append(f"{100 * same:.1f} %")
    return "| " + " | ".join(cells) + " |"


def _mean(found: list[Beside], way: str, figure: str) -> str:
    return f"{mean(one.figures(way)[figure].value for one in found):.3f}"


def _gain(found: Beside, way: str, figure: str) -> Estimate:
    (gain,) = (
        one.difference
        for one in found.gains
        if (one.model, one.metric) == (way, figure)
    )
    return gain


def main() -> None:
    """Run what is not there, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--ways", nargs="+", default=WAYS[1:], choices=WAYS[1:])
    parser.add_argument("train", nargs="*", help="options of train, behind --")
    told = parser.parse_args()
    ways = (EXACT, *told.ways)
    heads = ["set", "views", "crops", "macro recall", "screen AUC"]
    heads += ["gain in macro recall", "gain in AUC", "equal labels"]
    print("| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", sep="\n")
    for name in told.sets:
        runs = []
        for seed in range(told.seeds):
            runs.append({way: told.out / f"{name}-{way}-{seed}" for way in ways})
            for way, out in runs[-1].items():
                if not (out / "results.json").exists():
                    more = ["--views", way, *told.train]
                    run_set(name, told.data, out, seed, more)
        found = [beside(folders, seed=seed) for seed, folders in enumerate(runs)]
        for way in ways:
            print(line(name, way, runs, found), flush=True)


if __name__ == "__main__":
    main()
