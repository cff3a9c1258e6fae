"""DICOM phantoms, read back with pydicom's own windowing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_windowing

from hierclf.synthesis.cohort import PhantomOptions, make_cohort
from hierclf.synthesis.dicom import write_dicom

OPTIONS = {"cases": 24, "size": 64, "seed": 2, "workers": 1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("dicom")
    png = make_cohort(PhantomOptions(out=base / "png", **OPTIONS))
    return png, make_cohort(
        PhantomOptions(out=base / "dicom", format="dicom", **OPTIONS)
    )


@pytest.fixture(scope="module")
def files(folders) -> list[Path]:
    found = sorted(folders[1].glob("scans/*/*.dcm"))
    assert len(found) == 24
    return found


def test_shown_as_the_windows_say_it_is_the_png(folders, files) -> None:
    kinds = set()
    for path in files:
        scan = pydicom.dcmread(path)
        stored = scan.pixel_array
        shown = apply_windowing(stored, scan) / (2**scan.BitsStored - 1)
        if scan.PhotometricInterpretation == "MONOCHROME1":
            shown = 1 - shown
        twin = folders[0] / path.relative_to(folders[1]).with_suffix(".png")
        gray = np.asarray(Image.open(twin)) / 255
        np.testing.assert_allclose(shown, gray, atol=0.5 / 255 + 1e-3)
        # without window the grays are wrong: the tags are needed
        assert np.abs(stored / 4095 - gray).max() > 0.01
        kinds.add(scan.PhotometricInterpretation)
    assert kinds == {"MONOCHROME1", "MONOCHROME2"}


def test_the_window_spans_the_stored_range(tmp_path) -> None:
    steps = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    write_dicom(tmp_path / "a.dcm", steps, "P1", np.random.default_rng(0))
    scan = pydicom.dcmread(tmp_path / "a.dcm")
    stored = scan.pixel_array
    center, width = float(scan.WindowCenter), float(scan.WindowWidth)
    # PS3.3 C.11.2.1.2.1: shown black up to c - 0.5 - (w - 1) / 2, white from + on
    assert stored.min() == center - 0.5 - (width - 1) / 2
    assert stored.max() == center - 0.5 + (width - 1) / 2
    assert stored.max() < 2**scan.BitsStored


def test_files_are_valid_computed_radiographs(files) -> None:
    seen = set()
    for path in files:
        scan = pydicom.dcmread(path)
        assert scan.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert scan.SOPClassUID.name == "Computed Radiography Image Storage"
        assert scan.file_meta.MediaStorageSOPInstanceUID == scan.SOPInstanceUID
        uids = (scan.SOPInstanceUID, scan.SeriesInstanceUID, scan.StudyInstanceUID)
        assert all(uid.is_valid for uid in uids)
        assert path.stem.startswith(scan.PatientID + "_")
        assert scan.PatientName == f"Phantom^{scan.PatientID}"
        assert (scan.BitsAllocated, scan.BitsStored, scan.HighBit) == (16, 12, 11)
        assert scan.ImagerPixelSpacing == [6.25, 6.25]
        seen.update(uids)
    assert len(seen) == 3 * len(files)


def test_the_same_seed_gives_the_same_files(folders, tmp_path) -> None:
    again = make_cohort(PhantomOptions(out=tmp_path / "x", format="dicom", **OPTIONS))
    for path in folders[1].glob("scans/*/*.dcm"):
        twin = again / path.relative_to(folders[1])
        assert twin.read_bytes() == path.read_bytes()


def test_pydicom_is_imported_only_when_needed() -> None:
    code = (
        "import sys, hierclf.synthesis.cohort; "
        "sys.exit(any(m in sys.modules for m in ('pydicom', 'torch', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
