"""Pixel data of DICOM files, decoded and brought to the displayed gray scale.

The steps are those of the standard's grayscale pipeline (PS3.4, annex N.2.1):
modality, values of interest, presentation. The window is computed here and not
by `pydicom.pixels.apply_voi_lut`: that returns numbers between limits which it
derives inside and does not tell, and its look-up tables of 8 bits wrap around
behind the 256th entry.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.multival import MultiValue
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGExtended12Bit, RLELossless

from hierclf.data.border import refused
from hierclf.data.codestream import has_end, read_codestream
from hierclf.data.dicom_header import rescale_of
from hierclf.data.gray import Gray, luminance, stretch

Array = NDArray[Any]
Floats = NDArray[np.float64]

# GDCM ends the whole process on some damaged pictures and pylibjpeg-libjpeg can
# hang, so each is used only where none of those before it reads the format
_PLUGINS = ("pydicom", "pillow", "pyjpegls", "gdcm", "pylibjpeg")
_WINDOWS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_LEAST_WIDTH = float(np.finfo(np.float32).tiny)
_REPAIR = "Correct the header or export the scan again"


def decode_frame(dataset: Dataset) -> tuple[Array, str]:
    """Decode the one frame of a data set whose header was checked.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With `PixelData`, as `hierclf.data.dicom_header.read_image` returns it.

    Returns
    -------
    array : ndarray of int, shape (rows, columns) or (rows, columns, 3)
        Stored values, in the byte order of the file.
    photometric : str
        Their photometric interpretation; color was converted to RGB.

    Raises
    ------
    ScanError
        With ``E_HEADER`` if the compressed picture contradicts the header,
        ``E_TRUNCATED`` if it has no end, ``E_DECODE`` if it has no header or 12
        bits in lossy JPEG. Other exceptions of pydicom and its decoders are
        left to the caller.

    Notes
    -----
    One decoder is chosen for each transfer syntax and no other is tried after
    it fails: a more lenient one might accept what a strict one refused. Only
    lossless JPEG is left to GDCM, which writes to stderr on damaged pictures;
    those that ended the process in trials are refused by their headers.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    decoder = get_decoder(syntax)
    plugin = min(decoder.available_plugins, key=_PLUGINS.index, default="")
    options = {}
    if syntax.is_encapsulated and syntax != RLELossless:
        bits = _check_picture(dataset, syntax)
        if plugin == "gdcm":  # which aborts where the header states fewer
            options["bits_stored"] = max(bits, dataset.BitsStored)
    array, properties = decoder.as_array(
        dataset, index=0, decoding_plugin=plugin, **options
    )
    return array, str(properties["photometric_interpretation"])


def _check_picture(dataset: Dataset, syntax: UID) -> int:
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    found = read_codestream(frame)
    if found is None:
        expected = "a compressed picture with a header"
        raise refused("E_DECODE", expected, "none", "Export the scan again")
    if syntax == JPEGExtended12Bit and found.bits > 8:
        advice = "Convert the scan to Explicit VR Little Endian"
        raise refused("E_DECODE", "lossy JPEG of 8 bits", f"{found.bits}", advice)
    if syntax not in JPEG2000TransferSyntaxes and not has_end(frame):
        expected, advice = "a compressed picture with an end", "Copy the file again"
        raise refused("E_TRUNCATED", expected, "none", advice)
    size = (dataset.Columns, dataset.Rows, dataset.SamplesPerPixel)
    if found[:3] != size or not 2 <= found.bits <= dataset.BitsAllocated <= 16:
        expected = f"a picture of {size} in 2 to {min(dataset.BitsAllocated, 16)} bits"
        got = f"one of {found[:3]} in {found.bits}"
        raise refused("E_HEADER", expected, got, _REPAIR)
    return found.bits


