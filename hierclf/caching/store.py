"""Arrays kept by the content they were computed from.

An entry is a small file with a checksum over its array. What is damaged,
foreign or cannot be read counts as absent and is computed again; what cannot be
written is passed over, with one warning. So a cache can make a run slower, but
not wrong.
"""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hierclf.foundation.errors import ResourceError
from hierclf.foundation.files import write_bytes

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 16


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
        self._folder = folder / digest
        self._writable = True

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
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
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


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_DIGEST_BYTES]
