"""From stored values to displayed gray, against pydicom and the standard by hand."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from hierclf.data.dicom_gray import displayed
from hierclf.data.pixels import ReadLimits, decode_scan

SMALL = ReadLimits(min_side=1)
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CR = [
    "dicomdirtests/77654033/CR1/6154",
    "dicomdirtests/77654033/CR2/6247",
    "dicomdirtests/77654033/CR3/6278",
]
RAMP = np.arange(0, 4096, 4, dtype=np.uint16).reshape(32, 32)
SIGNED = RAMP.astype(np.int16) - 1024
TWELVE = {"BitsStored": 12, "HighBit": 11}


def wheel(name):
    return (FILES / name).read_bytes()


def by_pydicom(content):
    """Window with pydicom, which returns numbers between limits of its own."""
    dataset = dcmread(BytesIO(content))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    shown = apply_voi_lut(values, dataset, index=0)
    bits, signed = dataset.BitsStored, dataset.PixelRepresentation
    limits = (
        np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1])
        if signed
        else [0, 2**bits - 1]
    )
    slope, intercept = (
        dataset.get("RescaleSlope", 1),
        dataset.get("RescaleIntercept", 0),
    )
    low, high = np.multiply(limits, float(slope)) + float(intercept)
    return (shown - low) / (high - low)


@pytest.mark.parametrize("name", CR)
def test_monochrome1_is_inverted_once(name):
    """Fault 22: after the window, and never twice."""
    content = wheel(name)
    expected = 1 - by_pydicom(content)
    np.testing.assert_allclose(decode_scan(content).pixels, expected, atol=1e-6)
    stored = dcmread(BytesIO(content)).pixel_array
    correlation = np.corrcoef(stored.ravel(), decode_scan(content).pixels.ravel())[0, 1]
    assert correlation < -0.99


def test_monochrome1_against_2(make_dicom):
    """The same numbers called MONOCHROME1 give the negative, whatever its shape."""
    plain = decode_scan(make_dicom(RAMP, **TWELVE)).pixels
    for shape in ("INVERSE", "IDENTITY"):
        header = {
            "PhotometricInterpretation": "MONOCHROME1",
            "PresentationLUTShape": shape,
        }
        inverted = decode_scan(make_dicom(RAMP, **TWELVE, **header)).pixels
        np.testing.assert_allclose(inverted, 1 - plain, atol=1e-7)


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "MR_small_expb.dcm"])
def test_big_endian(name):
    """Fault 33: pixels arrive in native byte order, equal to their little twin."""
    scan, twin = decode_scan(wheel(name)), decode_scan(wheel("MR_small.dcm"))
    assert scan.pixels.dtype.isnative
    np.testing.assert_array_equal(scan.pixels, twin.pixels)


@pytest.mark.parametrize("value", [("SS", -2000), ("US", 63536)])
def test_padding(make_dicom, value):
    """Fault 37: padding does not count, also where its sign was lost."""
    array = SIGNED.copy()
    array[:5] = -2000
    scan = decode_scan(
        make_dicom(array, PixelPaddingValue=DataElement(0x00280120, *value))
    )
    inside = array[5:].astype(np.float64)
    expected = (inside - inside.min()) / (inside.max() - inside.min())
    np.testing.assert_allclose(scan.pixels[5:], expected, atol=1e-6)
    assert (scan.pixels[:5] == 0).all()


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limits", [(3000, 3500), (3500, 3000)])
def test_padding_range(make_dicom, photometric, limits):
    """Fault 37: a range of padding, black in the positive and the negative."""
    header = {"PhotometricInterpretation": photometric, "PixelPaddingValue": limits[0]}
    content = make_dicom(RAMP, PixelPaddingRangeLimit=limits[1], **TWELVE, **header)
    padding = (RAMP >= 3000) & (RAMP <= 3500)
    values = RAMP[~padding] / 4092
    if photometric == "MONOCHROME1":
        values = 1 - values
    pixels = decode_scan(content).pixels
    np.testing.assert_allclose(pixels[~padding], values, atol=1e-6)
    assert (pixels[padding] == 0).all()


def test_nothing_but_padding(make_dicom, refuses):
    """A scan of padding alone is blank."""
    content = make_dicom(np.full((20, 20), 7, dtype=np.uint16), PixelPaddingValue=7)
    refuses(content, "E_BLANK", "nothing but padding")


def test_first_of_several_windows(make_dicom):
    """Fault 37: of several windows, the first."""
    first = {"WindowCenter": 900, "WindowWidth": 700}
    both = {"WindowCenter": [900, 10], "WindowWidth": [700, 20]}
    one = decode_scan(make_dicom(RAMP, **TWELVE, **first)).pixels
    np.testing.assert_array_equal(
        one, decode_scan(make_dicom(RAMP, **TWELVE, **both)).pixels
    )
    expected = np.clip((RAMP - 899.5) / 699 + 0.5, 0, 1)
    np.testing.assert_allclose(one, expected, atol=1e-6)


@pytest.mark.parametrize("slope", [0, "nan", "inf", "1e400"])
def test_bad_rescale(make_dicom, refuses, slope):
    """Fault 37: a slope that erases the scan."""
    content = make_dicom(RAMP, RescaleSlope="123456", RescaleIntercept=0)
    content = content.replace(b"123456", f"{slope:<6}".encode())
    refuses(content, "E_HEADER", "a rescale slope other than 0")


def test_empty_rescale(make_dicom):
    """A rescale without numbers changes nothing."""
    keywords = ("RescaleSlope", "RescaleIntercept")
    empty = {keyword: DataElement(keyword, "DS", None) for keyword in keywords}
    pixels = decode_scan(make_dicom(RAMP, **empty)).pixels
    np.testing.assert_array_equal(pixels, decode_scan(make_dicom(RAMP)).pixels)


def test_one_bit(make_dicom):
    """Pixels of one bit, eight to a byte."""
    mask = RAMP % 12 > 3
    packed = np.packbits(mask, bitorder="little").tobytes()
    content = make_dicom(
        mask.view(np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed
    )
    np.testing.assert_array_equal(decode_scan(content).pixels, mask.astype(np.float32))


@given(
    center=st.floats(-1500, 3000),
    width=st.floats(1, 5000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID", None]),
    slope=st.sampled_from([1.0, 0.5, 2.25]),
    intercept=st.sampled_from([0.0, -1024.0]),
)
def test_windows_agree_with_pydicom(center, width, function, slope, intercept):
    """LINEAR, LINEAR_EXACT and SIGMOID, at any place and width."""
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 12, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.WindowCenter, dataset.WindowWidth = round(center, 3), round(width, 3)
    if function is not None:
        dataset.VOILUTFunction = function
    with np.errstate(over="ignore"):
        expected = apply_voi_lut(apply_modality_lut(RAMP, dataset), dataset)
    expected = (expected - intercept) / (4095 * slope)
    pixels = displayed(RAMP, "MONOCHROME2", dataset)
    np.testing.assert_allclose(pixels, expected, atol=1e-6)
    assert (np.diff(pixels.ravel()) >= 0).all()


@pytest.mark.parametrize(
    "window",
    [
        {"WindowWidth": 0},
        {"WindowWidth": 0.5},
        {"WindowWidth": -5, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowWidth": 0, "VOILUTFunction": "SIGMOID"},
        {"WindowWidth": 9, "VOILUTFunction": "CUBIC"},
    ],
)
def test_impossible_windows(make_dicom, refuses, window):
    """Windows that the standard forbids."""
    content = make_dicom(RAMP, WindowCenter=100, **window)
    refuses(content, "E_HEADER", "expected a window of kind LINEAR")


@pytest.mark.parametrize("odd", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth"])
def test_windows_of_no_number(make_dicom, refuses, keyword, odd):
    """A window at no place, or of no width."""
    window = {"WindowCenter": 1000, "WindowWidth": 1000, keyword: "123456"}
    content = make_dicom(RAMP, **window).replace(b"123456", f"{odd:<6}".encode())
    refuses(content, "E_HEADER", "expected a window of kind LINEAR")


def test_narrowest_window(make_dicom):
    """A LINEAR window of width 1 is a threshold."""
    pixels = decode_scan(make_dicom(RAMP, WindowCenter=2000, WindowWidth=1)).pixels
    np.testing.assert_array_equal(pixels, (RAMP > 1999.5).astype(np.float32))


def test_half_a_window(make_dicom):
    """A center without a width is none: the scan is stretched."""
    pixels = decode_scan(make_dicom(RAMP, WindowCenter=2000)).pixels
    np.testing.assert_allclose(pixels, RAMP / 4092, atol=1e-6)
