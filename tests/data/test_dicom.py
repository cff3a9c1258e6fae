"""DICOM files whose header decides: what is read, what is refused, and why."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import dcmread

from hierclf.data.dicom import dicom_patient_id
from hierclf.data.pixels import ReadLimits, decode_scan
from hierclf.foundation.errors import ScanError

GRAY = np.random.default_rng(3).integers(0, 256, (24, 40), dtype=np.uint8)
SMALL = ReadLimits(min_side=1)
FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def wheel(name):
    return (FILES / name).read_bytes()


def test_deflated_bomb(make_dicom, refuses):
    """Fault 11: refused by its transfer syntax, before anything is inflated."""
    content = make_dicom(GRAY, syntax="1.2.840.10008.1.2.1.99")
    meta_end = content.index(b"1.2.840.10008.1.2.1.99") + 22
    bomb = zlib.compress(bytes(50_000_000), 9)[2:-4]
    refuses(content[:meta_end] + bomb, "E_TS", "not deflated")
    refuses(wheel("image_dfl.dcm"), "E_TS", r"1\.2\.840\.10008\.1\.2\.1\.99")


@pytest.mark.parametrize(
    "name",
    [
        "no_meta.dcm",
        "ExplVR_BigEndNoMeta.dcm",
        "ExplVR_LitEndNoMeta.dcm",
        "rtstruct.dcm",
    ],
)
def test_no_preamble(refuses, name):
    """Fault 23: a data set without preamble and file meta information."""
    refuses(
        wheel(name), "E_DICOM_META", "expected a DICOM file .*, got a bare data set"
    )


def test_no_transfer_syntax(make_dicom, refuses):
    """Fault 24: file meta information that does not say how to read on."""
    refuses(wheel("meta_missing_tsyntax.dcm"), "E_DICOM_META", "transfer syntax")
    content = make_dicom(GRAY)
    refuses(content[:132], "E_DICOM_META", "transfer syntax")
    refuses(content[:128] + b"DICM" + content[400:], "E_DICOM_META", "transfer syntax")


def test_truncated_pixels(make_dicom, refuses):
    """Fault 25: fewer bytes than the header announces."""
    refuses(
        wheel("MR_truncated.dcm"), "E_TRUNCATED", "8192 bytes of pixel data, got 8130"
    )
    whole = make_dicom(GRAY)
    for cut in (1, 100, GRAY.size - 1):
        refuses(whole[:-cut], "E_TRUNCATED", "expected 960 bytes")


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_jpeg_dcmtk.dcm"]
)
def test_truncated_compressed(refuses, name):
    """Fault 25 again: a file that ends inside its compressed pixel data."""
    whole = wheel(name)
    start, end = whole.rindex(b"\xe0\x7f\x10\x00"), whole.rindex(b"\xfe\xff\xdd\xe0")
    for share in (0.1, 0.5, 1):
        cut = start + int(share * (end - start))
        refuses(whole[:cut], "E_TRUNCATED", "expected pixel data up to its end")


def test_picture_without_end(refuses):
    """Fault 25 again: the container is whole, the JPEG-LS in it is not."""
    content = bytearray(wheel("MR_small_jpeg_ls_lossless.dcm"))
    content[content.rindex(b"\xff\xd9") + 1] = 0
    refuses(bytes(content), "E_TRUNCATED", "a compressed picture with an end")


def test_padding_bytes(make_dicom):
    """Fault 26: more bytes than announced are left out, and it is said."""
    plain, padded = (
        decode_scan(wheel("MR_small.dcm")),
        decode_scan(wheel("MR_small_padded.dcm")),
    )
    assert (plain.warnings, padded.warnings) == ((), ("W_PADDING",))
    np.testing.assert_array_equal(plain.pixels, padded.pixels)
    twice = decode_scan(make_dicom(GRAY, PixelData=GRAY.tobytes() * 2))
    np.testing.assert_array_equal(twice.pixels, decode_scan(make_dicom(GRAY)).pixels)
    assert twice.warnings == ("W_PADDING",)


def test_too_long_to_be_subsampled(refuses):
    """More bytes than subsampled color takes may mean that it is not subsampled."""
    dataset = dcmread(BytesIO(wheel("SC_ybr_full_422_uncompressed.dcm")))
    dataset["PixelData"].value += dataset["PixelData"].value[:10_000]
    stream = BytesIO()
    dataset.save_as(stream)
    refuses(stream.getvalue(), "E_HEADER", "20000 bytes of subsampled pixel data")


def test_odd_length(make_dicom):
    """The one byte that makes an odd length even is no excess."""
    odd = np.random.default_rng(0).integers(0, 256, (17, 19), dtype=np.uint8)
    assert decode_scan(make_dicom(odd)).warnings == ()


@pytest.mark.parametrize(
    ("uid", "advice"),
    [
        ("1.2.840.10008.1.2.4.201", "pylibjpeg-openjpeg"),  # HTJ2K lossless
        ("1.2.840.10008.1.2.4.100", "convert it to Explicit VR Little Endian"),  # MPEG2
        ("1.2.3.4", "convert it to Explicit VR Little Endian"),
    ],
)
def test_unsupported_syntax(make_dicom, refuses, monkeypatch, uid, advice):
    """Fault 27: the UID and what would help are named."""
    from pydicom.pixels.decoders.base import get_decoder

    if uid.endswith("201"):  # as if the decoder were not installed
        decoder = get_decoder(uid)
        missing = {"pylibjpeg": ("pylibjpeg>=2.0", "pylibjpeg-openjpeg>=2.0")}
        monkeypatch.setattr(decoder, "_available", {})
        monkeypatch.setattr(decoder, "_unavailable", missing)
    plain = make_dicom(GRAY)
    old, new = b"1.2.840.10008.1.2.1\0", uid.encode()
    start = plain.index(old) - 8
    element = b"\x02\0\x10\0UI" + (len(new) + len(new) % 2).to_bytes(2, "little")
    content = plain[:start] + element + new.ljust(len(new) + len(new) % 2, b"\0")
    refuses(content + plain[start + 8 + len(old) :], "E_TS", f"got '{uid}'.*{advice}")


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_undecodable_jpeg(refuses, name):
    """Fault 28: 12 bits in lossy JPEG, which no decoder here reads."""
    refuses(wheel(name), "E_DECODE", "lossy JPEG of 8 bits, got 12")


def test_corrupt_jpeg(refuses):
    """Fault 28 again: Huffman tables that are none."""
    content = bytearray(wheel("SC_rgb_jpeg_dcmtk.dcm"))
    start = content.index(b"\xff\xc4") + 5
    content[start : start + 16] = b"\xff" * 16
    refuses(bytes(content), "E_DECODE", "valid pixel data, got RuntimeError")


def test_frames_not_a_number(refuses):
    """Fault 29: NumberOfFrames is '1A'."""
    refuses(wheel("badVR.dcm"), "E_HEADER", "a DICOM header that follows the standard")


@pytest.mark.parametrize(
    "name", ["test-SR.dcm", "reportsi.dcm", "rtplan.dcm", "waveform_ecg.dcm"]
)
def test_no_image(refuses, name):
    """Fault 30: reports, plans and curves."""
    refuses(wheel(name), "E_NOT_IMAGE", "an object without pixel data")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("liver_1frame.dcm", "a segmentation"),
        ("rtdose_1frame.dcm", "a radiotherapy dose"),
        ("rtdose.dcm", "a radiotherapy dose"),
    ],
)
def test_pixels_but_no_image(refuses, name, kind):
    """Fault 31: masks and doses have pixels, but show nobody."""
    refuses(wheel(name), "E_NOT_IMAGE", f"expected an image, got {kind}")


@pytest.mark.parametrize(
    ("name", "n"), [("examples_ybr_color.dcm", 30), ("SC_rgb_rle_2frame.dcm", 2)]
)
def test_several_frames(refuses, name, n):
    """Fault 32: more than one frame."""
    refuses(wheel(name), "E_MULTIFRAME", f"expected one frame, got {n}")


@pytest.mark.parametrize("sides", [(65535, 65535), (6325, 6325)])
def test_lying_size(make_dicom, refuses, sides):
    """Fault 34: rows and columns that would need gigabytes."""
    content = make_dicom(GRAY, Rows=sides[0], Columns=sides[1])
    refuses(content, "E_TOO_LARGE", f"got {sides[1]} x {sides[0]}")


def test_million_frames(refuses):
    """Fault 35: run-length encoding with a million frames announced."""
    dataset = dcmread(BytesIO(wheel("MR_small_RLE.dcm")))
    dataset.NumberOfFrames = 1_000_000
    stream = BytesIO()
    dataset.save_as(stream)
    refuses(stream.getvalue(), "E_MULTIFRAME", "got 1000000")


def test_height_of_zero(refuses):
    """Fault 36, in part: the JPEG-LS that hangs a decoder never reaches one."""
    content = bytearray(wheel("JPEGLSNearLossless_16.dcm"))
    assert decode_scan(bytes(content), SMALL).pixels.shape == (50, 10)
    content[588] = 0
    refuses(bytes(content), "E_HEADER", r"got one of \(10, 0, 1\)", SMALL)


@pytest.mark.parametrize("name", ["693_J2KI.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_picture_of_another_size(refuses, name):
    """A compressed picture larger than the header says reaches no decoder."""
    dataset = dcmread(BytesIO(wheel(name)))
    dataset.Rows += 1
    stream = BytesIO()
    dataset.save_as(stream)
    refuses(stream.getvalue(), "E_HEADER", "expected a picture of")


@pytest.mark.parametrize(
    ("header", "code", "match"),
    [
        ({"Rows": None}, "E_HEADER", "a whole number as Rows, got nothing"),
        ({"Columns": [1, 2]}, "E_HEADER", "a whole number as Columns, got list"),
        ({"Rows": 0}, "E_TOO_SMALL", "got 40 x 0"),
        ({"NumberOfFrames": -3}, "E_MULTIFRAME", "one frame, got -3"),
        ({"SamplesPerPixel": 3}, "E_HEADER", "1 sample.* got 3"),
        ({"SamplesPerPixel": None}, "E_HEADER", "SamplesPerPixel"),
        ({"BitsAllocated": 12}, "E_HEADER", "8 in 12 bits"),
        ({"BitsStored": 9}, "E_HEADER", "9 in 8 bits"),
        ({"BitsStored": 0}, "E_HEADER", "0 in 8 bits"),
        ({"PixelRepresentation": 2}, "E_HEADER", "pixel representation 2"),
        ({"PhotometricInterpretation": "HSV"}, "E_COLOUR", "got 'HSV'"),
        ({"PhotometricInterpretation": None}, "E_COLOUR", "got ''"),
    ],
)
def test_contradictory_header(make_dicom, refuses, header, code, match):
    """Header elements that are absent, impossible or at odds."""
    refuses(make_dicom(GRAY, **header), code, match)


def test_burned_in_text(make_dicom):
    """Fault 39: text in the pixels is said."""
    assert decode_scan(make_dicom(GRAY, BurnedInAnnotation="YES")).warnings == (
        "W_BURNED_IN",
    )
    assert decode_scan(make_dicom(GRAY, BurnedInAnnotation="NO")).warnings == ()


@pytest.mark.parametrize("charset", ["ISO_IR 100", "NONSENSE", "ISO 2022 IR 87"])
def test_odd_names(make_dicom, tmp_path, charset):
    """Fault 40: zeros and foreign bytes in a name reach neither pixels nor output."""
    content = make_dicom(GRAY, PatientName="Aaaa^Bbbb", PatientID="AABBCCDDEE")
    content = content.replace(b"Aaaa^Bbbb", b"A\0\x1b$B\xff^\n\xe9").replace(
        b"AABBCCDDEE", b" A\0\x1b[2J\nB "
    )
    if charset != "ISO_IR 100":
        element = (
            b"\x08\0\x05\0CS" + len(charset).to_bytes(2, "little") + charset.encode()
        )
        start = content.index(b"\x08\0\x16\0UI")
        content = content[:start] + element + content[start:]
    scan = decode_scan(content)
    np.testing.assert_array_equal(scan.pixels, decode_scan(make_dicom(GRAY)).pixels)
    path = tmp_path / "scan"
    path.write_bytes(content)
    identifier = dicom_patient_id(path)
    assert identifier.isprintable()
    assert identifier.startswith("A")
    assert identifier.endswith("B")


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-empty.dcm"])
def test_dicomdir(refuses, name):
    """Fault 41: a directory is no image, and nothing in it is followed."""
    content = wheel(f"dicomdirtests/{name}")
    refuses(content, "E_NOT_IMAGE", "got a DICOMDIR")
    with pytest.raises(ScanError, match="got a DICOMDIR"):
        dicom_patient_id(FILES / "dicomdirtests" / name)