def displayed(array: Array, photometric: str, dataset: Dataset) -> Gray:
    """Bring stored values to the gray that a viewer shows.

    Parameters
    ----------
    array : ndarray of int, shape (rows, columns) or (rows, columns, 3)
        What `decode_frame` returned.
    photometric : str
        What `decode_frame` returned.
    dataset : pydicom.Dataset
        The header.

    Returns
    -------
    pixels : ndarray of float32, shape (rows, columns), in [0, 1]
        Of gray scans: the modality's values through the first look-up table or
        window, 0 and 1 being the limits of its output; without either,
        stretched between the least and the greatest value that is no padding.
        MONOCHROME1 is inverted last, then padding set to the least value that
        is none. Of colored ones: luminance of the full range, without a window.

    Raises
    ------
    ScanError
        With ``E_BLANK`` if all is padding or equal, ``E_COLOUR`` if the color
        could not be converted, ``E_HEADER`` if a window makes no sense. Other
        exceptions of pydicom are left to the caller.

    References
    ----------
    .. [1] DICOM PS3.3, sections C.7.5.1.1.2 (padding), C.11.1 (modality) and
       C.11.2 (values of interest).
    """
    if photometric == "RGB":
        return _color(array, dataset.BitsStored)
    if photometric == "PALETTE COLOR":
        bits = dataset.RedPaletteColorLookupTableDescriptor[2]
        return _color(apply_color_lut(array, dataset)[..., :3], bits)
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        advice = "Export the scan as MONOCHROME2"
        raise refused("E_COLOUR", "gray or RGB", photometric, advice)
    shown = ~_padding(array, dataset)
    if not shown.any():
        advice = "Check PixelPaddingValue"
        raise refused("E_BLANK", "a picture", "nothing but padding", advice)
    pixels = np.zeros(array.shape, dtype=np.float32)
    inside = _present(array[shown], dataset)
    pixels[shown] = 1 - inside if photometric == "MONOCHROME1" else inside
    pixels[~shown] = pixels[shown].min()
    return pixels


def _color(rgb: Array, bits: int) -> Gray:
    if rgb.max() >> bits:  # the header understates the depth
        bits = 8 * rgb.dtype.itemsize
    return luminance(rgb, (1 << bits) - 1)


def _padding(array: Array, dataset: Dataset) -> NDArray[np.bool_]:
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(array.shape, dtype=np.bool_)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    # a negative value is often written as an unsigned one: wrap it as pixels are
    low, high = np.sort(np.array([int(value), int(limit)]).astype(array.dtype))
    inside: NDArray[np.bool_] = (array >= low) & (array <= high)
    return inside


def _present(stored: Array, dataset: Dataset) -> Gray:
    values = _apply_modality(stored, dataset)
    table = _first_item(dataset, "VOILUTSequence")
    if table is not None:
        shades = _look_up(np.rint(values).astype(np.int64), table, dataset)
        white = (1 << int(table.LUTDescriptor[2])) - 1
        return np.clip(shades / white, 0, 1).astype(np.float32)
    center = _first_number(dataset, "WindowCenter")
    width = _first_number(dataset, "WindowWidth")
    if center is None or width is None:
        return stretch(values)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    return _apply_window(values, center, width, function).astype(np.float32)


def _apply_modality(stored: Array, dataset: Dataset) -> Floats:
    table = _first_item(dataset, "ModalityLUTSequence")
    if table is not None:
        return _look_up(stored.astype(np.int64), table, dataset).astype(np.float64)
    slope, intercept = rescale_of(dataset)
    values = np.multiply(stored, slope, dtype=np.float64)
    values += intercept
    return values


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    items = dataset.get(keyword)
    if not items or "LUTData" not in items[0] or "LUTDescriptor" not in items[0]:
        return None
    item: Dataset = items[0]
    return item


def _look_up(values: NDArray[np.int64], item: Dataset, dataset: Dataset) -> Array:
    n_entries, first, _ = (int(number) for number in item.LUTDescriptor)
    n_entries = n_entries or 1 << 16
    table = item.LUTData
    if isinstance(table, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        wide = len(table) >= 2 * n_entries
        table = np.frombuffer(table, dtype=f"{order}u2" if wide else "u1")
    table = np.atleast_1d(np.asarray(table))
    if len(table) < n_entries:
        got = f"{len(table)}"
        raise refused("E_HEADER", f"{n_entries} table entries", got, _REPAIR)
    return table[np.clip(values - first, 0, n_entries - 1)]


def _first_number(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value is None else float(value)


def _apply_window(values: Floats, center: float, width: float, function: str) -> Floats:
    least = 1.0 if function == "LINEAR" else _LEAST_WIDTH
    finite = math.isfinite(center) and math.isfinite(width)
    if function not in _WINDOWS or not finite or width < least:
        expected = f"a window of kind {', '.join(_WINDOWS)} and of positive width"
        got = f"{function[:16]!r}, center {center:g} and width {width:g}"
        raise refused("E_HEADER", expected, got, _REPAIR)
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    values -= center  # in place: a large scan takes hundreds of megabytes
    if function == "SIGMOID":  # 1 / (1 + exp(-4 x / w)), without overflow
        return 0.5 + 0.5 * np.tanh(values * (2 / width), out=values)
    if width == 0:
        return (values > 0).astype(np.float64)
    values /= width
    values += 0.5
    return np.clip(values, 0, 1, out=values)
