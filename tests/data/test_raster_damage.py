"""PNG, JPEG and TIFF that are damaged, too large, too small or no scan."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hierclf.data.pixels import decode_scan

RNG = np.random.default_rng(7)
GRAY = RNG.integers(0, 256, (24, 40), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (24, 40, 3), dtype=np.uint8)


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_claiming(width, height, data=b""):
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_png_truncated(encode, refuses):
    """Fault 4: a PNG cut anywhere in its pixels."""
    whole = encode(GRAY, "PNG")
    for cut in range(8, whole.rindex(b"IEND") - 12):
        refuses(whole[:cut], "E_TRUNCATED", "expected a complete PNG file")


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_truncated(encode, refuses, progressive):
    """Fault 5: a JPEG cut anywhere, even by one byte."""
    whole = encode(GRAY, "JPEG", progressive=progressive)
    for cut in range(3, len(whole)):
        refuses(whole[:cut], "E_TRUNCATED", "expected a complete JPEG file")


def test_jpeg_with_trailing_bytes(encode):
    """What follows the end of a JPEG, even a marker, is no damage."""
    whole = encode(GRAY, "JPEG")
    scan = decode_scan(whole + b"\xff\xda trailing")
    assert scan.warnings == ()
    np.testing.assert_array_equal(scan.pixels, decode_scan(whole).pixels)


@pytest.mark.parametrize("lost", range(1, 17))
def test_png_without_its_end(encode, lost):
    """Fault 6: the last bytes lost, but no pixel: accepted, and said."""
    scan = decode_scan(encode(GRAY, "PNG")[:-lost])
    assert scan.warnings == ("W_NO_IEND",)
    np.testing.assert_array_equal(scan.pixels, (GRAY / 255).astype(np.float32))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_damaged_tiff(encode, refuses, capfd, compression):
    """Fault 8: damaged TIFF data; libtiff keeps silent."""
    whole = bytearray(encode(GRAY, "TIFF", compression=compression))
    start = Image.open(BytesIO(whole)).tag_v2[273][0]
    whole[start : start + 8] = b"\xff\x13\x77\xff\x00\xff\xfe\x99"
    refuses(bytes(whole), "E_DECODE", "expected a valid TIFF file")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("side", [65535, 10_000, 6325])
def test_header_bomb(refuses, side):
    """Fault 9: the claim is refused, though the data could not be decoded."""
    refuses(png_claiming(side, side, b"junk"), "E_TOO_LARGE", "expected .*, got ")
    refuses(png_claiming(6324, 6324, b"junk"), "E_DECODE", "valid PNG")


def test_pixel_bomb(refuses):
    """Fault 10: 67 megapixels in a few kilobytes, below Pillow's own limit."""
    content = png_claiming(8192, 8192, zlib.compress(bytes(8192 * 1025), 9))
    assert len(content) < 20_000
    refuses(content, "E_TOO_LARGE", "at most 40000000 pixels, got 8192 x 8192")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_not_finite(encode, refuses, odd):
    """Fault 14: one NaN or infinity in a float TIFF."""
    values = GRAY.astype(np.float32)
    values[3, 4] = odd
    refuses(encode(values, "TIFF"), "E_NONFINITE", "expected finite pixels")


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG"])
def test_several_frames(encode, refuses, kind):
    """Fault 18: pages of a TIFF, frames of a GIF or an animated PNG."""
    other = Image.fromarray(255 - GRAY)
    content = encode(GRAY, kind, save_all=True, append_images=[other])
    refuses(content, "E_MULTIFRAME", "expected one picture, got 2")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_broken_exif(encode, kind):
    """Orientation that cannot be read is said, and the scan is read as stored."""
    scan = decode_scan(encode(GRAY, kind, exif=b"Exif\0\0garbage"))
    assert scan.warnings == ("W_ORIENTATION",)
    assert scan.pixels.shape == GRAY.shape


@pytest.mark.parametrize("shape", [(1, 1), (1, 40_000), (15, 15), (16, 321)])
def test_too_small(encode, refuses, shape):
    """Fault 20: sides and their ratio."""
    content = encode(
        np.arange(shape[0] * shape[1]).astype(np.uint8).reshape(shape), "PNG"
    )
    refuses(content, "E_TOO_SMALL", f"got {shape[1]} x {shape[0]}")


def test_just_large_enough(encode):
    """The limits themselves are accepted."""
    picture = RNG.integers(0, 256, (16, 320), dtype=np.uint8)
    assert decode_scan(encode(picture, "PNG")).pixels.shape == (16, 320)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_blank(encode, refuses, kind, level):
    """Fault 21: one gray level all over."""
    content = encode(np.full((32, 32), level, dtype=np.uint8), kind)
    refuses(content, "E_BLANK", "expected a picture")


def test_color_without_gray(encode, refuses):
    """LAB has no gray that Pillow knows."""
    image = Image.fromarray(COLOR, "LAB")
    refuses(encode(image, "TIFF"), "E_COLOUR", "expected gray, RGB or CMYK, got .*LAB")


def test_single_gif(encode, refuses):
    """A GIF is recognized, only to say what to do with it."""
    refuses(encode(GRAY, "GIF"), "E_FORMAT", r"got GIF\. Save the scan as PNG")


def test_remark_of_pillow(encode):
    """What Pillow warns of reaches the scan, and not the user."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0"
    scan = decode_scan(encode(GRAY, "JPEG", exif=exif))
    assert "W_DECODER" in scan.warnings
