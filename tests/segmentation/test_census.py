"""Where lungs were found is kept by scan, by segmenter and by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hierclf.segmentation.census import lungs_found
from hierclf.segmentation.masks import Lungs


class Told:
    """Finds lungs in frames of some sides, and counts how often it is asked."""

    def __init__(self, digest: str, *sides: int) -> None:
        self.digest = digest * 64
        self.sides, self.asked = sides, 0

    def lungs(self, frame: np.ndarray) -> Lungs:
        self.asked += 1
        return Lungs(np.ones(frame.shape, dtype=bool), found=len(frame) in self.sides)


@pytest.fixture
def scan(tmp_path: Path) -> str:
    drawn = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    Image.fromarray(drawn).save(tmp_path / "scan.png")
    return str(tmp_path / "scan.png")


def test_an_answer_is_that_of_this_segmenter_at_this_side(scan, tmp_path) -> None:
    cache = tmp_path / "cache"
    first, second = Told("a", 32), Told("b", 48)
    for _ in range(2):
        for side in (32, 48):
            assert lungs_found(first, [scan], side, cache).tolist() == [side == 32]
            assert lungs_found(second, [scan], side, cache).tolist() == [side == 48]
    assert first.asked == second.asked == 2  # the second time it is remembered


def test_nothing_is_kept_without_a_cache(scan) -> None:
    one = Told("a", 32)
    assert lungs_found(one, [scan, scan], 32, None).tolist() == [True, True]
    assert one.asked == 2
