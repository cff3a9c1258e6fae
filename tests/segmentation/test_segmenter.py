from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from sklearn.base import clone

from hierclf.networks.unet import make_unet
from hierclf.segmentation import segmenter as module
from hierclf.segmentation.census import lungs_found
from hierclf.segmentation.segmenter import Segmenter
from hierclf.training.estimator import NetworkClassifier
from tests.segmentation.conftest import SIDE, pair


def test_outside_is_black_and_inside_as_it_was(segmenter: Segmenter) -> None:
    frame, _ = pair(7, 48)  # another side than that of the U-Net
    lungs = segmenter.lungs(frame)
    assert lungs.found
    assert lungs.mask.shape == (48, 48)
    seen = segmenter(frame)
    np.testing.assert_array_equal(seen[lungs.mask], frame[lungs.mask])
    assert not seen[~lungs.mask].any()
    assert seen.dtype == np.float32


def test_mask_is_remembered_and_the_same(segmenter: Segmenter, monkeypatch) -> None:
    frame, _ = pair(8)
    first = segmenter.lungs(frame)
    monkeypatch.setattr(segmenter, "probabilities", lambda frame: 1 / 0)
    again = segmenter.lungs(frame.copy())
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.found == again.found


def test_memory_is_bounded(segmenter: Segmenter, monkeypatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    for seed in range(20, 26):
        segmenter.lungs(pair(seed)[0])
    assert len(segmenter._masks) == 3


def test_frame_without_lungs_is_seen_whole(segmenter: Segmenter) -> None:
    with torch.no_grad():
        bare = make_unet("test_resnet", weights="none")
        for name, tensor in bare.state_dict().items():
            if name.startswith("network.segmentation_head"):
                tensor.fill_(-1.0 if name.endswith("bias") else 0.0)
    blind = Segmenter(bare, SIDE)
    frame, _ = pair(9)
    assert not blind.lungs(frame).found
    np.testing.assert_array_equal(blind(frame), frame)


def test_probabilities_are_those_of_the_network(segmenter: Segmenter) -> None:
    frame, _ = pair(10)
    with torch.inference_mode():
        logits = segmenter.network(torch.from_numpy(frame)[None, None])[0, 0]
    expected = 1 / (1 + np.exp(-logits.numpy()))
    np.testing.assert_allclose(segmenter.probabilities(frame), expected, atol=1e-6)


def test_threads_agree(segmenter: Segmenter) -> None:
    frames = [pair(seed)[0] for seed in range(50, 62)]
    alone = [segmenter.probabilities(frame) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(segmenter.probabilities, frames))
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, two)


def test_digest_follows_weights_and_size(segmenter: Segmenter) -> None:
    other = copy.deepcopy(segmenter.network)
    assert Segmenter(other, SIDE).digest == segmenter.digest
    assert Segmenter(other, 64).digest != segmenter.digest
    with torch.no_grad():
        next(other.parameters()).flatten()[0] += 1e-3
    assert Segmenter(other, SIDE).digest != segmenter.digest


def test_clones_share_it(segmenter: Segmenter) -> None:
    stage = clone(NetworkClassifier(preparation=segmenter))
    assert stage.preparation is segmenter
    assert copy.deepcopy(stage).preparation is segmenter


def test_a_shallow_copy_has_seen_nothing(segmenter: Segmenter) -> None:
    frame, _ = pair(11)
    expected = segmenter.lungs(frame)
    other = copy.copy(segmenter)
    assert not other._masks
    assert other.digest == segmenter.digest
    np.testing.assert_array_equal(other.lungs(frame).mask, expected.mask)


def test_census_tells_each_scan_and_keeps_it(
    segmenter: Segmenter, tmp_path, monkeypatch
) -> None:
    paths = []
    for seed in range(3):
        path = tmp_path / f"{seed}.png"
        cv2.imwrite(str(path), (pair(seed, 40)[0] * 255).astype(np.uint8))
        paths.append(str(path))
    expected = [True, True, True]
    cache = tmp_path / "cache"
    assert lungs_found(segmenter, paths, 40, cache).tolist() == expected
    monkeypatch.setattr(Segmenter, "lungs", lambda self, frame: 1 / 0)
    assert lungs_found(segmenter, paths, 40, cache).tolist() == expected
