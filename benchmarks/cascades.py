"""Our cascade and the others over the same JPEGs, interleaved, as ratios."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import Contender, beginning, interleave, rivals, run
from benchmarks.machine import matmul_peak
from benchmarks.material import (
    KINDS,
    Kind,
    fit_cascade,
    look_by,
    read_scans,
    shrink_scans,
    write_bundle,
    write_plain,
    write_scans,
    write_weights,
)
from benchmarks.targets import targets
from benchmarks.work import Work, work_of
from hierclf.foundation.progress import Progress

LOOKS: dict[str, dict[str, Any]] = {
    "exact": {"views": "tencrop"},
    "three crops": {"views": "threecrop"},
    "one pass": {"views": "tencrop_onepass"},
    "exact, float32": {"views": "tencrop", "precision": "float32"},
}
"""What is changed of the options of a network, whose number format is ``auto``."""
REFERENCE = "plain PyTorch, two networks, ten crops"


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Parameters
    ----------
    networks : tuple of str
        Of `benchmarks.material.KINDS`.
    rounds : int
        Times that each contender is run.
    few, many : int
        Scans for slow and for fast contenders; small ones and frames are as many as the
        latter.
    """

    networks: tuple[str, ...]
    rounds: int
    few: int
    many: int


def prepare(
    kind: Kind, folder: Path, runtimes: Sequence[str], environments: Path
) -> list[Contender]:
    """Make the bundles of a network, and list who is timed with it."""
    scans, labels = read_scans(folder / "train")
    weights = write_weights(kind, folder, scans)
    fitted = fit_cascade(kind, weights, scans, labels)
    plain = write_plain(folder / f"{kind.name}-plain", kind, fitted)
    ours, exact = [], None
    for name, changes in LOOKS.items():
        cascade = look_by(fitted, **changes)
        bundle = write_bundle(bundle_of(folder, kind.name, name), cascade, len(scans))
        work = work_of(cascade)
        exact = exact or work
        single = "precision" in changes
        ours += [
            _ours(kind, f"{name}, {runtime}", scans, bundle, work)
            for runtime in (runtimes[-1:] if single else runtimes)
            for scans in _scans_of(name)
        ]
    command = ("-m", "benchmarks.reference", "--networks", str(plain))
    told = asdict(_of_two_networks(exact, shared=kind.shared))
    reference = Contender(REFERENCE, kind.name, command, "few", work=told)
    framed = replace(reference, name=_plain_on("frames"), scans="frames")
    others = rivals(kind.name, environments) if kind.name == "densenet121" else []
    return [reference, framed, *ours, *others]


def bundle_of(folder: Path, network: str, look: str) -> Path:
    """Name the bundle of a network that looks in one of the ways of `LOOKS`."""
    return folder / f"{network}-{look.replace(', ', '-').replace(' ', '-')}"


def _plain_on(scans: str) -> str:
    return f"{beginning(scans)}{REFERENCE}"


def _scans_of(look: str) -> tuple[str, ...]:
    if look in {"one pass", "three crops"}:
        return "many", "small"
    return ("few", "frames") if "float32" in look else ("few",)


def _ours(kind: Kind, how: str, scans: str, bundle: Path, work: Work) -> Contender:
    runtime = how.rpartition(" ")[2]
    command = ("-m", "benchmarks.ours", "--bundle", str(bundle), "--runtime", runtime)
    name = f"{beginning(scans)}hierclf, {how}"
    return Contender(name, kind.name, command, scans, work=asdict(work))


def _of_two_networks(work: Work, *, shared: bool) -> Work:
    """Give the work of plain PyTorch, which runs a trunk that both share twice."""
    times = 2 if shared else 1
    return replace(
        work,
        views=times * work.views,
        passes=times * work.passes,
        gflop=times * work.gflop,
        precision="float32",
    )


def write_material(folder: Path, sizes: Sizes) -> None:
    """Write the scans: to fit on, to warm up with, and of each round.

    Small ones are the same pictures at 224 pixels, which reading costs next to nothing;
    frames have the 256 pixels that ten crops are cut from: nothing is left to resize.
    """
    write_scans(folder / "train", 48, first=100_000)
    write_scans(folder / "warm", 4, first=200_000)
    for number in range(sizes.rounds):
        first = number * sizes.many
        write_scans(folder / f"many-{number}", sizes.many, first=first)
        for name, side in (("small", 224), ("frames", 256)):
            shrink_scans(folder / f"many-{number}", folder / f"{name}-{number}", side)
        few = folder / f"few-{number}"
        few.mkdir(exist_ok=True)
        for path in sorted((folder / f"many-{number}").iterdir())[:: _step(sizes)]:
            place = few / path.name
            if not place.exists():
                os.link(path, place)


