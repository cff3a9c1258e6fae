"""Measure the best configuration for a set beside the baseline, in the same folds.

``python -m experiments.best SET --data FOLDER --out FOLDER``. SET is the name of a YAML
file beside this one: options of ``hierclf train``. The folder is that of its scans (of
PneumoniaMNIST the npz file). Both models predict every scan by models that never saw
its patient; the record in ``experiments/best/results`` has their figures and paired
differences, with intervals by patient.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from experiments.best.medmnist import as_folder
from experiments.console import told_in_one_line
from experiments.pairs import beside
from experiments.papers.records import made_by
from hierclf.assembly.provenance import versions
from hierclf.config.commands import TrainOptions
from hierclf.foundation.files import write_json
from hierclf.jobs.train import train

HERE = Path(__file__).parent
BASELINE = {"model": "pooled+logistic", "views": "center"}
"""Logistic regression on a frozen EfficientNet-Lite0, one view."""
LABELS = ("healthy", "stages", "ordered", "name_rule", "outer_folds")
SETS = tuple(sorted(path.stem for path in HERE.glob("*.yml")))


def options_of(name: str, told: dict[str, Any]) -> tuple[TrainOptions, TrainOptions]:
    """Give the options of the baseline and of the best model for a set.

    Parameters
    ----------
    name : str
        One of `SETS`.
    told : dict of str to object
        Scans, seed and whatever else is the same for both; ``out`` is the folder for
        both runs.

    Returns
    -------
    baseline, best : TrainOptions
        With the same labels, folds and seed.
    """
    file = yaml.safe_load((HERE / f"{name}.yml").read_text())
    fast = {"gate": 0.0, "pictured": 0, "baselines": False, "overwrite": True}
    labels = {key: file[key] for key in LABELS if key in file}
    folder = Path(told["out"]) / name
    plain = {**labels, **fast, **told, "network": BASELINE, "out": folder / "baseline"}
    best = {**file, **fast, **told, "out": folder / "best"}
    return TrainOptions.model_validate(plain), TrainOptions.model_validate(best)


def record_of(name: str, runs: tuple[TrainOptions, TrainOptions]) -> dict[str, Any]:
    """Set two finished runs beside each other.

    Parameters
    ----------
    name : str
        Of the set.
    runs : tuple of TrainOptions
        Baseline and best, as they were trained.

    Returns
    -------
    record : dict of str to object
        Figures of both, differences, and what is needed to make them again.
    """
    names = ("baseline", "best")
    folders = {name: run.out for name, run in zip(names, runs, strict=True)}
    both = beside(folders, seed=runs[1].seed)
    best = both.results["best"]
    return {
        "set": name,
        "data": best.data.name,
        "fingerprint": best.data.fingerprint,
        "phantom": best.data.phantom,
        "n_scans": best.data.n_scans,
        "n_patients": best.data.n_patients,
        "commit": made_by(),
        "seed": best.seed,
        "folds": runs[1].outer_folds,
        "versions": versions(),
        "options": runs[1].model_dump(
            mode="json", exclude_defaults=True, exclude={"data", "out", "cache"}
        ),
        "figures": {
            name: {m: e.model_dump(mode="json") for m, e in both.figures(name).items()}
            for name in names
        },
        "gains": {d.metric: d.difference.model_dump(mode="json") for d in both.gains},
        "seconds": {name: both.results[name].seconds for name in names},
    }


def markdown(record: dict[str, Any]) -> str:
    """Print one record as rows of a table."""
    lines = ["| figure | baseline | best | gain |", "|---|---|---|---|"]
    figures = record["figures"]
    for metric, gain in record["gains"].items():
        cells = [_cell(figures[model].get(metric)) for model in ("baseline", "best")]
        told = f"{gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
        lines.append(f"| {metric} | {' | '.join(cells)} | {told} |")
    title = f"{record['set']}: {record['n_scans']} scans, seed {record['seed']}"
    return "\n".join([title, "", *lines])


def _cell(estimate: dict[str, float] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    return "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate)


def main() -> None:
    """Train both, and write ``results/<set>.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    made_by()
    with told_in_one_line():
        _measure(args)


def _measure(args: argparse.Namespace) -> None:
    data = args.data
    if data.suffix == ".npz":
        data = as_folder(data, args.out / data.stem)
    told = {"data": data, "out": args.out, "cache": args.cache, "seed": args.seed}
    runs = options_of(args.set, told)
    for options in runs:
        train(options)
    record = record_of(args.set, runs)
    args.results.mkdir(parents=True, exist_ok=True)
    write_json(args.results / f"{args.set}.json", record)
    print(markdown(record))


if __name__ == "__main__":
    main()
