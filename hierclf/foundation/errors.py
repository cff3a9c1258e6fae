"""Errors, one class for each person who must act on them.

A message has the form ``<where>: expected <rule>, got <value>. <next step>``
and fits one line: the command line prints it as it is, without a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

ScanCode = Literal[
    "E_EMPTY",
    "E_FORMAT",
    "E_TRUNCATED",
    "E_DECODE",
    "E_TOO_LARGE",
    "E_TOO_SMALL",
    "E_NONFINITE",
    "E_COLOUR",
    "E_MULTIFRAME",
    "E_BLANK",
    "E_HEADER",
    "E_DICOM_META",
    "E_TS",
    "E_NOT_IMAGE",
    "E_NOT_REGULAR",
    "E_PERM",
    "E_GONE",
    "E_CHANGED",
    "E_MEMORY",
    "E_TIMEOUT",
]
"""Why a scan was not read; stable, so that a program can rely on it."""


class HierclfError(Exception):
    """Parent of every error that the package raises on purpose."""

    exit_code = 1


class InputError(HierclfError, ValueError):
    """The user's options, manifest or labels must change (exit 2)."""

    exit_code = 2


class ScanError(HierclfError):
    """One scan could not be read; the others can (exit 3).

    Parameters
    ----------
    code : ScanCode
        Stable name of the reason, for example ``E_TRUNCATED``.
    message : str
        What was expected and what was found, without the file's path.
    """

    exit_code = 3

    def __init__(self, code: ScanCode, message: str) -> None:
        super().__init__(message)
        self.code: ScanCode = code

    def __reduce__(self) -> tuple[type[ScanError], tuple[ScanCode, str]]:
        """Pass code and message on when another process raised it."""
        return type(self), (self.code, str(self))


class BundleError(HierclfError):
    """A bundle is damaged, foreign or newer than this package (exit 4)."""

    exit_code = 4


class ResourceError(HierclfError):
    """Disk, memory, a permission, or a lock that somebody holds (exit 5)."""

    exit_code = 5


_NO_MEMORY = re.compile(
    r"(can.?t|cannot|(un|not )able to|failed to|tried to) allocate|alloc(ation)?_fail"
    r"|bad.alloc|(out of|not enough) memory|memory.?allocation|out_of_resources"
    r"|could not create a memory",
    re.IGNORECASE,
)


def lacks_memory(error: Exception) -> bool:
    """Tell whether an error says that memory, of machine or GPU, has run out.

    Parameters
    ----------
    error : Exception
        Of torch, OpenVINO, oneDNN or CUDA, which have words for it and no class.

    Returns
    -------
    lacking : bool
        Then it is no fault of the scan that was looked at.

    Examples
    --------
    >>> lacks_memory(RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"))
    True
    >>> lacks_memory(RuntimeError("expected a tensor allocated on cpu"))
    False
    """
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


def join_troubles(troubles: Sequence[str], *, shown: int = 5) -> str:
    """Put all troubles of one file into one line.

    Parameters
    ----------
    troubles : sequence of str
        At least one complete message.
    shown : int, default=5
        How many are printed before the rest is counted.

    Returns
    -------
    message : str
        The first `shown` troubles and the number of the others.

    Examples
    --------
    >>> join_troubles(["a.csv, row 2: no label.", "a.csv, row 3: no label."], shown=1)
    'a.csv, row 2: no label. (and 1 more of this kind)'
    """
    message = " ".join(troubles[:shown])
    hidden = len(troubles) - shown
    return f"{message} (and {hidden} more of this kind)" if hidden > 0 else message
