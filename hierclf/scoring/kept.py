"""What an interrupted run left behind, and what of it is kept.

A kill or a full disk may leave half a row at the end, which is cut off. Of an
unfinished file only whole batches are kept: the same scans are then scored together
as without the interruption.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hierclf.data.csv_table import unescape_cell
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, sha256_file
from hierclf.scoring.journal import part_of
from hierclf.scoring.passes import is_full
from hierclf.scoring.rows import Row, RowFormat, to_csv, was_read

_N_DIGESTS = 100
_N_CHECKED = 16


@dataclass
class Kept:
    """Rows of an earlier run.

    Parameters
    ----------
    end : int
        The byte of the unfinished file at which they end; 0 keeps nothing.
    done : set of str
        Their paths.
    codes : Counter
        How many have which code; '' is that of a score.
    actions : Counter
        How many have which action of the guards.
    n_whole : int
        In how many no lungs were found, where they are cut out.
    digests : dict of str to str
        SHA-256 of the first scans among them, by path.
    seen : set of int
        First 64 bits of the SHA-256 of all.
    """

    end: int = 0
    done: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    n_whole: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def add(self, rows: Sequence[Row], end: int) -> None:
        """Keep rows up to a byte."""
        for row in rows:
            path, digest = unescape_cell(row[0]), row[-2]
            self.done.add(path)
            self.codes[row[2]] += 1
            if digest:
                self.seen.add(int(digest[:16], 16))
            if digest and len(self.digests) < _N_DIGESTS:
                self.digests[path] = digest
        self.end = end

    def refuse_other_scans(self, folder: Path) -> None:
        """Stop if the rows are of other scans than those of a folder.

        Export folders often use the same names again, and a row that stays would
        then pass for the score of another patient. Looked at is whether any of
        the scans is there, and whether the first of them are what was scored.

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
        there = [name for name in self.digests if (folder / name).is_file()]
        for name in there[:_N_CHECKED]:
            try:
                found = sha256_file(folder / name)
            except OSError as error:
                raise explain_os_error(f"read {name!a}", error) from error
            if found != self.digests[name]:
                raise InputError(
                    f"out: expected the scan {name!a} as it was scored, got another "
                    "content. Choose another --out, or add --overwrite."
                )


def take_up(out: Path, form: RowFormat, *, batch_size: int) -> Kept:
    """Take up the unfinished file, or else a copy of the finished one.

    Rows that are kept stay where they are, whatever became of their scans.

    Parameters
    ----------
    out : Path
        Final name.
    form : RowFormat
        The columns, the bundle and the runtime that the file must have.
    batch_size : int
        Scans scored at a time.

    Returns
    -------
    kept : Kept
        Nothing where there is no file.

    Raises
    ------
    InputError
        If it is of another bundle or runtime, or no such file.
    ResourceError
        If it cannot be read or copied.
    """
    part = part_of(out)
    unfinished = part.exists()
    source = part if unfinished else out
    if not source.exists():
        return Kept()
    try:
        with source.open("rb") as stream:
            kept = _keep(source, stream, form, batch_size if unfinished else 0)
        if not unfinished:
            shutil.copyfile(out, part)
    except OSError as error:
        raise explain_os_error(f"read {source}", error) from error
    return kept


def _keep(source: Path, stream: BinaryIO, form: RowFormat, batch_size: int) -> Kept:
    """Keep as many rows as can be, in whole batches; each by itself for a size of 0."""
    kept, columns = Kept(), form.columns
    found = records(stream)
    end, header = next(found, (0, []))
    if header != columns:
        _refuse_other_table(source, to_csv([columns]))
        return kept
    waiting: list[Row] = []
    n_good = 0
    kept.add([], end)
    for offset, cells in found:
        if len(cells) != len(columns):
            break
        _refuse_other_origin(source, dict(zip(columns, cells, strict=True)), form)
        waiting.append(cells)
        n_good += was_read(cells)
        if not batch_size or is_full(n_good, len(waiting), batch_size):
            kept.add(waiting, offset)
            kept.actions.update(map(form.action_of, waiting))
            kept.n_whole += sum(map(form.is_whole, waiting))
            waiting, n_good = [], 0
    return kept


def _refuse_other_table(source: Path, header: bytes) -> None:
    with source.open("rb") as stream:
        start = stream.read(len(header))
    if not header.startswith(start):  # else killed while the header was written
        raise InputError(
            f"{source}: expected the columns that this bundle writes by these "
            "options, got others. Choose another --out or add --overwrite."
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
