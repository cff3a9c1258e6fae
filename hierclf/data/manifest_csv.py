"""A manifest: one row for each scan, in a CSV file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hierclf.data.csv_table import Table, read_table
from hierclf.data.source import Source
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError, join_troubles

MASK_COLUMNS = ("lesion_mask", "lung_mask")
_OWN = frozenset({"path", "scan", "label", "patient_id", "split"})
_PATHS = frozenset({"path", "scan", *MASK_COLUMNS})


def read_manifest(
    path: Path, columns: Mapping[str, str], *, required: Sequence[str]
) -> Source:
    """Read a manifest and check its columns and its paths.

    Labels, patients and splits are checked later, since a rule for file names
    may still give them.

    Parameters
    ----------
    path : Path
        The manifest; its folder is the root that its paths are relative to.
    columns : mapping of str to str
        What the file calls ``path``, ``label``, ``patient_id`` and ``split``.
    required : sequence of str
        Which of the four must be there.

    Returns
    -------
    source : Source
        All cells as text, paths absolute; rows that name no scan are among its
        troubles. Columns of other names are kept.

    Raises
    ------
    InputError
        If the file is no CSV, a required column is missing, or there is no row.
    ResourceError
        If the system does not let it be read.
    """
    table = read_table(path, key=columns["path"])
    _check_columns(table, columns, required)
    frame, remarks = _rename(table, columns)
    root = Path(os.path.realpath(path.parent))
    source = Source(root, frame, path.name, list(table.troubles), remarks)
    _complete(source)
    _place_scans(source)
    for column in MASK_COLUMNS:
        if column in frame:
            _place_masks(source, column)
    _check_text(source)
    return source


def _check_columns(
    table: Table, columns: Mapping[str, str], required: Sequence[str]
) -> None:
    if len(set(columns.values())) < len(columns):
        raise InputError(
            f"manifest columns: expected a different one for each of "
            f"{', '.join(columns)}, got {', '.join(columns.values())}. "
            "Name each column once."
        )
    present = [str(name) for name in table.frame.columns]
    troubles = [
        f"{table.name}, row 1: expected a column {columns[name]!r} for the {name}, got "
        f"none. {nearest(columns[name], present)}"
        for name in required
        if columns[name] not in present
    ]
    if troubles:
        raise InputError(join_troubles(troubles))
    if table.frame.empty:
        raise InputError(
            f"{table.name}: expected at least one row below the header, got none. "
            "Write one row for each scan."
        )


def _rename(table: Table, columns: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Give the columns their own names; drop strangers that bear one of these."""
    found = {theirs: ours for ours, theirs in columns.items() if theirs in table.frame}
    strangers = sorted(_OWN.intersection(table.frame.columns) - set(found))
    remarks = [
        f"{table.name}: column {name!r} was left out, since another column was named "
        f"for it or it is reserved."
        for name in strangers
    ]
    frame = table.frame.drop(columns=strangers).rename(columns=found)
    return frame, remarks


def _complete(source: Source) -> None:
    """Strip what is no path, and add the columns that every source has."""
    for name in _OWN.intersection(source.frame.columns) - {"path"}:
        source.put(name, [cell.strip() for _, cell in source.cells(name)])
    if "label" not in source.frame:
        source.put("label", [""] * len(source.frame))
    source.put("scan", source.frame["path"].tolist())


def _place_scans(source: Source) -> None:
    """Make the paths absolute and the scan names normal; note what is wrong."""
    scans, paths, first = [], [], dict[str, int]()
    for row, cell in source.cells("path"):
        scan, trouble = _locate(source.root, cell)
        path = os.path.join(source.root, scan)
        if trouble:
            source.complain(row, trouble)
        elif (real := os.path.realpath(path)) in first:
            source.complain(row, _twin(source.frame, first[real], row))
        else:
            first[real] = row
        scans.append(scan)
        paths.append(path)
    source.put("scan", scans)
    source.put("path", paths)


def _twin(frame: pd.DataFrame, first: int, second: int) -> str:
    labels = frame["label"][first], frame["label"][second]
    scan = frame["scan"][second]
    if labels[0] != labels[1]:
        return (
            f"expected one label for {scan!r}, got {labels[1]!r} here and "
            f"{labels[0]!r} in row {first}. Find out which is true."
        )
    return f"expected each scan once, got {scan!r} as in row {first}. Delete one row."


def _place_masks(source: Source, column: str) -> None:
    paths = []
    for row, cell in source.cells(column):
        mask, trouble = _locate(source.root, cell) if cell.strip() else ("", "")
        if trouble:
            source.complain(row, f"{column}: {trouble}")
        paths.append(os.path.join(source.root, mask) if mask else "")
    source.put(column, paths)


def _locate(root: Path, cell: str) -> tuple[str, str]:
    """Find a file below the root; give its relative name and what is wrong."""
    if not cell.strip():
        return cell, "expected a path, got ''. Name a file or delete the row."
    path = os.path.normpath(os.path.join(root, cell))
    if not _lies_below(path, root) or not _lies_below(os.path.realpath(path), root):
        rule = (
            f"expected a path below the folder of the manifest, got {cell!r}. "
            "Move the file there, or the manifest to a folder above it."
        )
        return cell, rule
    if not os.path.isfile(path):
        rule = (
            f"expected a file, got none at {cell!r}. Write its path relative to the "
            "folder of the manifest, with '/'."
        )
        return cell, rule
    return os.path.relpath(path, root), ""


def _lies_below(path: str, root: Path) -> bool:
    return path.startswith(os.path.join(root, ""))


def _check_text(source: Source) -> None:
    """Refuse bytes that are no UTF-8, but in names of files."""
    for column in source.frame.columns.difference(list(_PATHS)):
        for row, cell in source.cells(column):
            if not cell.isascii() and cell != cell.encode("utf-8", "ignore").decode():
                source.complain(
                    row,
                    f"expected text in UTF-8, got {cell!r} as {column}. "
                    "Save the file as 'CSV UTF-8'.",
                )
