"""What the experiments say on the terminal: errors in one line, smoke marked."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hierclf.foundation.errors import HierclfError


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """End the command with what to do next, and exit code 2, instead of a traceback."""
    try:
        yield
    except HierclfError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


class Marked(io.TextIOBase):
    r"""Standard error with a word before each line, for who redirects output there.

    Parameters
    ----------
    mark : str
        The word; '' changes nothing.

    Examples
    --------
    >>> import contextlib
    >>> from unittest import mock
    >>> with mock.patch("sys.stderr", io.StringIO()) as said:
    ...     with contextlib.redirect_stdout(Marked("SMOKE ")):
    ...         print("accuracy 0.9")
    >>> said.getvalue()
    'SMOKE accuracy 0.9\n'
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._starts = True

    def write(self, text: str) -> int:
        """Write a text whose lines may come in pieces."""
        for line in text.splitlines(keepends=True):
            sys.stderr.write(f"{self._mark}{line}" if self._starts else line)
            self._starts = line.endswith("\n")
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        sys.stderr.flush()
