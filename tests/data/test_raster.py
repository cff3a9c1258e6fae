"""PNG, JPEG and TIFF of every depth and color mode."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hierclf.data.pixels import ReadLimits, decode_scan
from hierclf.data.raster import decode_raster, raster_format

RNG = np.random.default_rng(7)
GRAY = RNG.integers(0, 256, (24, 40), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (24, 40, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (24, 40), dtype=np.uint8)


def luma(rgb):
    """Rec. 601 in double precision."""
    return np.asarray(rgb, dtype=np.float64) @ [0.299, 0.587, 0.114] / 255


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def tiff(data, width, height, *, bits, white_is_zero=False, sample_format=1):
    """Lay out an uncompressed TIFF of one strip by hand."""
    tags = {
        256: width,
        257: height,
        258: bits,
        259: 1,
        262: 0 if white_is_zero else 1,
        273: 8,
        277: 1,
        278: height,
        279: len(data),
        339: sample_format,
    }
    data += b"\0" * (len(data) % 2)
    entries = b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags.items())
    start = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return start + data + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF, big-endian"])
def test_sixteen_bits(encode, kind):
    """Fault 13: all 65536 levels survive, scaled by the full range."""
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    if kind.endswith("endian"):
        content = encode(
            Image.frombytes("I;16B", (256, 256), ramp.byteswap().tobytes()), "TIFF"
        )
    else:
        content = encode(ramp, kind)
    scan = decode_scan(content)
    np.testing.assert_array_equal(scan.pixels, (ramp / 65535).astype(np.float32))
    assert len(np.unique(scan.pixels)) == 65536
    assert scan.warnings == ()


def test_twelve_bits():
    """Packed 12-bit TIFF is scaled by 4095."""
    values = np.arange(1024, dtype=np.uint32).reshape(32, 32) * 4
    pairs = values.reshape(-1, 2)
    packed = np.stack(
        [
            pairs[:, 0] >> 4,
            (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8,
            pairs[:, 1] & 255,
        ],
        axis=1,
    )
    content = tiff(packed.astype(np.uint8).tobytes(), 32, 32, bits=12)
    expected = (values / 4095).astype(np.float32)
    np.testing.assert_array_equal(decode_scan(content).pixels, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_white_is_zero(dtype):
    """The photometric tag of a TIFF holds at every depth."""
    values = np.arange(1024).reshape(32, 32).astype(dtype)
    bits, form = 8 * values.itemsize, 3 if dtype is np.float32 else 1
    full = {8: 255, 16: 65535, 32: 1023}[bits]
    content = tiff(
        values.tobytes(), 32, 32, bits=bits, white_is_zero=True, sample_format=form
    )
    np.testing.assert_allclose(
        decode_scan(content).pixels, 1 - values / full, atol=1e-7
    )


@pytest.mark.parametrize(
    ("dtype", "form"), [(np.int16, 2), (np.int32, 2), (np.float32, 3)]
)
def test_stretched(dtype, form):
    """Signed integers and floats span 0 to 1."""
    values = (np.arange(1024) * 7 - 3000).astype(dtype).reshape(32, 32)
    content = tiff(
        values.tobytes(), 32, 32, bits=8 * values.itemsize, sample_format=form
    )
    expected = np.arange(1024).reshape(32, 32) / 1023
    np.testing.assert_allclose(decode_scan(content).pixels, expected, atol=1e-7)


def test_cmyk_jpeg(encode):
    """Fault 15: CMYK, and YCCK, which differs by a flag of Adobe's segment."""
    smooth = np.linspace(0, 255, 32 * 32).reshape(32, 32)
    inks = np.dstack([smooth, smooth.T, smooth[::-1], smooth.T[::-1] / 2])
    cmyk = encode(Image.fromarray(inks.astype(np.uint8), "CMYK"), "JPEG", quality=95)
    stored = np.asarray(Image.open(BytesIO(cmyk))).astype(np.float64)
    rgb = (255 - stored[..., :3]) * (255 - stored[..., 3:]) / 255
    np.testing.assert_allclose(decode_scan(cmyk).pixels, luma(rgb), atol=2 / 255)

    flag = cmyk.index(b"Adobe") + 11
    ycck = cmyk[:flag] + b"\x02" + cmyk[flag + 1 :]
    y, cb, cr, k = np.moveaxis(255 - stored, 2, 0)
    turned = np.dstack(
        [
            y + 1.402 * (cr - 128),
            y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
            y + 1.772 * (cb - 128),
        ]
    )
    rgb = (255 - np.clip(turned, 0, 255)) * k[..., None] / 255
    with Image.open(BytesIO(ycck)) as image:
        assert image.info["adobe_transform"] == 2
    np.testing.assert_allclose(decode_scan(ycck).pixels, luma(rgb), atol=2 / 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("base", [GRAY, COLOR])
def test_alpha(encode, kind, base):
    """Fault 16: LA and RGBA lie on black, and it is said where it matters."""
    picture = np.dstack([base, ALPHA])
    opaque = np.dstack([base, np.full_like(ALPHA, 255)])
    gray = luma(base) if base.ndim == 3 else base / 255
    scan = decode_scan(encode(picture, kind))
    assert scan.warnings == ("W_ALPHA",)
    np.testing.assert_allclose(scan.pixels, gray * ALPHA / 255, atol=1e-6)
    scan = decode_scan(encode(opaque, kind))
    assert scan.warnings == ()
    np.testing.assert_allclose(scan.pixels, gray, atol=1e-6)


@pytest.mark.parametrize("clear", [None, 5, bytes(range(8))])
def test_palette(encode, clear):
    """Fault 17: palettes are expanded, transparency included."""
    indices = RNG.integers(0, 8, (24, 40), dtype=np.uint8)
    colors = RNG.integers(0, 256, (8, 3), dtype=np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(colors.tobytes())
    options = {} if clear is None else {"transparency": clear}
    alpha = np.full(8, 255)
    if clear is not None:
        alpha = np.where(np.arange(8) == 5, 0, 255) if clear == 5 else np.arange(8)
    scan = decode_scan(encode(image, "PNG", **options))
    assert scan.warnings == (() if clear is None else ("W_ALPHA",))
    expected = (luma(colors) * alpha / 255)[indices]
    np.testing.assert_allclose(scan.pixels, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_level(encode, dtype):
    """A PNG may call one gray level transparent."""
    values = RNG.integers(1, 9, (24, 40)).astype(dtype)
    scan = decode_scan(encode(values, "PNG", transparency=3))
    full = np.iinfo(dtype).max
    expected = np.where(values == 3, 0, values / full)
    np.testing.assert_allclose(scan.pixels, expected, atol=1e-7)
    assert scan.warnings == ("W_ALPHA",)


TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF, compressed"])
@pytest.mark.parametrize("orientation", TURNS)
def test_orientation(encode, kind, orientation):
    """Fault 19: the orientation of EXIF is applied once."""
    exif = Image.Exif()
    exif[274] = orientation
    options = {"compression": "tiff_lzw"} if kind.endswith("d") else {}
    scan = decode_scan(encode(GRAY, kind[:4].strip(), exif=exif, **options))
    expected = TURNS[orientation](GRAY / 255).astype(np.float32)
    np.testing.assert_array_equal(scan.pixels, expected)
    assert scan.pixels.flags.c_contiguous
    assert scan.warnings == ()


def test_orientation_of_jpeg(encode):
    """Fault 19 again: orientation 6, as telephones write it."""
    exif = Image.Exif()
    exif[274] = 6
    plain = decode_scan(encode(COLOR, "JPEG"))
    turned = decode_scan(encode(COLOR, "JPEG", exif=exif))
    np.testing.assert_array_equal(turned.pixels, np.rot90(plain.pixels, -1))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_color_and_gray_agree(encode, kind):
    """Luminance is not rounded, and gray stored as RGB reads as gray."""
    scan = decode_scan(encode(COLOR, kind))
    np.testing.assert_allclose(scan.pixels, luma(COLOR), atol=1e-7)
    thrice = decode_scan(encode(np.dstack([GRAY] * 3), kind)).pixels
    np.testing.assert_array_equal(thrice, decode_scan(encode(GRAY, kind)).pixels)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_luminance_of_jpeg(encode, subsampling):
    """A JPEG's own luminance is read, which its decoded RGB has but for rounding."""
    smooth = np.linspace(60, 190, 64 * 64).reshape(64, 64)
    picture = np.dstack([smooth, smooth.T, smooth[::-1]]).astype(np.uint8)
    content = encode(picture, "JPEG", quality=95, subsampling=subsampling)
    pixels = decode_scan(content).pixels
    with Image.open(BytesIO(content)) as image:
        np.testing.assert_allclose(pixels, luma(np.asarray(image)), atol=1.1 / 255)
    with Image.open(BytesIO(content)) as image:
        image.draft("YCbCr", None)
        stored = np.asarray(image)[..., 0]
    np.testing.assert_array_equal(pixels, (stored / 255).astype(np.float32))


def test_jpeg_in_rgb(encode):
    """A JPEG that stores RGB has no luminance of its own: it is computed."""
    content = encode(COLOR, "JPEG", keep_rgb=True, quality=95)
    with Image.open(BytesIO(content)) as image:
        stored = np.asarray(image)
    np.testing.assert_allclose(
        decode_scan(content).pixels, luma(stored), atol=0.6 / 255
    )


def test_one_bit(encode):
    """A bitmap holds 0 and 1."""
    pixels = decode_scan(encode(GRAY > 99, "PNG")).pixels
    np.testing.assert_array_equal(pixels, (GRAY > 99).astype(np.float32))


def test_deep_color():
    """Color of 16 bits loses its lower half, and it is said."""
    deep = RNG.integers(0, 65536, (24, 40, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", 40, 24, 16, 2, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    )
    scan = decode_scan(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert scan.warnings == ("W_DEPTH",)
    np.testing.assert_allclose(scan.pixels, luma(deep / 257), atol=1 / 255)


def test_raster_format_goes_by_content(encode):
    """Each format is known by its first bytes."""
    for kind in ("PNG", "JPEG", "TIFF", "GIF"):
        content = encode(GRAY, kind)
        assert raster_format(content) == kind
    assert raster_format(b"BM" + bytes(60)) is None
    big = decode_raster(encode(GRAY, "TIFF", big_tiff=True), "TIFF", ReadLimits())[0]
    np.testing.assert_array_equal(big, (GRAY / 255).astype(np.float32))
