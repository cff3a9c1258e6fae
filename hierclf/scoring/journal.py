"""The file of rows while it grows.

Rows are appended to ``<out>.part``, a batch in one write, and the file takes its
final name when the last row is on the disk. Whatever happens before, what was
written can be gone on with; see `hierclf.scoring.kept`.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, locked, sync_folder
from hierclf.scoring.rows import Row, to_csv

_SYNC_S = 2.0


def part_of(out: Path) -> Path:
    """Name the file that grows into `out`."""
    return out.with_name(f"{out.name}.part")


def lock_of(out: Path) -> AbstractContextManager[None]:
    """Hold the right to write `out` while a block runs; see `locked`."""
    return locked(out.with_name(f".{out.name}.lock"))


def refuse_existing(out: Path, advice: str) -> None:
    """Stop if a file of rows is there, finished or not.

    Parameters
    ----------
    out : Path
        Final name.
    advice : str
        What to do to keep it, up to the words ``replace it``.

    Raises
    ------
    InputError
        If it is.
    """
    there = [path for path in (out, part_of(out)) if path.exists()]
    if there:
        raise InputError(
            f"out: expected a new file, got {there[0]}. {advice} "
            "replace it, or choose another --out."
        )


class Journal:
    """Rows that are being written; made by `open_journal`.

    Parameters
    ----------
    stream : FileIO
        Unbuffered, so that a full disk is noticed at the row that it refuses.
    out : Path
        Final name.
    """

    def __init__(self, stream: io.FileIO, out: Path) -> None:
        self._stream = stream
        self._out = out
        self._synced_s = time.monotonic()

    def append(self, rows: Sequence[Row]) -> None:
        """Write the rows of a batch.

        Parameters
        ----------
        rows : sequence of list of str
            As long as the header.

        Raises
        ------
        OSError
            If they cannot be written; earlier rows are intact.
        """
        left = memoryview(to_csv(rows))
        while left:  # a disk that fills up takes a part and refuses the rest
            left = left[self._stream.write(left) :]
        if time.monotonic() - self._synced_s > _SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Wait until the disk has all rows."""
        os.fsync(self._stream.fileno())
        self._synced_s = time.monotonic()

    def finish(self) -> None:
        """Give the file its final name, when the disk has all rows.

        Raises
        ------
        OSError
            If the disk is full or fails.
        """
        self.sync()
        os.replace(part_of(self._out), self._out)
        sync_folder(self._out.parent)


@contextmanager
def open_journal(out: Path, columns: Sequence[str], end: int) -> Iterator[Journal]:
    """Open the file that grows into `out`.

    Parameters
    ----------
    out : Path
        Final name.
    columns : sequence of str
        The header, written where nothing is kept.
    end : int
        How many bytes of the unfinished file are kept.

    Yields
    ------
    journal : Journal
        To append to. Whatever ends the block, its rows stay.

    Raises
    ------
    ResourceError
        If the file cannot be written; also for what happens in the block.
    """
    part = part_of(out)
    try:
        with io.FileIO(part, "ab") as stream:
            stream.truncate(end)
            journal = Journal(stream, out)
            if end == 0:
                journal.append([list(columns)])
            yield journal
    except OSError as error:
        raise explain_os_error(f"write {part}", error) from error
