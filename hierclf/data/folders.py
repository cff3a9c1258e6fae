"""Scans found in folders: by class, by split and class, or as a DICOM tree."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hierclf.data.regular_file import open_regular
from hierclf.data.source import Source, split_name
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError, ScanError
from hierclf.foundation.files import explain_os_error

_log = logging.getLogger(__name__)

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})


def list_scans(folder: Path) -> Iterator[Path]:
    """List the scans below a folder in the sorted order of their relative names.

    A scan is a regular file with a known extension (PNG, JPEG, TIFF, DICOM in
    any case), or one without extension that carries the DICOM mark; ``.12`` at
    the end of a name made of a UID is no extension. Hidden files and folders
    and DICOMDIR are passed over. Linked folders are not entered, so there are
    no loops; a linked file counts only if it leads to a file below `folder`.
    Devices, sockets and pipes are never opened.

    Only the names of the folders between `folder` and the present scan are held
    in memory: at most 9 MB while 100,000 files in one folder are listed, and 4 MB
    for as many in 1000 folders.

    Parameters
    ----------
    folder : Path
        Where to begin; may itself be a link.

    Yields
    ------
    scan : Path
        `folder` joined with the relative name.

    Raises
    ------
    InputError
        If `folder` is none.
    ResourceError
        If a folder cannot be listed: to leave out a part of the scans without
        a word would be worse.
    """
    return (path for path, is_scan in _walk(folder) if is_scan)


def is_dicom_name(scan: str) -> bool:
    """Tell by its name whether a listed scan is a DICOM file.

    Parameters
    ----------
    scan : str
        Name that `list_scans` gave.

    Returns
    -------
    dicom : bool
        True unless the extension is one of a picture.
    """
    return os.path.splitext(scan)[1].lower() not in PICTURE_SUFFIXES


_SUFFIXES = PICTURE_SUFFIXES | DICOM_SUFFIXES
_LINKS = (
    "{} symbolic links lead out of the folder, or nowhere, and were NOT followed. "
    "Put the scans themselves there."
)


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Visit all files that are not hidden; say of each whether it is a scan."""
    if not os.path.isdir(folder):
        raise InputError(
            f"{folder}: expected a folder of scans, got none. Check the path."
        )
    top = os.path.realpath(folder)
    pending = [(str(folder), _names(str(folder)))]
    while pending:
        parent, names = pending[-1]
        if not names:
            pending.pop()
            continue
        path = os.path.join(parent, names.pop())
        if path.endswith(os.sep):
            pending.append((path, _names(path)))
        else:
            yield Path(path), _is_scan(path, top)


