"""DICOM scans, to the gray values that a viewer would show.

pydicom and its decoders are imported when the first DICOM file is met: they
would lengthen the start of every command.
"""

from __future__ import annotations

from pathlib import Path

from hierclf.data.border import overhear, refused, refusing
from hierclf.data.gray import Gray
from hierclf.data.limits import ReadLimits
from hierclf.data.regular_file import open_regular

_PREAMBLE = 128
_UID_ROOT = b"1.2.840.10008."  # of every SOP class, which stands near the start
_NEAR = 1024


def is_dicom(content: bytes) -> bool:
    """Recognize a DICOM file by its preamble.

    Parameters
    ----------
    content : bytes
        At least the first 132 bytes of a file.

    Returns
    -------
    found : bool
        True if ``DICM`` stands behind a preamble of 128 bytes.

    Examples
    --------
    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"GIF89a")
    (True, False)
    """
    return content[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def refuse_bare_dicom(content: bytes) -> None:
    """Refuse a DICOM data set without the header that makes it a file.

    Its byte order and encoding could only be guessed.

    Parameters
    ----------
    content : bytes
        A file without a preamble.

    Raises
    ------
    ScanError
        With ``E_DICOM_META`` if the registered root of DICOM's identifiers
        stands near its start, and this is no text.
    """
    if _UID_ROOT in content[:_NEAR] and b"\x00" in content[:_NEAR]:
        raise refused(
            "E_DICOM_META",
            "a DICOM file with preamble and file meta information",
            "a bare data set",
            "Export it as a DICOM part 10 file",
        )


def decode_dicom(content: bytes, limits: ReadLimits) -> tuple[Gray, tuple[str, ...]]:
    """Decode a DICOM file of one frame.

    Parameters
    ----------
    content : bytes
        The file.
    limits : ReadLimits
        Checked against the header, and against that of the compressed picture,
        before pixels are decoded.

    Returns
    -------
    pixels : ndarray of float32, shape (height, width), in [0, 1]
        Gray values; see `hierclf.data.dicom_gray.displayed`.
    warnings : tuple of str
        Codes as explained in `hierclf.data.pixels.Scan`.

    Raises
    ------
    ScanError
        With ``E_DICOM_META``, ``E_TS``, ``E_NOT_IMAGE``, ``E_HEADER``,
        ``E_MULTIFRAME``, ``E_TOO_LARGE``, ``E_TOO_SMALL`` or ``E_TRUNCATED``
        by the header; with ``E_DECODE``, ``E_COLOUR`` or ``E_BLANK`` by the
        pixels.
    """
    from hierclf.data import dicom_gray, dicom_header

    with refusing("E_HEADER", "a DICOM header that follows the standard"):
        dataset, codes = dicom_header.read_image(content, limits)
    with refusing("E_DECODE", "valid pixel data"):
        array, photometric = dicom_gray.decode_frame(dataset)
    with refusing("E_HEADER", "a gray scale that follows the standard"):
        return dicom_gray.displayed(array, photometric, dataset), codes


def dicom_patient_id(path: Path) -> str:
    """Read the patient's identifier from the header of a DICOM file.

    Only the part of the file up to the identifier is read.

    Parameters
    ----------
    path : Path
        A regular file, or a symbolic link to one.

    Returns
    -------
    patient_id : str
        (0010,0020) without surrounding blanks; characters that cannot be
        printed are replaced by U+FFFD. Empty if the header has none.

    Raises
    ------
    ScanError
        With ``E_DICOM_META``, ``E_TS``, ``E_NOT_IMAGE`` (a DICOMDIR) or
        ``E_HEADER`` if there is no DICOM header to read, and as
        `hierclf.data.regular_file.open_regular` if there is no file.
    """
    from hierclf.data import dicom_header

    with (
        open_regular(path) as stream,
        overhear(),
        refusing("E_HEADER", "a DICOM header that follows the standard"),
    ):
        return dicom_header.read_patient_id(stream)
