"""Masks of lungs as they come: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hierclf.assembly.masked_scans import read_masked
from hierclf.data.dataset import Dataset
from hierclf.foundation.errors import InputError
from tests.segmentation.conftest import pair

SIDE = 64
LEFT, RIGHT = (slice(12, 52), slice(8, 26)), (slice(12, 52), slice(38, 56))


def two_lungs(left: float = 255, right: float = 255) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE))
    mask[LEFT], mask[RIGHT] = left, right
    return mask


def read(
    folder: Path,
    mask: np.ndarray | Image.Image,
    ending: str = "png",
    side: int = SIDE,
) -> np.ndarray:
    """The mask of one scan, as it is read."""
    scan = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE)).astype(np.uint8)
    Image.fromarray(scan).save(folder / "scan.png")
    if not isinstance(mask, Image.Image):
        mask = Image.fromarray(mask.astype(np.uint8))
    mask.save(folder / f"mask.{ending}")
    row = {"scan": "scan.png", "path": str(folder / "scan.png")}
    manifest = pd.DataFrame([row | {"lung_mask": str(folder / f"mask.{ending}")}])
    dataset = Dataset(manifest, folder, has_patients=False, remarks=(), fingerprint="f")
    [(_, found)] = read_masked(dataset, side).pairs
    return found


@pytest.mark.parametrize(("n_turned", "told"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_masks_of_all_but_the_lungs_are_said(n_turned, told, tmp_path: Path) -> None:
    rows = []
    for number in range(3):
        mask = two_lungs() if number >= n_turned else 255 - two_lungs()
        mask[:4, :] = 255 - mask[:4, :]  # a lung may leave the frame
        read(tmp_path, mask)
        for kind in ("scan", "mask"):
            (tmp_path / f"{kind}.png").rename(tmp_path / f"{kind}{number}.png")
        row = {"scan": "", "path": str(tmp_path / f"scan{number}.png")}
        rows.append(row | {"lung_mask": str(tmp_path / f"mask{number}.png")})
    manifest = pd.DataFrame(rows)
    told_before = ("before.",)
    dataset = Dataset(
        manifest, tmp_path, has_patients=False, remarks=told_before, fingerprint="f"
    )
    found = read_masked(dataset, SIDE).dataset.remarks
    assert found[0] == "before."
    assert len(found) == 1 + told
    if told:
        assert found[1].startswith(f"{n_turned} of 3 masks hold most of the rim")


@pytest.mark.parametrize("bright", [1, 2, 128, 255])
def test_two_grays_are_a_mask(bright: int, tmp_path: Path) -> None:
    found = read(tmp_path, two_lungs(bright, bright))
    assert (found == (two_lungs() > 0)).all()


def test_colors_and_sixteen_bits_are_a_mask(tmp_path: Path) -> None:
    gray = Image.fromarray(two_lungs().astype(np.uint8))
    red = Image.merge("RGB", (gray, *[Image.new("L", (SIDE, SIDE))] * 2))
    deep = Image.fromarray((two_lungs() * 257).astype(np.uint16))
    for mask in (red, deep, gray.convert("1")):
        assert (read(tmp_path, mask) == (two_lungs() > 0)).all()


def test_soft_borders_and_compression_are_a_mask(tmp_path: Path) -> None:
    small, large = (255 * pair(0, side)[1].astype(np.uint8) for side in (SIDE, 333))
    soft = Image.fromarray(large).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    for mask, ending in ((soft, "png"), (small, "jpg")):
        found = read(tmp_path, mask, ending)
        assert (found != (small > 0)).mean() < 0.03


@pytest.mark.parametrize(("left", "right"), [(1, 2), (2, 1), (127, 255), (200, 100)])
def test_a_label_for_each_lung_is_refused(left, right, tmp_path: Path) -> None:
    """The darker lung would be lost without a word."""
    with pytest.raises(InputError, match="two grays, got a third one in 18% of the"):
        read(tmp_path, two_lungs(left, right))


@pytest.mark.parametrize("gray", [0, 7, 255])
def test_one_gray_is_no_mask(gray: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got one gray\. Write 0 around the lungs"):
        read(tmp_path, np.full((SIDE, SIDE), gray))


def test_specks_that_vanish_are_no_mask(tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE))
    mask[5, 5] = 255
    with pytest.raises(InputError, match="next to nothing, none of 16 x 16 pixels"):
        read(tmp_path, mask, side=16)


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the shape \(64, 64\) of the scan"):
        read(tmp_path, two_lungs()[:50])
