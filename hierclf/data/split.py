"""Splits and folds that never put one patient on two sides, and their file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hierclf.data.csv_table import Table, read_table, write_table
from hierclf.data.division import Indices, count_patients, divide_patients
from hierclf.data.source import SPLITS
from hierclf.foundation.errors import InputError, join_troubles
from hierclf.foundation.seeding import generator

_COLUMNS = ("path", "patient_id", "label", "split")


def hold_out(
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    fraction: float,
    seed: int,
    least_classes: int = 2,
) -> tuple[Indices, Indices]:
    """Hold out a part of the patients, with each class on both sides.

    Parameters
    ----------
    labels : array-like of str or int, shape (n_scans,)
        Class of each scan.
    groups : array-like of str or int, shape (n_scans,)
        Patient of each scan. One with several classes is kept whole.
    fraction : float, in (0, 1)
        Part of the scans of each class to hold out. A class of few patients
        gives at least one patient's worth to each side.
    seed : int, at least 0
        Root seed.
    least_classes : int, default=2
        Fewer are refused.

    Returns
    -------
    train : ndarray of int, shape (n_train,)
        Ascending row numbers of the scans to train on.
    test : ndarray of int, shape (n_test,)
        Those held out.

    Raises
    ------
    InputError
        If there are too few classes, a class has scans of fewer than two
        patients, or no division with each class on both sides was found. The
        message counts scans and patients.

    Examples
    --------
    >>> train, test = hold_out(list("aabb"), [1, 2, 3, 4], fraction=0.5, seed=0)
    >>> len(train), len(test)
    (2, 2)
    """
    if not 0 < fraction < 1:
        raise InputError(
            f"hold-out fraction: expected a number between 0 and 1, got {fraction}. "
            "0.2 holds out a fifth."
        )
    counts, patient_of = count_patients(labels, groups, least_classes=least_classes)
    n_patients = (counts > 0).sum(axis=0)
    share = np.clip(fraction, 1 / n_patients, 1 - 1 / n_patients)
    targets = counts.sum(axis=0) * np.stack([1 - share, share])
    sides = divide_patients(counts, targets, generator(seed, "hold_out"))
    held = sides[patient_of] == 1
    return np.flatnonzero(~held), np.flatnonzero(held)


def patient_folds(
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    n_folds: int,
    seed: int,
    least_classes: int = 2,
) -> list[tuple[Indices, Indices]]:
    """Divide the patients into folds of like size and mixture.

    Each scan is tested once, and every training side has every class. There are
    always as many folds as asked: a class of fewer patients is absent from some
    test sides, which pooled out-of-fold scores do not mind.

    Parameters
    ----------
    labels : array-like of str or int, shape (n_scans,)
        Class of each scan.
    groups : array-like of str or int, shape (n_scans,)
        Patient of each scan. One with several classes is kept whole.
    n_folds : int, at least 2
        How many folds.
    seed : int, at least 0
        Root seed.
    least_classes : int, default=2
        Fewer are refused.

    Returns
    -------
    folds : list of (train, test)
        Ascending row numbers, as scikit-learn's ``cv=`` takes them.

    Raises
    ------
    InputError
        If there are fewer patients than folds, too few classes, a class with
        scans of fewer than two patients (a fold would train without it), or no
        such division was found. The message counts scans and patients.
    """
    counts, patient_of = count_patients(labels, groups, least_classes=least_classes)
    if not 2 <= n_folds <= len(counts):
        raise InputError(
            f"folds: expected a number from 2 to that of the patients "
            f"({len(counts)}), got {n_folds}. Ask for another number."
        )
    targets = np.repeat(counts.sum(axis=0)[None] / n_folds, n_folds, axis=0)
    fold_of = divide_patients(counts, targets, generator(seed, "folds"))[patient_of]
    return [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold))
        for fold in range(n_folds)
    ]


def merge_rare(
    labels: ArrayLike, groups: ArrayLike, kin: ArrayLike | None = None
) -> NDArray[Any]:
    """Let a class with scans of one patient only count as another one.

    Such a class cannot be on two sides. For a division it counts as the
    commonest class of its kin.

    Parameters
    ----------
    labels : array-like of str or int, shape (n_scans,)
        Class of each scan.
    groups : array-like of str or int, shape (n_scans,)
        Patient of each scan.
    kin : array-like of int, shape (n_scans,), optional
        Which classes may stand for each other; all may where it is not given.

    Returns
    -------
    merged : ndarray, shape (n_scans,)
        Labels for `hold_out` and `patient_folds`.

    Examples
    --------
    >>> merge_rare(list("aabbc"), [1, 2, 3, 4, 5]).tolist()
    ['a', 'a', 'b', 'b', 'a']
    """
    y, who = np.asarray(labels), np.asarray(groups)
    classes, counts = np.unique(y, return_counts=True)
    common = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    relatives = np.zeros(len(y), dtype=int) if kin is None else np.asarray(kin)
    merged = y.copy()
    for label in classes:
        mine = y == label
        if len(np.unique(who[mine])) == 1:
            family = np.unique(y[relatives == relatives[mine][0]])
            merged[mine] = max(family, key=lambda other: common[other])
    return merged


def straddling_patients(
    groups: Iterable[str], split: Iterable[str]
) -> dict[str, list[str]]:
    """Find the patients that sit in more than one split.

    Parameters
    ----------
    groups : iterable of str, shape (n_scans,)
        Patient of each scan.
    split : iterable of str, shape (n_scans,)
        Split of each scan.

    Returns
    -------
    shared : dict of str to list of str
        Patient, and the splits in sorted order.

    Examples
    --------
    >>> straddling_patients(["p1", "p1", "p2"], ["train", "test", "test"])
    {'p1': ['test', 'train']}
    """
    seen: dict[str, set[str]] = {}
    for patient, name in zip(groups, split, strict=True):
        seen.setdefault(patient, set()).add(name)
    return {who: sorted(names) for who, names in seen.items() if len(names) > 1}


def write_splits(
    path: Path,
    manifest: pd.DataFrame,
    split: Sequence[str],
    *,
    allow_straddling: bool = False,
) -> None:
    """Write which scan is in which split, whole or not at all.

    Parameters
    ----------
    path : Path
        CSV file to write; columns ``path`` (the scan), ``patient_id``,
        ``label``, ``split``. Beside the scans it would serve as a manifest.
    manifest : DataFrame of str
        With columns ``scan``, ``patient_id`` and ``label``.
    split : sequence of str, shape (n_scans,)
        ``train``, ``val`` or ``test``; or ``fold0``, ``fold1`` and so on, the fold
        in which a scan is tested.
    allow_straddling : bool, default=False
        Accept a patient in several splits.

    Raises
    ------
    InputError
        If a name is another, or a patient sits in several splits.
    ResourceError
        If the file cannot be written.
    """
    strangers = sorted(name for name in set(split) if not _is_split(name))
    if strangers:
        raise InputError(
            f"split: expected only {', '.join(SPLITS)} or fold0, fold1 and so on, got "
            f"{strangers[0]!r}. Rename it."
        )
    if not allow_straddling:
        _refuse_straddling(path.name, manifest["patient_id"], split)
    columns = (manifest["scan"], manifest["patient_id"], manifest["label"], split)
    write_table(path, _COLUMNS, zip(*columns, strict=True))


def read_splits(
    path: Path, manifest: pd.DataFrame, *, allow_straddling: bool = False
) -> NDArray[np.str_]:
    """Read splits back, and verify that they belong to this manifest.

    Parameters
    ----------
    path : Path
        File of `write_splits`, which somebody may have edited since.
    manifest : DataFrame of str
        The rows that it was written for, in any order.
    allow_straddling : bool, default=False
        Accept a patient in several splits.

    Returns
    -------
    split : ndarray of str, shape (n_scans,)
        In the order of `manifest`.

    Raises
    ------
    InputError
        If a scan is missing, foreign or there twice, its patient or label is
        another, a split is unknown, or a patient sits in several splits.
    ResourceError
        If the file cannot be read.
    """
    table = read_table(path, key="path")
    absent = [name for name in _COLUMNS if name not in table.frame]
    if absent:
        raise InputError(
            f"{table.name}, row 1: expected the columns {', '.join(_COLUMNS)}, got "
            f"none called {absent[0]!r}. Write the splits again."
        )
    columns = manifest[["scan", "patient_id", "label"]]
    wanted = {scan: cells for scan, *cells in columns.to_numpy().tolist()}
    troubles = [message for _, message in table.troubles] + _compare(table, wanted)
    if troubles:
        raise InputError(join_troubles(troubles))
    found = dict(zip(table.frame["path"], table.frame["split"], strict=True))
    splits = [found[scan] for scan in manifest["scan"]]
    if not allow_straddling:
        _refuse_straddling(table.name, manifest["patient_id"], splits)
    return np.array(splits, dtype=np.str_)


def _compare(table: Table, wanted: Mapping[str, list[str]]) -> list[str]:
    seen: set[str] = set()
    troubles = []
    for row, scan, *cells, split in table.frame[list(_COLUMNS)].itertuples():
        rule = _mismatch(scan, wanted.get(scan), cells, split, is_twin=scan in seen)
        if rule:
            troubles.append(f"{table.name}, row {row}: {rule}. Write the splits again.")
        seen.add(scan)
    absent = [
        f"{table.name}: expected a row for {scan!r}, got none. Write the splits again."
        for scan in wanted
        if scan not in seen
    ]
    return troubles + absent


def _is_split(name: str) -> bool:
    return name in SPLITS or re.fullmatch(r"fold\d{1,3}", name) is not None


def _mismatch(
    scan: str, wanted: list[str] | None, cells: list[str], split: str, *, is_twin: bool
) -> str:
    if wanted is None:
        return f"expected a scan of the manifest, got {scan!r}"
    if is_twin:
        return f"expected each scan once, got {scan!r} again"
    if wanted != cells:
        return f"expected patient and label {wanted} for {scan!r}, got {cells}"
    if not _is_split(split):
        return f"expected one of {', '.join(SPLITS)} for {scan!r}, got {split!r}"
    return ""


def _refuse_straddling(name: str, groups: Iterable[str], split: Iterable[str]) -> None:
    shared = straddling_patients(groups, split)
    if shared:
        raise InputError(
            join_troubles(
                [
                    f"{name}: expected patient {patient!r} in one split, got "
                    f"{' and '.join(names)}. Split again."
                    for patient, names in shared.items()
                ]
            )
        )
