"""The scans of a run: read, counted, and cleared of what cannot be read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from hierclf.config import LabelledData
from hierclf.data.dataset import DataOptions, Dataset, read_dataset
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.files import read_json
from hierclf.training.estimator import NetworkClassifier


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
    """

    dataset: Dataset
    unreadable: tuple[Unreadable, ...]
    phantom: bool

    @property
    def manifest(self) -> pd.DataFrame:
        """Rows of the readable scans."""
        return self.dataset.manifest

    @property
    def name(self) -> str:
        """Name of the data: its folder's."""
        return self.dataset.root.name + (" (phantom)" if self.phantom else "")


def cache_folder(options: LabelledData) -> Path:
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


def set_threads(n_threads: int | None) -> None:
    """Limit the threads that compute; the number of cores where none is given."""
    import torch

    if n_threads is not None:
        torch.set_num_threads(n_threads)


def data_options(options: LabelledData, data: Path | None = None) -> DataOptions:
    """Take the options of reading out of those of a command."""
    told = {name: getattr(options, name) for name in DataOptions.model_fields}
    return DataOptions.model_validate(told | ({"data": data} if data else {}))


def load_scans(
    options: LabelledData, reader: NetworkClassifier, data: Path | None = None
) -> RunData:
    """Read the manifest, then every scan once.

    Parameters
    ----------
    options : LabelledData
        Where the scans are and what to do with those that cannot be read.
    reader : NetworkClassifier
        Keeps what it computes of them.
    data : Path, optional
        Instead of ``options.data``.

    Returns
    -------
    scans : RunData
        Rows, and what was left out.

    Raises
    ------
    InputError
        If a scan cannot be read and ``unreadable`` is "refuse".
    """
    dataset = read_dataset(data_options(options, data))
    errors = reader.try_read(dataset.manifest)
    missing = tuple(
        _unreadable(dataset.manifest, place, error) for place, error in errors.items()
    )
    if missing and options.unreadable == "refuse":
        told = [f"{item.scan}: {item.code}, {item.message}" for item in missing]
        raise InputError(
            f"{join_troubles(told)} Mend or remove these scans, or pass "
            "--unreadable skip."
        )
    kept = np.setdiff1d(np.arange(len(dataset.manifest)), list(errors))
    rows = dataset.manifest.iloc[kept].reset_index(drop=True)
    phantom = is_phantom(dataset.root)
    return RunData(replace(dataset, manifest=rows), missing, phantom)


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


def keep_splits(data: RunData, splits: tuple[str, ...]) -> RunData:
    """Keep the scans of some given splits.

    Parameters
    ----------
    data : RunData
        With a column ``split``.
    splits : tuple of str
        Names; all scans are kept where it is empty.

    Returns
    -------
    kept : RunData
        A part of the rows.

    Raises
    ------
    InputError
        If there is no such split.
    """
    if not splits:
        return data
    manifest = data.manifest
    known = sorted(manifest["split"].unique()) if "split" in manifest else []
    unknown = [name for name in splits if name not in known]
    if unknown:
        raise InputError(
            f"split: expected one of {known}, got {unknown[0]!r}. "
            "Leave --split out to use all scans."
        )
    rows = manifest[manifest["split"].isin(splits)].reset_index(drop=True)
    return replace(data, dataset=replace(data.dataset, manifest=rows))
