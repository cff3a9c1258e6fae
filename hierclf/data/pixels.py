"""Scans read from files of any accepted format, as gray values in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hierclf.data import dicom, raster
from hierclf.data.border import overhear, refused, refusing
from hierclf.data.gray import Gray, refuse_blank
from hierclf.data.limits import DEFAULT_LIMITS, ReadLimits
from hierclf.data.regular_file import read_once
from hierclf.foundation.files import sha256_bytes

__all__ = ["ReadLimits", "Scan", "decode_scan", "read_scan"]

_REFUSED = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"<": "HTML, SVG or other markup",
}


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan as it was read.

    Parameters
    ----------
    pixels : ndarray of float32, shape (height, width), in [0, 1]
        Luminance, finite, upright, C-contiguous, writable and not constant; 1
        is what the format calls white. In a radiograph bone is bright.
    sha256 : str
        Digest of the file's bytes that were decoded; 64 hexadecimal digits.
    warnings : tuple of str
        Why a person might want to look at the scan; sorted, stable codes.

        ``W_ALPHA``
            It was partly transparent; what lay below is black now.
        ``W_BURNED_IN``
            Its header says that text was burned into the pixels.
        ``W_DECODER``
            A decoding library remarked on the file, for example on a value
            that the standard does not allow.
        ``W_DEPTH``
            It has 16 bits per color, of which the upper 8 were read.
        ``W_NO_IEND``
            A PNG whose pixels are complete but whose end is missing.
        ``W_ORIENTATION``
            Its EXIF data could not be read, so it may lie on its side.
        ``W_PADDING``
            More pixel data than the header announces; the rest was left out.
    """

    pixels: Gray
    sha256: str
    warnings: tuple[str, ...]


def read_scan(path: Path, limits: ReadLimits = DEFAULT_LIMITS) -> Scan:
    """Read one scan from a file.

    The bytes are read once; what is hashed is what is decoded.

    Parameters
    ----------
    path : Path
        A regular file, or a symbolic link to one. Its name says nothing: the
        format is recognized by content.
    limits : ReadLimits, optional
        Checked before pixels are decoded.

    Returns
    -------
    scan : Scan
        The pixels, their origin and what was odd about them.

    Raises
    ------
    ScanError
        For everything that is wrong with this one file; see `decode_scan` and
        `hierclf.data.regular_file.read_once` for the codes.
    ResourceError
        If the process may open no more files.
    """
    with refusing("E_PERM", "a readable file"):
        content = read_once(path, limits)
    return decode_scan(content, limits)


def decode_scan(content: bytes, limits: ReadLimits = DEFAULT_LIMITS) -> Scan:
    """Decode one scan from the bytes of a file.

    Safe to call from several threads. It does not limit time: a decoder written
    in C that never returns must be stopped from outside, by running this in a
    process that can be killed.

    Parameters
    ----------
    content : bytes
        A PNG, JPEG, TIFF or DICOM file.
    limits : ReadLimits, optional
        Checked before pixels are decoded.

    Returns
    -------
    scan : Scan
        The pixels, their origin and what was odd about them.

    Raises
    ------
    ScanError
        For everything that is wrong with the content: ``E_EMPTY``,
        ``E_TOO_LARGE``, ``E_TOO_SMALL``, ``E_FORMAT``, ``E_MULTIFRAME``,
        ``E_TRUNCATED``, ``E_DECODE``, ``E_COLOUR``, ``E_NONFINITE``,
        ``E_BLANK``, ``E_MEMORY``, and for DICOM also ``E_DICOM_META``,
        ``E_TS``, ``E_NOT_IMAGE``, ``E_HEADER``.

    Notes
    -----
    Integers are divided by the largest value of their depth, so that equal
    numbers give equal grays in every scan. Where that value says nothing
    (floats, signed and 32-bit integers of a TIFF, DICOM without a window) the
    scan is stretched between its own least and greatest value.
    """
    limits.check_bytes(len(content))
    with overhear() as heard, refusing("E_DECODE", "a scan"):
        pixels, codes = _decode(content, limits)
        pixels = np.require(pixels, requirements=["C", "W"])
        refuse_blank(float(pixels.min()), float(pixels.max()))
        if heard:
            codes = (*codes, "W_DECODER")
        return Scan(pixels, sha256_bytes(content), tuple(sorted(codes)))


def _decode(content: bytes, limits: ReadLimits) -> tuple[Gray, tuple[str, ...]]:
    if dicom.is_dicom(content):
        return dicom.decode_dicom(content, limits)
    kind = raster.raster_format(content)
    if kind is not None:
        return raster.decode_raster(content, kind, limits)
    dicom.refuse_bare_dicom(content)
    starts = (name for start, name in _REFUSED.items() if content.startswith(start))
    found = next(starts, "another format")
    expected = "PNG, JPEG, TIFF or DICOM content"
    raise refused("E_FORMAT", expected, found, "Export the scan as one of these")
