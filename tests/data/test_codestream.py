"""Headers inside compressed pictures, against what encoders wrote."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import get_frame

from hierclf.data.codestream import has_end, read_codestream

BITS = {
    "MR_small_jp2klossless.dcm": 16,
    "examples_jpeg2k.dcm": 8,
    "693_J2KI.dcm": 16,
    "MR_small_jpeg_ls_lossless.dcm": 16,
    "JPEGLSNearLossless_08.dcm": 8,
    "SC_rgb_jls_lossy_line.dcm": 8,
    "SC_rgb_jpeg_gdcm.dcm": 8,
    "SC_rgb_jpeg_dcmtk.dcm": 8,
    "JPGExtended.dcm": 12,
}


def frame_of(name):
    dataset = dcmread(get_testdata_file(name, download=False))
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize("name", BITS)
def test_headers_of_other_encoders(name):
    """JPEG, JPEG lossless, JPEG-LS and JPEG 2000 agree with the DICOM header."""
    dataset = dcmread(get_testdata_file(name, download=False))
    size = (dataset.Columns, dataset.Rows, dataset.SamplesPerPixel)
    assert read_codestream(frame_of(name)) == (*size, BITS[name])


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"icc_profile": b"x" * 9}]
)
def test_headers_of_pillow(encode, options):
    """Segments before the frame header are stepped over."""
    content = encode(Image.new("RGB", (33, 17)), "JPEG", **options)
    assert read_codestream(content) == (33, 17, 3, 8)


def test_jpeg_2000_offset(encode):
    """The size of JPEG 2000 excludes the offset of its grid."""
    content = encode(
        Image.new("L", (40, 30)),
        "JPEG2000",
        offset=(7, 5),
        tile_offset=(0, 0),
        tile_size=(64, 64),
    )
    assert Image.open(BytesIO(content)).size == (40, 30)
    assert read_codestream(content)[:2] == (40, 30)


def test_no_header():
    """Run-length encoded frames, noise and cut headers have none."""
    whole = frame_of("MR_small_jpeg_ls_lossless.dcm")
    scan = whole.index(b"\xff\xda")
    for frame in (b"", b"\xff\xd8", bytes(99), whole[:scan], whole[1:]):
        assert read_codestream(frame) is None
    jpeg_2000 = frame_of("693_J2KI.dcm")
    assert read_codestream(jpeg_2000[:42]) is None


@pytest.mark.parametrize(
    ("at", "value"),
    [(3, 0x00), (3, 0xD0), (3, 0xD8), (17, 3), (37, 0x7B)],
    ids=["no marker", "restart", "second start", "Adobe's transform", "no 0xFF"],
)
def test_headers_that_abort_gdcm(at, value):
    """Damage that was seen to end the process is no header."""
    frame = bytearray(frame_of("SC_rgb_jpeg_gdcm.dcm"))
    assert frame[:4] == b"\xff\xd8\xff\xee"  # Adobe's segment, then the frame at 18
    frame[at] = value
    assert read_codestream(bytes(frame)) is None


def test_fill_bytes():
    """Any marker may be preceded by bytes of 0xFF."""
    frame = frame_of("MR_small_jpeg_ls_lossless.dcm")
    filled = frame[:2] + b"\xff\xff\xff" + frame[2:]
    assert read_codestream(filled) == (64, 64, 1, 16)


def test_end():
    """The end counts only behind the last scan."""
    frame = frame_of("SC_rgb_jpeg_dcmtk.dcm").rstrip(b"\0")
    assert has_end(frame)
    assert has_end(frame + b"trailing")
    assert not has_end(frame[:-1])
    thumbnail = b"\xff\xd8\xff\xda1234\xff\xd9"
    assert not has_end(frame[:2] + thumbnail + frame[2:-2])
