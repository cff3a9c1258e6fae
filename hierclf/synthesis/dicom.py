"""A phantom scan as a DICOM file: a computed radiograph of 12 bits."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np

from hierclf.synthesis.anatomy import FRAME_CM, Floats

INVERTED_SHARE = 0.25
"""Share of scans that are stored as MONOCHROME1: the highest value is black."""

_CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"


def write_dicom(
    path: Path, image: Floats, patient_id: str, rng: np.random.Generator
) -> None:
    """Write one scan as a Computed Radiography Image.

    The gray values fill a part of the 12 bits that differs between scans, as on
    real detectors: a reader that leaves the window out sees other gray values.

    Parameters
    ----------
    path : Path
        File to write.
    image : ndarray of float32, shape (size, size), in [0, 1]
        Gray values as they are to be shown.
    patient_id : str
        At most 64 characters.
    rng : numpy.random.Generator
        Of the scan: stored range, and whether the values are inverted.

    Notes
    -----
    The window follows DICOM PS3.3 C.11.2.1.2.1, so that the least and the
    greatest stored value are shown as 0 and 1. The unique identifiers are made
    from the pixels and the patient (PS3.5 annex B.2): the same phantom has the
    same identifiers wherever it is drawn.
    """
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    low, high = int(rng.integers(60, 400)), int(rng.integers(3300, 4030))
    inverted = bool(rng.uniform() < INVERTED_SHARE)
    shown = 1 - image if inverted else image
    stored = np.rint(low + shown * (high - low)).astype("<u2")
    digest = hashlib.sha256(stored.tobytes() + patient_id.encode()).hexdigest()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_CR_IMAGE)
    meta.MediaStorageSOPInstanceUID = UID(_uid("instance", digest))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    for name, value in (_identity(patient_id, digest) | _layout(len(image))).items():
        setattr(file, name, value)
    file.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    file.WindowCenter, file.WindowWidth = (low + high + 1) / 2, high - low + 1
    file.PixelData = stored.tobytes()
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def _uid(kind: str, digest: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'hierclf {kind} {digest}').int}"


def _identity(patient_id: str, digest: str) -> dict[str, object]:
    """Attributes of patient, study, series, equipment and image."""
    blank = (
        "PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber "
        "ReferringPhysicianName"
    )
    return dict.fromkeys(blank.split(), "") | {
        "SOPClassUID": _CR_IMAGE,
        "SOPInstanceUID": _uid("instance", digest),
        "StudyInstanceUID": _uid("study", digest),
        "SeriesInstanceUID": _uid("series", digest),
        "PatientName": f"Phantom^{patient_id}",
        "PatientID": patient_id,
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "Manufacturer": "hierclf",
        "ImageType": ["DERIVED", "SECONDARY"],
        "BurnedInAnnotation": "NO",
        "ImageComments": "Phantom: a synthetic picture of no patient.",
    }


def _layout(size: int) -> dict[str, object]:
    """Attributes that say how the pixels lie."""
    spacing_mm = f"{10 * FRAME_CM / size:.6g}"
    return {
        "SamplesPerPixel": 1,
        "Rows": size,
        "Columns": size,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "ImagerPixelSpacing": [spacing_mm, spacing_mm],
    }
