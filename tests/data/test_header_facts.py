"""What headers say, and what is never taken from them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hierclf.data.header_facts import read_header
from hierclf.foundation.errors import ScanError

GRAY = np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "TIFF"), ("CMYK", "JPEG")],
)
def test_rasters_tell_size_and_color_mode(
    mode: str, kind: str, encode: Callable[..., bytes]
) -> None:
    content = encode(Image.fromarray(GRAY).convert(mode), kind)
    facts = read_header(BytesIO(content)).facts
    assert facts["format"] == kind
    assert (facts["width"], facts["height"], facts["aspect"]) == (30.0, 20.0, 1.5)
    assert facts["color mode"] == mode


def test_the_jpeg_table_tells_the_quality(encode: Callable[..., bytes]) -> None:
    means = []
    for quality in (30, 75, 95):
        content = encode(GRAY, "JPEG", quality=quality)
        table = Image.open(BytesIO(content)).quantization[0]  # type: ignore[attr-defined]
        facts = read_header(BytesIO(content)).facts
        assert facts["jpeg table"] == pytest.approx(np.mean(table))
        means.append(facts["jpeg table"])
    assert means == sorted(means, reverse=True)


def test_dicom_tells_of_the_scanner_and_not_of_the_patient(
    make_dicom: Callable[..., bytes],
) -> None:
    content = make_dicom(
        GRAY,
        Modality="DX",
        Manufacturer="Maker ",
        InstitutionName="Saint Somewhere",
        PatientName="Doe^Jane",
        PatientID="12345",
        PatientBirthDate="19500101",
        AcquisitionDate="20190702",
        PixelSpacing=[0.14, 0.15],
        BurnedInAnnotation="NO",
    )
    header = read_header(BytesIO(content))
    facts = header.facts
    assert facts["modality"] == "DX"
    assert facts["maker"] == "Maker"
    assert facts["acquired"] == pytest.approx(2019 + 6 / 12 + 1 / 365, abs=1e-3)
    assert facts["spacing mm"] == pytest.approx(0.14)
    assert facts["burned in"] == "NO"
    assert header.instance
    told = repr(header)
    for secret in ("Doe", "Jane", "12345", "1950", "Somewhere"):
        assert secret not in told
    other = make_dicom(GRAY, InstitutionName="Elsewhere")
    assert read_header(BytesIO(other)).facts["site"] != facts["site"]


def test_odd_dates_and_numbers_are_left_out(make_dicom: Callable[..., bytes]) -> None:
    content = make_dicom(GRAY, AcquisitionDate="")
    facts = read_header(BytesIO(content)).facts
    assert "acquired" not in facts
    assert "spacing mm" not in facts


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"GIF89a" + bytes(200)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ScanError) as caught:
        read_header(BytesIO(content))
    assert caught.value.code == "E_HEADER"


def test_a_deflated_data_set_is_refused_unread(
    make_dicom: Callable[..., bytes],
) -> None:
    content = make_dicom(GRAY, "1.2.840.10008.1.2.1.99")
    with pytest.raises(ScanError) as caught:
        read_header(BytesIO(content))
    assert caught.value.code == "E_TS"
