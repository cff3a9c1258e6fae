"""Patient identifiers, and what looking at DICOM costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import dcmread

from hierclf.data.dicom import dicom_patient_id
from hierclf.data.dicom_header import read_patient_id
from hierclf.data.pixels import read_scan
from hierclf.foundation.errors import ScanError

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
GRAY = np.random.default_rng(3).integers(0, 256, (24, 40), dtype=np.uint8)


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "examples_ybr_color.dcm",
        "test-SR.dcm",
        "dicomdirtests/77654033/CR1/6154",
        "JPGExtended.dcm",
    ],
)
def test_patient_id(name):
    """As pydicom reads it, also where the pixels could not be decoded."""
    assert dicom_patient_id(FILES / name) == str(dcmread(FILES / name).PatientID)


@pytest.mark.parametrize(("stored", "found"), [(" 007 ", "007"), ("", ""), (None, "")])
def test_patient_id_is_stripped(make_dicom, tmp_path, stored, found):
    """Blanks around an identifier mean nothing; none at all is empty."""
    header = {} if stored is None else {"PatientID": stored}
    path = tmp_path / "scan"
    path.write_bytes(make_dicom(GRAY, **header))
    assert dicom_patient_id(path) == found


def test_patient_id_with_backslash(make_dicom, tmp_path):
    """Two identifiers in one element stay two different from one."""
    path = tmp_path / "scan"
    path.write_bytes(make_dicom(GRAY, PatientID="a\\b"))
    assert dicom_patient_id(path) == "['a', 'b']"


def test_only_the_header_is_read(make_dicom, tmp_path):
    """Nothing behind the identifier is looked at."""
    content = make_dicom(np.zeros((900, 900), dtype=np.uint16), PatientID="p1")
    path = tmp_path / "scan"
    path.write_bytes(content)

    class Counting:
        def __init__(self, stream):
            self.stream, self.n_bytes = stream, 0

        def read(self, size=-1):
            data = self.stream.read(size)
            self.n_bytes += len(data)
            return data

        def __getattr__(self, name):
            return getattr(self.stream, name)

    with path.open("rb") as stream:
        counting = Counting(stream)
        assert read_patient_id(counting) == "p1"
    assert counting.n_bytes < 2000


@pytest.mark.parametrize(
    ("name", "code", "match"),
    [
        ("image_dfl.dcm", "E_TS", "not deflated"),
        ("no_meta.dcm", "E_DICOM_META", "a DICOM preamble"),
        ("meta_missing_tsyntax.dcm", "E_DICOM_META", "transfer syntax"),
        ("README.txt", "E_DICOM_META", "a DICOM preamble"),
    ],
)
def test_no_header_to_read(name, code, match):
    """What is no DICOM file, or must not be inflated, has no identifier."""
    with pytest.raises(ScanError, match=match) as caught:
        dicom_patient_id(FILES / name)
    assert caught.value.code == code


def test_nothing_leaks(make_dicom, tmp_path, caplog, capfd):
    """Remarks of pydicom quote the header, so they are shown nowhere."""
    content = make_dicom(GRAY, PatientID="Secret", SpecificCharacterSet="ISO_IR 100")
    path = tmp_path / "scan"
    path.write_bytes(content.replace(b"ISO_IR 100", b"Secret-Ch."))
    assert dicom_patient_id(path) == "Secret"
    assert read_scan(path).warnings == ("W_DECODER",)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_pydicom_is_imported_late():
    """Reading scans that are no DICOM costs no import of pydicom."""
    program = (
        "import sys, io; from PIL import Image; import hierclf.data.dicom\n"
        "from hierclf.data.pixels import decode_scan\n"
        "stream = io.BytesIO(); Image.linear_gradient('L').save(stream, 'PNG')\n"
        "decode_scan(stream.getvalue()); print('pydicom' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
