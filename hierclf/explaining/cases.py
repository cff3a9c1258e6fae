"""Scans that are to be explained: listed, and read with what a picture needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hierclf.assembly.scans import is_phantom
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.border import refusing
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.folders import list_scans, remark_on_links
from hierclf.data.pixels import decode_scan
from hierclf.foundation.errors import InputError, ScanError
from hierclf.foundation.files import sha256_bytes
from hierclf.loading.scans import Frame, read_bytes
from hierclf.scoring.reading import lungs_in, shrinker

Bools = NDArray[np.bool_]
LONGEST_PICTURE = 1024
"""Pixels of the longer side of a scan in a picture."""


@dataclass(frozen=True)
class Case:
    """A scan that is to be explained.

    Parameters
    ----------
    scan : str
        Its name relative to the input, with ``/``.
    path : str
        Its file.
    patient : str
        Whose it is; the scan's own name where nobody knows.
    truth : str
        Its label; '' where unknown.
    lesion_mask, lung_mask : str
        Files with outlines; '' where there are none.
    """

    scan: str
    path: str
    patient: str
    truth: str = ""
    lesion_mask: str = ""
    lung_mask: str = ""


@dataclass(frozen=True)
class Cases:
    """All scans of an input.

    Parameters
    ----------
    rows : tuple of Case
        In their order.
    name : str
        Of the folder.
    phantom : bool
        Whether they are synthetic.
    has_patients : bool
        Whether it is known which scans are of one patient.
    remarks : tuple of str
        What the user should be told.
    """

    rows: tuple[Case, ...]
    name: str
    phantom: bool
    has_patients: bool
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Look:
    """A scan as it was read.

    Parameters
    ----------
    case : Case
        Which.
    sha256 : str
        Of the bytes that were decoded; '' where none were.
    pixels : ndarray of float32, shape (height, width), or None
        What is scored: its frame where all networks want the same, else all of it.
    picture : ndarray of uint8, shape (height, width), or None
        What is shown, at most `LONGEST_PICTURE` wide and high.
    shape : tuple of int
        Height and width of the scan in pixels.
    lesion, lungs : ndarray of bool, shape `shape`, or None
        Outlines.
    cut : ndarray of bool, shape (side, side), or None
        What the networks see of its frame; None where that is all of it.
    code, message : str
        Why it was not read; '' where it was.
    lungs_found : {"yes", "no", ""}
        Whether lungs were found; '' where nothing looks for them.
    """

    case: Case
    sha256: str = ""
    pixels: Frame | None = None
    picture: NDArray[np.uint8] | None = None
    shape: tuple[int, int] = (0, 0)
    lesion: Bools | None = None
    lungs: Bools | None = None
    cut: Bools | None = None
    code: str = ""
    message: str = ""
    lungs_found: str = ""


def list_cases(source: Path, limit: int | None) -> Cases:
    """List the scans of a folder or a manifest.

    Parameters
    ----------
    source : Path
        A folder, or a CSV file.
    limit : int or None
        Keep the first of them only.

    Returns
    -------
    cases : Cases
        At least one.

    Raises
    ------
    InputError
        If there is none, or the manifest is wrong.
    """
    if source.suffix.lower() == ".csv" or (source / "manifest.csv").is_file():
        return _of_manifest(source, limit)
    if not source.is_dir():
        raise InputError(
            f"input: expected a folder of scans or a manifest (.csv), got {source}. "
            "Check the path."
        )
    names = [path.relative_to(source).as_posix() for path in list_scans(source)]
    if not names:
        raise InputError(
            f"input: expected at least one scan (PNG, JPEG, TIFF or DICOM) in {source},"
            " got none. Check the path."
        )
    rows = tuple(Case(name, str(source / name), name) for name in names[:limit])
    links = remark_on_links(source)
    phantom = is_phantom(source.resolve())
    name = source.resolve().name
    return Cases(rows, name, phantom, False, (links,) if links else ())


def _of_manifest(source: Path, limit: int | None) -> Cases:
    dataset = read_dataset(DataOptions(data=source), needs_labels=False)
    table = dataset.manifest.iloc[:limit]
    columns = {
        "scan": "scan",
        "path": "path",
        "patient_id": "patient",
        "label": "truth",
        "lesion_mask": "lesion_mask",
        "lung_mask": "lung_mask",
    }
    kept = table[[name for name in columns if name in table]].rename(columns=columns)
    rows = tuple(
        Case(**{str(name): str(value) for name, value in row.items()})
        for row in kept.to_dict("records")
    )
    name, phantom = dataset.root.name, is_phantom(dataset.root)
    return Cases(rows, name, phantom, dataset.has_patients, dataset.remarks)


def make_look(cascade: HierarchicalClassifier) -> Callable[[Case], Look]:
    """Make the function that reads a scan to be explained.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        What looks at it.

    Returns
    -------
    look : callable
        Case to `Look`; it raises nothing that is the fault of one scan.
    """
    view = make_viewer(cascade)

    def look(case: Case) -> Look:
        digest = ""
        try:
            content = read_bytes(case.path)
            digest = sha256_bytes(content)
            with refusing("E_DECODE", "a scan"):
                return view(case, digest, decode_scan(content).pixels)
        except ScanError as error:
            return Look(case, digest, code=error.code, message=str(error))

    return look


def make_viewer(
    cascade: HierarchicalClassifier,
) -> Callable[[Case, str, Frame], Look]:
    """Make the function that prepares a scan, which is decoded, to be explained.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        What looks at it.

    Returns
    -------
    view : callable
        Case, digest of its bytes and pixels to `Look`; a mask of the case that cannot
        be read raises ScanError.
    """
    shrink, look_for = shrinker(cascade), lungs_in(cascade)

    def view(case: Case, digest: str, pixels: Frame) -> Look:
        shape = (pixels.shape[0], pixels.shape[1])
        seen = shrink(pixels)
        lungs = look_for(seen)
        return Look(
            case,
            digest,
            seen,
            _picture(pixels),
            shape,
            _mask(case.lesion_mask, shape),
            _mask(case.lung_mask, shape),
            lungs.mask if lungs and lungs.found else None,
            lungs_found=lungs.word if lungs else "",
        )

    return view


def _picture(pixels: Frame) -> NDArray[np.uint8]:
    """Shrink a scan for a picture, and enlarge one of less than half that size."""
    height, width = pixels.shape
    longest = max(height, width)
    wanted = min(max(longest, LONGEST_PICTURE // 2), LONGEST_PICTURE)
    if wanted != longest:
        size = (round(width * wanted / longest), round(height * wanted / longest))
        method = cv2.INTER_AREA if wanted < longest else cv2.INTER_LINEAR
        sides = (max(size[0], 1), max(size[1], 1))
        pixels = np.asarray(cv2.resize(pixels, sides, interpolation=method))
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _mask(path: str, shape: tuple[int, int]) -> Bools | None:
    """Read an outline; a black one is none (in a healthy scan there is no lesion)."""
    if not path:
        return None
    try:
        values = decode_scan(read_bytes(path)).pixels
    except ScanError as error:
        if error.code == "E_BLANK":
            return np.zeros(shape, dtype=np.bool_)
        raise ScanError(error.code, f"mask: {error}") from error
    if values.shape != shape:
        raise ScanError(
            "E_DECODE",
            f"mask: expected the shape {shape} of the scan, got {values.shape}. Draw "
            "it on the scan as it is stored.",
        )
    mask: Bools = values > 0.5
    return mask
