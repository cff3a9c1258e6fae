"""What a frozen trunk remembers of scans in memory."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from hierclf.inference.frozen import FrozenTrunk, ViewOptions
from hierclf.inference.seen import key_of
from hierclf.networks.backbones import make_backbone
from hierclf.networks.network import make_featurizer


@pytest.fixture
def trunk(monkeypatch: pytest.MonkeyPatch) -> FrozenTrunk:
    torch.manual_seed(0)
    featurizer = make_featurizer("own", make_backbone("test_resnet", weights="none"))
    made = FrozenTrunk(featurizer, ViewOptions(32, "whole", "float32"))
    computed: list[int] = []
    compute = made._compute

    def counted(frames: np.ndarray) -> np.ndarray:
        computed.append(len(frames))
        return compute(frames)

    monkeypatch.setattr(made, "_compute", counted)
    made.n_computed = computed  # type: ignore[attr-defined]
    return made


def frames(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((40, 40), dtype=np.float32) for _ in range(n)]


def test_some_of_the_last_scans_are_recalled_in_any_order(trunk: FrozenTrunk) -> None:
    scans = frames(5)
    whole = trunk.features(scans)
    some = trunk.features([scans[4], scans[1]])
    assert trunk.n_computed == [5]
    np.testing.assert_array_equal(some, whole[[4, 1]])


def test_another_scan_in_the_same_array_is_computed(trunk: FrozenTrunk) -> None:
    scans = frames(2)
    before = trunk.features(scans).copy()
    scans[0][:] = 1 - scans[0]
    after = trunk.features(scans)
    assert trunk.n_computed == [2, 2]
    assert not np.array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])


def test_only_the_last_scans_are_kept(trunk: FrozenTrunk) -> None:
    scans = frames(4)
    trunk.features(scans[:2])
    trunk.features(scans[2:])
    trunk.features(scans[:2])
    assert trunk.n_computed == [2, 2, 2]


@pytest.mark.parametrize("image_size", [224, 256])
@pytest.mark.parametrize("views", ["tencrop", "tencrop_onepass"])
def test_shape_of_maps_is_told_before_any_is_computed(views: str, image_size: int):
    """A window may hold a cell more than a crop's map: 9 of 288 pixels in 256."""
    made = make_featurizer("own", make_backbone("test_resnet", weights="none"))
    options = ViewOptions(image_size, views, "float32", "maps")
    trunk = FrozenTrunk(made.eval().requires_grad_(False), options)
    found = trunk.features([np.zeros((64, 64), np.float32)])
    assert found.shape[2:] == trunk.shape


def test_a_copy_takes_no_scans_along() -> None:
    """What goes to another process or a file holds nothing of patients."""
    made = make_featurizer("own", make_backbone("test_resnet", weights="none"))
    trunk = FrozenTrunk(made.eval(), ViewOptions(32, "whole", "float32"))
    assert trunk.digest
    before = len(pickle.dumps(trunk))
    trunk.features(frames(50))
    assert len(pickle.dumps(trunk)) < before + 500


def test_a_file_of_the_same_size_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    first = key_of(str(path))
    os.utime(path, ns=(0, 5))
    assert key_of(str(path)) != first


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 65504), ("float32", 1e6)])
def test_large_features_stay_finite(
    trunk: FrozenTrunk, monkeypatch: pytest.MonkeyPatch, precision: str, most: float
) -> None:
    made = FrozenTrunk(trunk.featurizer, ViewOptions(32, "whole", precision))
    monkeypatch.setattr(made, "_run", lambda images: torch.full((2, 3, 1, 1), 1e6))
    assert made.features(frames(2)).max() == most
