"""Every scan looked at once: its file, its brightness, its border, its hash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.checking.hashes import SIDE, Waves, waves_of
from hierclf.data.gray import Gray
from hierclf.data.header_facts import Fact, read_header
from hierclf.data.pixels import decode_scan
from hierclf.data.regular_file import open_regular
from hierclf.foundation.errors import ScanError
from hierclf.foundation.files import sha256_bytes
from hierclf.loading.scans import read_ahead, read_bytes
from hierclf.transforms.geometry import fit_frame

Floats = NDArray[np.float64]

_TILE = SIDE // 8
_EDGES = (slice(0, _TILE), slice(_TILE, -_TILE), slice(-_TILE, None))


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of one scan.

    Parameters
    ----------
    file : mapping of str to str or float
        What the file says of itself; see `hierclf.data.header_facts.HeaderFacts`.
    pixels : mapping of str to float
        ``brightness`` and ``contrast`` (mean and standard deviation of the grays,
        in [0, 1]), ``black`` and ``white`` (shares of pixels at the ends of the
        scale) and ``bytes``, the size of the file, which measures texture.
    border : ndarray of float, shape (24,)
        Mean, standard deviation and maximum of the four corners and four edges, an
        eighth of the frame wide.
    waves : ndarray of float32, shape (16, 16)
        For its hash.
    digest, picture : str
        SHA-256 of the bytes, and of the decoded pixels with their shape.
    instance : str
        SOPInstanceUID, or ''.
    warnings : tuple of str
        Codes as explained in `hierclf.data.pixels.Scan`.
    """

    file: Mapping[str, Fact]
    pixels: Mapping[str, float]
    border: Floats
    waves: Waves
    digest: str
    picture: str
    instance: str
    warnings: tuple[str, ...]


def look_at(path: str) -> tuple[Look, Gray]:
    """Look at one scan.

    Parameters
    ----------
    path : str
        Its file.

    Returns
    -------
    look : Look
        What is to be known of it.
    frame : ndarray of float32, shape (64, 64), in [0, 1]
        The whole scan.

    Raises
    ------
    ScanError
        If it cannot be read.
    """
    content = read_bytes(path)
    scan = decode_scan(content)
    header = read_header(BytesIO(content))
    frame = fit_frame(scan.pixels, SIDE)
    shape = repr(scan.pixels.shape).encode()
    look = Look(
        file={"ending": ending_of(path), **header.facts},
        pixels=_grays(scan.pixels, len(content)),
        border=border_of(frame),
        waves=waves_of(frame),
        digest=scan.sha256,
        picture=sha256_bytes(shape + scan.pixels.tobytes()),
        instance=header.instance,
        warnings=scan.warnings,
    )
    return look, frame


def ending_of(path: str) -> str:
    """Give the ending of a file name, in lower case."""
    return os.path.splitext(path)[1].lower()


def _grays(pixels: Gray, n_bytes: int) -> dict[str, float]:
    return {
        "brightness": float(pixels.mean()),
        "contrast": float(pixels.std()),
        "black": float((pixels <= 0).mean()),
        "white": float((pixels >= 1).mean()),
        "bytes": float(n_bytes),
    }


def border_of(frame: Gray) -> Floats:
    """Describe the outermost eighth of a frame.

    Parameters
    ----------
    frame : ndarray of float32, shape (64, 64)
        The whole scan.

    Returns
    -------
    border : ndarray of float, shape (24,)
        Mean, standard deviation and maximum of each of eight tiles, row by row.
    """
    tiles = [
        frame[rows, columns]
        for y, rows in enumerate(_EDGES)
        for x, columns in enumerate(_EDGES)
        if (y, x) != (1, 1)
    ]
    told = [(tile.mean(), tile.std(), tile.max()) for tile in tiles]
    return np.asarray(told, dtype=np.float64).ravel()


def file_facts(paths: Iterable[str]) -> pd.DataFrame:
    """Read the headers of scans, and no pixel.

    Parameters
    ----------
    paths : iterable of str
        Files that can be read.

    Returns
    -------
    facts : DataFrame
        As `Look.file`; a row for each scan, without facts where a header cannot
        be read.
    """
    return pd.DataFrame(list(read_ahead(_header, paths)))


def _header(path: str) -> dict[str, Fact]:
    try:
        with open_regular(Path(path)) as stream:
            return {"ending": ending_of(path), **read_header(stream).facts}
    except ScanError:
        return {"ending": ending_of(path)}
