"""In which scans lungs are found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hierclf.caching.store import ArrayCache
from hierclf.foundation.files import sha256_bytes
from hierclf.foundation.progress import Progress
from hierclf.loading.scans import FrameReader, name_of, read_ahead, read_bytes
from hierclf.segmentation.segmenter import Segmenter


def lungs_found(
    segmenter: Segmenter, paths: Sequence[str], side: int, cache: Path | None
) -> NDArray[np.bool_]:
    """Tell in which scans lungs are found.

    Parameters
    ----------
    segmenter : Segmenter
        What looks for them.
    paths : sequence of str, length n_scans
        Files that were read before.
    side : int
        Of the frames that are looked at.
    cache : Path or None
        Folder in which the answer is kept, by the content of the file.

    Returns
    -------
    found : ndarray of bool, shape (n_scans,)
        False where the frame is seen whole.

    Raises
    ------
    ScanError
        If a file can no longer be read.
    """
    reader = FrameReader(side)
    kept = (
        ArrayCache(cache, f"lungs found {side}{name_of(segmenter)}") if cache else None
    )

    def look(path: str) -> bool:
        content = read_bytes(path)
        digest = sha256_bytes(content)
        known = kept.get(digest) if kept else None
        if known is not None:
            return bool(known)
        found = segmenter.lungs(reader.decode(content)).found
        if kept:
            kept.put(digest, np.array(found))
        return found

    bar = Progress(paths, desc="lungs", unit="scan")
    told = [found for _, found in zip(bar, read_ahead(look, paths), strict=True)]
    return np.array(told, dtype=np.bool_)
