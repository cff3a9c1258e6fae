"""Errors of the user in one line."""

from __future__ import annotations

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
