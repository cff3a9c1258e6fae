"""The audit log: who did what, in lines of which each holds the hash of the one before.

A line that is changed, taken out or put in breaks the chain behind it. The last lines
can be cut off unseen by who can write the file: keep its last hash elsewhere. Values
are cut, so that nobody can make a line that is too long to be followed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.foundation.files import explain_os_error
from hierclf.web.clock import Clock, now_ms

Fact = str | int | float | bool | None
_FIRST = "0" * 64
_TAIL = 1 << 16
_LONGEST = 200
_DAMAGED = "damaged line"


@dataclass(frozen=True)
class Entry:
    """A line of the log.

    Parameters
    ----------
    number : int
        From 1.
    time_utc : str
        ISO 8601.
    who, what : str
        Name of the account, and what it did.
    facts : dict of str to value
        Digests, identifiers and counts; no name of a file or a patient.
    """

    number: int
    time_utc: str
    who: str
    what: str
    facts: dict[str, Fact]


class AuditLog:
    """Appends to the log; what cannot be written down must not be done.

    Parameters
    ----------
    path : Path
        JSON lines; made with the first one.
    clock : callable, default=now_ms
        Milliseconds since 1970.
    """

    def __init__(self, path: Path, clock: Clock = now_ms) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def write(self, who: str, what: str, **facts: Fact) -> None:
        """Write a line, and see it on the disk.

        Parameters
        ----------
        who, what : str
            Name of the account, and what it did.
        **facts : str, int, float, bool or None
            Further ones. Of all text the first 200 characters are kept.

        Raises
        ------
        ResourceError
            If it cannot be written, or the line before is damaged.
        """
        try:
            with self._lock, self._opened() as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)  # until it is closed
                number, before = _last(stream)
                line = {
                    "number": number + 1,
                    "time_utc": _iso(self._clock()),
                    "who": who[:_LONGEST],
                    "what": what[:_LONGEST],
                    "facts": {name: _cut(fact) for name, fact in facts.items()},
                }
                _append(stream.fileno(), _sealed(line, before))
        except OSError as error:
            raise explain_os_error("write the audit log", error) from error

    def _opened(self) -> Any:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        return os.fdopen(os.open(self._path, flags, 0o600), "r+b", buffering=0)

    def newest_first(self, page: int, size: int = 50) -> list[Entry]:
        """Read some of the newest lines; page 1 has the last ones.

        A damaged one is shown as such, with the number 0.
        """
        if not self._path.exists():
            return []
        found = _newest(self._path, page * size)
        return list(map(_entry, found[(page - 1) * size :]))


def _cut(fact: Fact) -> Fact:
    return fact[:_LONGEST] if isinstance(fact, str) else fact


def _append(file: int, line: bytes) -> None:
    """Write a line, or nothing of it where the disk is full."""
    size = os.fstat(file).st_size
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds")


def _newest(path: Path, number: int) -> list[bytes]:
    """Read the last lines, the newest first; of a long log only its end.

    A line that is just being written is left out.
    """
    found = b""
    with path.open("rb") as stream:
        start = stream.seek(0, os.SEEK_END)
        while start and found.count(b"\n") <= number:
            end, start = start, max(start - _TAIL, 0)
            stream.seek(start)
            found = stream.read(end - start) + found
    return found.split(b"\n")[-2::-1][:number]


def _entry(line: bytes) -> Entry:
    try:
        told = json.loads(line)
        return Entry(**{name: told[name] for name in Entry.__dataclass_fields__})
    except (ValueError, KeyError, TypeError):
        return Entry(0, "", "", _DAMAGED, {})


def _sealed(line: dict[str, Any], before: str) -> bytes:
    told = line | {"before": before}
    return _encoded(told | {"hash": _hash(told)}) + b"\n"


def _hash(told: dict[str, Any]) -> str:
    return hashlib.sha256(_encoded(told)).hexdigest()


def _encoded(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")


def _last(stream: Any) -> tuple[int, str]:
    """Find number and hash of the last line."""
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        return 0, _FIRST
    stream.seek(max(size - _TAIL, 0))
    tail = stream.read()
    try:
        told = json.loads(tail.rstrip(b"\n").rpartition(b"\n")[2])
        if not tail.endswith(b"\n"):
            raise ValueError("half a line")
        return int(told["number"]), str(told["hash"])
    except (ValueError, KeyError, TypeError) as error:
        raise ResourceError(
            "audit log: expected a whole last line, got a damaged one. Look at it with "
            "--verify-audit, then move the log away to begin a new one."
        ) from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as stream:
            yield from enumerate(stream, start=1)
    except OSError as error:
        raise explain_os_error(f"read {path}", error) from error


def verify(path: Path) -> int:
    """Check every line of a log against the one before.

    Parameters
    ----------
    path : Path
        The log.

    Returns
    -------
    n_lines : int
        All of them in order.

    Raises
    ------
    InputError
        If one is not; it names the first.
    ResourceError
        If it cannot be read.
    """
    before, number = _FIRST, 0
    for number, line in _lines(path):
        try:
            told = json.loads(line)
            found = told.pop("hash")
            fits = (told["number"], told["before"]) == (number, before)
            good = fits and found == _hash(told) and line.endswith(b"\n")
        except (ValueError, KeyError, TypeError, AttributeError):
            good = False
        if not good:
            raise InputError(
                f"{path.name}, line {number}: expected the line that follows from the "
                "one before, got another. Somebody changed the log from here on."
            )
        before = found
    return number
