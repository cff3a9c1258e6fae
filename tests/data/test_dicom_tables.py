"""Look-up tables, palettes, colors and lossless JPEG of DICOM files."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.pixels.decoders.base import get_decoder

from hierclf.data.dicom_gray import displayed
from hierclf.data.pixels import decode_scan

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CR = "dicomdirtests/77654033/CR1/6154"
RAMP = np.arange(0, 4096, 4, dtype=np.uint16).reshape(32, 32)
TWELVE = {"BitsStored": 12, "HighBit": 11}


def wheel(name):
    return (FILES / name).read_bytes()


def table(values, first, bits, **extra):
    item = Dataset()
    item.LUTDescriptor = [len(values) % 65536, first, bits]
    item.LUTData = np.asarray(values, dtype="<u2").tobytes()
    item["LUTData"].VR = "OW"
    for keyword, value in extra.items():
        setattr(item, keyword, value)
    return item


def test_voi_table(make_dicom):
    """A table beats a window; both ends hold beyond it, as in pydicom."""
    item = table(np.arange(1000)[::-1] * 4, 500, 12)
    content = make_dicom(
        RAMP, VOILUTSequence=[item], WindowCenter=9, WindowWidth=9, **TWELVE
    )
    dataset = dcmread(BytesIO(content))
    expected = apply_voi_lut(dataset.pixel_array, dataset) / 4095
    np.testing.assert_allclose(decode_scan(content).pixels, expected, atol=1e-6)


def test_voi_table_behind_rescale(make_dicom):
    """Fractions from the rescale are rounded to the entries of the table."""
    item = table(np.arange(4096), 0, 12)
    content = make_dicom(
        RAMP, VOILUTSequence=[item], RescaleSlope=0.3, RescaleIntercept=7, **TWELVE
    )
    expected = np.rint(RAMP * 0.3 + 7) / 4095
    np.testing.assert_allclose(decode_scan(content).pixels, expected, atol=1e-6)


def test_voi_table_of_8_bits(make_dicom):
    """Tables of 8 bits do not wrap around behind their 256th entry."""
    item = table(np.arange(4096) // 16, 0, 8)
    pixels = decode_scan(make_dicom(RAMP, VOILUTSequence=[item], **TWELVE)).pixels
    np.testing.assert_allclose(pixels, (RAMP // 16) / 255, atol=1e-6)


def test_longest_table(make_dicom):
    """A table of 65536 entries states 0, since 16 bits hold no more."""
    item = table(np.arange(65536)[::-1], 0, 16)
    assert item.LUTDescriptor[0] == 0
    pixels = decode_scan(make_dicom(RAMP, VOILUTSequence=[item])).pixels
    np.testing.assert_allclose(pixels, (65535 - RAMP) / 65535, atol=1e-6)


def test_table_in_big_endian(make_dicom):
    """Tables have the byte order of their file."""
    item = table(np.arange(4096)[::-1], 0, 12)
    little = decode_scan(make_dicom(RAMP, VOILUTSequence=[item], **TWELVE))
    item.LUTData = np.frombuffer(item.LUTData, "<u2").byteswap().tobytes()
    header = {"syntax": "1.2.840.10008.1.2.2", "VOILUTSequence": [item], **TWELVE}
    big = decode_scan(make_dicom(RAMP.astype(">u2"), **header))
    np.testing.assert_array_equal(big.pixels, little.pixels)


def test_packed_table(make_dicom):
    """A table of single bytes is recognized by its length."""
    item = table([0], 0, 8)
    item.LUTDescriptor = [4096, 0, 8]
    item.LUTData = (np.arange(4096) // 16).astype(np.uint8).tobytes()
    pixels = decode_scan(make_dicom(RAMP, VOILUTSequence=[item], **TWELVE)).pixels
    np.testing.assert_allclose(pixels, (RAMP // 16) / 255, atol=1e-6)


def test_short_table(make_dicom, refuses):
    """A table with fewer entries than announced."""
    item = table(np.arange(100), 0, 12)
    item.LUTDescriptor = [4096, 0, 12]
    refuses(
        make_dicom(RAMP, VOILUTSequence=[item]),
        "E_HEADER",
        "4096 table entries, got 200",
    )


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
def test_modality_table(make_dicom, syntax, bits):
    """A modality table, also where implicit encoding leaves its type open."""
    item = table(np.sqrt(np.arange(4096)) * 60, 0, bits, ModalityLUTType="US")
    content = make_dicom(RAMP, ModalityLUTSequence=[item], **TWELVE)
    if syntax.endswith("1.2"):
        dataset = dcmread(BytesIO(content))
        stream = BytesIO()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(stream, implicit_vr=True, little_endian=True)
        content = stream.getvalue()
    dataset = dcmread(BytesIO(content))
    dataset.ModalityLUTSequence[0].LUTDescriptor = [4096, 0, 16]  # pydicom reads no 12
    values = apply_modality_lut(dataset.pixel_array, dataset).astype(np.float64)
    expected = (values - values.min()) / np.ptp(values)
    np.testing.assert_allclose(decode_scan(content).pixels, expected, atol=1e-6)


def luma(rgb, white):
    return rgb.astype(np.float64) @ [0.299, 0.587, 0.114] / white


@pytest.mark.parametrize(
    ("name", "white"),
    [
        ("SC_rgb_rle.dcm", 255),
        ("SC_rgb_rle_16bit.dcm", 65535),
        ("SC_rgb_rle_32bit.dcm", 2**32 - 1),
        ("SC_rgb_dcmtk_+eb+cr.dcm", 255),
        ("SC_rgb_dcmtk_+eb+cy+s2.dcm", 255),
        ("SC_ybr_full_422_uncompressed.dcm", 255),
        ("SC_rgb_jls_lossy_line.dcm", 255),
        ("examples_jpeg2k.dcm", 255),
        ("ExplVR_BigEnd.dcm", 255),
    ],
)
def test_color(name, white):
    """RGB and every YBR become luminance of the full range."""
    content = wheel(name)
    dataset = dcmread(BytesIO(content))
    rgb = get_decoder(dataset.file_meta.TransferSyntaxUID).as_array(dataset)[0]
    np.testing.assert_allclose(decode_scan(content).pixels, luma(rgb, white), atol=1e-6)


def test_understated_depth(make_dicom):
    """Color deeper than its header says does not leave [0, 1]."""
    rgb = np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    deep = make_dicom(rgb)
    dataset = dcmread(BytesIO(deep))
    dataset.BitsStored = 7
    np.testing.assert_allclose(
        displayed(rgb, "RGB", dataset), luma(rgb, 255), atol=1e-6
    )


def test_signed_color(make_dicom, refuses):
    """Color below black does not exist."""
    rgb = np.zeros((20, 20, 3), dtype=np.uint8)
    refuses(make_dicom(rgb, PixelRepresentation=1), "E_HEADER", "unsigned pixels")


def test_palette():
    """PALETTE COLOR is expanded by its tables."""
    content = wheel("examples_palette.dcm")
    dataset = dcmread(BytesIO(content))
    tables = [
        np.frombuffer(dataset[f"{color}PaletteColorLookupTableData"].value, "<u2")
        for color in ("Red", "Green", "Blue")
    ]
    rgb = np.stack([entries[dataset.pixel_array] for entries in tables], axis=-1)
    np.testing.assert_allclose(decode_scan(content).pixels, luma(rgb, 65535), atol=1e-6)


@pytest.mark.parametrize("name", ["MR_small.dcm", CR])
@pytest.mark.parametrize(
    "process", ["JPEGLosslessProcess14_1", "JPEGLosslessProcess14"]
)
def test_jpeg_lossless(tmp_path, name, process):
    """JPEG lossless of 12 and 16 bits, encoded by GDCM, is lossless."""
    import gdcm

    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(FILES / name))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    path = tmp_path / "scan.dcm"
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    scan = decode_scan(path.read_bytes())
    np.testing.assert_array_equal(scan.pixels, decode_scan(wheel(name)).pixels)


def test_jpeg_lossless_deeper_than_its_header(tmp_path):
    """GDCM is told the depth of the picture: it would end the process otherwise."""
    dataset = dcmread(FILES / "SC_rgb_jpeg_gdcm.dcm")
    dataset.BitsStored = 7
    path = tmp_path / "scan.dcm"
    dataset.save_as(path)
    program = (
        "import sys; from pathlib import Path\n"
        "from hierclf.data.pixels import read_scan\n"
        "print(read_scan(Path(sys.argv[1])).pixels.sum())"
    )
    command = [sys.executable, "-c", program, path]
    run = subprocess.run(command, capture_output=True, check=False)
    expected = decode_scan(wheel("SC_rgb_jpeg_gdcm.dcm")).pixels.sum()
    assert (run.returncode, run.stdout.decode().strip()) == (0, str(expected))
