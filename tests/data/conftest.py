"""Scans made on the spot, and how their refusal is checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hierclf.data.pixels import ReadLimits, decode_scan
from hierclf.foundation.errors import ScanError


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Write an array or a Pillow image in a format of Pillow."""

    def write(picture: Any, kind: str, **options: Any) -> bytes:
        image = (
            picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        )
        stream = BytesIO()
        image.save(stream, kind, **options)
        return stream.getvalue()

    return write


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., bytes]:
    """Write an array as a DICOM file; keywords set, and None removes, an element."""
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write(array: np.ndarray, syntax: str = ExplicitVRLittleEndian, **header: Any):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"  # secondary capture
        dataset.SOPInstanceUID = generate_uid()
        dataset.Rows, dataset.Columns = array.shape[:2]
        dataset.SamplesPerPixel = 3 if array.ndim == 3 else 1
        dataset.PhotometricInterpretation = "RGB" if array.ndim == 3 else "MONOCHROME2"
        if array.ndim == 3:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = 8 * array.dtype.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(array.dtype.kind == "i")
        dataset.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
        dataset["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"
        for keyword, value in header.items():
            if value is None:
                delattr(dataset, keyword)
            elif isinstance(value, DataElement):
                dataset.add(value)
            else:
                setattr(dataset, keyword, value)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    return write


@pytest.fixture(scope="session")
def refuses() -> Callable[..., None]:
    """Decode a content and check code and message of its refusal."""

    def check(content: bytes, code: str, match: str, limits: Any = None) -> None:
        with pytest.raises(ScanError, match=match) as caught:
            decode_scan(content, limits or ReadLimits())
        assert caught.value.code == code
        message = str(caught.value)
        assert re.fullmatch(r"expected [^\n]+, got [^\n]+\. [^\n]+\.", message), message

    return check
