"""Scans per second of a cascade of two networks beside plain PyTorch.

``python -m benchmarks.cascade --work FOLDER --out FILE`` fits a cascade of two
DenseNet121 on phantoms (random weights, each network its own; the heads learn), with
ten exact views and with ten in one pass. Then, turn by turn in one process, it scores
the same phantoms by `benchmarks.reference` and by ours, from the files to the rows:
one number for each turn, ratios and their spread, labels that are equal, the share of
the time that the networks compute, and that of the machine's matrix multiplication.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model
from tqdm import tqdm

from benchmarks.reference import Reference, reference_of
from hierclf.assembly.provenance import versions
from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.store import Bundle
from hierclf.config.commands import TrainOptions
from hierclf.data.folders import list_scans
from hierclf.features.readers import readers_of, trunk_in
from hierclf.foundation.files import write_json
from hierclf.inference.frozen import FrozenTrunk
from hierclf.jobs.train import train
from hierclf.loading.scans import read_ahead
from hierclf.phantom import main as make_phantoms
from hierclf.scoring.batch import rows_of
from hierclf.scoring.reading import make_reader
from hierclf.scoring.rows import RowFormat

VIEWS = ("tencrop", "tencrop_onepass")
_BATCH = 32


class Watched:
    """Seconds that the trunks of a bundle compute, counted while it scores."""

    def __init__(self, bundle: Bundle) -> None:
        self.seconds = 0.0
        self._trunks: list[FrozenTrunk] = []
        stages = bundle.cascade.screen_, bundle.cascade.refine_
        readers = [reader for stage in stages for reader in readers_of(stage)]
        for trunk in {id(t): t for t in map(trunk_in, readers)}.values():
            self._watch(trunk)

    def forget(self) -> None:
        """Leave what was seen: the same scans come again in the next turn."""
        for trunk in self._trunks:
            trunk._memory.last = {}

    def _watch(self, trunk: FrozenTrunk) -> None:
        self._trunks.append(trunk)
        run = trunk._maps

        def watched(images: torch.Tensor) -> torch.Tensor:
            start = time.perf_counter()
            maps = run(images)
            self.seconds += time.perf_counter() - start
            return maps

        trunk._maps = watched  # type: ignore[method-assign]


class Ours:
    """A bundle that scores files as ``hierclf score`` does, its start left out."""

    def __init__(self, folder: Path, runtime: Any) -> None:
        self.bundle = load_for_machine(folder, runtime=runtime)
        self.form = RowFormat(
            self.bundle.cascade.hierarchy_,
            self.bundle.digest,
            self.bundle.guards.columns,
        )
        self.watched = Watched(self.bundle)

    def __call__(self, paths: Sequence[Path]) -> list[str]:
        """Give the label of each scan."""
        self.watched.forget()
        read = make_reader(self.bundle.cascade, paths[0].parent)
        found = []
        for batch in _batches(read_ahead(read, paths)):
            found += [row[5] for row in rows_of(batch, self.bundle, self.form)]
        return found


def _batches(readings: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for reading in readings:
        batch.append(reading)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def matmul_peak(dtype: torch.dtype) -> float:
    """Measure how many GFLOP/s a matrix product of 2048 x 2048 reaches."""
    left, right = (torch.rand(2048, 2048).to(dtype) for _ in range(2))
    best = np.inf
    for _ in range(6):
        start = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - start)
    return float(2 * 2048**3 / best / 1e9)


def crop_gflops(bundle: Bundle) -> float:
    """Count the GFLOP of one crop through the screen's trunk."""
    trunk = trunk_in(readers_of(bundle.cascade.screen_)[0])
    side = trunk.options.image_size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        trunk.featurizer.maps(torch.zeros(1, 1, side, side))
    return float(counter.get_total_flops()) / 1e9


def fit(work: Path, views: str, n_cases: int) -> Path:
    """Fit a cascade on phantoms, its networks with random weights of their own."""
    cohort = work / "cohort"
    if not cohort.exists():
        told = ["--cases", str(n_cases), "--size", "256", "--balanced"]
        make_phantoms(["--out", str(cohort), *told])
    weights = {name: work / f"{name}.pt" for name in ("screen", "refine")}
    for seed, path in enumerate(weights.values()):
        torch.manual_seed(seed)
        torch.save(get_model("densenet121", weights=None).state_dict(), path)
    options: dict[str, Any] = {
        "data": cohort,
        "healthy": "healthy",
        "out": work / views,
        "cache": work / "cache",
        "network": {
            "backbone": "densenet121",
            "views": views,
            "weights": str(weights["screen"]),
        },
        "refine": {"weights": str(weights["refine"])},
        **{"baselines": False, "pictured": 0, "gate": 0.0, "calibration": "none"},
        "runtime": "auto",
        "overwrite": True,
    }
    return train(TrainOptions.model_validate(options)) / "bundle"