def _names(folder: str) -> list[str]:
    """List a folder in reversed order; a subfolder's name ends in ``/``.

    With that slash the names sort as the relative paths of the files do.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (
                    entry.name + os.sep * entry.is_dir(follow_symlinks=False)
                    for entry in entries
                    if not entry.name.startswith(".")
                ),
                reverse=True,
            )
    except OSError as error:
        raise explain_os_error(f"list {folder}", error) from error


def _is_scan(path: str, top: str) -> bool:
    name = os.path.basename(path)
    if name.upper() == "DICOMDIR" or not _is_regular(path, top):
        return False
    suffix = os.path.splitext(name)[1].lower()
    if suffix[1:].isdigit() or not suffix:
        return _has_dicom_mark(path)
    return suffix in _SUFFIXES


def _is_regular(path: str, top: str) -> bool:
    try:
        if os.path.islink(path):
            target = os.path.realpath(path, strict=True)
            if os.path.commonpath([target, top]) != top:
                return False
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # gone since it was listed, or a link that leads nowhere
        return False


def _has_dicom_mark(path: str) -> bool:
    try:
        with open_regular(Path(path)) as stream:
            return stream.read(132)[128:] == b"DICM"
    except (ScanError, OSError):  # listed, so that reading it can say what is wrong
        return True


def read_folders(root: Path) -> Source:
    """Read a tree of class folders.

    The folders directly below `root` name the labels, in lower case: ``NORMAL``
    and ``Normal`` are one label. If they are called train, val or test
    (training, valid, validation, testing), the folders below them name the
    labels and they become the column ``split``. Deeper folders mean nothing.

    Parameters
    ----------
    root : Path
        Absolute folder without symbolic links.

    Returns
    -------
    source : Source
        With ``label`` '' for a scan outside of class folders.

    Raises
    ------
    InputError
        If there is no scan, or there are class folders beside train or test.
    """
    visited = [(path, is_scan) for path, is_scan in _walk(root)]
    paths = [path for path, is_scan in visited if is_scan]
    others = [path for path, is_scan in visited if not is_scan]
    if not paths:
        raise InputError(
            f"{root}: expected at least one scan (PNG, JPEG, TIFF or DICOM), got "
            f"{len(others)} other files. Check the path and the names."
        )
    scans = [path.relative_to(root).as_posix() for path in paths]
    frame = pd.DataFrame(
        {"path": [str(path) for path in paths], "scan": scans, **_labels(root, scans)},
        dtype=object,
    )
    source = Source(root, frame, remarks=_remark_on(root, others))
    _refuse_aliases(source)
    return source


def _refuse_aliases(source: Source) -> None:
    """Note links to scans that are there already: they would leak or contradict."""
    first: dict[str, str] = {}
    for row, path in source.cells("path"):
        real = os.path.realpath(path) if os.path.islink(path) else path
        if real in first:
            rule = f"expected each file once, got the same as {first[real]!r}."
            source.complain(row, f"{rule} Remove the link.")
        first.setdefault(real, source.frame["scan"][row])


def _labels(root: Path, scans: list[str]) -> dict[str, list[str]]:
    folders = [scan.split("/")[:-1] for scan in scans]
    tops = {names[0] for names in folders if names}
    splits = {top for top in tops if split_name(top)}
    if not splits:
        return {"label": [_lower(names, 0) for names in folders]}
    if tops - splits:
        raise InputError(
            f"{root}: expected either class folders or train, val and test, got "
            f"{min(splits)!r} beside {min(tops - splits)!r}. Sort every class folder "
            "below a split, or point --data at one split."
        )
    return {
        "label": [_lower(names, 1) for names in folders],
        "split": [split_name(names[0]) if names else "" for names in folders],
    }


def _lower(names: list[str], depth: int) -> str:
    return names[depth].lower() if len(names) > depth else ""


def _remark_on(root: Path, others: list[Path]) -> list[str]:
    """Say what was left out; a path may hold a patient's name and is told here only."""
    remarks = []
    links = [path for path in others if _leads_out(path)]
    if links:
        remarks.append(_LINKS.format(len(links)))
        _tell_first("link", root, links)
    rest = [path for path in others if not _leads_out(path)]
    if rest:
        one = len(rest) == 1
        kind = "is no scan and was" if one else "are no scans and were"
        remarks.append(f"{count(len(rest), 'file')} {kind} left out.")
        _tell_first("file left out", root, rest)
    return remarks


def _tell_first(what: str, root: Path, paths: list[Path]) -> None:
    _log.info("first %s: %r", what, paths[0].relative_to(root).as_posix())


def remark_on_links(folder: Path) -> str:
    """Say how many links lead out of a folder; they are never followed.

    Parameters
    ----------
    folder : Path
        As for `list_scans`.

    Returns
    -------
    remark : str
        Empty where there is none.
    """
    links = [
        path for path, is_scan in _walk(folder) if not is_scan and _leads_out(path)
    ]
    if not links:
        return ""
    _tell_first("link", folder, links)
    return _LINKS.format(len(links))


def _leads_out(path: Path) -> bool:
    """Tell a link of a scan's name that is none: to a file outside, or to nothing."""
    named = path.is_symlink() and path.suffix.lower() in _SUFFIXES
    return named and (path.is_file() or not path.exists())
