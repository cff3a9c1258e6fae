"""What features cost beside one pass of the plain network, and a second time.

``python -m benchmarks.features --data FOLDER --out FILE`` measures, turn by turn: the
forward pass of a frozen network over all scans (reading and decoding included); the
extraction of pooled and of SCDA features by the same network; the pooled ones again
from the cache of another process's making; and what a learner takes on top.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator

from hierclf.assembly.provenance import versions
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.files import write_json
from hierclf.foundation.progress import Progress
from hierclf.inference.frozen import FrozenTrunk, ViewOptions
from hierclf.loading.scans import FrameReader, batched_frames
from hierclf.metalearners.search import MetaLearner
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions


def time_pass(network: NetworkClassifier, manifest: Any) -> float:
    """Seconds of the plain network over all scans: the same engine, nothing kept."""
    trunk = network.look()
    views, side = trunk.views, trunk.options.image_size
    reader = FrameReader(trunk.frame_side)
    start = time.perf_counter()
    size = max(1, 64 // views.n_views)
    for frames in Progress(batched_frames(reader, manifest, size)):
        with torch.inference_mode():
            maps = views.maps(torch.from_numpy(frames)[:, None], side, trunk._maps)
            network.network_.of_maps(maps.flatten(0, 1))
    return time.perf_counter() - start


def time_features(
    network: NetworkClassifier, kind: str, manifest: Any, cache: Path | None = None
) -> float:
    """Seconds of an extraction by a trunk that has seen nothing."""
    extractor = FeatureExtractor(FrozenEstimator(network), kind=kind).fit(manifest)
    known = extractor.trunk_
    output = "pooled" if kind == "pooled" else "maps"
    told = known.options
    view = ViewOptions(told.image_size, told.views, told.precision, output)
    extractor.trunk_ = FrozenTrunk(known.featurizer, view, cache)
    start = time.perf_counter()
    extractor.transform(manifest)
    return time.perf_counter() - start


def time_learner(network: NetworkClassifier, name: str, manifest: Any) -> float:
    """Seconds of a learner on features that are in memory: all of its search."""
    extractor = FeatureExtractor(FrozenEstimator(network))
    extractor.fit(manifest).transform(manifest)
    start = time.perf_counter()
    MetaLearner(extractor, name).fit(manifest, manifest["label"].to_numpy())
    return time.perf_counter() - start


def main() -> None:
    """Measure and write ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--views", default="whole")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--scans", type=int, default=10**9)
    told = parser.parse_args()
    manifest = read_dataset(DataOptions(data=told.data)).manifest
    rows = np.linspace(0, len(manifest) - 1, min(told.scans, len(manifest))).astype(int)
    manifest = manifest.iloc[rows].reset_index(drop=True)
    few = manifest.groupby("label").head(2)
    network = NetworkClassifier(NetworkOptions(views=told.views)).fit(few, few["label"])
    turns: list[dict[str, Any]] = []
    for _ in Progress(range(told.turns), desc="turns"):
        with tempfile.TemporaryDirectory() as place:
            cache = Path(place)
            seconds = {
                "pass": time_pass(network, manifest),
                "pooled": time_features(network, "pooled", manifest),
                "scda": time_features(network, "scda", manifest),
                "kept": time_features(network, "pooled", manifest, cache),
                "again": time_features(network, "pooled", manifest, cache),
                "learner": time_learner(network, "svm", manifest),
            }
        ratios = {
            "pooled, speed of the pass": seconds["pass"] / seconds["pooled"],
            "scda, speed of the pass": seconds["pass"] / seconds["scda"],
            "again, times faster": seconds["kept"] / seconds["again"],
        }
        turns.append({"seconds": seconds, "ratios": ratios, "load": os.getloadavg()})
        medians = {key: median(t["ratios"][key] for t in turns) for key in ratios}
        report = {"data": told.data.name, "views": told.views, "n_scans": len(manifest)}
        report |= {"versions": versions(), "medians": medians, "turns": turns}
        write_json(told.out, report)
    print(medians)


if __name__ == "__main__":
    main()
