"""Scans with masks of their lungs: listed, divided by patient, read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import is_phantom
from hierclf.data.border import refusing
from hierclf.data.dataset import Dataset
from hierclf.data.pixels import decode_scan
from hierclf.data.split import hold_out, merge_rare
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.progress import Progress
from hierclf.loading.scans import read_ahead, read_bytes
from hierclf.segmentation.fitting import Pair
from hierclf.transforms.geometry import fit_frame

_MASK = "lung_mask"
_BETWEEN = 0.05
"""A gray nearer than this to black or to the brightest one, as a share of the latter,
is one of the two: a compressed picture has such grays."""
_LEAST_SHARE = 0.05
"""Share of the pixels from which one gray between these is a label and no border."""


@dataclass(frozen=True, eq=False)
class MaskedScans:
    """Scans with masks, frames and masks in memory.

    Parameters
    ----------
    dataset : Dataset
        Rows with a mask.
    pairs : list of (frame, mask)
        In the order of the rows.
    """

    dataset: Dataset
    pairs: list[Pair]

    @property
    def manifest(self) -> pd.DataFrame:
        """Rows of the scans."""
        return self.dataset.manifest

    @property
    def phantom(self) -> bool:
        """Whether the scans are synthetic."""
        return is_phantom(self.dataset.root)

    def divide(
        self, fraction: float, seed: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Hold out a part of the patients; gives rows to train on and held-out ones."""
        patients = self.manifest["patient_id"].to_numpy()
        labels = merge_rare(self.manifest["label"].to_numpy(), patients)
        return hold_out(labels, patients, fraction=fraction, seed=seed, least_classes=1)


def with_masks(dataset: Dataset, folder: Path | None) -> Dataset:
    """Keep the rows that have a mask.

    Parameters
    ----------
    dataset : Dataset
        Rows, maybe with a column ``lung_mask``.
    folder : Path or None
        Where masks lie under the names of the scans (their endings may differ);
        ``lung_mask`` is then not looked at.

    Returns
    -------
    dataset : Dataset
        At least one row; column ``lung_mask`` has absolute paths.

    Raises
    ------
    InputError
        If there is no mask, a scan of a folder has none, or has several.
    """
    if folder is not None:
        return replace(dataset, manifest=_matched(dataset.manifest, folder))
    if _MASK not in dataset.manifest or not (dataset.manifest[_MASK] != "").any():
        raise InputError(
            f"data: expected a manifest with a column {_MASK}, got none with a mask. "
            "Add it, or pass --masks with a folder of masks."
        )
    rows = dataset.manifest[dataset.manifest[_MASK] != ""].reset_index(drop=True)
    n_without = len(dataset.manifest) - len(rows)
    told = f"{n_without} scans have no {_MASK} and are left out."
    remarks = (*dataset.remarks, *([told] if n_without else []))
    return replace(dataset, manifest=rows, remarks=remarks)


