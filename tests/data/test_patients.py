"""Where the patient of a scan stands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pydicom.data import get_testdata_file

from hierclf.data.naming import compile_rule
from hierclf.data.patients import PatientOrigin, identify_patients
from hierclf.data.source import Source
from hierclf.foundation.errors import InputError, ScanError

BY_NAME = compile_rule("(?P<patient_id>p[0-9]+)_")
LABEL_ONLY = compile_rule("(?P<label>p)")


def make(*scans: str, file: str = "", **columns: list[str]) -> Source:
    root = Path("/data")
    frame = pd.DataFrame(
        {"path": [f"/data/{scan}" for scan in scans], "scan": scans, **columns},
        dtype=object,
    )
    return Source(root, frame, file)


@pytest.fixture
def headers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Patients by file name; a name that is absent is no DICOM file."""
    patients: dict[str, str] = {}

    def read(path: Path) -> str:
        if path.name not in patients:
            raise ScanError("E_DICOM_META", "expected a DICOM file, got text.")
        return patients[path.name]

    monkeypatch.setattr("hierclf.data.patients.dicom_patient_id", read)
    return patients


@pytest.mark.parametrize(
    ("scans", "column", "rule", "expected"),
    [
        (("p1_a.dcm", "p2_b.dcm"), ["x", "y"], BY_NAME, ["p1", "p2"]),
        (("p1_a.dcm", "p2_b.dcm"), ["x", "y"], LABEL_ONLY, ["x", "y"]),
        (("p1_a.dcm", "p2_b"), None, None, ["h1", "h2"]),
        (("p1_a.dcm", "p2_b.png"), None, None, ["p1_a.dcm", "p2_b.png"]),
    ],
)
def test_not_told_where_the_first_that_is_there_serves(
    headers: dict[str, str],
    scans: tuple[str, ...],
    column: list[str] | None,
    rule: None,
    expected: list[str],
) -> None:
    headers.update({"p1_a.dcm": "h1", "p2_b": "h2", "p2_b.dcm": "h2"})
    columns = {"patient_id": column} if column else {}
    source = make(*scans, file="manifest.csv", **columns)
    has_patients = identify_patients(source, None, rule)
    assert source.frame["patient_id"].tolist() == expected
    assert has_patients == (expected != list(scans))
    assert source.troubles == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("manifest", ["x", "x"]),
        ("filename", ["p1", "p2"]),
        ("dicom", ["h", "h"]),
        ("none", ["p1_a.dcm", "p2_b.dcm"]),
    ],
)
def test_told_where_only_that_serves(
    headers: dict[str, str], wanted: PatientOrigin, expected: list[str]
) -> None:
    headers.update({"p1_a.dcm": " h ", "p2_b.dcm": "h"})
    source = make("p1_a.dcm", "p2_b.dcm", file="m.csv", patient_id=["x", "x"])
    assert identify_patients(source, wanted, BY_NAME) == (wanted != "none")
    assert source.frame["patient_id"].tolist() == expected


def test_without_patients_there_is_a_loud_remark() -> None:
    source = make("a.png", "b.png")
    assert not identify_patients(source, None, None)
    [remark] = source.remarks
    assert remark.startswith("NO PATIENT IDS: every scan counts as a patient")


@pytest.mark.parametrize("cell", ["", "NaN", "nan", "NA", "n/a", "<NA>", "null"])
def test_a_cell_that_names_nobody_is_a_trouble(cell: str) -> None:
    source = make("a.png", "b.png", file="m.csv", patient_id=["7", cell])
    identify_patients(source, None, None)
    rule = "m.csv, row 1: expected a patient_id, got .* sides of a split"
    with pytest.raises(InputError, match=rule):
        source.refuse_troubles()


def test_a_name_without_the_patient_is_a_trouble() -> None:
    source = make("p1_a.png", "q2_b.png")
    identify_patients(source, "filename", BY_NAME)
    assert [row for row, _ in source.troubles] == [1]
    assert source.troubles[0][1].startswith("scan 'q2_b.png': expected a patient_id")


def test_headers_without_patient_or_that_are_none_are_troubles(
    headers: dict[str, str],
) -> None:
    headers.update({"a.dcm": "7", "b.dcm": "  "})
    source = make("a.dcm", "b.dcm", "c.dcm", "d.dcm")
    source.complain(3, "expected a file, got none.")
    identify_patients(source, None, None)
    messages = [message for _, message in source.troubles]
    assert [message.split(".  ")[0][:58] for message in messages] == [
        "scan 'd.dcm': expected a file, got none.",
        "scan 'b.dcm': expected a patient_id, got ''. Without it a ",
        "scan 'c.dcm': expected a DICOM header, got E_DICOM_META (e",
    ]
    assert source.frame["patient_id"].tolist() == ["7", "", "", ""]


@pytest.mark.parametrize("rule", [None, LABEL_ONLY])
def test_patients_from_names_need_a_rule(rule: None) -> None:
    with pytest.raises(InputError, match="patient_from: expected a --name-rule with"):
        identify_patients(make("a.png"), "filename", rule)


def test_patients_from_a_manifest_need_one() -> None:
    with pytest.raises(InputError, match="patient_from: expected a manifest beside"):
        identify_patients(make("a.png"), "manifest", None)


def test_the_header_of_a_real_file_is_read() -> None:
    path = get_testdata_file("CT_small.dcm")
    frame = pd.DataFrame({"path": [path], "scan": ["CT_small.dcm"]}, dtype=object)
    source = Source(Path(str(path)).parent, frame)
    assert identify_patients(source, None, None)
    assert frame["patient_id"].tolist() == ["1CT1"]


@pytest.mark.parametrize("second", ["P1", "p\uff11"])  # the latter a full-width 1
def test_patient_in_two_spellings_is_refused(second: str) -> None:
    source = make("a", "b", "c", file="m.csv", patient_id=["p1", second, "p2"])
    identify_patients(source, None, None)
    with pytest.raises(InputError, match=f"expected one spelling .*{second!r}"):
        source.refuse_troubles()
