"""The patient of each scan: from the manifest, the file name or the header."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from unicodedata import normalize

from hierclf.data.dicom import dicom_patient_id
from hierclf.data.folders import is_dicom_name
from hierclf.data.naming import NameRule, find_part
from hierclf.data.source import Source
from hierclf.foundation.errors import InputError, ScanError

MISSING = frozenset({"", "nan", "na", "n/a", "#n/a", "<na>", "null"})
"""Cells, in lower case, that name nothing."""

PatientOrigin = Literal["manifest", "filename", "dicom", "none"]

_NO_PATIENTS = (
    "NO PATIENT IDS: every scan counts as a patient of its own. Scans of one patient "
    "can sit on both sides of a split, and all figures may be too good. Add a column "
    "patient_id, or pass --name-rule or --patient-from."
)


def identify_patients(
    source: Source, wanted: PatientOrigin | None, rule: NameRule | None
) -> bool:
    """Fill the column ``patient_id``.

    Parameters
    ----------
    source : Source
        Rows; gets the column, troubles and a remark.
    wanted : {"manifest", "filename", "dicom", "none"}, optional
        Where the patients stand. Not given: the first that is there of a rule
        with ``patient_id``, the manifest's column, the headers where all scans
        are DICOM; else none.
    rule : re.Pattern of str, optional
        Rule for file names.

    Returns
    -------
    has_patients : bool
        False if every scan counts as its own patient.

    Raises
    ------
    InputError
        If patients are wanted from a rule or a manifest that is not there.
    """
    origin = _origin(source, wanted, rule)
    if origin == "none":
        source.put("patient_id", source.frame["scan"].tolist())
        source.remarks.append(_NO_PATIENTS)
        return False
    if origin == "dicom":
        source.put("patient_id", _from_headers(source))
        _check_spelling(source)
        return True
    if origin == "filename" and rule is not None:
        source.put("patient_id", find_part(rule, source.frame["scan"], "patient_id"))
    for row, patient in source.cells("patient_id"):
        if patient.casefold() in MISSING:
            source.complain(row, _missing(patient))
    _check_spelling(source)
    return True


def _check_spelling(source: Source) -> None:
    """Refuse what is written in two ways: it could land on two sides of a split."""
    usual: dict[str, str] = {}
    for row, patient in source.cells("patient_id"):
        known = usual.setdefault(normalize("NFKC", patient).casefold(), patient)
        if patient != known:
            source.complain(
                row,
                f"expected one spelling of a patient, got {patient!r} beside {known!r}."
                " Write it one way.",
            )


def _origin(
    source: Source, wanted: PatientOrigin | None, rule: NameRule | None
) -> PatientOrigin:
    named = rule is not None and "patient_id" in rule.groupindex
    if wanted == "filename" and not named:
        raise InputError(
            "patient_from: expected a --name-rule with a group 'patient_id' beside "
            f"'filename', got {rule.pattern if rule else None!r}. Add the group."
        )
    if wanted == "manifest" and not source.file:
        raise InputError(
            "patient_from: expected a manifest beside 'manifest', got a folder without "
            "manifest.csv. Use filename, dicom or none."
        )
    if wanted is not None:
        return wanted
    present: dict[PatientOrigin, bool] = {
        "filename": named,
        "manifest": "patient_id" in source.frame,
        "dicom": all(map(is_dicom_name, source.frame["scan"])),
    }
    return next((origin for origin, there in present.items() if there), "none")


def _from_headers(source: Source) -> list[str]:
    broken = {row for row, _ in source.troubles}
    patients = []
    for row, path in source.cells("path"):
        patient = ""
        if row not in broken:
            try:
                patient = dicom_patient_id(Path(path)).strip()
            except ScanError as error:
                rule = f"expected a DICOM header, got {error.code} ({error})."
                source.complain(row, f"{rule} Remove the file or pass --patient-from.")
            else:
                if patient.casefold() in MISSING:
                    source.complain(row, _missing(patient))
        patients.append(patient)
    return patients


def _missing(patient: str) -> str:
    return (
        f"expected a patient_id, got {patient!r}. Without it a patient can sit on both "
        "sides of a split; fill it in, or pass --name-rule or --patient-from."
    )
