"""The scans of a run: read, counted, and cleared of what cannot be read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from hierclf.config.scans import ScanOptions
from hierclf.data.dataset import DataOptions, Dataset
from hierclf.features.readers import Reader, networks_of, preparation_of
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.files import read_json, sha256_bytes
from hierclf.loading.scans import read_ahead, read_bytes
from hierclf.segmentation.census import lungs_found
from hierclf.segmentation.masks import word_of
from hierclf.segmentation.segmenter import Segmenter

_log = logging.getLogger(__name__)
LUNGS_FOUND = "lungs_found"
"""Column that is added where lungs are cut out; one of the user is replaced."""
_OWN_LUNGS = (
    "The network that finds lungs was trained on scans of this very set, maybe on "
    "tested ones too: it may find lungs better here than in new scans, and figures "
    "may be too good. Train it on scans of other patients."
)


@dataclass(frozen=True)
class Unreadable:
    """A scan that was left out.

    Parameters
    ----------
    scan : str
        Its id.
    code, message : str
        Why.
    """

    scan: str
    code: str
    message: str


@dataclass(frozen=True)
class RunData:
    """What a run works on.

    Parameters
    ----------
    dataset : Dataset
        Readable scans only.
    unreadable : tuple of Unreadable
        Those left out.
    phantom : bool
        Whether the scans are synthetic.
    digests : tuple of str
        First 16 digits of the SHA-256 of each scan's file.
    n_patients_found : int
        Patients of the readable and the unreadable scans.
    n_set_aside : int, default=0
        Scans of splits that were not asked for.
    """

    dataset: Dataset
    unreadable: tuple[Unreadable, ...]
    phantom: bool
    digests: tuple[str, ...]
    n_patients_found: int
    n_set_aside: int = 0

    @property
    def manifest(self) -> pd.DataFrame:
        """Rows of the readable scans."""
        return self.dataset.manifest

    @property
    def name(self) -> str:
        """Name of the data: its folder's."""
        return self.dataset.root.name + (" (phantom)" if self.phantom else "")


