"""The border of one scan: what decoders raise or say stays on this side of it.

Scans are read in threads, so nothing here may change state that other threads
see: `warnings.catch_warnings` is not thread-safe before Python 3.14, and a log
level holds for the whole process. A single filter is therefore put into
`warnings` and into the loggers of the decoders, and lets everything pass but
what comes from a thread that is reading a scan at that moment.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from hierclf.foundation.errors import HierclfError, ScanCode, ScanError


class _Listener(logging.Filter):
    """Takes what is said in threads that read a scan, and lets the rest pass."""

    pattern = "(?!)"  # scikit-learn copies filters by it; the copy takes nothing

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def match(self, text: str) -> bool:
        """Take `text`; `warnings` asks this as it asks a compiled pattern."""
        heard: list[str] | None = getattr(self.thread, "heard", None)
        if heard is not None:
            heard.append(text)
        return heard is not None

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the message of a log record."""
        return not self.match(record.getMessage())


_LISTENER = _Listener()
_IGNORE = ("ignore", _LISTENER, Warning, None, 0)


def listen_to(*loggers: str) -> None:
    """Let `overhear` take the messages of some loggers, too.

    Parameters
    ----------
    *loggers : str
        Their names. A filter does not reach the children of a logger.
    """
    for name in loggers:
        logging.getLogger(name).addFilter(_LISTENER)


@contextmanager
def overhear() -> Iterator[list[str]]:
    """Collect the warnings and log messages of this thread instead of showing them.

    Yields
    ------
    heard : list of str
        What was said so far. It may quote the header of a scan, so it must
        reach neither a log nor a message.

    Examples
    --------
    >>> with overhear() as heard:
    ...     warnings.warn("odd header", stacklevel=1)
    >>> heard
    ['odd header']
    """
    filters = cast(list[Any], warnings.filters)
    if not filters or filters[0] is not _IGNORE:
        filters.insert(0, _IGNORE)
    before = getattr(_LISTENER.thread, "heard", None)
    heard: list[str] = []
    _LISTENER.thread.heard = heard
    try:
        yield heard
    finally:
        _LISTENER.thread.heard = before


def refused(code: ScanCode, expected: str, got: str, advice: str) -> ScanError:
    """Word the refusal of a scan.

    Parameters
    ----------
    code : ScanCode
        Stable name of the reason.
    expected, got : str
        What the scan should have been, and what it is.
    advice : str
        What the user can do, without a full stop.

    Returns
    -------
    error : ScanError
        To be raised.

    Examples
    --------
    >>> refused("E_FORMAT", "a PNG file", "GIF", "Save it as PNG")
    ScanError('expected a PNG file, got GIF. Save it as PNG.')
    """
    return ScanError(code, f"expected {expected}, got {got}. {advice}.")


@contextmanager
def refusing(code: ScanCode, expected: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a `ScanError`.

    Decoders were seen to raise more than ten classes of exception, among them
    `StopIteration` and `struct.error`, so no list of them would be complete.

    Parameters
    ----------
    code : ScanCode
        Code of the error where the exception is none of ours.
    expected : str
        What the scan should have held, for the message.

    Raises
    ------
    ScanError
        With `code`; with ``E_MEMORY`` where memory ran out; or the one that
        the block raised itself. The message names the class of the exception but does
        not quote it, since it may hold a patient's name.

    Examples
    --------
    >>> with refusing("E_DECODE", "a JPEG file"):
    ...     raise StopIteration
    Traceback (most recent call last):
    ...
    hierclf.foundation.errors.ScanError: expected a JPEG file, \
got StopIteration from the decoder. Export the scan again.
    """
    try:
        yield
    except HierclfError:
        raise
    except MemoryError as error:
        advice = "Read fewer scans at a time or lower max_pixels"
        raise refused("E_MEMORY", f"memory for {expected}", "none", advice) from error
    except Exception as error:  # the border of one file
        got = f"{type(error).__name__} from the decoder"
        raise refused(code, expected, got, "Export the scan again") from error
