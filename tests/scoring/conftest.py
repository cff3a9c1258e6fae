"""A small bundle, and folders of small scans."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hierclf.bundle.description import describe
from hierclf.bundle.info import DataSummary
from hierclf.bundle.store import save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.scoring.options import ScoreOptions
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

LABELS = np.array(["healthy", "mild", "=severe"] * 4)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_scan(path: Path, seed: int) -> Path:
    """Write a picture of random size and content."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, rng.integers(40, 90, 2), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def scan() -> Callable[[Path, int], Path]:
    return write_scan


def save_tiny(folder: Path, **refine) -> Path:
    """Train a cascade of two tiny networks on noise, and write it."""
    tiny = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 64,
        "views": "center",
        "optimizer": "adamw",
        "precision": "float32",
        "epochs": 1,
    }
    rng = np.random.default_rng(0)
    scans = [rng.random((70, 80), dtype=np.float32) for _ in LABELS]
    stages = [
        NetworkClassifier(NetworkOptions(**tiny | changes), seed=1)
        for changes in ({"views": "tencrop"}, {"views": "tencrop"} | refine)
    ]
    cascade = HierarchicalClassifier(*stages, healthy="healthy", cut_point=0.5)
    cascade.fit(scans, LABELS)
    scores = cascade.decide(scans).screen_score
    cascade.cut_point_ = float(np.median(scores))  # so that both decisions occur
    data = DataSummary(
        name="tiny",
        fingerprint="0" * 64,
        n_scans=12,
        phantom=True,
        counts=dict.fromkeys(LABELS.tolist(), 4),
    )
    save_bundle(folder, cascade, describe(cascade, data=data, seed=0, options={}))
    return folder


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("bundles") / "one")


@pytest.fixture(scope="session")
def bundle_of_two_sizes(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("bundles") / "two", image_size=96)


@pytest.fixture(scope="session")
def _scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    names = [f"s{number:02}.png" for number in range(9)]
    names += ["a/x.png", "a/line\nbreak.png", '=cmd,"q".png', "@sum.png", "z é.png"]
    for seed, name in enumerate(names):
        write_scan(folder / name, seed)
    return folder


@pytest.fixture
def scans(_scans, tmp_path) -> Path:
    """Fourteen scans, some with names that a CSV file must quote."""
    return Path(shutil.copytree(_scans, tmp_path / "scans"))


@pytest.fixture
def options(bundle, scans, tmp_path) -> ScoreOptions:
    return ScoreOptions(
        bundle=bundle, input=scans, out=tmp_path / "out" / "rows.csv", batch_size=4
    )
