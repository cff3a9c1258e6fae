"""Our cascade over a folder, as ``hierclf score`` runs it, by the clock.

``python -m benchmarks.ours --bundle B --input FOLDER --warm FOLDER --runtime eager``
loads a bundle once, scores the folder that warms it up, then the other one, and prints
one line of JSON. Then it reads the same pictures without computing, and computes
without reading: which of the two is the bottleneck.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.timing import Timed, report, timed
from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.store import Bundle
from hierclf.data.folders import list_scans
from hierclf.loading.scans import read_ahead
from hierclf.scoring import worker
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions
from hierclf.scoring.passes import pass_size
from hierclf.scoring.reading import Reading, make_reader


class Watch:
    """Stands in for the function that computes rows, and adds up its seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._rows_of = worker.rows_of

    def __call__(self, *told: Any) -> Any:
        """Compute rows by the clock."""
        start = time.perf_counter()
        rows = self._rows_of(*told)
        self.seconds += time.perf_counter() - start
        return rows


def labels_in(path: Path) -> dict[str, str]:
    """Read the label of each scan off the table of scores."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    failed = [row["path"] for row in rows if row["status"] != "ok"]
    if failed:
        raise ValueError(f"expected a score of each scan, got none of {failed[:5]}")
    return {row["path"]: row["label"] for row in rows}


def read_alone(bundle: Bundle, folder: Path) -> tuple[float, list[Reading]]:
    """Seconds of reading all scans and computing nothing."""
    read = make_reader(bundle.cascade, folder)
    with timed() as clock:
        readings = list(read_ahead(read, list_scans(folder)))
    return clock.seconds, readings


def compute_alone(bundle: Bundle, readings: Sequence[Reading], size: int) -> float:
    """Seconds of computing on scans that were read.

    They are turned upside down: the last scans are recalled and not computed again.
    """
    with timed() as clock:
        for start in range(0, len(readings), size):
            scans = [one.pixels[::-1] for one in readings[start : start + size]]
            bundle.cascade.decide(scans)
    return clock.seconds


def measure(options: ScoreOptions, warm: Path) -> Timed:
    """Score, and read and compute apart."""
    bundle = load_for_machine(
        options.bundle, runtime=options.runtime, threads=options.threads
    )
    first = {"input": warm, "out": options.out.with_name("warm.csv")}
    score_folder(options.model_copy(update=first), bundle)
    watch = Watch()
    with patch.object(worker, "rows_of", watch), timed() as clock:
        summary = score_folder(options, bundle)
    reading_s, readings = read_alone(bundle, options.input)
    size = pass_size(bundle.cascade, options.batch_size)
    computing_s = compute_alone(bundle, readings, size)
    more = {
        "computing share": watch.seconds / clock.seconds,
        "processor_s": clock.processor_s,
        "read alone, images/s": summary.n_ok / reading_s,
        "computed alone, images/s": summary.n_ok / computing_s,
    }
    return Timed(summary.n_ok, clock.seconds, labels_in(options.out), more)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--warm", type=Path, required=True)
    parser.add_argument("--runtime", default="eager")
    parser.add_argument("--threads", type=int)
    told = vars(parser.parse_args())
    warm = told.pop("warm")
    with tempfile.TemporaryDirectory() as place:
        options = ScoreOptions(**told, out=Path(place, "scores.csv"))
        report(measure(options, warm))


if __name__ == "__main__":
    main()