def _matched(manifest: pd.DataFrame, folder: Path) -> pd.DataFrame:
    if not folder.is_dir():
        raise InputError(
            f"masks: expected a folder, got {str(folder)!r}. Check the path."
        )
    root = folder.resolve()
    inside = [p for p in manifest["path"] if root in Path(p).resolve().parents]
    if inside:
        raise InputError(
            f"masks: expected a folder without scans of --data, got {inside[0]!r} in "
            "it. Move the masks to a folder beside the scans."
        )
    found: dict[str, list[str]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        found.setdefault(os.path.splitext(name)[0], []).append(str(path))
    masks, troubles = [], []
    for scan in manifest["scan"]:
        fitting = found.get(os.path.splitext(scan)[0], [])
        masks.append(fitting[0] if fitting else "")
        if len(fitting) != 1:
            troubles.append(
                f"{scan}: expected one mask of this name in {folder}, got "
                f"{len(fitting)}. Name each mask as its scan, or use a manifest."
            )
    if troubles:
        raise InputError(join_troubles(troubles))
    return manifest.assign(**{_MASK: masks})


def read_masked(dataset: Dataset, side: int) -> MaskedScans:
    """Read scans and masks as squares.

    Parameters
    ----------
    dataset : Dataset
        From `with_masks`.
    side : int
        Of frames and masks, in pixels. They are kept in memory: at 192 pixels a
        thousand take 200 MB.

    Returns
    -------
    scans : MaskedScans
        All of them.

    Raises
    ------
    InputError
        If a scan or a mask cannot be read, their shapes differ, or a mask is empty.
    """

    def read(row: tuple[str, str, str]) -> Pair | str:
        scan, path, mask = row
        try:
            with refusing("E_DECODE", "a scan"):
                pixels = decode_scan(read_bytes(path)).pixels
            return fit_frame(pixels, side), _read_mask(mask, pixels.shape, side)
        except ScanError as error:
            return f"{scan}: {error.code}, {error}"

    columns = (dataset.manifest[name] for name in ("scan", "path", _MASK))
    rows = list(zip(*columns, strict=True))
    bar = Progress(rows, desc="reading", unit="scan")
    found = [one for _, one in zip(bar, read_ahead(read, rows), strict=True)]
    troubles = [one for one in found if isinstance(one, str)]
    if troubles:
        raise InputError(join_troubles(troubles))
    pairs = [one for one in found if not isinstance(one, str)]
    remarks = (*dataset.remarks, *_inverted([mask for _, mask in pairs]))
    return MaskedScans(replace(dataset, remarks=remarks), pairs)


def _inverted(masks: list[NDArray[np.bool_]]) -> list[str]:
    """Say where masks hold the rim of the scans, as a mask of all but lungs would."""
    rims = [
        np.concatenate([mask[[0, -1]].ravel(), mask[1:-1, [0, -1]].ravel()]).mean()
        for mask in masks
    ]
    n_rims = int((np.array(rims) > 0.5).sum())
    if n_rims <= len(masks) / 2:
        return []
    return [
        f"{n_rims} of {count(len(masks), 'mask')} hold most of the rim of the scan: if "
        "they are black where lungs are, turn them around."
    ]


def _read_mask(path: str, shape: tuple[int, ...], side: int) -> NDArray[np.bool_]:
    """Read a mask of zeros and one other gray, 1 or 255."""
    try:
        values = decode_scan(read_bytes(path)).pixels
    except ScanError as error:
        if error.code == "E_BLANK":
            raise _refused("lungs and what is around them", "one gray") from error
        raise ScanError(error.code, f"mask: {error}") from error
    if values.shape != shape:
        raise ScanError(
            "E_DECODE",
            f"mask: expected the shape {shape} of the scan, got {values.shape}. Draw "
            "it on the scan as it is stored.",
        )
    _check_two_grays(values)
    solid = (values > values.max() / 2).astype(np.float32)
    shrunk = cv2.resize(solid, (side, side), interpolation=cv2.INTER_AREA)
    mask: NDArray[np.bool_] = np.asarray(shrunk) >= 0.5
    if not mask.any():
        told = f"next to nothing, none of {side} x {side} pixels"
        raise _refused("lungs", told)
    return mask


def _check_two_grays(values: NDArray[np.generic]) -> None:
    """Refuse labels, 1 for one lung and 2 for the other: half of it would be lost."""
    grays, counts = np.unique(values, return_counts=True)
    top = float(grays[-1])
    between = (grays > _BETWEEN * top) & (grays < (1 - _BETWEEN) * top)
    share = counts[between].max(initial=0) / values.size
    if share >= _LEAST_SHARE:
        told = f"a third one in {share:.0%} of the pixels"
        raise _refused("two grays", told)


def _refused(expected: str, got: str) -> ScanError:
    return ScanError(
        "E_DECODE",
        f"mask: expected {expected}, got {got}. Write 0 around the lungs and 255 in "
        "both of them, or leave the scan out.",
    )
