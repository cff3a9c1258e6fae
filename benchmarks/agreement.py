"""Whether one model decides alike by every runtime and number format, on real scans.

``python -m benchmarks.agreement --data FOLDER --healthy LABEL --out FILE`` fits a
cascade of frozen EfficientNet-Lite0 on some patients, by one runtime and number format
after another, and decides on scans of other patients by all of them, and (the one in
single precision) by plain PyTorch with the same weights, see `benchmarks.reference`.
The JSON has, for each pair, the share of equal labels, by how much probabilities
moved, and the macro recall.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from benchmarks.material import KINDS, look_by, write_plain
from benchmarks.reference import Folder, load, score, ten_crops
from hierclf.assembly.provenance import versions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import hold_out
from hierclf.foundation.files import write_json
from hierclf.inference.runtimes import set_runtime
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

KIND = KINDS["efficientnet_lite0"]
FITTED = ("float32 onnxruntime", "bfloat16 eager", "bfloat16 openvino")
DECIDED = (*FITTED, "float32 openvino")
PLAIN = "float32, plain PyTorch"
Said = tuple[np.ndarray, np.ndarray]
"""Labels by place in the hierarchy, and probabilities."""


def parser(told: str, *, train: int, test: int) -> argparse.ArgumentParser:
    """Make the parser of what `parts` and `fit` need; the counts are defaults."""
    made = argparse.ArgumentParser(
        description=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", type=Path, required=True)
    made.add_argument("--healthy", required=True)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--views", default="tencrop")
    made.add_argument("--train", type=int, default=train)
    made.add_argument("--test", type=int, default=test)
    made.add_argument("--seed", type=int, default=0)
    return made


def parts(told: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw scans to fit on, and scans of other patients."""
    rows = read_dataset(DataOptions(data=told.data)).manifest
    sides = hold_out(rows["label"], rows["patient_id"], fraction=0.3, seed=told.seed)
    drawn = []
    for part, n in zip(sides, (told.train, told.test), strict=True):
        some = rows.iloc[part]
        drawn.append(some.sample(min(n, len(some)), random_state=told.seed))
    return drawn[0], drawn[1]


def fit(
    rows: pd.DataFrame, told: argparse.Namespace, precision: str, cache: Path
) -> HierarchicalClassifier:
    """Fit by the runtime of the process."""
    options = NetworkOptions(backbone=KIND.name, views=told.views, precision=precision)
    stages = [NetworkClassifier(options, cache=cache) for _ in range(2)]
    cascade = HierarchicalClassifier(
        *stages, healthy=told.healthy, adjustment=0, calibration="none", seed=told.seed
    )
    return cascade.fit(rows, rows["label"].to_numpy())


def ways(
    cascade: HierarchicalClassifier, rows: pd.DataFrame
) -> Iterator[tuple[str, Said]]:
    """Decide by each format and runtime."""
    for way in DECIDED:
        precision, runtime = way.split()
        set_runtime(runtime)  # type: ignore[arg-type]
        said = look_by(cascade, precision=precision).decide(rows)
        yield way, (said.decided, said.probabilities)


def plainly(cascade: HierarchicalClassifier, rows: pd.DataFrame) -> Said:
    """Decide by plain PyTorch, which reads the files by itself."""
    with tempfile.TemporaryDirectory() as place:
        networks = write_plain(Path(place, "networks"), KIND, cascade)
        scans = Path(place, "scans")
        scans.mkdir()
        for number, path in enumerate(rows["path"]):
            scans.joinpath(f"{number:06}.jpg").symlink_to(path)
        plain, about = load(networks)
        # no workers: a process that OpenVINO runs in does not survive a fork
        labels, tables = score(plain, Folder(scans, ten_crops(about)), n_workers=0)
    names = sorted(labels)
    places = [plain.labels.index(labels[name]) for name in names]
    return np.array(places), np.array([tables[name] for name in names])


def compared(said: dict[str, Said], base: str, truth: np.ndarray) -> dict[str, Any]:
    """Set each way beside the one that the model was fitted by."""
    labels, table = said[base]
    found = {}
    for way, (other, probabilities) in said.items():
        moved = np.abs(probabilities - table).max(axis=1)
        found[way] = {
            "equal_labels": float((other == labels).mean()),
            "equal_screen": float(((other > 0) == (labels > 0)).mean()),
            "moved_median": float(np.median(moved)),
            "moved_most": float(moved.max()),
            "macro_recall": float(recall_score(truth, other, average="macro")),
        }
    return found


def main() -> None:
    """Measure, write, print."""
    told = parser(str(__doc__), train=1600, test=500).parse_args()
    train, test = parts(told)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        for way in FITTED:
            precision, runtime = way.split()
            set_runtime(runtime)  # type: ignore[arg-type]
            cascade = fit(train, told, precision, Path(place))
            said = dict(ways(cascade, test))
            if told.views == "tencrop" and way == FITTED[0]:
                said[PLAIN] = plainly(cascade, test)
            truth = cascade.hierarchy_.positions(test["label"].to_numpy())
            found[f"fitted by {way}"] = compared(said, way, truth)
            table = pd.DataFrame(found[f"fitted by {way}"]).T
            print(f"fitted by {way}", table.to_string(), sep="\n", flush=True)
    facts = {name: str(value) for name, value in vars(told).items()}
    counts = {"n_train": len(train), "n_test": len(test), "load": os.getloadavg()}
    write_json(told.out, {"versions": versions(), **facts, **counts, "found": found})


if __name__ == "__main__":
    main()
