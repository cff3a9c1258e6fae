"""Seconds of an epoch: ours, timm's, and a plain loop, in turn on the same scans.

``python -m benchmarks.epochs --out FILE`` trains EfficientNet-Lite0 whole at 224 pixels
on phantoms, in float32 and in bfloat16, with batches of 32 and two workers that read:
on small JPEGs of the frame's size, and on large ones. The JSON has images per second
of the median epoch (the first, which fills caches, apart), and ratios to the plain loop
in the same round.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2

from benchmarks.cascades import spread
from benchmarks.contenders import Contender, interleave, run
from benchmarks.machine import describe_machine
from benchmarks.material import write_scans
from hierclf.foundation.files import write_json
from hierclf.foundation.progress import Progress

_NETWORK = "efficientnet_lite0"
_SCRIPTS = {
    "plain PyTorch": "benchmarks.plain_training",
    "timm": "benchmarks.rivals.timm_training",
    "hierclf": "benchmarks.our_training",
}


def write_classes(folder: Path, n_scans: int, side: int | None) -> Path:
    """Write phantoms into a folder for each label; at a side, or large."""
    scans = write_scans(folder / "all", n_scans)
    for path in sorted(scans.iterdir()):
        label = path.name.partition("-")[0]
        place = folder / f"classes-{side or 'large'}" / label / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if side is None:
            os.link(path, place)
        else:
            picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(place), small)
    return place.parent.parent


def contenders(told: argparse.Namespace) -> list[Contender]:
    """List who trains, in which number format."""
    found = []
    for half in (False, True):
        for name, script in _SCRIPTS.items():
            command = ["-m", script, "--network", _NETWORK]
            command += ["--epochs", str(told.epochs), *(["--half"] if half else [])]
            form = "bfloat16" if half else "float32"
            found.append(Contender(f"{name}, {form}", _NETWORK, tuple(command)))
    return found


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the rounds of each contender together."""
    found = defaultdict(list)
    for one in runs:
        _, form = one["name"].split(", ")
        base = next(
            r
            for r in runs
            if r["name"] == f"plain PyTorch, {form}"
            and (r["scans"], r["round"]) == (one["scans"], one["round"])
        )
        speed = one["n"] / one["seconds"]
        ratio = speed * base["seconds"] / base["n"]
        first = one["more"]["first epoch, s"] / one["seconds"]
        found[one["scans"], one["name"]].append((speed, ratio, first))
    rows = []
    for (scans, name), values in found.items():
        speeds, ratios, firsts = zip(*values, strict=True)
        told = {"scans": scans, "name": name, "images_per_s": spread(speeds)}
        rows.append(told | {"ratio": spread(ratios), "first_epoch": spread(firsts)})
    return rows


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    told = parser.parse_args()
    runs: list[dict[str, Any]] = []
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as place:
        for side in (256, None):
            folder = write_classes(Path(place), told.scans, side)
            turns = interleave(contenders(told), told.rounds)
            for number, one in Progress(turns, desc=folder.name):
                about = {"scans": folder.name, "name": one.name, "round": number}
                runs.append(about | run(one, folder, folder))
    found = {"machine": describe_machine(), "epochs": summary(runs), "runs": runs}
    write_json(told.out, found | {"load": {"before": before, "after": os.getloadavg()}})
    for row in found["epochs"]:
        print(row)


if __name__ == "__main__":
    main()
