"""What a file says of itself before a pixel is decoded.

Nothing here depends on what the picture shows, so nothing here should tell a label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from hierclf.data.border import overhear, refused, refusing
from hierclf.data.dicom import is_dicom
from hierclf.foundation.files import sha256_bytes

Fact = str | float
_HEAD = 132


@dataclass(frozen=True)
class HeaderFacts:
    """What a header says.

    Parameters
    ----------
    facts : mapping of str to str or float
        Always ``format``, ``width``, ``height`` (pixels) and ``aspect`` (width by
        height). Of a raster also ``color mode`` and, of a JPEG, ``jpeg table``: the
        mean of its first quantization table, which tells the program that wrote it
        and how strongly it compressed. Of DICOM what is there of ``modality``,
        ``maker``, ``model``, ``site`` (a code: hospitals are not named),
        ``photometric``, ``bits``, ``burned in``, ``transfer syntax``, ``spacing mm``
        and ``acquired`` (year and its fraction).
    instance : str
        SOPInstanceUID; '' where there is none. No two scans may share it.
    """

    facts: Mapping[str, Fact]
    instance: str = ""


def read_header(stream: BinaryIO) -> HeaderFacts:
    """Read the header of a PNG, JPEG, TIFF or DICOM file.

    Names, identifiers and dates of birth of patients are never read.

    Parameters
    ----------
    stream : binary file
        At its start; pixels are not read.

    Returns
    -------
    header : HeaderFacts
        Its facts.

    Raises
    ------
    ScanError
        With ``E_HEADER``, ``E_DICOM_META``, ``E_TS`` or ``E_NOT_IMAGE`` if there is
        no such header.

    Examples
    --------
    >>> from io import BytesIO
    >>> stream = BytesIO()
    >>> Image.new("RGB", (40, 20)).save(stream, "PNG")
    >>> _ = stream.seek(0)
    >>> dict(read_header(stream).facts)  # doctest: +NORMALIZE_WHITESPACE
    {'format': 'PNG', 'width': 40.0, 'height': 20.0, 'aspect': 2.0,
     'color mode': 'RGB'}
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    expected = "a header that follows its standard"
    with overhear(), refusing("E_HEADER", expected):
        return _of_dicom(stream) if is_dicom(head) else _of_raster(stream)


def _of_raster(stream: BinaryIO) -> HeaderFacts:
    try:
        image = Image.open(stream, formats=("PNG", "JPEG", "TIFF"))
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        got = type(error).__name__
        raise refused("E_HEADER", "a picture", got, "Export it again") from error
    with image:
        facts = _sized(str(image.format), *image.size)
        facts["color mode"] = image.mode
        table = getattr(image, "quantization", {}).get(0)
    if table is not None:
        facts["jpeg table"] = sum(table) / len(table)
    return HeaderFacts(MappingProxyType(facts))


def _sized(form: str, width: float, height: float) -> dict[str, Fact]:
    return {
        "format": form,
        "width": float(width),
        "height": float(height),
        "aspect": width / height,
    }


def _of_dicom(stream: BinaryIO) -> HeaderFacts:
    from hierclf.data.dicom_header import read_keywords

    found = read_keywords(stream, _KEYWORDS)
    facts = _sized("DICOM", found["Columns"], found["Rows"])
    for name, (keyword, make) in _MADE_OF.items():
        value = found.get(keyword)
        made = None if value is None or value == "" else make(value)
        if made is not None:
            facts.setdefault(name, made)
    return HeaderFacts(MappingProxyType(facts), str(found.get("SOPInstanceUID", "")))


def _text(value: Any) -> str:
    return str(value).strip()


def _code(value: Any) -> str:
    """Tell apart without naming."""
    return sha256_bytes(_text(value).encode("utf-8", "replace"))[:6]


def _number(value: Any) -> float | None:
    number = float(value if isinstance(value, str | float | int) else value[0])
    return number if math.isfinite(number) else None


def _year(value: Any) -> float | None:
    """Turn a DICOM date (PS3.5, value representation DA) into a year."""
    parts = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", _text(value))
    if parts is None:
        return None
    year, month, day = map(int, parts.groups())
    return round(year + (month - 1) / 12 + (day - 1) / 365, 3)


_MADE_OF: Mapping[str, tuple[str, Callable[[Any], Fact | None]]] = MappingProxyType(
    {
        "modality": ("Modality", _text),
        "maker": ("Manufacturer", _text),
        "model": ("ManufacturerModelName", _text),
        "site": ("InstitutionName", _code),
        "photometric": ("PhotometricInterpretation", _text),
        "bits": ("BitsStored", _number),
        "burned in": ("BurnedInAnnotation", _text),
        "spacing mm": ("PixelSpacing", _number),
        "detector spacing mm": ("ImagerPixelSpacing", _number),
        "acquired": ("AcquisitionDate", _year),
        "study": ("StudyDate", _year),
        "transfer syntax": ("TransferSyntaxUID", _text),
    }
)
_KEYWORDS = (
    "Columns",
    "Rows",
    "SOPInstanceUID",
    *(keyword for keyword, _ in _MADE_OF.values()),
)
