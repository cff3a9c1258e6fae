"""A data set looked at: what was seen of all its scans, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.checking.hashes import SIDE, Waves
from hierclf.checking.looks import Look, look_at
from hierclf.data.manifest_csv import MASK_COLUMNS
from hierclf.foundation.errors import ScanError
from hierclf.foundation.progress import Progress
from hierclf.loading.scans import read_ahead

Floats = NDArray[np.floating]

_OWN = ("path", "scan", "label", "patient_id", "split", *MASK_COLUMNS)


@dataclass(frozen=True, eq=False)
class Survey:
    """What was seen of a set.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Of the scans that could be read.
    looks : list of Look, length n_scans
        What was seen of each.
    errors : dict of str to (str, str)
        Code and message of each that could not.
    means : dict of str to ndarray of float32, shape (64, 64)
        Mean frame of each label.
    """

    manifest: pd.DataFrame
    looks: list[Look]
    errors: Mapping[str, tuple[str, str]]
    means: Mapping[str, Floats]

    @property
    def file(self) -> pd.DataFrame:
        """What the files say of themselves; see `Look`."""
        return pd.DataFrame([dict(look.file) for look in self.looks])

    @property
    def pixels(self) -> pd.DataFrame:
        """Grays and bytes; see `Look`."""
        return pd.DataFrame([dict(look.pixels) for look in self.looks])

    @property
    def border(self) -> pd.DataFrame:
        """The border; see `Look`."""
        return pd.DataFrame(np.asarray([look.border for look in self.looks]))

    @property
    def waves(self) -> Waves:
        """For hashes; shape (n_scans, 16, 16)."""
        return np.asarray([look.waves for look in self.looks])

    @property
    def scans(self) -> pd.DataFrame:
        """Facts by which single scans are judged."""
        facts = self.file[["width", "height"]].copy()
        facts["contrast"] = self.pixels["contrast"]
        facts["warnings"] = pd.Series([look.warnings for look in self.looks])
        return facts


def survey_scans(manifest: pd.DataFrame) -> Survey:
    """Look at every scan of a set, once.

    Parameters
    ----------
    manifest : DataFrame
        Columns ``path``, ``scan`` and ``label``.

    Returns
    -------
    survey : Survey
        Memory for 2 kB of each scan; frames are summed and let go.
    """
    looks: list[Look] = []
    kept: list[int] = []
    errors: dict[str, tuple[str, str]] = {}
    sums: dict[str, Floats] = {}
    paths, scans = manifest["path"], manifest["scan"].tolist()
    labels = manifest["label"].tolist()
    seen = read_ahead(_attempt, paths)
    bar = Progress(seen, total=len(paths), desc="scans", unit="scan")
    for row, one in enumerate(bar):
        if isinstance(one, ScanError):
            errors[scans[row]] = (one.code, str(one))
            continue
        look, frame = one
        looks.append(look)
        kept.append(row)
        sums.setdefault(labels[row], np.zeros((SIDE, SIDE)))
        sums[labels[row]] += frame
    rows = manifest.iloc[kept].reset_index(drop=True)
    counts = rows["label"].value_counts()
    means = {label: sums[label] / counts[label] for label in sorted(sums)}
    return Survey(rows, looks, errors, means)


def _attempt(path: str) -> tuple[Look, Floats] | ScanError:
    try:
        return look_at(path)
    except ScanError as error:
        return error


def other_columns(manifest: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of a manifest that are no label, patient, split or file.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        As `hierclf.data.dataset.Dataset` holds it.

    Returns
    -------
    facts : DataFrame, n_scans rows
        Maybe without columns.
    """
    return manifest[[name for name in manifest if name not in _OWN]]
