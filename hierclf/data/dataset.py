"""The one entry to a data set: from a folder or a manifest to checked rows."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from hierclf.data.folders import read_folders
from hierclf.data.manifest_csv import MASK_COLUMNS, read_manifest
from hierclf.data.naming import NameRule, compile_rule, find_part
from hierclf.data.patients import MISSING, PatientOrigin, identify_patients
from hierclf.data.source import Source, split_name
from hierclf.data.split import straddling_patients
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError

_log = logging.getLogger(__name__)

_FIRST_COLUMNS = ("path", "scan", "label", "patient_id", "split", *MASK_COLUMNS)


class DataOptions(BaseModel):
    """Where the scans lie, and where their labels and patients stand."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Path = Field(
        description="Folder of scans, or a manifest (.csv). "
        "A folder that holds manifest.csv is read by it."
    )
    path_column: str = Field(
        default="path",
        description="Column of the manifest with the path, relative to its folder.",
    )
    label_column: str = Field(
        default="label", description="Column of the manifest with the label."
    )
    patient_column: str = Field(
        default="patient_id", description="Column of the manifest with the patient."
    )
    split_column: str = Field(
        default="split",
        description="Column of the manifest with train, val or test; may be absent.",
    )
    patient_from: PatientOrigin | None = Field(
        default=None,
        description="Where the patient of a scan stands: manifest, filename (needs "
        "--name-rule), dicom (header) or none (each scan is a patient of its own). "
        "Not given: the first that is there of a name rule with patient_id, the "
        "manifest's column, the headers where all scans are DICOM, none.",
    )
    name_rule: str | None = Field(
        default=None,
        description="Regular expression with named groups label and/or patient_id, "
        "searched in the path relative to the root. Where it finds a label, that one "
        "counts (in lower case); elsewhere that of the folder or manifest.",
    )
    allow_straddling: bool = Field(
        default=False,
        description="Accept given splits that share patients. The figures on such a "
        "test part are too good.",
    )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Checked rows, one for each scan.

    Parameters
    ----------
    manifest : DataFrame of str
        Columns ``path`` (absolute), ``scan`` (relative to `root`, with ``/``, the
        unique id), ``label`` ('' where unknown), ``patient_id``; where given
        ``split`` (train, val or test), ``lesion_mask`` and ``lung_mask``
        (absolute, or ''); all other columns of the file. The dtype is object:
        Arrow strings cannot hold file names that are no UTF-8.
    root : Path
        Folder of the scans, absolute and without symbolic links.
    has_patients : bool
        False if every scan counts as its own patient.
    remarks : tuple of str
        What the user should be told once.
    fingerprint : str
        SHA-256 over the sorted scans with label, patient and split; the pixels
        do not enter it.
    """

    manifest: pd.DataFrame
    root: Path
    has_patients: bool
    remarks: tuple[str, ...]
    fingerprint: str


def read_dataset(options: DataOptions, *, needs_labels: bool = True) -> Dataset:
    """Read a data set and refuse what can never work.

    Whether each class has enough patients is not decided here but by the split.

    Parameters
    ----------
    options : DataOptions
        Where and how to read.
    needs_labels : bool, default=True
        Off, scans without a label are accepted.

    Returns
    -------
    dataset : Dataset
        In the order of the manifest, or sorted by name for folders.

    Raises
    ------
    InputError
        If there is no scan, or a label, path, patient or split is missing or
        wrong. One message names all rows (five, then a count).
    ResourceError
        If a file or folder may not be read.
    """
    source, has_patients = _read(options, needs_labels)
    try:
        source.refuse_troubles()
    except InputError:
        _tell(source)  # one of the remarks may be why
        raise
    return _dataset(source, has_patients)


def survey_dataset(options: DataOptions) -> tuple[Dataset, dict[str, list[str]]]:
    """Read a data set, and tell what is wrong with rows instead of refusing them.

    Parameters
    ----------
    options : DataOptions
        Where and how to read.

    Returns
    -------
    dataset : Dataset
        Rows with which nothing is wrong; it may have none. Patients may sit in
        several given splits.
    troubles : dict of str to list of str
        What `read_dataset` would refuse, by scan.

    Raises
    ------
    InputError
        If there is no scan, or no such column.
    ResourceError
        If a file or folder may not be read.
    """
    source, has_patients = _read(options, needs_labels=True, allow_straddling=True)
    troubles: dict[str, list[str]] = {}
    for row, message in sorted(source.troubles):
        troubles.setdefault(source.frame["scan"][row], []).append(message)
    wrong = {row for row, _ in source.troubles}
    source.frame = source.frame[~source.frame.index.isin(wrong)]
    return _dataset(source, has_patients), troubles


def _read(
    options: DataOptions, needs_labels: bool, *, allow_straddling: bool | None = None
) -> tuple[Source, bool]:
    """Read and complete the rows; tells whether patients are known."""
    rule = None if options.name_rule is None else compile_rule(options.name_rule)
    source = _open(options, rule, needs_labels)
    if allow_straddling is None:
        allow_straddling = options.allow_straddling
    try:
        if rule is not None and "label" in rule.groupindex:
            _label_by_name(source, rule, needs_labels=needs_labels)
        if needs_labels:
            _check_labels(source)
        has_patients = identify_patients(source, options.patient_from, rule)
        _check_splits(source, allow_straddling=allow_straddling)
    except InputError:
        _tell(source)
        raise
    return source, has_patients


def _tell(source: Source) -> None:
    for remark in source.remarks:
        _log.warning("%s", remark)


def _dataset(source: Source, has_patients: bool) -> Dataset:
    frame = source.frame.reset_index(drop=True)
    first = [name for name in _FIRST_COLUMNS if name in frame]
    frame = frame[[*first, *frame.columns.difference(first, sort=False)]]
    remarks = tuple(source.remarks)
    return Dataset(frame, source.root, has_patients, remarks, fingerprint_of(frame))


def _open(options: DataOptions, rule: NameRule | None, needs_labels: bool) -> Source:
    inside = options.data / "manifest.csv"
    manifest = inside if os.path.isfile(inside) else options.data
    if _is_table(manifest):
        columns = {
            "path": options.path_column,
            "label": options.label_column,
            "patient_id": options.patient_column,
            "split": options.split_column,
        }
        required = _required(options, rule, needs_labels)
        return read_manifest(manifest, columns, required=required)
    check_there(options.data)
    return read_folders(Path(os.path.realpath(options.data)))


def check_there(data: Path) -> None:
    """Refuse what is neither a folder nor a table, without reading anything.

    Parameters
    ----------
    data : Path
        Where scans are said to be.

    Raises
    ------
    InputError
        If they cannot be.
    """
    if not os.path.isdir(data) and not _is_table(data):
        raise InputError(
            f"data: expected a folder or a .csv file, got {str(data)!r}. "
            "Check the path."
        )


def _is_table(path: Path) -> bool:
    return os.path.isfile(path) and path.suffix.lower() == ".csv"


def _required(
    options: DataOptions, rule: NameRule | None, needs_labels: bool
) -> list[str]:
    """Name the columns that must be there: needed, or asked for by name."""
    asked = {
        "path": True,
        "label": needs_labels and not (rule and "label" in rule.groupindex),
        "patient_id": options.patient_from == "manifest",
        "split": False,
    }
    renamed = {
        "label": options.label_column != "label",
        "patient_id": options.patient_column != "patient_id",
        "split": options.split_column != "split",
    }
    return [name for name, needed in asked.items() if needed or renamed.get(name)]


def _label_by_name(source: Source, rule: NameRule, *, needs_labels: bool) -> None:
    scans, given = source.frame["scan"].tolist(), source.frame["label"].tolist()
    found = find_part(rule, scans, "label")
    n_found = sum(map(bool, found))
    if n_found == 0 and needs_labels:
        raise InputError(
            "name_rule: expected to find a label in some file name, found none in "
            f"{len(scans)}, the first {scans[0]!r}. Correct the rule."
        )
    source.put("label", [new or old for new, old in zip(found, given, strict=True)])
    if n_found < len(found):
        source.remarks.append(
            f"name_rule found the label of {n_found} of {count(len(found), 'scan')}; "
            "the others have that of their folder or row."
        )


def _check_labels(source: Source) -> None:
    labels = list(source.cells("label"))
    if len(labels) > 1 and all(label.casefold() in MISSING for _, label in labels):
        source.complain(
            labels[0][0],
            f"expected a label, got none for all {len(labels)} scans. Point --data at "
            "the folder that holds the class folders, fill the column label or pass "
            "--name-rule.",
        )
        return
    spellings: dict[str, str] = {}
    for row, label in labels:
        usual = spellings.setdefault(label.casefold(), label)
        if label.casefold() in MISSING:
            source.complain(
                row,
                f"expected a label, got {label!r}. Fill the column, sort the scan into "
                "a class folder or pass --name-rule.",
            )
        elif not label.isprintable():
            source.complain(
                row,
                f"expected a label of printable UTF-8 text, got {label!r}. Rename it.",
            )
        elif label != usual:
            source.complain(
                row,
                f"expected one spelling of a label, got {label!r} beside {usual!r}. "
                "Write it one way.",
            )


def _check_splits(source: Source, *, allow_straddling: bool) -> None:
    if "split" not in source.frame:
        return
    given = list(source.cells("split"))
    source.put("split", [split_name(cell) for _, cell in given])
    for row, cell in given:
        if not split_name(cell):
            source.complain(
                row, f"expected the split train, val or test, got {cell!r}. Correct it."
            )
    known = source.frame[(source.frame[["patient_id", "split"]] != "").all(axis=1)]
    shared = straddling_patients(known["patient_id"], known["split"])
    if allow_straddling and shared:
        source.remarks.append(
            f"{count(len(shared), 'patient')} {'sits' if len(shared) == 1 else 'sit'} "
            "in more than one given split: the figures on the test part are too good."
        )
        return
    first_rows = dict(reversed([(p, row) for row, p in source.cells("patient_id")]))
    for patient, splits in shared.items():
        source.complain(
            first_rows[patient],
            f"expected patient {patient!r} in one split, got {' and '.join(splits)}. "
            "Move all scans of the patient to one, or pass --allow-straddling.",
        )


def fingerprint_of(frame: pd.DataFrame) -> str:
    """Give the SHA-256 over sorted rows; of pixels it says nothing.

    Parameters
    ----------
    frame : DataFrame of str
        Columns ``scan``, ``label``, ``patient_id`` and maybe ``split``.

    Returns
    -------
    digest : str
        64 hexadecimal digits.
    """
    splits = frame["split"] if "split" in frame else [""] * len(frame)
    columns = (frame["scan"], frame["label"], frame["patient_id"], splits)
    rows = sorted(zip(*columns, strict=True))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
