"""What training costs beside one pass of its trunk.

``python -m benchmarks.training --data FOLDER --healthy LABEL --out FILE`` measures,
turn by turn, a pass of the frozen trunk over all scans (reading and decoding
included, importing not), ``hierclf train`` with an empty cache, and the same again.
What follows ``--`` goes to ``train``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from hierclf.assembly.provenance import versions
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.foundation.files import write_json
from hierclf.foundation.progress import Progress
from hierclf.inference.frozen import FrozenTrunk
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions


def time_pass(told: argparse.Namespace) -> float:
    """Seconds of one pass of the trunk that `train` uses, nothing kept."""
    manifest = read_dataset(DataOptions(data=told.data)).manifest
    stage = NetworkClassifier(NetworkOptions(views=told.views))
    few = manifest.groupby("label").head(1)
    known = stage.fit(few, few["label"]).trunk_
    assert known is not None
    trunk = FrozenTrunk(known.featurizer, known.options)
    start = time.perf_counter()
    trunk.features(manifest)
    return time.perf_counter() - start


def time_training(told: argparse.Namespace, folder: Path, name: str) -> float:
    """Seconds of the whole command, from its start to its end."""
    command = [sys.executable, "-m", "hierclf.train", "--data", str(told.data)]
    command += ["--healthy", told.healthy, "--views", told.views, "--cache"]
    command += [str(folder / "cache"), "--out", str(folder / name), *told.train]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and write ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--healthy", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--views", default="whole")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("train", nargs="*")
    told = parser.parse_args()
    turns: list[dict[str, Any]] = []
    for _ in Progress(range(told.turns), desc="turns"):
        with tempfile.TemporaryDirectory() as place:
            once = time_pass(told)
            first = time_training(told, Path(place), "first")
            second = time_training(told, Path(place), "second")
        seconds = {"pass": once, "first": first, "second": second}
        ratios = {"first / pass": first / once, "second / first": second / first}
        turns.append({"seconds": seconds, "ratios": ratios, "load": os.getloadavg()})
        medians = {key: median(t["ratios"][key] for t in turns) for key in ratios}
        report = {"data": str(told.data.name), "views": told.views, "train": told.train}
        report |= {"versions": versions(), "medians": medians, "turns": turns}
        write_json(told.out, report)
    print(medians)


if __name__ == "__main__":
    main()