def cache_folder(options: ScanOptions) -> Path:
    """Choose the folder for features and frames.

    Parameters
    ----------
    options : LabelledData
        ``cache``, where it is given.

    Returns
    -------
    folder : Path
        Else ``hierclf`` below ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return options.cache or home / "hierclf"


def data_options(options: ScanOptions, data: Path | None = None) -> DataOptions:
    """Take the options of reading out of those of a command."""
    told = {name: getattr(options, name) for name in DataOptions.model_fields}
    return DataOptions.model_validate(told | ({"data": data} if data else {}))


def load_scans(dataset: Dataset, reader: Reader, *, skip: bool) -> RunData:
    """Read every scan once.

    Parameters
    ----------
    dataset : Dataset
        The rows.
    reader : NetworkClassifier or FeatureExtractor
        Keeps what it computes of them.
    skip : bool
        Leave out what cannot be read.

    Returns
    -------
    scans : RunData
        Rows, and what was left out.

    Raises
    ------
    InputError
        If a scan cannot be read and `skip` is off, or equal files have two labels
        or two patients.
    """
    errors = reader.try_read(dataset.manifest)
    missing = tuple(
        _unreadable(dataset.manifest, place, error) for place, error in errors.items()
    )
    if missing and not skip:
        told = [f"{item.scan}: {item.code}, {item.message}" for item in missing]
        raise InputError(
            f"{join_troubles(told)} Mend or remove these scans, or pass "
            "--unreadable skip."
        )
    kept = np.setdiff1d(np.arange(len(dataset.manifest)), list(errors))
    rows = dataset.manifest.iloc[kept].reset_index(drop=True)
    digests = tuple(read_ahead(_digest_of, rows["path"]))
    remarks = _judge_copies(rows, digests, dataset)
    rows, told = _look_for_lungs(rows, reader, dataset.fingerprint)
    remarks += told
    tell(remarks)
    kept_set = replace(dataset, manifest=rows, remarks=(*dataset.remarks, *remarks))
    n_patients = int(dataset.manifest["patient_id"].nunique())
    return RunData(kept_set, missing, is_phantom(dataset.root), digests, n_patients)


def _look_for_lungs(
    rows: pd.DataFrame, reader: Reader, fingerprint: str
) -> tuple[pd.DataFrame, list[str]]:
    """Tell in a column in which scans lungs are found, where they are cut out."""
    lungs = preparation_of(reader)
    if not isinstance(lungs, Segmenter):
        return rows, []
    cache = networks_of(reader)[0].cache
    found = lungs_found(lungs, rows["path"].tolist(), reader.frame_side, cache)
    words = [word_of(found=bool(one)) for one in found]
    n_whole = int((~found).sum())
    told = (
        f"In {n_whole} of {len(rows)} scans no lungs were found: they are seen whole."
    )
    remarks = [f"Lungs are cut out of all scans: {lungs.about.told}."]
    if lungs.about.fingerprint == fingerprint:
        remarks.append(_OWN_LUNGS)
    if n_whole:
        remarks.append(told)
    return rows.assign(**{LUNGS_FOUND: words}), remarks


def _digest_of(path: str) -> str:
    return sha256_bytes(read_bytes(path))[:16]


def _judge_copies(
    rows: pd.DataFrame, digests: tuple[str, ...], dataset: Dataset
) -> list[str]:
    """Refuse equal files of two labels or two patients; remark on the others."""
    copies = rows.assign(digest=digests)
    copies = copies[copies["digest"].duplicated(keep=False)]
    kinds = ["label", "patient_id"] if dataset.has_patients else ["label"]
    troubles = []
    for _, same in copies.groupby("digest", sort=False):
        for kind in kinds:
            told = same.drop_duplicates(kind)
            if len(told) > 1:
                (one, a), (two, b) = told[["scan", kind]].to_numpy()[:2]
                troubles.append(
                    f"{two}: expected the {kind} {a!r} of {one}, whose file is the "
                    f"same, got {b!r}. Correct it, or remove one of the two."
                )
    if troubles:
        raise InputError(join_troubles(troubles))
    n_copies = int(copies["digest"].duplicated().sum())
    if not n_copies:
        return []
    words = "1 scan is a copy" if n_copies == 1 else f"{n_copies} scans are copies"
    risk = "" if dataset.has_patients else ", and may sit on both sides of a split"
    return [f"{words} of another file{risk}."]


def _unreadable(manifest: pd.DataFrame, place: int, error: ScanError) -> Unreadable:
    return Unreadable(str(manifest["scan"].iat[place]), error.code, str(error))


def is_phantom(root: Path) -> bool:
    """Tell whether a folder holds synthetic scans, by the note beside them."""
    notes = [folder / "cohort.json" for folder in (root, root.parent)]
    note = next((path for path in notes if path.is_file()), None)
    if note is None:
        return False
    told = read_json(note)
    return isinstance(told, dict) and told.get("kind") == "phantom"


def tell(remarks: Iterable[str]) -> None:
    """Say on the terminal what the report will say, too."""
    for remark in remarks:
        _log.warning("%s", remark)


def keep_splits(dataset: Dataset, splits: tuple[str, ...]) -> Dataset:
    """Keep the scans of some given splits.

    Parameters
    ----------
    dataset : Dataset
        With a column ``split``.
    splits : tuple of str
        Names; all scans are kept where it is empty.

    Returns
    -------
    kept : Dataset
        A part of the rows.

    Raises
    ------
    InputError
        If there is no such split.
    """
    if not splits:
        return dataset
    manifest = dataset.manifest
    known = sorted(manifest["split"].unique()) if "split" in manifest else []
    unknown = [name for name in splits if name not in known]
    if unknown:
        raise InputError(
            f"split: expected one of {known}, got {unknown[0]!r}. Pass --splits with "
            "the splits.csv of a run, or leave --split out to use all scans."
        )
    rows = manifest[manifest["split"].isin(splits)].reset_index(drop=True)
    return replace(dataset, manifest=rows)
