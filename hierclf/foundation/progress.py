"""How far long work is: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from tqdm import tqdm

_QUIET_S = 60.0
_OPEN = "{desc}: {n_fmt}, {rate_fmt}, {elapsed} gone"
_KNOWN = "{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {elapsed} gone, {remaining} to go"


class Progress(tqdm):  # type: ignore[type-arg]  # at run time it takes none
    """Show the progress of what it wraps on standard error.

    On a terminal it is tqdm's bar. Elsewhere (a log, a job of a batch system, a
    notebook) tqdm would be silent or return the carriage for each update; here a line
    is written for each minute, and none for work that takes less.

    Parameters
    ----------
    *wrapped
        What to iterate over, or nothing: then `update` is called.
    **options
        Those of tqdm: ``desc``, ``total``, ``unit``, ``leave``, ``initial``.
    """

    def __init__(self, *wrapped: Any, **options: Any) -> None:
        self._on_terminal = sys.stderr is not None and sys.stderr.isatty()
        if not self._on_terminal:
            # One iteration at least: tqdm's thread would repeat a line that stalls.
            options |= {"mininterval": _QUIET_S, "delay": _QUIET_S, "miniters": 1}
            options |= {"disable": sys.stderr is None}
        super().__init__(*wrapped, **options)
        if not self._on_terminal:
            self.sp = None  # so that close() has nothing to clear
            self.bar_format = _KNOWN if self.total else _OPEN

    def clear(self, *args: Any, **options: Any) -> None:
        """Take the bar off the terminal for a moment; lines in a log stay."""
        if self._on_terminal:
            super().clear(*args, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar, or write a line.

        Parameters
        ----------
        msg : str, optional
            What to show; the state of the work, if not given.
        pos : int, optional
            Lines below the first bar; of no use in a log.
        """
        if self._on_terminal:
            super().display(msg, pos)
        else:
            with contextlib.suppress(OSError):  # a full or a closed log stops no work
                print(msg or str(self), file=self.fp, flush=True)