def turns(
    systems: Mapping[str, Callable[[Sequence[Path]], list[str]]],
    scans: Sequence[Path],
    n_rounds: int,
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Score turn by turn; scans per second of each turn, and the last labels."""
    speeds: dict[str, list[float]] = {name: [] for name in systems}
    labels: dict[str, list[str]] = {}
    for system in systems.values():
        system(scans[:2])  # what is built at first use
    for _ in tqdm(range(n_rounds), desc="rounds", disable=None):
        for name, system in systems.items():
            start = time.perf_counter()
            labels[name] = system(scans)
            speeds[name].append(len(scans) / (time.perf_counter() - start))
    return speeds, labels


def _named(reference: Reference, names: Sequence[str]) -> Any:
    return lambda paths: [names[k] for k in reference.labels([str(p) for p in paths])]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fit, score turn by turn, and put the figures together."""
    load = os.getloadavg()[0]
    bundles = {views: fit(args.work, views, args.cases) for views in VIEWS}
    ours = {views: Ours(folder, args.runtime) for views, folder in bundles.items()}
    exact = ours["tencrop"].bundle
    names = [str(label) for label in exact.cascade.hierarchy_.labels]
    systems = {"plain PyTorch": _named(reference_of(exact), names), **ours}
    scans = list(list_scans(args.work / "cohort" / "scans"))[: args.scans]
    speeds, labels = turns(systems, scans, args.rounds)
    peaks = {str(d): matmul_peak(d) for d in (torch.float32, torch.bfloat16)}
    plain, n_crops = speeds["plain PyTorch"], {"plain PyTorch": 20, "tencrop": 20}
    found: dict[str, Any] = {
        "data": "phantom",
        "n_scans": len(scans),
        "n_rounds": args.rounds,
        "load_before": load,
        "load_after": os.getloadavg()[0],
        "n_cores": os.cpu_count(),
        "versions": versions(),
        "gflops_of_a_crop": crop_gflops(exact),
        "matmul_gflops_per_s": peaks,
        "scans_per_s": speeds,
        "equal_labels": {
            views: float(np.mean(np.equal(labels[views], labels["plain PyTorch"])))
            for views in VIEWS
        },
    }
    found["times_plain"] = {
        views: [one / other for one, other in zip(speeds[views], plain, strict=True)]
        for views in VIEWS
    }
    n_scored = 2 + args.rounds * len(scans)
    found["compute_share"] = {
        views: one.watched.seconds * median(speeds[views]) / n_scored
        for views, one in ours.items()
    }
    found["crops_share_of_peak"] = {
        name: median(speeds[name]) * n * found["gflops_of_a_crop"] / max(peaks.values())
        for name, n in n_crops.items()
    }
    return found


def markdown(found: Mapping[str, Any]) -> str:
    """Print the figures as a table."""
    lines = [
        f"{found['n_scans']} phantoms, {found['n_rounds']} rounds, load "
        f"{found['load_before']:.1f} to {found['load_after']:.1f}, "
        f"{found['versions']['processor']}, runtime {found['versions']['runtime']}",
        "",
        "| system | scans/s | times plain | equal labels | networks' share of time |",
        "|---|---|---|---|---|",
    ]
    for name, speeds in found["scans_per_s"].items():
        ratios = found["times_plain"].get(name, [1.0])
        told = f"{median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"
        equal = found["equal_labels"].get(name)
        share = found["compute_share"].get(name)
        cells = ["-" if one is None else f"{one:.3f}" for one in (equal, share)]
        cells = [name, f"{median(speeds):.2f}", told, *cells]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder to work in")
    parser.add_argument("--out", type=Path, required=True, help="JSON to write")
    parser.add_argument("--cases", type=int, default=120, help="phantoms to fit on")
    parser.add_argument("--scans", type=int, default=48, help="of these, to score")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default="auto")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    found = measure(args)
    write_json(args.out, found)
    print(markdown(found))


if __name__ == "__main__":
    main()
