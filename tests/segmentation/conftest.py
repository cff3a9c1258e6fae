"""A tiny U-Net, and scans with lungs that anything can find."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hierclf.segmentation.fitting import fit_unet
from hierclf.segmentation.options import UNetOptions
from hierclf.segmentation.segmenter import Segmenter
from hierclf.transforms.scan_and_mask import PairOptions

SIDE = 32
TINY = UNetOptions(
    backbone="test_resnet",
    weights="none",
    image_size=SIDE,
    epochs=6,
    batch_size=8,
    augment=PairOptions(zoom=0.1, warp=0.0, noise=0.02, tissue=0.2, foreign=0),
)


def pair(seed: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Two dark ellipses on a bright ground."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[0:side, 0:side] / side
    mask = np.zeros((side, side), dtype=bool)
    for center in (0.28, 0.72):
        middle = center + rng.uniform(-0.04, 0.04)
        high, wide = rng.uniform(0.28, 0.36), rng.uniform(0.13, 0.18)
        mask |= ((down - 0.5) / high) ** 2 + ((right - middle) / wide) ** 2 < 1
    frame = np.where(mask, 0.25, 0.75) + rng.normal(0, 0.03, (side, side))
    return np.clip(frame, 0, 1).astype(np.float32), mask


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def fitted() -> tuple[Segmenter, list[float]]:
    pairs = [pair(seed) for seed in range(40)]
    network, losses = fit_unet(len(pairs), pairs.__getitem__, TINY, seed=1)
    return Segmenter(network, SIDE), losses


@pytest.fixture(scope="session")
def segmenter(fitted) -> Segmenter:
    return fitted[0]
