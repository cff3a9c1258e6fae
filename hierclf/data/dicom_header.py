"""Headers of DICOM files, checked before a pixel is decoded.

The file meta information is parsed first and by itself: a deflated data set
would be inflated, to any size, by the mere attempt to read its header.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset, read_partial
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    ParametricMapStorage,
    RTDoseStorage,
    SegmentationStorage,
)

from hierclf.data.border import listen_to, refused
from hierclf.data.limits import ReadLimits

listen_to("pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils")

_PREAMBLE = 128
_PATIENT_ID = 0x00100020
_PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")  # little and big endian
_NOT_IMAGES = {
    SegmentationStorage: "a segmentation",
    UID("1.2.840.10008.5.1.4.1.1.66.7"): "a segmentation",  # by label maps
    RTDoseStorage: "a radiotherapy dose",
    ParametricMapStorage: "a parametric map",
}
_SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
_REEXPORT = "Export it as a DICOM part 10 file"
_REPAIR = "Correct the header or export the scan again"


def read_image(content: bytes, limits: ReadLimits) -> tuple[Dataset, tuple[str, ...]]:
    """Parse a DICOM file and make sure that it holds one decodable frame.

    Parameters
    ----------
    content : bytes
        The file.
    limits : ReadLimits
        For the size that the header states.

    Returns
    -------
    dataset : pydicom.Dataset
        With one frame of `PixelData` that is not decoded yet.
    warnings : tuple of str
        ``W_BURNED_IN`` and ``W_PADDING`` where they apply.

    Raises
    ------
    ScanError
        By what is wrong; other exceptions of pydicom are left to the caller.
    """
    syntax = _file_meta(BytesIO(content))
    _refuse_undecodable(syntax)
    dataset = dcmread(BytesIO(content))
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    _refuse_other_objects(dataset, content)
    if n_frames != 1:
        advice = "Export the frame of interest by itself"
        raise refused("E_MULTIFRAME", "one frame", f"{n_frames}", advice)
    columns, rows = _whole(dataset, "Columns"), _whole(dataset, "Rows")
    limits.check_size(columns, rows)
    _refuse_odd_samples(dataset)
    rescale_of(dataset)
    padded = not syntax.is_encapsulated and _trim(dataset, columns * rows)
    burned_in = str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES"
    codes = (("W_PADDING", padded), ("W_BURNED_IN", burned_in))
    return dataset, tuple(code for code, found in codes if found)


def rescale_of(dataset: Dataset) -> tuple[float, float]:
    """Read the line that turns stored values into the modality's.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header.

    Returns
    -------
    slope, intercept : float
        Finite, the first not 0; 1 and 0 where the header has none.

    Raises
    ------
    ScanError
        With ``E_HEADER`` if the slope is 0 or either is not finite.
    """
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
        got = f"slope {slope:g} and intercept {intercept:g}"
        raise refused("E_HEADER", "a rescale slope other than 0", got, _REPAIR)
    return slope, intercept


def read_patient_id(stream: BinaryIO) -> str:
    """Read (0010,0020) and nothing behind it.

    Parameters
    ----------
    stream : binary file
        At its start.

    Returns
    -------
    patient_id : str
        Printable; empty if there is none.

    Raises
    ------
    ScanError
        By what is wrong with the file meta information.
    """
    _file_meta(stream)
    stream.seek(0)
    dataset = read_partial(stream, stop_when=lambda tag, _vr, _n: tag > _PATIENT_ID)
    text = str(dataset.get("PatientID") or "").strip(" \x00")
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in text)


def read_keywords(stream: BinaryIO, keywords: Sequence[str]) -> dict[str, Any]:
    """Read some elements of the header and no pixel.

    Parameters
    ----------
    stream : binary file
        At its start.
    keywords : sequence of str
        Names of elements. ``TransferSyntaxUID`` may be among them.

    Returns
    -------
    values : dict of str to object
        Of those that are there; Columns and Rows are whole numbers above 0.

    Raises
    ------
    ScanError
        By what is wrong with the file meta information, or with ``E_HEADER`` where
        the size is no size.
    """
    syntax = _file_meta(stream)
    stream.seek(0)
    dataset = dcmread(stream, stop_before_pixels=True, specific_tags=list(keywords))
    for keyword in ("Columns", "Rows"):
        if _whole(dataset, keyword) == 0:
            raise refused("E_HEADER", f"{keyword} above 0", "0", _REPAIR)
    found = {name: dataset.get(name) for name in keywords if name in dataset}
    return found | {"TransferSyntaxUID": syntax}


def _file_meta(stream: BinaryIO) -> UID:
    if stream.read(_PREAMBLE + 4)[_PREAMBLE:] != b"DICM":
        raise refused("E_DICOM_META", "a DICOM preamble", "none", _REEXPORT)
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _n: tag >> 16 != 2,
    )
    if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        advice = "Name the images instead; a directory is not followed"
        raise refused("E_NOT_IMAGE", "an image", "a DICOMDIR", advice)
    syntax = meta.get("TransferSyntaxUID")
    if not syntax:
        expected = "a transfer syntax in the file meta information"
        raise refused("E_DICOM_META", expected, "none", _REEXPORT)
    if syntax == DeflatedExplicitVRLittleEndian:
        expected, got = "a data set that is not deflated", f"transfer syntax {syntax}"
        raise refused("E_TS", expected, got, "Convert it to Explicit VR Little Endian")
    return UID(syntax)


def _refuse_undecodable(syntax: UID) -> None:
    missing = ["convert it to Explicit VR Little Endian"]
    try:
        decoder = get_decoder(syntax)
        if decoder.is_available:
            return
        missing = decoder.missing_dependencies
    except NotImplementedError:
        pass
    got = f"{str(syntax)[:64]!r} ({syntax.name[:64]!r})"
    advice = f"To read it: {'; '.join(missing)}"
    raise refused("E_TS", "a transfer syntax that can be decoded", got, advice)


def _refuse_other_objects(dataset: Dataset, content: bytes) -> None:
    kind = _NOT_IMAGES.get(dataset.get("SOPClassUID"))
    if kind is None and "PixelData" not in dataset:
        if any(tag in content for tag in _PIXEL_DATA):
            expected, got = "pixel data up to its end", "a file that ends before"
            raise refused("E_TRUNCATED", expected, got, "Copy the file again")
        kind = "an object without pixel data"
    if kind is not None:
        raise refused("E_NOT_IMAGE", "an image", kind, "Leave it out")


def _whole(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    if not isinstance(value, int) or value < 0:
        got = type(value).__name__ if value is not None else "nothing"
        raise refused("E_HEADER", f"a whole number as {keyword}", got, _REPAIR)
    return int(value)


def _refuse_odd_samples(dataset: Dataset) -> None:
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    if photometric not in _SAMPLES:
        advice = "Export the scan as MONOCHROME2"
        expected = f"one of {', '.join(_SAMPLES)}"
        raise refused("E_COLOUR", expected, repr(photometric[:16]), advice)
    samples = _whole(dataset, "SamplesPerPixel")
    allocated, stored = _whole(dataset, "BitsAllocated"), _whole(dataset, "BitsStored")
    fits = allocated in (1, 8, 16, 32) and 1 <= stored <= allocated
    if samples != _SAMPLES[photometric] or not fits:
        expected = f"{_SAMPLES[photometric]} sample(s) of 1 to 32 bits per pixel"
        got = f"{samples} of {stored} in {allocated} bits"
        raise refused("E_HEADER", expected, got, _REPAIR)
    signed = _whole(dataset, "PixelRepresentation")
    if signed > int(samples == 1):
        expected = "unsigned pixels, or signed gray ones"
        got = f"pixel representation {signed}"
        raise refused("E_HEADER", expected, got, _REPAIR)


def _trim(dataset: Dataset, n_pixels: int) -> bool:
    photometric = str(dataset.PhotometricInterpretation).strip()
    samples = 2 if photometric == "YBR_FULL_422" else dataset.SamplesPerPixel
    expected = math.ceil(n_pixels * samples * dataset.BitsAllocated / 8)
    element = dataset["PixelData"]
    got = len(element.value or b"")
    if got < expected:
        wanted, found = f"{expected} bytes of pixel data", f"{got}"
        raise refused("E_TRUNCATED", wanted, found, "Copy the file again")
    if got <= expected + expected % 2:
        return False
    if photometric == "YBR_FULL_422":
        wanted = f"{expected} bytes of subsampled pixel data"
        raise refused("E_HEADER", wanted, f"{got}", _REPAIR)
    element.value = element.value[: expected + expected % 2]
    return True
