"""What is seen of a scan, against NumPy and Pillow."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hierclf.checking.looks import border_of, file_facts, look_at
from hierclf.checking.survey import other_columns, survey_scans
from hierclf.foundation.errors import ScanError


def save(path: Path, array: np.ndarray) -> str:
    Image.fromarray(array).save(path)
    return str(path)


def test_a_look_holds_what_numpy_finds(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (80, 120), dtype=np.uint8)
    path = save(tmp_path / "A.PNG", gray)
    look, frame = look_at(path)
    assert dict(look.file) == {
        "ending": ".png",
        "format": "PNG",
        "width": 120.0,
        "height": 80.0,
        "aspect": 1.5,
        "color mode": "L",
    }
    assert look.pixels["brightness"] == pytest.approx(gray.mean() / 255, abs=1e-6)
    assert look.pixels["contrast"] == pytest.approx(gray.std() / 255, abs=1e-6)
    assert look.pixels["black"] == pytest.approx((gray == 0).mean())
    assert look.pixels["white"] == pytest.approx((gray == 255).mean())
    assert look.pixels["bytes"] == Path(path).stat().st_size
    assert look.digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert frame.shape == (64, 64)


def test_pixels_are_equal_whatever_the_file(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
    rgb = np.repeat(gray[..., None], 3, axis=2)
    looks = [
        look_at(save(tmp_path / name, array))[0]
        for name, array in {"a.png": gray, "b.tif": gray, "c.png": rgb}.items()
    ]
    assert len({look.picture for look in looks}) == 1
    assert len({look.digest for look in looks}) == 3
    other = look_at(save(tmp_path / "d.png", gray.reshape(60, 40)))[0]
    assert other.picture != looks[0].picture


def test_the_border_is_eight_tiles_without_the_middle() -> None:
    frame = np.zeros((64, 64), dtype=np.float32)
    frame[8:56, 8:56] = 1
    assert not border_of(frame).any()
    frame[:8, 56:] = 0.5
    frame[0, 63] = 1
    corner = border_of(frame)[6:9]
    tile = frame[:8, 56:]
    assert corner == pytest.approx([tile.mean(), tile.std(), 1])
    assert np.flatnonzero(border_of(frame)).tolist() == [6, 7, 8]


def test_headers_alone_and_what_cannot_be_read(tmp_path: Path) -> None:
    gray = np.arange(3200, dtype=np.uint16).reshape(40, 80).astype(np.uint8)
    good = save(tmp_path / "a.png", gray)
    (tmp_path / "b.png").write_bytes(b"no picture")
    facts = file_facts([good, str(tmp_path / "b.png"), str(tmp_path / "gone.JPG")])
    assert facts["ending"].tolist() == [".png", ".png", ".jpg"]
    assert facts["width"].iloc[0] == 80
    assert facts["width"].isna().tolist() == [False, True, True]
    with pytest.raises(ScanError, match=r"PNG, JPEG, TIFF or DICOM"):
        look_at(str(tmp_path / "b.png"))


def test_a_survey_keeps_order_leaves_out_the_broken_and_means_by_label(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    table = []
    for n in range(6):
        gray = np.full((64, 64), 40 * n, dtype=np.uint8)
        gray[:2] = rng.integers(0, 255, (2, 64))
        path = save(tmp_path / f"{n}.png", gray)
        table.append({"path": path, "scan": f"{n}.png", "label": "ab"[n % 2]})
    Path(table[2]["path"]).write_bytes(b"\x89PNG")
    survey = survey_scans(pd.DataFrame(table))
    assert survey.manifest["scan"].tolist() == [
        "0.png",
        "1.png",
        "3.png",
        "4.png",
        "5.png",
    ]
    assert list(survey.errors) == ["2.png"]
    assert survey.means["a"][10, 10] == pytest.approx((0 + 160) / 2 / 255, abs=1e-4)
    assert survey.means["b"][10, 10] == pytest.approx(
        (40 + 120 + 200) / 3 / 255, abs=1e-4
    )
    assert survey.waves.shape == (5, 16, 16)
    assert survey.scans["width"].tolist() == [64.0] * 5


def test_columns_that_are_neither_label_nor_patient() -> None:
    frame = pd.DataFrame(
        columns=["path", "scan", "label", "patient_id", "split", "lung_mask", "age"]
    )
    assert other_columns(frame).columns.tolist() == ["age"]
