"""Cascades to export, and their bundles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hierclf.bundle.description import describe
from hierclf.bundle.info import DataSummary
from hierclf.bundle.store import save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.features.extractor import FeatureExtractor
from hierclf.metalearners.search import MetaLearner
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

LABELS = np.array(["healthy", "mild", "severe"] * 10)
TINY = {
    "backbone": "test_resnet",
    "weights": "none",
    "image_size": 64,
    "views": "tencrop",
    "precision": "float32",
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw_scans(seed: int = 0) -> list[np.ndarray]:
    """Thirty scans, the darker the worse."""
    rng = np.random.default_rng(seed)
    dark = {"healthy": 1.0, "mild": 0.8, "severe": 0.5}
    return [
        (rng.random(rng.integers(40, 110, 2)) * dark[label]).astype(np.float32)
        for label in LABELS
    ]


def draw_rows(seed: int = 0, n_rows: int = 30) -> np.ndarray:
    """Rows whose first columns tell the label."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n_rows) % 3
    rows = rng.normal(size=(n_rows, 5))
    rows[:, 0] += codes
    rows[:, 1] += 2 * (codes == 2)
    return rows


def network(seed: int = 1, **options: Any) -> NetworkClassifier:
    """A small network."""
    return NetworkClassifier(NetworkOptions(**TINY | options), seed=seed)


def learner(
    name: str = "logistic", kind: str = "pooled", **options: Any
) -> MetaLearner:
    """A learner on features of it."""
    features = FeatureExtractor(network(**options), kind=kind, cv=2)
    return MetaLearner(features, name, components=(4,), cv=2)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory) -> Callable[..., Path]:
    """Save a fitted cascade as a bundle."""

    def save(cascade: HierarchicalClassifier) -> Path:
        data = DataSummary(
            name="tiny", fingerprint="0" * 64, n_scans=30, n_patients=30, phantom=True,
            counts=dict.fromkeys(map(str, cascade.hierarchy_.labels), 10),
        )  # fmt: skip
        told = describe(cascade, data=data, seed=7, options={})
        folder = tmp_path_factory.mktemp("bundles") / "bundle"
        save_bundle(folder, cascade, told)
        return folder

    return save
