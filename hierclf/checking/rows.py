"""Rows and single scans, judged: facts to findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from hierclf.checking.findings import Code, Finding, Severity
from hierclf.data.split import straddling_patients
from hierclf.foundation.counting import count

FEW_PATIENTS = 10
"""Patients of a label below which no figure of it is firm."""

SMALL_SIDE = 64
"""Shorter side in pixels below which a scan shows little: networks see 224."""

FLAT = 0.01
"""Standard deviation of the grays below which a scan shows nothing."""

_CODES: Mapping[str, Code] = {"E_BLANK": "blank", "E_TOO_SMALL": "tiny"}


def judge_rows(
    manifest: pd.DataFrame, *, has_patients: bool, remarks: Iterable[str] = ()
) -> list[Finding]:
    """Judge what the manifest alone tells: patients, labels, splits, counts.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Columns ``scan``, ``label``, ``patient_id`` and maybe ``split``.
    has_patients : bool
        Whether patients are known.
    remarks : iterable of str, optional
        Of whoever read it.

    Returns
    -------
    findings : list of Finding
        In no order of severity.
    """
    found = [
        Finding(code="reading", severity="remark", message=remark)
        for remark in remarks
        if "patient" not in remark.lower()
    ]
    if not has_patients:
        message = (
            "No patients are known: each scan counts as its own, and scans of one "
            "patient may sit on both sides of a split. Add a column patient_id."
        )
        found.append(Finding(code="patients", severity="warning", message=message))
    found += _few(manifest, has_patients=has_patients)
    if has_patients:
        found += _several_labels(manifest)
        found += _straddling(manifest)
    return found


def _few(manifest: pd.DataFrame, *, has_patients: bool) -> list[Finding]:
    unit = "patient" if has_patients else "scan"
    n_patients = manifest.groupby("label", sort=True)["patient_id"].nunique()
    found = []
    if len(n_patients) < 2:
        message = (
            f"There is {count(len(n_patients), 'label')}: nothing can be told apart."
        )
        found.append(Finding(code="few", severity="severe", message=message))
    for label, number in n_patients.items():
        if number >= FEW_PATIENTS:
            continue
        severity: Severity = "severe" if number < 2 else "warning"
        rest = (
            "it cannot be on both sides of a split."
            if number < 2
            else f"below {FEW_PATIENTS} no figure of it is firm."
        )
        message = f"{label!r} has {count(number, unit)}: {rest}"
        found.append(
            _finding("few", severity, message, manifest, manifest["label"] == label)
        )
    return found


def _several_labels(manifest: pd.DataFrame) -> list[Finding]:
    n_labels = manifest.groupby("patient_id")["label"].transform("nunique")
    several = n_labels > 1
    if not several.any():
        return []
    who = manifest.loc[several, "patient_id"].nunique()
    message = (
        f"{count(who, 'patient')} with scans of several labels. It may be so (two "
        "knees, a course of disease); a slip of patient ids looks the same."
    )
    return [_finding("labels", "remark", message, manifest, several)]


def _straddling(manifest: pd.DataFrame) -> list[Finding]:
    if "split" not in manifest:
        return []
    shared = straddling_patients(manifest["patient_id"], manifest["split"])
    owners: dict[str, list[str]] = {}
    for patient, splits in shared.items():
        owners.setdefault(" and ".join(splits), []).append(patient)
    return [  # no names: the card of a bundle repeats the message
        _finding(
            "straddle",
            "severe",
            f"{count(len(patients), 'patient')} {_sit(patients)} in {splits}: figures "
            "on the test part are too good. Move all scans of a patient to one split.",
            manifest,
            manifest["patient_id"].isin(patients),
        )
        for splits, patients in owners.items()
    ]


def _sit(patients: Sequence[str]) -> str:
    return "sits" if len(patients) == 1 else "sit"


def judge_troubles(troubles: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Pass on what is wrong with rows.

    Parameters
    ----------
    troubles : mapping of str to sequence of str
        By scan; see `hierclf.data.dataset.survey_dataset`.

    Returns
    -------
    findings : list of Finding
        One for each trouble.
    """
    return [
        Finding(code="manifest", severity="severe", message=message, scans=(scan,))
        for scan, messages in troubles.items()
        for message in messages
    ]


def judge_unreadable(errors: Mapping[str, tuple[str, str]]) -> list[Finding]:
    """Put scans that were not read together by the reason.

    Parameters
    ----------
    errors : mapping of str to (str, str)
        Scan to code (``E_TRUNCATED``, ...) and message.

    Returns
    -------
    findings : list of Finding
        One for each code and message.
    """
    by_reason: dict[tuple[str, str], list[str]] = {}
    for scan, reason in errors.items():
        by_reason.setdefault(reason, []).append(scan)
    return [
        Finding(
            code=_CODES.get(code, "unreadable"),
            severity="warning",
            message=f"{count(len(scans), 'scan')} cannot be read, {code}: {message}",
            scans=tuple(scans),
        )
        for (code, message), scans in by_reason.items()
    ]


def judge_scans(manifest: pd.DataFrame, facts: pd.DataFrame) -> list[Finding]:
    """Judge single scans: small, nearly blank, odd.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Column ``scan``.
    facts : DataFrame, n_scans rows
        Columns ``width``, ``height``, ``contrast`` and ``warnings`` (tuples of codes).

    Returns
    -------
    findings : list of Finding
        At most one for each kind.
    """
    side = facts[["width", "height"]].min(axis=1)
    marks = facts["warnings"].explode()
    told: list[tuple[Code, Severity, str, pd.Series]] = [
        (
            "tiny",
            "warning",
            f"with a side below {SMALL_SIDE} pixels; a network sees them enlarged",
            side < SMALL_SIDE,
        ),
        (
            "blank",
            "warning",
            f"nearly blank (their grays deviate by less than {FLAT:g} of the scale)",
            facts["contrast"] < FLAT,
        ),
    ]
    for code in sorted(marks.dropna().unique()):
        kind: Code = "burned_in" if code == "W_BURNED_IN" else "odd_file"
        severity: Severity = "warning" if kind == "burned_in" else "remark"
        has = facts["warnings"].map(lambda codes, code=code: code in codes)
        told.append((kind, severity, f"read with {code}: {_ODD[code]}", has))
    return [
        _finding(
            kind,
            severity,
            f"{count(int(rows.sum()), 'scan')} {words}.",
            manifest,
            rows,
        )
        for kind, severity, words, rows in told
        if rows.any()
    ]


_ODD = {
    "W_ALPHA": "partly transparent, what lay below is black now",
    "W_BURNED_IN": "the header says that text is burned into the pixels",
    "W_DECODER": "a decoder remarked on the file",
    "W_DEPTH": "16 bits per color, of which the upper 8 were read",
    "W_NO_IEND": "a PNG whose end is missing",
    "W_ORIENTATION": "broken EXIF data, the scan may lie on its side",
    "W_PADDING": "more pixel data than the header announces",
}


def _finding(
    code: Code,
    severity: Severity,
    message: str,
    manifest: pd.DataFrame,
    rows: pd.Series,
) -> Finding:
    scans = tuple(manifest.loc[rows, "scan"])
    return Finding(code=code, severity=severity, message=message, scans=scans)
