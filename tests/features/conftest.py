"""Networks and scans for features."""

from __future__ import annotations

import pytest

from hierclf.training.options import NetworkOptions


@pytest.fixture(scope="session")
def options() -> NetworkOptions:
    """A small network with real weights that are random."""
    return NetworkOptions(
        backbone="resnet18",
        weights="none",
        image_size=32,
        views="center",
        precision="float32",
    )
