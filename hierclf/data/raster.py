"""PNG, JPEG and TIFF scans, decoded by Pillow without losing gray levels.

Two habits of Pillow shape this module. Its ``convert("L")`` clips 16-bit
values at 255, so conversion goes through float. And its guard against
decompression bombs is a warning in part of its range, so the size is checked
here between opening a file and decoding it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, _imaging

from hierclf.data.border import refused, refusing
from hierclf.data.codestream import has_end
from hierclf.data.gray import Gray, stretch
from hierclf.data.limits import ReadLimits

_FORMATS = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"GIF8": "GIF",  # recognized to say what is wrong with it
}
_TURNS: dict[int, Callable[[Gray], Gray]] = {  # by the orientation of EXIF
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.T,
    6: lambda stored: stored.T[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].T,
    8: lambda stored: stored.T[::-1],
}
_OPAQUE = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")


def raster_format(content: bytes) -> str | None:
    """Recognize a raster format by the first bytes of a file.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    kind : str or None
        Pillow's name of the format, None if it is none that is read here.

    Examples
    --------
    >>> raster_format(b"GIF89a"), raster_format(b"<html>")
    ('GIF', None)
    """
    return next((k for start, k in _FORMATS.items() if content.startswith(start)), None)


def decode_raster(
    content: bytes, kind: str, limits: ReadLimits
) -> tuple[Gray, tuple[str, ...]]:
    """Decode a raster file to upright gray values.

    Parameters
    ----------
    content : bytes
        The file.
    kind : str
        What `raster_format` said of it.
    limits : ReadLimits
        Checked before pixels are decoded.

    Returns
    -------
    pixels : ndarray of float32, shape (height, width), in [0, 1]
        Luminance; what was transparent lies on black.
    warnings : tuple of str
        Codes as explained in `hierclf.data.pixels.Scan`.

    Raises
    ------
    ScanError
        If the file is broken, too large, too small, animated, of several
        pages, in a color space without a definite gray, or not finite.

    Notes
    -----
    - Unsigned integers of up to 16 bits are divided by the greatest value of
      their depth. Signed and 32-bit integers and floats are stretched between
      their least and greatest value.
    - The luminance of a JPEG is the one that it stores, if it stores YCbCr.
    - Color of 16 bits is read with 8: Pillow drops the lower half. Such scans
      carry ``W_DEPTH``.
    - A PNG that lost its end but none of its pixels is accepted with
      ``W_NO_IEND``; a JPEG without its end is not, since Pillow refuses it.
    - The orientation of EXIF is applied once; Pillow already does so for TIFF.
    """
    complete = _is_complete(content, kind)
    with refusing(
        "E_DECODE" if complete else "E_TRUNCATED",
        f"a {'valid' if complete else 'complete'} {kind} file",
    ):
        pixels, codes = _read(content, kind, limits)
    if kind == "PNG" and not complete:
        codes = (*codes, "W_NO_IEND")
    return pixels, codes


def _is_complete(content: bytes, kind: str) -> bool:
    if kind == "PNG":
        return content.rfind(b"IEND\xaeB`\x82") > 0
    return kind != "JPEG" or has_end(content)


def _read(
    content: bytes, kind: str, limits: ReadLimits
) -> tuple[Gray, tuple[str, ...]]:
    if kind == "TIFF":
        _silence_libtiff()
    with _open(content, kind) as image:
        limits.check_size(*image.size)
        _refuse_frames(image)
        deep = ";16" in str(image.tile[:1])
        image.draft("L", None)  # of a JPEG in YCbCr only Y, which is its luminance
        image.load()
        orientation, codes = _orientation(image)
        pixels, alpha_codes = _to_gray(image)
    if deep and not image.mode.startswith("I"):
        codes = (*codes, "W_DEPTH")
    turn = _TURNS.get(orientation)
    return pixels if turn is None else turn(pixels), (*codes, *alpha_codes)


def _open(content: bytes, kind: str) -> ImageFile.ImageFile:
    try:
        return Image.open(BytesIO(content), formats=(kind,))
    except Image.DecompressionBombError as error:
        got = "more pixels than Pillow accepts"
        raise refused("E_TOO_LARGE", "less", got, "Scale the scan down") from error


def _refuse_frames(image: Image.Image) -> None:
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1:
        advice = "Save the one of interest by itself"
        raise refused("E_MULTIFRAME", "one picture", f"{n_frames}", advice)
    if image.format == "GIF":
        expected = "PNG, JPEG, TIFF or DICOM content"
        raise refused("E_FORMAT", expected, "GIF", "Save the scan as PNG")


def _orientation(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    exif: Mapping[int, int] = {}
    with suppress(SyntaxError, ValueError):  # what broken data was seen to raise
        exif = image.getexif()
    broken = "exif" in image.info and not exif
    turn = exif.get(ExifTags.Base.Orientation, 1)
    return turn, ("W_ORIENTATION",) if broken else ()


def _to_gray(image: Image.Image) -> tuple[Gray, tuple[str, ...]]:
    if image.mode.startswith("I;16"):
        return _sixteen_bit(image)
    if image.mode in ("I", "F"):
        return _as_tagged(image, stretch(np.asarray(image))), ()
    if image.has_transparency_data:
        return _on_black(image.convert("RGBA"))
    if image.mode not in _OPAQUE:
        got = f"color mode {image.mode}"
        raise refused("E_COLOUR", "gray, RGB or CMYK", got, "Save the scan as gray")
    return _eight_bit(image), ()


def _eight_bit(image: Image.Image) -> Gray:
    # RGB to F is exact: Pillow weighs by thousandths and does not round
    if image.mode != "L":
        image = image.convert("RGB").convert("F")
    pixels: Gray = np.divide(np.asarray(image), 255, dtype=np.float32)
    return pixels


def _on_black(image: Image.Image) -> tuple[Gray, tuple[str, ...]]:
    alpha = np.asarray(image.getchannel("A"))
    pixels = _eight_bit(image)
    if alpha.min() == 255:
        return pixels, ()
    return pixels * np.divide(alpha, 255, dtype=np.float32), ("W_ALPHA",)


def _sixteen_bit(image: Image.Image) -> tuple[Gray, tuple[str, ...]]:
    stored = np.asarray(image)
    bits = _tag(image, ExifTags.Base.BitsPerSample, (16,))[0]
    pixels = np.divide(stored, (1 << bits) - 1, dtype=np.float32)
    clear = stored == image.info.get("transparency", -1)
    if clear.any():
        pixels[clear] = 0
        return pixels, ("W_ALPHA",)
    return _as_tagged(image, pixels), ()


def _as_tagged(image: Image.Image, pixels: Gray) -> Gray:
    # Pillow inverts WhiteIsZero (0) only where a pixel has at most 8 bits
    zero_is_white = _tag(image, ExifTags.Base.PhotometricInterpretation, 1) == 0
    return 1 - pixels if zero_is_white else pixels


def _tag(image: Image.Image, tag: int, default: Any) -> Any:
    return getattr(image, "tag_v2", {}).get(tag, default)


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to stderr, for good and in all threads.

    Pillow raises an error of its own wherever libtiff reports one. Redirecting
    stderr for a while instead would swallow what other threads write.
    """
    library = ctypes.CDLL(_imaging.__file__)  # finds what Pillow is linked to
    set_handler = getattr(library, "TIFFSetErrorHandler", None)
    if set_handler is not None:
        set_handler.argtypes = [ctypes.c_void_p]
        set_handler.restype = ctypes.c_void_p
        set_handler(None)
