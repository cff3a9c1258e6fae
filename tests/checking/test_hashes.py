"""Hashes: those of another library, for every way to lay a picture."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from hierclf.checking.hashes import FLIPS, signs_of, waves_of
from hierclf.transforms.geometry import fit_frame


def pictures(number: int, side: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.random((number, 9, 9), dtype=np.float32)
    frames = [fit_frame(one, side) for one in coarse]
    return np.rint(np.stack(frames) * 255).astype(np.float32) / 255


def places(one: np.ndarray, other: np.ndarray) -> int:
    return int((one != other).sum())


def test_hashes_are_those_of_imagehash() -> None:
    for frame in pictures(20):
        image = Image.fromarray(np.rint(frame * 255).astype(np.uint8))
        known = imagehash.phash(image, hash_size=16).hash.ravel()
        found = signs_of(waves_of(frame)[None])[0] > 0
        assert np.count_nonzero(found != known) <= 2  # waves that are nearly the median


@pytest.mark.parametrize("flip", FLIPS)
def test_a_laid_picture_has_the_hash_that_is_foretold(flip: str) -> None:
    rows, columns = FLIPS[flip]
    frames = pictures(10)
    laid = frames[:, :: -1 if rows else 1, :: -1 if columns else 1]
    before = np.stack([waves_of(frame) for frame in frames])
    after = np.stack([waves_of(np.ascontiguousarray(frame)) for frame in laid])
    foretold, found = signs_of(before, flip), signs_of(after)
    assert (foretold != found).sum(axis=1).max() <= 2
    if flip:
        assert (signs_of(before) != found).sum(axis=1).min() > 50


def test_a_negative_has_all_signs_changed_but_that_of_the_mean() -> None:
    frames = pictures(10)
    plain = signs_of(np.stack([waves_of(frame) for frame in frames]))
    negative = signs_of(np.stack([waves_of(1 - frame) for frame in frames]))
    assert (plain == negative).sum(axis=1).max() <= 3