def _step(sizes: Sizes) -> int:
    return max(1, sizes.many // sizes.few)


def measure(
    folder: Path, sizes: Sizes, runtimes: Sequence[str], environments: Path
) -> dict[str, Any]:
    """Time everybody in turn."""
    write_material(folder, sizes)
    everybody = [
        contender
        for name in sizes.networks
        for contender in prepare(KINDS[name], folder, runtimes, environments)
    ]
    there = [one for one in everybody if one.is_there()]
    runs, peaks = run_all(there, folder, sizes.rounds)
    peak = {name: max(one[name] for one in peaks) for name in peaks[0]}
    table = [summary(one, runs, peak) for one in everybody]
    return {
        "peak_gflops": peak,
        "contenders": table,
        "targets": targets(table),
        "runs": [{k: v for k, v in one.items() if k != "labels"} for one in runs],
    }


def run_all(
    there: Sequence[Contender], folder: Path, n_rounds: int
) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """Run contenders in turn, and the product of matrices between them."""
    runs: list[dict[str, Any]] = []
    peaks = [matmul_peak()]
    for number, one in Progress(interleave(there, n_rounds), desc="rounds"):
        scans = folder / f"{one.scans}-{number}"
        try:
            found = run(one, scans, folder / "warm")
        except RuntimeError as error:
            found = {"error": str(error)}
        told = {"round": number, "contender": one.key, "load": os.getloadavg()[0]}
        runs.append(told | found)
        peaks.append(matmul_peak())
    return runs, peaks


def summary(
    one: Contender, runs: Sequence[dict[str, Any]], peak: dict[str, float]
) -> dict[str, Any]:
    """Put together what the runs of a contender say.

    Returns
    -------
    row : dict
        ``images_per_s`` and ``ratio`` (to plain PyTorch on the same network in the
        same round) as median, least and greatest; memory, crops, the share of the
        machine's product of matrices, and how many labels are those of plain PyTorch.
    """
    row: dict[str, Any] = {"network": one.network, "name": one.name}
    own = _by_round(runs, one.key)
    if not own:
        errors = [r["error"] for r in runs if r["contender"] == one.key]
        return row | {"absent": errors[0] if errors else "not installed"}
    base = _by_round(runs, f"{one.network}, {_plain_on(one.scans)}")
    speeds = {number: r["n"] / r["seconds"] for number, r in own.items()}
    slow = {number: r["n"] / r["seconds"] for number, r in base.items()}
    row["images_per_s"] = spread(speeds.values())
    row["ratio"] = spread(speeds[n] / slow[n] for n in speeds if n in slow)
    row["memory_mb"] = round(max(r["memory_kb"] for r in own.values()) / 1000)
    row["equal_labels"] = equal_labels(own, base)
    names = next(iter(own.values()))["more"]
    row["more"] = {k: median(r["more"][k] for r in own.values()) for k in names}
    if one.work:
        rate = row["images_per_s"]["median"]
        row["crops_per_s"] = rate * one.work["views"]
        reached = rate * one.work["gflop"]
        row["share_of_peak"] = reached / peak[one.work["precision"]]
        row["work"] = one.work
    return row


def _by_round(runs: Sequence[dict[str, Any]], key: str) -> dict[int, dict[str, Any]]:
    good = [r for r in runs if r["contender"] == key and "error" not in r]
    return {r["round"]: r for r in good}


def spread(values: Any) -> dict[str, float] | None:
    """Give the median, the least and the greatest of the rounds."""
    known = list(values)
    if not known:
        return None
    return {"median": median(known), "least": min(known), "greatest": max(known)}


def equal_labels(
    own: dict[int, dict[str, Any]], base: dict[int, dict[str, Any]]
) -> dict[str, int] | None:
    """Count the scans that both scored, and those with the same label."""
    pairs = [
        (label, base[number]["labels"][name])
        for number, told in own.items()
        if number in base
        for name, label in told["labels"].items()
        if name in base[number]["labels"]
    ]
    if not pairs:
        return None
    return {"n": len(pairs), "equal": sum(one == other for one, other in pairs)}
