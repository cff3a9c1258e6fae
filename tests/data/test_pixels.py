"""Any file is a scan in [0, 1] or a refusal with a code, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hierclf.data import pixels
from hierclf.data.pixels import ReadLimits, decode_scan, read_scan
from hierclf.foundation.errors import ScanError

GRAY = np.random.default_rng(5).integers(0, 256, (24, 40), dtype=np.uint8)
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
SMALL = ReadLimits(min_side=1)


def zipped(content):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("scan.png", content)
    return stream.getvalue()


def test_empty(refuses, tmp_path):
    """Fault 1: a file of no bytes, on disk and in memory."""
    refuses(b"", "E_EMPTY", "got an empty file")
    path = tmp_path / "scan.png"
    path.touch()
    with pytest.raises(ScanError, match="got an empty file"):
        read_scan(path)


@pytest.mark.parametrize("name", ["scan.dcm", "scan.txt", "scan", "-scan \n.jpeg"])
def test_name_means_nothing(encode, tmp_path, name):
    """Fault 2: the format is recognized by content."""
    path = tmp_path / name
    path.write_bytes(encode(GRAY, "PNG"))
    np.testing.assert_array_equal(
        read_scan(path).pixels, (GRAY / 255).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            b"<!DOCTYPE html><html><body>login</body></html>",
            "HTML, SVG or other markup",
        ),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "HTML, SVG or other markup"),
        (zipped(b"content"), "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"BM" + bytes(100), "another format"),
        (b"a note about 1.2.840.10008.5.1.4.1.1.7", "another format"),
        (b"\x89", "another format"),
    ],
)
def test_other_formats(refuses, content, found):
    """Fault 3: what is no scan, whatever it is called."""
    refuses(
        content, "E_FORMAT", f"expected PNG, JPEG, TIFF or DICOM content, got {found}"
    )


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_archives(encode, refuses, pack):
    """Fault 12: scans in archives are not unpacked."""
    refuses(pack(encode(GRAY, "PNG")), "E_FORMAT", "got a (gzip|ZIP) archive")
    refuses((FILES / "zipMR.gz").read_bytes(), "E_FORMAT", "got a gzip archive")


def test_dicom_in_disguise(encode):
    """A preamble may look like a TIFF: DICOM comes first."""
    content = bytearray((FILES / "CT_small.dcm").read_bytes())
    expected = decode_scan(bytes(content)).pixels
    content[:4] = b"II*\0"
    np.testing.assert_array_equal(decode_scan(bytes(content)).pixels, expected)


def test_picture_that_names_dicom(encode):
    """A PNG that quotes a DICOM identifier in its text is a PNG."""
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("source", "1.2.840.10008.5.1.4.1.1.7")
    content = encode(GRAY, "PNG", pnginfo=text)
    assert b"1.2.840.10008." in content[:1024]
    assert decode_scan(content).pixels.shape == GRAY.shape


def test_scan(encode, tmp_path):
    """What a scan holds: own pixels, the digest of its bytes, sorted warnings."""
    path = tmp_path / "scan.png"
    picture = np.dstack([GRAY, GRAY])
    path.write_bytes(encode(picture, "PNG", exif=b"Exif\0\0garbage")[:-2])
    scan = read_scan(path)
    assert scan.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert scan.warnings == ("W_ALPHA", "W_NO_IEND", "W_ORIENTATION")
    assert scan.pixels.dtype == np.float32
    scan.pixels[:] = 0
    assert read_scan(path).pixels.max() > 0
    with pytest.raises(AttributeError, match="cannot assign"):
        scan.sha256 = ""


def test_too_many_bytes(encode, refuses):
    """The limit holds for bytes that never were a file."""
    content = encode(GRAY, "PNG")
    refuses(
        content, "E_TOO_LARGE", "bytes, got", ReadLimits(max_bytes=len(content) - 1)
    )
    decode_scan(content, ReadLimits(max_bytes=len(content)))


def test_out_of_memory(encode, refuses, monkeypatch):
    """Memory that runs out while decoding costs this scan only."""

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(pixels.raster, "decode_raster", exhausted)
    refuses(encode(GRAY, "PNG"), "E_MEMORY", "expected memory for")


def test_unforeseen_exception(encode, refuses, monkeypatch):
    """An exception that nobody foresaw is a refusal, too."""

    def stop(*_):
        raise StopIteration

    monkeypatch.setattr(pixels.raster, "decode_raster", stop)
    refuses(encode(GRAY, "PNG"), "E_DECODE", "got StopIteration from the decoder")


SEEDS = {
    name: (FILES / name).read_bytes()
    for name in (
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "MR_small_bigendian.dcm",
        "dicomdirtests/77654033/CR1/6154",
    )
}
for kind, options in {
    "PNG": {},
    "JPEG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
}.items():
    stream = BytesIO()
    Image.fromarray(GRAY).save(stream, kind, **options)
    SEEDS[kind] = stream.getvalue()


@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=60)
@given(data=st.data())
def test_mutated(seed, data):
    """Bytes changed and cut at random: finite values in [0, 1], or a code."""
    content = bytearray(SEEDS[seed])
    near = st.integers(0, min(len(content), 2000) - 1)
    places = st.one_of(near, st.integers(0, len(content) - 1))
    changes = st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)
    for place, value in data.draw(changes):
        content[place] = value
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    try:
        scan = decode_scan(bytes(content[:cut]), SMALL)
    except ScanError as error:
        assert error.code.startswith("E_")  # noqa: PT017 - either outcome is right
        return
    assert np.isfinite(scan.pixels).all()
    assert 0 <= scan.pixels.min() < scan.pixels.max() <= 1
    assert scan.pixels.flags.c_contiguous
    assert scan.pixels.dtype.isnative


def test_threads(encode):
    """Many threads at once give what one gives, and warnings stay with their scan."""
    names = ["MR_small_padded.dcm", "CT_small.dcm", "SC_rgb_jpeg.dcm", "693_J2KI.dcm"]
    contents = [(FILES / name).read_bytes() for name in names] * 8
    contents += [encode(GRAY, "JPEG")] * 8
    alone = [decode_scan(content) for content in contents]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(decode_scan, contents))
    for one, other in zip(alone, together, strict=True):
        assert one.warnings == other.warnings
        np.testing.assert_array_equal(one.pixels, other.pixels)
    with pytest.raises(UserWarning, match="of the user"):
        warnings.warn("of the user", UserWarning, stacklevel=1)


def test_real_radiograph(real_data):
    """A chest film stored as negative: bright shoulders and spine, dark lungs."""
    scan = read_scan(real_data / "odd" / "chest_cr_monochrome1_jpeg2000.dcm")
    assert scan.pixels.shape == (1955, 1841)
    height, width = scan.pixels.shape
    rows = slice(height // 4, height // 3)
    spine = scan.pixels[rows, int(0.47 * width) : int(0.52 * width)].mean()
    lung = scan.pixels[rows, int(0.28 * width) : int(0.36 * width)].mean()
    assert spine > lung + 0.15


def test_real_hang(real_data, refuses):
    """The file that hangs a decoder is refused before it reaches one."""
    content = (real_data / "odd" / "jpegls_hang.dcm").read_bytes()
    refuses(content, "E_HEADER", r"got one of \(10, 0, 1\)", SMALL)


def test_real_figures(real_data):
    """Figures of odd sizes and modes, against Pillow's rounded gray."""
    for path in sorted((real_data / "odd").glob("ct_*")):
        scan = read_scan(path)
        with Image.open(path) as image:
            black = Image.new("RGBA", image.size, "black")
            black.alpha_composite(image.convert("RGBA"))
            expected = np.asarray(black.convert("L")) / 255
        np.testing.assert_allclose(scan.pixels, expected, atol=1.6 / 255)
