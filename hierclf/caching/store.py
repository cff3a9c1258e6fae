"""Arrays kept by the content they were computed from.

An entry is a small file with a checksum over its array. What is damaged,
foreign or cannot be read counts as absent and is computed again; what cannot be
written is passed over, with one warning. So a cache can make a run slower, but
not wrong. It is kept below a size: entries that were not used for longest go first.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.foundation.files import write_bytes

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 16
_DEFAULT_GB = 20.0
_WRITING_NS = 3600 * 10**9
_SPACE, _SHELF = re.compile("[0-9a-f]{24}"), re.compile("[0-9a-f]{2}")
_ENTRY = re.compile(r"[0-9a-f]{64}|\.tmp-.*")  # the latter left by a killed process


def size_limit() -> int:
    """Read how large a cache may become.

    Returns
    -------
    limit : int
        Bytes: ``HIERCLF_CACHE_GB`` of the environment times 1e9, 20e9 by default.

    Raises
    ------
    InputError
        If that is no number above 0.
    """
    told = os.environ.get("HIERCLF_CACHE_GB", str(_DEFAULT_GB))
    try:
        gigabytes = float(told)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < math.inf:
        raise InputError(
            f"HIERCLF_CACHE_GB: expected a number above 0, got {told!r}. Unset it for "
            f"{_DEFAULT_GB:g}."
        )
    return int(gigabytes * 1e9)


def shrink(folder: Path, limit: int) -> None:
    """Remove entries that were not used for longest, until the rest fits.

    Parameters
    ----------
    folder : Path
        A cache. What else lies in it stays and is not counted.
    limit : int
        Bytes. Where there are more, a tenth below it is made free, so that the
        next entry does not search again. Several processes may do so at once.
    """
    entries = []
    young = time.time_ns() - _WRITING_NS
    for path in _entries(folder):
        with suppress(OSError):  # another process was faster
            state = path.stat()
            if path.name.startswith(".") and state.st_mtime_ns > young:
                continue  # another process is writing it
            entries.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in entries)
    if total <= limit:
        return
    for _, size, path in sorted(entries):
        if total <= 0.9 * limit:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _entries(folder: Path) -> Iterator[Path]:
    for space in _named(folder, _SPACE):
        for shelf in _named(space, _SHELF):
            yield from _named(shelf, _ENTRY)


def _named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    except OSError:
        return []


class ArrayCache:
    """A folder of arrays, shared by any number of processes.

    Parameters
    ----------
    folder : Path
        Made when the first entry is written.
    space : str
        What distinguishes these entries from others of the same scans, for
        example the digest of a network and its preprocessing. Part of the key.
    """

    def __init__(self, folder: Path, space: str) -> None:
        digest = hashlib.sha256(space.encode()).hexdigest()[:24]
        self._root, self._folder = folder, folder / digest
        self._writable = True
        self._limit = size_limit()
        self._unchecked = self._limit  # bytes since the size was last looked at

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def get(self, key: str) -> NDArray[np.generic] | None:
        """Look an entry up.

        Parameters
        ----------
        key : str
            Digest of the content that it was computed from.

        Returns
        -------
        array : ndarray or None
            None where it is absent or damaged.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)  # used just now
        body = content[_DIGEST_BYTES:]
        if _checksum(body) != content[:_DIGEST_BYTES]:
            return None
        array: NDArray[np.generic] = np.load(io.BytesIO(body), allow_pickle=False)
        return array

    def put(self, key: str, array: NDArray[np.generic]) -> None:
        """Keep an entry.

        Parameters
        ----------
        key : str
            Digest of the content that it was computed from.
        array : ndarray
            Any shape and plain dtype.
        """
        if not self._writable:
            return
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        body = buffer.getvalue()
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes(path, _checksum(body) + body, sync=False)
        except (OSError, ResourceError) as error:
            self._writable = False
            _log.warning("cache: going on without one, since %s", error)
            return
        self._unchecked += len(body)
        if self._unchecked > self._limit // 20:
            self._unchecked = 0
            shrink(self._root, self._limit)


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_DIGEST_BYTES]
