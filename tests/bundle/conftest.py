"""Small fitted cascades, their bundles, and a way to tamper with these."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hierclf.bundle.description import describe
from hierclf.bundle.info import BundleInfo, DataSummary
from hierclf.bundle.store import save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

LABELS = np.array(["healthy", "mild", "severe"] * 6)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _scans(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    sides = rng.integers(40, 110, (len(LABELS), 2))
    return [rng.random(size, dtype=np.float32) for size in sides]


def _rows(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(len(LABELS), 5)) + (LABELS == "severe")[:, None]


def _network(seed: int = 1, **options) -> NetworkClassifier:
    tiny = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 64,
        "views": "center",
        "optimizer": "adamw",
        "precision": "float32",
        "epochs": 1,
    }
    return NetworkClassifier(NetworkOptions(**tiny | options), seed=seed)


def _describe(cascade: HierarchicalClassifier) -> BundleInfo:
    labels = [str(label) for label in cascade.hierarchy_.labels]
    data = DataSummary(
        name="tiny",
        fingerprint="0" * 64,
        n_scans=18,
        n_patients=9,
        phantom=True,
        counts=dict.fromkeys(labels, 6),
    )
    return describe(cascade, data=data, seed=7, options={"screen": {"epochs": 1}})


@pytest.fixture(scope="session")
def labels() -> np.ndarray:
    return LABELS


@pytest.fixture(scope="session")
def scans() -> Callable[..., list[np.ndarray]]:
    return _scans


@pytest.fixture(scope="session")
def rows() -> Callable[..., np.ndarray]:
    return _rows


@pytest.fixture(scope="session")
def network() -> Callable[..., NetworkClassifier]:
    return _network


@pytest.fixture(scope="session")
def told() -> Callable[[HierarchicalClassifier], BundleInfo]:
    return _describe


@pytest.fixture(scope="session")
def network_cascade() -> HierarchicalClassifier:
    """Both stages on one frozen trunk."""
    cascade = HierarchicalClassifier(_network(), _network(), ordered=True)
    return cascade.fit(_scans(), LABELS)


@pytest.fixture(scope="session")
def learner_cascade() -> HierarchicalClassifier:
    stages = LogisticRegression(), LogisticRegression(C=0.1)
    return HierarchicalClassifier(*stages, cut_point=0.4).fit(_rows(), LABELS)


@pytest.fixture(scope="session")
def _saved(tmp_path_factory, network_cascade, learner_cascade) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save_bundle(folder / "network", network_cascade, _describe(network_cascade))
    save_bundle(folder / "learner", learner_cascade, _describe(learner_cascade))
    return folder


@pytest.fixture
def network_bundle(_saved, tmp_path) -> Path:
    """A bundle to tamper with."""
    return Path(shutil.copytree(_saved / "network", tmp_path / "network"))


@pytest.fixture
def learner_bundle(_saved, tmp_path) -> Path:
    """A bundle to tamper with."""
    return Path(shutil.copytree(_saved / "learner", tmp_path / "learner"))


@pytest.fixture(scope="session")
def resign() -> Callable[[Path], None]:
    """Make a manifest fit its files again, as an attacker would."""

    def sign(folder: Path) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        for name, entry in manifest["files"].items():
            content = (folder / name).read_bytes()
            entry["size"] = len(content)
            entry["sha256"] = hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(manifest))

    return sign


@pytest.fixture(scope="session")
def edit(resign) -> Callable[..., None]:
    """Change keys of a JSON file of a bundle, and sign it again."""

    def change(folder: Path, name: str, **changes) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        if name != "manifest.json":
            resign(folder)

    return change
