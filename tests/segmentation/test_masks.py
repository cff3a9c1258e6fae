"""Masks drawn by hand, and what is left of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hierclf.segmentation.masks import LEAST_SHARE, clean_mask


def blank() -> np.ndarray:
    return np.zeros((20, 20), dtype=np.float32)


def test_the_two_largest_parts_are_kept() -> None:
    scan = blank()
    scan[3:15, 2:7] = 0.9  # 60 pixels
    scan[3:15, 12:16] = 0.7  # 48
    scan[17:19, 1:9] = 0.8  # 16: a third part
    scan[0, 19] = 1.0
    lungs = clean_mask(scan)
    expected = np.zeros((20, 20), dtype=bool)
    expected[3:15, 2:7] = expected[3:15, 12:16] = True
    assert lungs.found
    np.testing.assert_array_equal(lungs.mask, expected)


def test_holes_are_filled_and_bays_are_not() -> None:
    scan = blank()
    scan[2:12, 2:12] = 1
    scan[5:7, 5:7] = 0  # a hole: consolidation
    scan[8, 8:12] = 0  # a bay, open to the right
    mask = clean_mask(scan).mask
    assert mask[5:7, 5:7].all()
    assert not mask[8, 8:12].any()


def test_parts_that_touch_by_a_corner_are_two() -> None:
    scan = blank()
    scan[0:5, 0:5] = scan[5:10, 5:10] = 1
    scan[12:16, 0:6] = 1  # 24, less than either
    mask = clean_mask(scan).mask
    assert int(mask.sum()) == 50


def test_one_lung_is_enough() -> None:
    scan = blank()
    scan[2:10, 3:8] = 1
    assert int(clean_mask(scan).mask.sum()) == 40


@pytest.mark.parametrize(("n_pixels", "kept"), [(7, 0), (8, 8)])
def test_a_far_smaller_second_part_is_no_lung(n_pixels: int, kept: int) -> None:
    scan = blank()
    scan[2:12, 2:10] = 1  # 80 pixels
    scan[15, :n_pixels] = 1
    assert int(clean_mask(scan).mask.sum()) == 80 + kept


def test_threshold_is_inclusive() -> None:
    scan = np.full((4, 4), 0.5)
    assert clean_mask(scan).found
    assert not clean_mask(scan - 1e-6).found


@pytest.mark.parametrize("n_pixels", [0, 1, 19])
def test_too_little_is_none_and_all_is_seen(n_pixels: int) -> None:
    scan = blank().ravel()
    scan[:n_pixels] = 1
    lungs = clean_mask(scan.reshape(20, 20))
    assert not lungs.found
    assert lungs.mask.all()
    assert lungs.word == "no"


def test_least_share_is_enough() -> None:
    scan = blank().ravel()
    scan[: int(LEAST_SHARE * 400)] = 1
    lungs = clean_mask(scan.reshape(20, 20))
    assert lungs.found
    assert lungs.word == "yes"


def test_nan_is_no_lung() -> None:
    scan = np.full((8, 8), np.nan)
    assert not clean_mask(scan).found


def _parts_by_walking(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """Find connected parts by walking, without scipy."""
    left = {(int(r), int(c)) for r, c in zip(*np.nonzero(mask), strict=True)}
    found = []
    while left:
        part, edge = set(), [min(left)]
        while edge:
            r, c = edge.pop()
            if (r, c) in left:
                left.discard((r, c))
                part.add((r, c))
                edge += [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
        found.append(part)
    return found


@given(arrays(np.float32, (7, 7), elements=st.sampled_from([0.0, 1.0])))
def test_against_walking(scan: np.ndarray) -> None:
    lungs = clean_mask(scan)
    parts = sorted(_parts_by_walking(scan >= 0.5), key=len, reverse=True)
    assert len(_parts_by_walking(lungs.mask)) <= 2 or not lungs.found
    if lungs.found:
        kept = {tuple(map(int, p)) for p in np.argwhere(lungs.mask)}
        least = [len(part) for part in parts[:2] if 10 * len(part) >= len(parts[0])]
        assert len(kept) >= sum(least)
        assert any(part <= kept for part in parts)
        outside = _parts_by_walking(~np.pad(lungs.mask, 1))
        assert len(outside) == 1 or _only_corners(lungs.mask)


def _only_corners(mask: np.ndarray) -> bool:
    """Whether what is outside hangs together once corners count."""
    from scipy import ndimage

    return ndimage.label(~np.pad(mask, 1), np.ones((3, 3)))[1] == 1
