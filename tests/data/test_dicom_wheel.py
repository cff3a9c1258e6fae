"""Every DICOM file that comes inside pydicom's wheel, with what it must give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from hierclf.data.pixels import ReadLimits, read_scan
from hierclf.foundation.errors import ScanError

ROOT = Path(pydicom.__file__).parent / "data"
SMALL = ReadLimits(min_side=1)  # some are 3 or 10 pixels wide
EXPECTED = {
    "E_BLANK": """
        dicomdirtests/77654033/CT2/17166 dicomdirtests/77654033/CT2/17196
    """,
    "E_DECODE": """
        GDCMJ2K_TextGBR.dcm JPEG-lossy.dcm JPGExtended.dcm
    """,
    "E_DICOM_META": """
        ExplVR_BigEndNoMeta.dcm ExplVR_LitEndNoMeta.dcm meta_missing_tsyntax.dcm
        no_meta.dcm rtstruct.dcm
    """,
    "E_FORMAT": """
        zipMR.gz
    """,
    "E_HEADER": """
        JPEG2000-embedded-sequence-delimiter.dcm badVR.dcm nested_priv_SQ.dcm
    """,
    "E_MULTIFRAME": """
        SC_rgb_rle_16bit_2frame.dcm SC_rgb_rle_2frame.dcm SC_rgb_rle_32bit_2frame.dcm
        examples_ybr_color.dcm
    """,
    "E_NOT_IMAGE": """
        charset_files/chrJapMulti.dcm charset_files/chrJapMultiExplicitIR6.dcm
        charset_files/chrKoreanMulti.dcm charset_files/chrSQEncoding.dcm
        charset_files/chrSQEncoding1.dcm palettes/fall.dcm palettes/hotiron.dcm
        palettes/hotmetalblue.dcm palettes/pet.dcm palettes/pet20step.dcm
        palettes/spring.dcm palettes/summer.dcm palettes/winter.dcm UN_sequence.dcm
        dicomdirtests/DICOMDIR dicomdirtests/DICOMDIR-bigEnd
        dicomdirtests/DICOMDIR-empty.dcm dicomdirtests/DICOMDIR-implicit
        dicomdirtests/DICOMDIR-nooffset dicomdirtests/DICOMDIR-nopatient
        dicomdirtests/DICOMDIR-reordered dicomdirtests/TINY_ALPHA/DICOMDIR
        empty_charset_LEI.dcm liver_1frame.dcm liver_expb_1frame.dcm
        no_meta_group_length.dcm priv_SQ.dcm reportsi.dcm
        reportsi_with_empty_number_tags.dcm rtdose.dcm rtdose_1frame.dcm
        rtdose_expb.dcm rtdose_expb_1frame.dcm rtdose_rle.dcm rtdose_rle_1frame.dcm
        rtplan.dcm rtplan_truncated.dcm test-SR.dcm waveform_ecg.dcm
    """,
    "E_TRUNCATED": """
        MR_truncated.dcm
    """,
    "E_TS": """
        image_dfl.dcm
    """,
    "ok W_DECODER": """
        SC_rgb_jpeg.dcm
    """,
    "ok W_PADDING": """
        MR_small_padded.dcm
    """,
}
TINY = "TINY_ALPHA/PT000000/ST000000/SE000000/IM"
NO_SCANS = (".json", ".txt", ".md", ".dump", ".icc", ".py", ".pyc")


def expectations():
    listed = {name: kind for kind, names in EXPECTED.items() for name in names.split()}
    for path in sorted(ROOT.rglob("*")):
        name = str(path.relative_to(ROOT)).removeprefix("test_files/")
        if path.is_file() and path.suffix not in NO_SCANS and path.name != "README":
            default = "E_NOT_IMAGE" if TINY in name else "ok"
            yield pytest.param(path, listed.pop(name, default), id=name)
    for name, kind in listed.items():
        yield pytest.param(ROOT / name, kind, id=name)


@pytest.mark.parametrize(("path", "expected"), list(expectations()))
def test_wheel(path, expected, caplog, capfd):
    """One outcome for each; nothing is printed, logged or raised besides."""
    kind, *warnings = expected.split()
    if kind == "ok":
        scan = read_scan(path, SMALL)
        assert scan.warnings == tuple(warnings)
        assert scan.pixels.dtype == np.float32
        assert scan.pixels.dtype.isnative
        assert scan.pixels.flags.c_contiguous
        assert scan.pixels.flags.writeable
        assert 0 <= scan.pixels.min() < scan.pixels.max() <= 1
    else:
        with pytest.raises(ScanError, match=r"^expected .+, got .+\. .+\.$") as caught:
            read_scan(path, SMALL)
        assert caught.value.code == kind
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
