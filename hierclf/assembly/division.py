"""Who is tested: a splits file, outer folds, given splits, or one part held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hierclf.cascade.hierarchical import Folds
from hierclf.config.commands import TrainOptions
from hierclf.data.split import hold_out, patient_folds, read_splits
from hierclf.foundation.errors import InputError


@dataclass(frozen=True)
class Division:
    """The split of each scan, and how it came about; made by `divide`.

    Parameters
    ----------
    names : list of str, length n_scans
        ``train``, ``val`` and ``test``, or all ``fold0``, ``fold1`` and so on.
    how : str
        How the tested scans are kept apart, in words.
    """

    names: list[str]
    how: str


def divide(
    options: TrainOptions, manifest: pd.DataFrame, *, has_patients: bool
) -> Division:
    """Decide on every scan before the first is read.

    Parameters
    ----------
    options : TrainOptions
        ``splits``, ``outer_folds``, ``test_part`` and ``seed``.
    manifest : DataFrame, n_scans rows
        With labels and patients, and maybe given splits.
    has_patients : bool
        Whether patients are known.

    Returns
    -------
    division : Division
        Of which `folds_of` makes rows.

    Raises
    ------
    InputError
        If a splits file does not fit, or the labels cannot be divided.
    """
    labels, patients = manifest["label"], manifest["patient_id"]
    unit = "patient" if has_patients else "scan (no patients known)"
    once = "touched once, after everything was chosen"
    if options.splits is not None:
        read = read_splits(
            options.splits, manifest, allow_straddling=options.allow_straddling
        )
        names = [str(name) for name in read]
        if names[0].startswith("fold"):
            return Division(names, _in_folds(len(set(names)), unit))
        return Division(names, f"the given test split, {once}")
    if options.outer_folds:
        number = np.empty(len(manifest), dtype=int)
        folds = patient_folds(
            labels, patients, n_folds=options.outer_folds, seed=options.seed
        )
        for place, (_, test) in enumerate(folds):
            number[test] = place
        names = [f"fold{place}" for place in number]
        return Division(names, _in_folds(options.outer_folds, unit))
    given = manifest.get("split")
    if given is not None and (given == "test").any():
        return Division(given.tolist(), f"the given test split, {once}")
    _, test = hold_out(labels, patients, fraction=options.test_part, seed=options.seed)
    kinds = np.full(len(manifest), "train", dtype=object)
    if given is not None:
        kinds[(given == "val").to_numpy()] = "val"
    kinds[test] = "test"
    how = f"{options.test_part:.0%} of the scans held out by {unit}, {once}"
    return Division(kinds.tolist(), how)


def _in_folds(n_folds: int, unit: str) -> str:
    return (
        f"{n_folds} folds by {unit}: every scan was predicted by models that saw "
        "none of its patient's scans. Each fold chose its own cut point, so that "
        "the one of the bundle, fitted on all scans, is not theirs"
    )


def folds_of(manifest: pd.DataFrame) -> Folds:
    """Turn the column ``split`` into rows to fit on and rows to test.

    Parameters
    ----------
    manifest : DataFrame
        With columns ``label`` and ``split``.

    Returns
    -------
    folds : list of (train, test)
        One, or one for each fold.

    Raises
    ------
    InputError
        If folds and parts are mixed, there is nothing to fit on or to test, or a
        label has no scan to fit on.
    """
    names, labels = manifest["split"].to_numpy(), manifest["label"].to_numpy()
    kinds = sorted(set(names))
    numbered = [kind for kind in kinds if kind.startswith("fold")]
    if numbered and (numbered != kinds or len(kinds) < 2):
        raise InputError(
            f"splits: expected two folds or more, or train and test, got {kinds}. "
            "Correct the column split."
        )
    if not numbered and not {"train", "test"} <= set(kinds):
        raise InputError(
            f"splits: expected scans to train on and scans to test, got {kinds}. "
            "Correct the column split, or leave it out."
        )
    tested = sorted(numbered, key=lambda kind: int(kind[4:])) or ["test"]
    folds = []
    for kind in tested:
        train = np.flatnonzero(names != kind)
        absent = sorted(set(labels) - set(labels[train]))
        if absent:
            raise InputError(
                f"splits: expected scans of every label to train on, got none of "
                f"{absent[0]!r} beside the scans of {kind}. Move some, or leave the "
                "label out."
            )
        folds.append((train, np.flatnonzero(names == kind)))
    return folds
