"""What an interrupted run left behind, and what of it is kept.

A kill or a full disk may leave half a row at the end, which is cut off; whole rows
stay. That other scans are then scored together than without the interruption changes
nothing, see `hierclf.scoring.passes`.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hierclf.data.csv_table import unescape_cell
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, sha256_file
from hierclf.scoring.journal import part_of
from hierclf.scoring.rows import Row, RowFormat, is_digest, start_of, to_csv

_N_CHECKED = 16


@dataclass
class Kept:
    """Rows of an earlier run.

    Parameters
    ----------
    written_s : float
        When the last of them was written, in seconds since 1970.
    end : int
        The byte of the unfinished file at which they end; 0 keeps nothing.
    done : dict of str to int
        First 64 bits of the SHA-256 of each scan with a score, by path; zero for a
        file without a score.
    codes : Counter
        How many have which code; '' is that of a score.
    actions : Counter
        How many have which action of the guards.
    n_whole : int
        In how many no lungs were found, where they are cut out.
    seen : set of int
        First 64 bits of the SHA-256 of all files that were read.
    """

    written_s: float = 0.0
    end: int = 0
    done: dict[str, int] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    n_whole: int = 0
    seen: set[int] = field(default_factory=set)

    def lacks(self, row: Row) -> bool:
        """Tell whether there is no row yet of the scan of a row."""
        return unescape_cell(row[0]) not in self.done

    def add(self, row: Row, form: RowFormat, end: int) -> None:
        """Keep a row that ends at a byte."""
        start = start_of(row[-2])
        self.done[unescape_cell(row[0])] = start if row[1] == "ok" else 0
        self.codes[row[2]] += 1
        self.actions[form.action_of(row)] += 1
        self.n_whole += form.is_whole(row)
        if row[-2]:
            self.seen.add(start)
        self.end = end

    def refuse_other_scans(self, folder: Path) -> None:
        """Stop if the rows are of other scans than those of a folder.

        Export folders often use the same names again, and a row that stays would
        then pass for the score of another patient. Looked at is whether any of
        the scans is there, and whether the first of them, and all whose files were
        changed or put there after the last row, are what was scored.

        Parameters
        ----------
        folder : Path
            What paths are relative to.

        Raises
        ------
        InputError
            If none is there, or one has another content.
        ResourceError
            If one cannot be read.
        """
        if self.done and not any((folder / name).exists() for name in self.done):
            raise InputError(
                f"out: expected rows of scans in {folder}, got rows of other scans. "
                "Name the folder that they are of, or choose another --out."
            )
        scored = (name for name, start in self.done.items() if start)
        there = (name for name in scored if (folder / name).is_file())
        n_checked = 0
        for name in there:
            try:
                if n_checked >= _N_CHECKED and not self._is_new(folder, name):
                    continue
                found = sha256_file(folder / name)
            except OSError as error:
                raise explain_os_error(f"read {name!a}", error) from error
            n_checked += 1
            if start_of(found) != self.done[name]:
                raise InputError(
                    f"out: expected the scan {name!a} as it was scored, got another "
                    "content. Choose another --out, or add --overwrite."
                )

    def _is_new(self, folder: Path, name: str) -> bool:
        """Tell whether a scan was put there, or changed, after the last row.

        A copy may keep the time of its content, and none keeps that of its status. A
        folder that was moved keeps both of its files; its own status changes, and
        its content does not, as it does where scans are added.
        """
        status = (folder / name).stat()
        if max(status.st_mtime, status.st_ctime) > self.written_s:
            return True
        above = [folder / place for place in Path(name).parents]
        return any(
            told.st_mtime <= self.written_s < told.st_ctime
            for told in map(os.stat, above)
        )


def take_up(out: Path, form: RowFormat) -> Kept:
    """Read the unfinished file, or else the finished one; see `begin_copy`.

    Rows that are kept stay where they are, whatever became of their scans.

    Parameters
    ----------
    out : Path
        Final name.
    form : RowFormat
        The columns, the bundle and the runtime that the file must have.

    Returns
    -------
    kept : Kept
        Nothing where there is no file.

    Raises
    ------
    InputError
        If it is of another bundle or runtime, or no such file.
    ResourceError
        If it cannot be read.
    """
    part = part_of(out)
    finished = not part.exists()
    source = out if finished else part
    if not source.exists():
        return Kept()
    try:
        with source.open("rb") as stream:
            return _keep(source, stream, form, finished=finished)
    except OSError as error:
        raise explain_os_error(f"read {source}", error) from error


def begin_copy(out: Path) -> None:
    """Copy a finished file to go on with, where there is no unfinished one.

    Parameters
    ----------
    out : Path
        Final name.

    Raises
    ------
    ResourceError
        If it cannot be copied.
    """
    part = part_of(out)
    if part.exists() or not out.exists():
        return
    try:
        _copy(out, part)
    except OSError as error:
        raise explain_os_error(f"copy {out}", error) from error


def _keep(source: Path, stream: BinaryIO, form: RowFormat, *, finished: bool) -> Kept:
    """Keep the rows up to the first one that is none."""
    kept, columns = Kept(written_s=os.fstat(stream.fileno()).st_mtime), form.columns
    found = records(stream)
    kept.end, header = next(found, (0, []))
    if header != columns:
        _refuse_other_table(source, to_csv([columns]))
        return Kept()
    for end, cells in found:
        is_row = len(cells) == len(columns) and is_digest(cells[-2])
        if not (is_row and kept.lacks(cells)):
            if not finished:
                break
            raise InputError(
                f"{source}: expected a row of another scan behind byte {kept.end}, got "
                "none. Mend it, choose another --out or add --overwrite."
            )
        _refuse_other_origin(source, dict(zip(columns, cells, strict=True)), form)
        kept.add(cells, form, end)
    return kept


def _copy(source: Path, place: Path) -> None:
    """Copy a file, whole or not at all: rows would be lost behind half a copy."""
    copy = place.with_name(f"{place.name}.copy")
    try:
        shutil.copy2(source, copy)  # as old: scans that are younger are looked at
        with copy.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(copy, place)
    finally:
        copy.unlink(missing_ok=True)


def _refuse_other_table(source: Path, header: bytes) -> None:
    with source.open("rb") as stream:
        start = stream.read(len(header))
    if not header.startswith(start):  # else killed while the header was written
        raise InputError(
            f"{source}: expected the columns that this bundle writes with this "
            "--refine, got others. Choose another --out or add --overwrite."
        )


def _refuse_other_origin(source: Path, row: dict[str, str], form: RowFormat) -> None:
    for name, expected in form.origin.items():
        if row[name] != expected:
            raise InputError(
                f"{source}: expected rows of {name} {expected}, got {row[name]!a}. "
                f"Go on with the same {name}, or add --overwrite."
            )


def records(stream: BinaryIO) -> Iterator[tuple[int, Row]]:
    """Read the complete records of a file of rows.

    A line end between quotation marks ends no record, and what follows the last
    line end that does is half a record.

    Parameters
    ----------
    stream : BinaryIO
        From its beginning.

    Yields
    ------
    end : int
        The byte at which the record ends.
    cells : list of str
        As they stand in the file; none where it is no CSV.
    """
    end, pending, n_quotes = 0, b"", 0
    for line in stream:
        pending += line
        n_quotes += line.count(b'"')
        if n_quotes % 2 == 0 and line.endswith(b"\n"):
            end += len(pending)
            yield end, cells_of(pending)
            pending, n_quotes = b"", 0


def cells_of(record: bytes) -> Row:
    """Read one record of a file of rows; no cells where it is no CSV."""
    text = io.StringIO(record.decode("utf-8", "surrogateescape"), newline="")
    try:
        return next(csv.reader(text, strict=True), [])
    except csv.Error:
        return []
