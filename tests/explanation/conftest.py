"""Small networks and scans for maps."""

from __future__ import annotations

import pytest

from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions


@pytest.fixture(scope="session")
def options() -> NetworkOptions:
    """A small network whose weights are drawn; 3 x 3 cells, two sizes of views."""
    return NetworkOptions(
        backbone="test_resnet",
        weights="none",
        image_size=96,
        views="tencrop",
        precision="float32",
    )


@pytest.fixture(scope="session")
def network(options, scans) -> NetworkClassifier:
    """Fitted to the three classes of the scans."""
    return NetworkClassifier(options, seed=1).fit(scans, scans["label"])
