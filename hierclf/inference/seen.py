"""What a frozen trunk has seen, and what waits to be seen."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hierclf.loading.scans import Frame

Features = NDArray[np.floating]
FileKey = tuple[str, int, int]
"""Path, size, time of change."""
_MEMORY_BYTES = 4 << 30


@dataclass
class Memory:
    """Features of scans on disk, and of the last scans in memory.

    Parameters
    ----------
    by_file : dict
        Features of files, up to 4 GiB.
    n_bytes : int
        Of these.
    last : dict of str to ndarray
        Features of the last scans in memory, by `content_of`.
    """

    by_file: dict[FileKey, Features] = field(default_factory=dict)
    n_bytes: int = 0
    last: dict[str, Features] = field(default_factory=dict)

    def keep(self, key: FileKey, features: Features) -> None:
        """Keep the features of a file, while there is room."""
        if self.n_bytes + features.nbytes <= _MEMORY_BYTES:
            self.by_file[key] = features
            self.n_bytes += features.nbytes

    def recall(self, digests: list[str]) -> Features | None:
        """Recall by content: whoever fills an array anew passes another scan."""
        if not digests or not all(digest in self.last for digest in digests):
            return None
        return np.stack([self.last[digest] for digest in digests])


@dataclass(frozen=True)
class Unseen:
    """A scan whose features are to be computed: its file, its bytes' digest, itself."""

    key: FileKey
    digest: str
    frame: Frame


@dataclass
class Pending:
    """Scans that wait for a batch to be full, and their places in the result."""

    places: list[int] = field(default_factory=list)
    scans: list[Unseen] = field(default_factory=list)

    def add(self, place: int, scan: Unseen) -> None:
        """Let one more wait."""
        self.places.append(place)
        self.scans.append(scan)

    def clear(self) -> None:
        """Begin the next batch."""
        self.places.clear()
        self.scans.clear()


def content_of(pixels: Frame) -> str:
    """Name a scan in memory by its shape, type and values."""
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def key_of(path: str) -> FileKey:
    """Name a file by what changes when it is written."""
    state = os.stat(path)
    return path, state.st_size, state.st_mtime_ns
