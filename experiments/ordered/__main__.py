"""Set the ordered refinement beside the plain one, in the same folds.

``python -m experiments.ordered --out FOLDER [--knees FOLDER] [--seeds 3]``. Phantoms
are in the proportions of He 2019, a cohort for each seed; knees are Kellgren-Lawrence
grades. One view, five outer folds by patient, frozen EfficientNet-Lite0.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from experiments.console import told_in_one_line
from experiments.folders import made_once
from experiments.pairs import beside
from experiments.papers.records import known_commit
from hierclf.config.commands import TrainOptions
from hierclf.foundation.files import write_json
from hierclf.jobs.train import train
from hierclf.synthesis.cohort import PhantomOptions, make_cohort

KNEES = {"healthy": "kl0", "stages": ["kl1", "kl2", "kl3", "kl4"]}
PHANTOMS = {"healthy": "healthy", "stages": ["stage1", "stage2", "stage3"]}
MODELS = ("network", "pooled+logistic")
RULES = ("macro_recall", "quadratic_kappa")
REFINEMENTS = ("plain", "ordered")
SHOWN = ("macro_recall", "quadratic_kappa")


def pair(
    data: Path, labels: dict[str, Any], out: Path, told: dict[str, Any]
) -> dict[str, Any]:
    """Train both refinements and compare them.

    Parameters
    ----------
    data : Path
        Scans.
    labels : dict of str to object
        Healthy label and stages.
    out : Path
        Folder for the two runs.
    told : dict of str to object
        Further options, the same for both.

    Returns
    -------
    row : dict of str to object
        Figures of both and their paired differences.
    """
    folders = {refinement: out / refinement for refinement in REFINEMENTS}
    for refinement, folder in folders.items():
        options = TrainOptions.model_validate(
            {
                **labels,
                **told,
                "data": data,
                "out": folder,
                "ordered": True,
                "outer_folds": 5,
                "refinement": refinement,
                "baselines": False,
                "gate": 0.0,
                "pictured": 0,
                "overwrite": True,
            }
        )
        train(options)
    both = beside(folders, seed=told["seed"])
    results = both.results["ordered"]
    return {
        "data": results.data.name,
        "phantom": results.data.phantom,
        "fingerprint": results.data.fingerprint,
        "n_scans": results.data.n_scans,
        "commit": known_commit(),
        "versions": results.versions,
        "figures": {
            name: {metric: both.figures(name)[metric].model_dump() for metric in SHOWN}
            for name in folders
        },
        "gains": {d.metric: d.difference.model_dump() for d in both.gains},
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Print means over seeds, and mean bounds of the differences."""
    head = ["set", "model", "cut points for", "figure", *REFINEMENTS, "gain"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    keys = [(row["set"], row["model"], row["rule"]) for row in rows]
    for key in dict.fromkeys(keys):
        mine = [row for row, other in zip(rows, keys, strict=True) if other == key]
        for figure in SHOWN:
            told = [
                f"{mean(row['figures'][one][figure]['value'] for row in mine):.3f}"
                for one in REFINEMENTS
            ]
            gain = [
                mean(row["gains"][figure][bound] for row in mine)
                for bound in ("value", "low", "high")
            ]
            told.append("{:+.3f} [{:+.3f}, {:+.3f}]".format(*gain))
            lines.append("| " + " | ".join([*key, figure, *told]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run all that is asked for and write ``ordered.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--knees", type=Path)
    parser.add_argument("--cases", type=int, default=3317, help="0: no phantoms")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    if not args.knees and not args.cases:
        parser.error("expected --knees or some --cases, got neither")
    with told_in_one_line():
        known_commit()
        print(table(_measure(args)))


def _measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        sets = {"knee_oa": (args.knees, KNEES)} if args.knees else {}
        if args.cases:
            cohort = args.out / f"phantoms-{args.cases}-{seed}"
            with made_once(cohort) as missing:
                if missing:
                    make_cohort(PhantomOptions(out=cohort, cases=args.cases, seed=seed))
            sets["phantom"] = (cohort, PHANTOMS)
        for name, (data, labels) in sets.items():
            for model in args.models:
                for rule in RULES:
                    told = {
                        "seed": seed,
                        "cut_point": rule,
                        "cache": args.cache,
                        "network": {"model": model, "views": "center"},
                    }
                    out = args.out / f"{name}-{model}-{rule}-{seed}"
                    row = pair(data, labels, out, told)
                    told = {"set": name, "model": model, "rule": rule, "seed": seed}
                    rows.append(told | row)
                    write_json(args.out / "ordered.json", rows)
    return rows


if __name__ == "__main__":
    main()
