from __future__ import annotations

import numpy as np
import pytest

from hierclf.transforms.scan_and_mask import PairOptions, make_pair_augmentation

STILL = dict.fromkeys(PairOptions.model_fields, 0) | {"horizontal_flip": False}


def scan(side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((side, side), dtype=bool)
    mask[8:24, 4:14] = True
    return np.where(mask, 0.2, 0.8).astype(np.float32), mask


def test_nothing_changes_where_all_is_off() -> None:
    frame, mask = scan()
    change = make_pair_augmentation(PairOptions(**STILL), 32)
    seen, found = change(frame, mask, 5)
    np.testing.assert_allclose(seen, frame, atol=1e-6)
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("name", ["horizontal_flip", "rotation_deg", "shift", "zoom"])
def test_mask_moves_with_the_scan(name: str) -> None:
    """Where the frame says what is lung, the moved frame says it still."""
    frame, mask = scan()
    frame = mask.astype(np.float32)
    value = {"horizontal_flip": True, "rotation_deg": 20.0}.get(name, 0.3)
    change = make_pair_augmentation(PairOptions(**STILL | {name: value}), 32)
    moved = 0
    for seed in range(8):
        seen, found = change(frame, mask, seed)
        wrong = (seen > 0.5) != found
        assert wrong.mean() < 0.03
        moved += int((found != mask).any())
    assert moved


@pytest.mark.parametrize(
    "name",
    [
        "gamma",
        "contrast",
        "brightness",
        "blur",
        "noise",
        "shade",
        "inverted",
        "foreign",
    ],
)
def test_gray_values_change_and_the_mask_does_not(name: str) -> None:
    frame, mask = scan()
    value = {"inverted": 1.0, "foreign": 4}.get(name, 0.3)
    change = make_pair_augmentation(PairOptions(**STILL | {name: value}), 32)
    changes = [change(frame, mask, seed) for seed in range(6)]
    assert all((found == mask).all() for _, found in changes)
    assert any(np.abs(seen - frame).max() > 0.01 for seen, _ in changes)
    assert all(seen.min() >= 0 and seen.max() <= 1 for seen, _ in changes)


def test_tissue_becomes_darker_and_lungs_stay() -> None:
    frame, mask = scan()
    change = make_pair_augmentation(PairOptions(**STILL | {"tissue": 0.9}), 32)
    seen, _ = change(frame, mask, 0)
    inner = np.zeros_like(mask)
    inner[14:18, 8:10] = True
    np.testing.assert_allclose(seen[inner], frame[inner], atol=0.01)
    assert (seen <= frame + 1e-6).all()
    assert seen[~mask].mean() < frame[~mask].mean() - 0.02


def test_same_seed_same_change() -> None:
    frame, mask = scan()
    one, two = (make_pair_augmentation(PairOptions(), 32) for _ in range(2))
    two(frame, mask, 1)
    for seed in (3, 4):
        a, b = one(frame, mask, seed), two(frame, mask, seed)
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
    assert (one(frame, mask, 3)[0] != one(frame, mask, 4)[0]).any()
