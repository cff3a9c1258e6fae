"""Whether scoring a folder holds what it is given: memory by the number of scans.

``python -m benchmarks.scale --scans 100000 --work FOLDER --out FILE`` draws that many
small pictures, no two alike, trains a bundle of tiny networks, runs ``hierclf score``
on the folder, and samples meanwhile what its processes hold and how many rows there
are. The JSON has the series, and how memory rose with the rows after the first ones.
What follows ``--`` goes to ``score``; a run that is there is gone on with.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.footprint import footprint
from hierclf.assembly.provenance import versions
from hierclf.foundation.files import write_json
from hierclf.foundation.progress import Progress

_SIDE = 64
_A_FOLDER = 1000
_WARM = 0.1
_TINY = (
    *("--backbone", "test_resnet", "--weights", "none", "--image-size", str(_SIDE)),
    *("--views", "whole", "--precision", "float32", "--no-baselines"),
    *("--resamples", "100"),
)
Sample = dict[str, Any]


def draw_scans(folder: Path, n_scans: int) -> None:
    """Draw pictures that are not there yet; a number is the seed of each."""
    for number in Progress(range(n_scans), desc="draw"):
        path = folder / f"{number // _A_FOLDER:03}" / f"{number:06}.png"
        if number % _A_FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            rng = np.random.default_rng(number)
            coarse = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            cv2.imwrite(str(path), cv2.resize(coarse, (_SIDE, _SIDE)))


def make_bundle(work: Path) -> Path:
    """Train tiny networks on small phantoms; how good they are does not matter."""
    bundle = work / "run" / "bundle"
    if not bundle.exists():
        size = ("--cases", "90", "--size", str(_SIDE), "--balanced")
        _do("phantom", "--out", str(work / "cohort"), *size)
        known = ("--healthy", "healthy", "--data", str(work / "cohort"))
        _do("train", *known, "--out", str(work / "run"), *_TINY)
    return bundle


def _do(*arguments: str) -> None:
    command = [sys.executable, "-m", "hierclf", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def watch(command: Sequence[str], part: Path, every_s: float) -> list[Sample]:
    """Run a command; sample what it holds and how many rows it has written."""
    samples: list[Sample] = []
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        rows = _Rows(part)
        while process.poll() is None:
            time.sleep(every_s)
            told = footprint(process.pid).get("all")
            if told and part.exists():
                second = round(time.monotonic() - start, 1)
                samples.append({"second": second, "rows": rows.count(), **told})
    assert process.returncode in {0, 3}, process.returncode
    return samples


class _Rows:
    """Counts the lines of a file that grows, each once."""

    def __init__(self, path: Path) -> None:
        self._path, self._end, self._n_lines = path, 0, 0

    def count(self) -> int:
        """Count the rows, the header left out."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._end)
                new = stream.read()
        except FileNotFoundError:  # it has just got its final name
            return self._n_lines - 1
        self._end += len(new)
        self._n_lines += new.count(b"\n")
        return self._n_lines - 1


def rise(samples: Sequence[Sample], warm: int) -> dict[str, Any]:
    """Tell how fast rows came and by how many kB memory rose with 10,000 of them.

    Parameters
    ----------
    samples : sequence of dict
        As `watch` gives them.
    warm : int
        Rows that are left out at the beginning.

    Returns
    -------
    told : dict
        Also the peak, in kB.

    Examples
    --------
    >>> told = [{"second": n, "rows": 100 * n, "rss": 50 + n} for n in range(9)]
    >>> rise(told, 200)["kB for 10,000 rows"], rise(told, 200)["rows a second"]
    (100.0, 100.0)
    """
    later = [one for one in samples if one["rows"] >= warm]
    rows = [one["rows"] for one in later]
    seconds = [one["second"] for one in later]
    slope = np.polyfit(rows, [one["rss"] for one in later], 1)[0]
    speed = (rows[-1] - rows[0]) / (seconds[-1] - seconds[0])
    return {
        "kB for 10,000 rows": round(float(slope) * 1e4, 1),
        "rows a second": round(speed, 1),
        "peak kB": max(one["rss"] for one in samples),
        "first kB": later[0]["rss"],
        "last kB": later[-1]["rss"],
    }


def main() -> None:
    """Score what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=100_000)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--every", type=float, default=2.0, help="seconds")
    parser.add_argument("score", nargs="*", help="options of score, behind --")
    told = parser.parse_args()
    folder = told.work / f"scans-{told.scans}"
    draw_scans(folder, told.scans)
    rows = told.work / f"rows-{told.scans}.csv"
    command = [sys.executable, "-m", "hierclf.score", "--input", str(folder)]
    command += ["--bundle", str(make_bundle(told.work)), "--out", str(rows)]
    command += ["--resume", *told.score]
    samples = watch(command, rows.with_name(f"{rows.name}.part"), told.every)
    found = rise(samples, int(_WARM * told.scans))
    report = {"scans": told.scans, "versions": versions(), "load": os.getloadavg()}
    write_json(told.out, report | found | {"options": told.score, "series": samples})
    print(found)


if __name__ == "__main__":
    main()
