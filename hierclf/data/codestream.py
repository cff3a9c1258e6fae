"""Headers inside compressed pictures.

A DICOM header and the compressed picture behind it each state size and depth.
Decoders trust the second: it decides how much memory they take. A height of 0
there was seen to keep a decoder busy for ever, and an impossible depth to crash
another, so both must agree before either is believed.
"""

from __future__ import annotations

from typing import NamedTuple

_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_ADOBE = 0xEE
_JPEG_2000 = b"\xff\x4f\xff\x51"


class Codestream(NamedTuple):
    """What a compressed picture says of itself.

    Parameters
    ----------
    width, height : int
        In pixels.
    samples : int
        Per pixel: 1 for gray, 3 for color.
    bits : int
        Of the first sample.
    """

    width: int
    height: int
    samples: int
    bits: int


def read_codestream(frame: bytes) -> Codestream | None:
    """Read the header of a compressed picture.

    Parameters
    ----------
    frame : bytes
        A JPEG, JPEG-LS or JPEG 2000 picture (or anything else).

    Returns
    -------
    header : Codestream or None
        None if there is no header of these formats, or none that can be
        followed from marker to marker to where the pixels begin.

    References
    ----------
    .. [1] ITU-T T.81, section B.2.2 (frame header of JPEG; JPEG-LS shares it).
    .. [2] ITU-T T.800, section A.5.1 (image and tile size of JPEG 2000).

    Examples
    --------
    >>> start = "ffd8 ffc0 000b 08 0010 0020 01 011100"  # no scan follows: None
    >>> read_codestream(bytes.fromhex(start + "ffda 0008 01 0100 003f00"))
    Codestream(width=32, height=16, samples=1, bits=8)
    """
    if frame.startswith(b"\xff\xd8"):
        return _read_jpeg(frame)
    start = frame.find(_JPEG_2000)
    if start < 0 or len(frame) < start + 43:
        return None
    right, bottom, left, top = (
        int.from_bytes(frame[at : at + 4]) for at in range(start + 8, start + 24, 4)
    )
    samples = int.from_bytes(frame[start + 40 : start + 42])
    bits = (frame[start + 42] & 0x7F) + 1
    return Codestream(right - left, bottom - top, samples, bits)


def has_end(jpeg: bytes) -> bool:
    """Tell whether a JPEG or JPEG-LS picture has the marker of its end.

    Parameters
    ----------
    jpeg : bytes
        The picture; what follows its end does not matter.

    Returns
    -------
    found : bool
        True if an end of image comes after the last start of a scan. Neither
        marker can occur among compressed pixels.

    Examples
    --------
    >>> has_end(bytes.fromhex("ffd8 ffda 1234 ffd9")), has_end(b"")
    (True, False)
    """
    return jpeg.rfind(b"\xff\xd9") > jpeg.rfind(b"\xff\xda")


def _read_jpeg(frame: bytes) -> Codestream | None:
    header, at = None, 2
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == _SCAN:  # the scan; nothing behind it is a header
            return header
        if marker in _FRAMES:
            height = int.from_bytes(frame[at + 5 : at + 7])
            width = int.from_bytes(frame[at + 7 : at + 9])
            header = Codestream(width, height, frame[at + 9], frame[at + 4])
        if marker < 0xC0 or 0xD0 <= marker <= 0xD9:
            return None  # not one that belongs before a scan
        length = int.from_bytes(frame[at + 2 : at + 4])
        if marker == _ADOBE and length >= 14 and frame[at + 15 : at + 16] > b"\x02":
            return None  # no color transform that Adobe's segment can name
        # any marker may be preceded by fill bytes of 0xFF
        at += 1 if marker == 0xFF else 2 + length
    return None
