"""Frames of scans, decoded ahead of their use and kept at working size.

Threads decode, since Pillow, OpenCV and the DICOM decoders let others run while
they work; at most a few scans wait, so memory does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.caching.store import ArrayCache
from hierclf.data.border import refusing
from hierclf.data.limits import DEFAULT_LIMITS
from hierclf.data.pixels import decode_scan
from hierclf.data.regular_file import read_once
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.files import sha256_bytes
from hierclf.transforms.geometry import fit_frame

A = TypeVar("A")
B = TypeVar("B")
Frame = NDArray[np.float32]
Scans = pd.DataFrame | Sequence[Frame] | NDArray[np.object_]
"""Manifest rows, or scans in memory: arrays (height, width) in [0, 1]."""

_DEPTH = 65535


def read_ahead(
    function: Callable[[A], B], items: Iterable[A], *, n_threads: int = 2
) -> Iterator[B]:
    """Map in threads, in order, with a bounded number of results waiting.

    Parameters
    ----------
    function : callable
        Called in a thread for each item; its exception comes out in its turn.
    items : iterable
        Drawn from as results are taken.
    n_threads : int, at least 1, default=2
        Threads; eight results for each may wait.

    Yields
    ------
    result : object
        ``function(item)``, in the order of `items`.
    """
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 8 * n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _quantize(frame: Frame) -> NDArray[np.uint16]:
    return np.round(frame * _DEPTH).astype(np.uint16)


def _restore(steps: NDArray[np.generic]) -> Frame:
    return steps.astype(np.float32) / np.float32(_DEPTH)


def read_bytes(path: str) -> bytes:
    """Read the bytes of a scan's file, so that they can be hashed and decoded.

    Parameters
    ----------
    path : str
        A regular file.

    Returns
    -------
    content : bytes
        All of it.

    Raises
    ------
    ScanError
        If it is absent, may not be read, is no regular file or too large.
    """
    with refusing("E_PERM", "a readable file"):
        return read_once(Path(path), DEFAULT_LIMITS)


class Preparation(Protocol):
    """What is done to every frame before a network sees it.

    It looks at the frame and not at the scan: so a scan that was brought to its frame
    before, as in scoring, is prepared in the same way.
    """

    @property
    def digest(self) -> str:
        """What names it in the keys of caches: equal for equal results."""

    def __hash__(self) -> int:
        """Serve as part of keys."""

    def __call__(self, frame: Frame) -> Frame:
        """Prepare a frame (side, side) in [0, 1]; called from several threads."""


def name_of(preparation: Preparation | None) -> str:
    """Give what a preparation adds to the key of a cache; '' for none."""
    return "" if preparation is None else f" prepared {preparation.digest}"


class FrameReader:
    """Read scans as square frames, from a cache where one is given.

    Parameters
    ----------
    side : int
        Side of the frame in pixels.
    cache : Path, optional
        Folder for decoded frames. Worth it where scans are read again, as in
        fine-tuning; keyed by the bytes of the file.
    preparation : Preparation, optional
        What is done to each frame; part of the key.
    """

    def __init__(
        self,
        side: int,
        cache: Path | None = None,
        preparation: Preparation | None = None,
    ) -> None:
        self.side = side
        self.preparation = preparation
        space = f"frame 1 {side}{name_of(preparation)}"
        self._cache = ArrayCache(cache, space) if cache else None

    def read(self, path: str) -> Frame:
        """Read one scan.

        Parameters
        ----------
        path : str
            File to decode.

        Returns
        -------
        frame : ndarray of float32, shape (side, side), in [0, 1]
            In steps of 1/65535, so that it is the same from the cache.

        Raises
        ------
        ScanError
            If the file cannot be read or is no scan.
        """
        content = read_bytes(path)
        if self._cache is None:
            return self.decode(content)
        digest = sha256_bytes(content)
        kept = self._cache.get(digest)
        if kept is not None:
            return _restore(kept)
        frame = self.decode(content)
        self._cache.put(digest, _quantize(frame))
        return frame

    def decode(self, content: bytes) -> Frame:
        """Decode the bytes of a scan to its frame; see `read`."""
        return self.frame_of(decode_scan(content).pixels)

    def frame_of(self, pixels: Frame) -> Frame:
        """Bring a decoded scan to its frame; see `read`."""
        frame = _restore(_quantize(fit_frame(pixels, self.side)))
        return frame if self.preparation is None else self.preparation(frame)

    def read_all(self, scans: Scans) -> Iterator[Frame | ScanError]:
        """Read scans in order, errors in the place of frames.

        Parameters
        ----------
        scans : DataFrame or sequence of ndarray
            Manifest rows with a column ``path``, or scans in memory.

        Yields
        ------
        result : ndarray or ScanError
            One for each scan.
        """
        if isinstance(scans, pd.DataFrame):
            yield from read_ahead(self._attempt, scans["path"])
        else:
            yield from (self.frame_of(pixels) for pixels in scans)

    def _attempt(self, path: str) -> Frame | ScanError:
        try:
            return self.read(path)
        except ScanError as error:
            return error


def batched_frames(
    reader: FrameReader, scans: Scans, batch_size: int
) -> Iterator[NDArray[np.float32]]:
    """Read scans in batches.

    Parameters
    ----------
    reader : FrameReader
        Gives the frames.
    scans : DataFrame or sequence of ndarray, length n_scans
        What to read.
    batch_size : int
        Scans in a batch; the last may be smaller.

    Yields
    ------
    frames : ndarray of float32, shape (batch_size, side, side)
        In the order of `scans`.

    Raises
    ------
    InputError
        If a scan cannot be read; it names the first few of them.
    """
    batch: list[Frame] = []
    troubles: list[str] = []
    for place, result in enumerate(reader.read_all(scans)):
        if isinstance(result, ScanError):
            troubles.append(describe_trouble(scans, place, result))
            continue
        batch.append(result)
        if len(batch) == batch_size:
            yield np.stack(batch)
            batch = []
    if troubles:
        raise InputError(join_troubles(troubles))
    if batch:
        yield np.stack(batch)


def describe_trouble(scans: Scans, place: int, error: ScanError) -> str:
    """Say in one sentence which scan was not read and why."""
    name = f"scan {place}"
    if isinstance(scans, pd.DataFrame):
        row = scans.iloc[place]
        name = str(row["scan"] if "scan" in scans else row["path"])
    return f"{name}: {error.code}, {error}"
