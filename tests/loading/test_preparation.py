"""Frames that were prepared never mix with frames that were not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from hierclf.inference.frozen import FrozenTrunk, ViewOptions, digest_of
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import FrameReader, name_of
from hierclf.networks.backbones import make_backbone
from hierclf.networks.network import make_featurizer

VIEW = ViewOptions(image_size=32, views="whole", precision="float32")


@dataclass(frozen=True)
class Half:
    """Black on the left, or right."""

    digest: str = "left"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        seen = frame.copy()
        middle = frame.shape[1] // 2
        kept = slice(None, middle) if self.digest == "left" else slice(middle, None)
        seen[:, kept] = 0
        return seen


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{k}.png") for k in range(5)]
    for path in paths:
        cv2.imwrite(path, rng.integers(1, 255, (40, 50), dtype=np.uint8))
    return pd.DataFrame({"path": paths})


@pytest.fixture(scope="module")
def featurizer() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make_featurizer("own", make_backbone("test_resnet", weights="none"))


def test_frames_share_a_cache_and_do_not_mix(
    manifest: pd.DataFrame, tmp_path: Path
) -> None:
    path, cache = manifest["path"][0], tmp_path / "cache"
    ways = [None, Half("left"), Half("right")]
    for _ in range(2):  # computed, then from the cache
        whole, left, right = (
            FrameReader(32, cache, preparation=way).read(path) for way in ways
        )
        np.testing.assert_array_equal(left, Half("left")(whole))
        np.testing.assert_array_equal(right, Half("right")(whole))
    assert whole.all()
    assert len([p for p in cache.iterdir() if p.is_dir()]) == 3


def test_scans_in_memory_are_prepared_once(manifest: pd.DataFrame) -> None:
    reader = FrameReader(32, preparation=Half())
    raw = FrameReader(32).read(manifest["path"][0])
    np.testing.assert_array_equal(reader.frame_of(raw), Half()(raw))
    assert reader.frame_of(raw)[:, 16:].all()


def test_features_share_a_cache_and_do_not_mix(
    manifest: pd.DataFrame, tmp_path: Path, featurizer
) -> None:
    cache = tmp_path / "cache"
    ways = [None, Half("left"), Half("right")]
    fresh = [
        FrozenTrunk(featurizer, VIEW, preparation=way).features(manifest)
        for way in ways
    ]
    assert not np.allclose(fresh[0], fresh[1])
    assert not np.allclose(fresh[1], fresh[2])
    for order in (ways, ways[::-1]):
        for way in order:
            trunk = FrozenTrunk(featurizer, VIEW, cache, way)
            expected = fresh[ways.index(way)]
            np.testing.assert_array_equal(trunk.features(manifest), expected)


def test_frames_are_those_of_the_trunk(manifest: pd.DataFrame, featurizer) -> None:
    """A prepared trunk on raw scans is a bare one on prepared scans."""
    prepared = FrozenTrunk(featurizer, VIEW, preparation=Half())
    bare = FrozenTrunk(featurizer, VIEW)
    frames = [FrameReader(32).read(path) for path in manifest["path"]]
    expected = bare.features([Half()(frame) for frame in frames])
    np.testing.assert_array_equal(prepared.features(frames), expected)
    np.testing.assert_array_equal(prepared.features(manifest), expected)
    np.testing.assert_array_equal(prepared.of_frames(frames), expected)


def test_trunks_are_shared_by_preparation(featurizer) -> None:
    one = shared_trunk(featurizer, VIEW, preparation=Half())
    assert shared_trunk(featurizer, VIEW, preparation=Half()) is one
    assert shared_trunk(featurizer, VIEW) is not one
    digests = {digest_of(featurizer, VIEW, way) for way in (None, Half(), Half("x"))}
    assert len(digests) == 3


def test_no_preparation_adds_nothing_to_keys() -> None:
    assert name_of(None) == ""
    assert name_of(Half()) != name_of(Half("right"))
