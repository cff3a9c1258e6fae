"""All of it in one run: ``make bench``, or ``python -m benchmarks``.

Times our cascade, plain PyTorch and the rivals in turn, and what costs grow with;
writes ``benchmarks/results/<machine>.json`` and prints a table. ``--quick`` looks at
one network and takes some three minutes on a machine with nothing else to do.

Rivals have environments of their own, ``<environments>/<package>``, made as their
scripts in `benchmarks.rivals` say; ttach and timm are taken from ours where theirs is
absent. Nothing of them is needed for the rest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from benchmarks.cascades import Sizes, bundle_of, measure
from benchmarks.machine import describe_machine, file_name
from benchmarks.material import KINDS
from benchmarks.scaling import (
    by_cases,
    by_classes,
    by_files,
    by_rows_and_columns,
    learner_powers,
)
from benchmarks.table import markdown
from hierclf.foundation.files import write_json
from hierclf.inference.runtimes import RUNTIMES

RESULTS = Path(__file__).parent / "results"
QUICK = Sizes(("densenet121", "efficientnet_lite0"), rounds=1, few=8, many=64)
FULL = Sizes(("densenet121", "resnet50", "efficientnet_lite0"), 3, few=68, many=408)
_NETWORK_OF_FILES = "efficientnet_lite0"


def scaling(folder: Path, runtime: str, *, quick: bool) -> dict[str, Any]:
    """Measure what costs grow with."""
    bundle = bundle_of(folder, _NETWORK_OF_FILES, "one pass")
    shapes = [(1000, 16), (1000, 128), (10_000, 16)]
    kernels = [(1000, 16), (4000, 16)]
    if not quick:
        shapes += [(1000, 1280), (10_000, 128), (100_000, 16), (100_000, 128)]
        kernels += [(1000, 128), (1000, 1280), (10_000, 16)]
    learners = by_rows_and_columns(shapes, ["logistic"])
    learners += by_rows_and_columns(kernels, ["svm"])
    files = (8, 32) if quick else (16, 64, 256)
    cases = (10**4, 10**5) if quick else (10**4, 10**5, 10**6)
    return {
        "seconds of `hierclf score` by files": by_files(bundle, folder, files, runtime),
        "sweep and cut point by cases": by_cases(cases),
        "seconds by classes": by_classes((2, 10, 50)),
        "seconds of a learner's fit": {
            "points": learners,
            "powers": learner_powers(learners),
        },
    }


def _names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(told: str) -> tuple[str, ...]:
        names = tuple(told.split(","))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"expected of {', '.join(known)}")
        return names

    return parse


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="some three minutes")
    parser.add_argument("--out", type=Path, help="JSON; results/<machine>.json")
    parser.add_argument(
        "--runtimes",
        type=_names(RUNTIMES),
        help="comma-separated; eager and the fastest here",
    )
    parser.add_argument("--networks", type=_names(KINDS), help="comma-separated")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--few", type=int, help="scans for slow ones, in each round")
    parser.add_argument("--many", type=int, help="scans for fast ones; more on a GPU")
    parser.add_argument(
        "--environments", type=Path, default=Path(".rivals"), help="of the rivals"
    )
    parser.add_argument("--work", type=Path, help="folder for scans that stays")
    parser.add_argument("--without-scaling", action="store_true")
    return parser.parse_args()


def sizes_of(told: argparse.Namespace) -> Sizes:
    """Decide how much is measured."""
    sizes = QUICK if told.quick else FULL
    return Sizes(
        told.networks or sizes.networks,
        told.rounds or sizes.rounds,
        told.few or sizes.few,
        told.many or sizes.many,
    )


def runtimes_of(told: argparse.Namespace, machine: dict[str, Any]) -> list[str]:
    """Take those asked for, else eager, and the fastest that may be installed."""
    if told.runtimes:
        return list(told.runtimes)
    other = "compiled" if torch.cuda.is_available() else "openvino"
    return [name for name in ("eager", other) if name in machine["runtimes"]]


def main() -> None:
    """Measure, write, print."""
    told = arguments()
    machine = describe_machine()
    runtimes = runtimes_of(told, machine)
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as place:
        folder = told.work or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Any] = {"machine": machine, "quick": told.quick}
        found["cascades"] = measure(folder, sizes_of(told), runtimes, told.environments)
        if not told.without_scaling:
            found["scaling"] = scaling(folder, runtimes[-1], quick=told.quick)
    found["load"] = {"before": before, "after": os.getloadavg()}
    out = told.out or RESULTS / file_name(machine)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found)
    print(markdown(found))
    print(f"\nwritten: {out}")


if __name__ == "__main__":
    main()
