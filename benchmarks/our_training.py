"""A network trained whole as ``hierclf train --part all`` does it, by the clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.rivals.training import report_epochs, training_arguments
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.inference.machine import prepare_machine
from hierclf.training import loop
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions


class Watch:
    """Stands in for the function that runs an epoch, and notes its seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._run_epoch = loop._run_epoch

    def __call__(self, *args: Any) -> float:
        """Run an epoch by the clock."""
        start = time.perf_counter()
        loss = self._run_epoch(*args)
        self.seconds.append(time.perf_counter() - start)
        return loss


def main() -> None:
    """Train on a folder, its scans kept at working size as the command keeps them."""
    args = training_arguments(__doc__)
    prepare_machine(None)
    rows = read_dataset(DataOptions(data=args.input)).manifest
    options = NetworkOptions(
        backbone=args.network,
        weights="none",
        part="all",
        epochs=args.epochs,
        batch_size=args.batch_size,
        balance=1.0,
        precision="bfloat16" if args.half else "float32",
        optimizer="adamw",
    )
    watch = Watch()
    network = NetworkClassifier(options, cache=Path(args.input).parent / "cache")
    with patch.object(loop, "_run_epoch", watch):
        network.fit(rows, rows["label"])
    report_epochs(len(rows), watch.seconds)


if __name__ == "__main__":
    main()
