"""Run every set with several seeds and print the table of MEASURED.md.

``python -m experiments.quickstart --data FOLDER --out FOLDER [--seeds 5] [-- ...]``
where the first folder holds ``kermany``, ``knee_oa``, ``covid_ct`` and
``sars_cov2_ct``; what stands behind ``--`` goes to ``train``, such as
``--views tencrop --runtime openvino``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.tables import markdown_gains, markdown_table, save_rows, seed_row
from hierclf.config.commands import TrainOptions
from hierclf.console import parse
from hierclf.jobs.train import train
from hierclf.results.run import RunResults, read_results

HERE = Path(__file__).parent
SETS = ("kermany", "knee_oa", "covid_ct", "sars_cov2_ct")
METRICS = ("macro_recall", "screen_auc")


def run_set(name: str, data: Path, out: Path, seed: int, more: list[str]) -> RunResults:
    """Train on one set with one seed, by the command that MEASURED.md shows."""
    argv = ["--config", str(HERE / f"{name}.yml"), "--data", str(data / name)]
    argv += ["--out", str(out), "--seed", str(seed), "--overwrite", *more]
    train(parse(TrainOptions, "train", "", argv))
    return read_results(out)


def main() -> None:
    """Run all and write ``quickstart.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("train", nargs="*", help="options of train, behind --")
    told = parser.parse_args()
    rows = []
    for name in told.sets:
        for seed in range(told.seeds):
            out = told.out / f"{name}-{seed}"
            results = run_set(name, told.data, out, seed, told.train)
            rows.append(seed_row(name, results))
            save_rows(told.out / "quickstart.json", rows)
    print(markdown_table(rows))
    print(markdown_gains(rows, independent=False))


if __name__ == "__main__":
    main()
