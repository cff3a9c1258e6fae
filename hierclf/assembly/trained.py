"""A bundle at work on labelled scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import (
    RunData,
    cache_folder,
    data_options,
    keep_splits,
    load_scans,
    tell,
)
from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.store import Bundle
from hierclf.cascade.decisions import Decisions
from hierclf.config.scans import PartOfData
from hierclf.data.csv_table import read_table
from hierclf.data.dataset import Dataset, fingerprint_of, read_dataset
from hierclf.data.split import read_splits
from hierclf.features.readers import readers_of
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError, ResourceError
from hierclf.problem.labels import Hierarchy


def open_bundle(folder: Path, options: PartOfData) -> Bundle:
    """Load a bundle and let its trunk use the cache.

    Parameters
    ----------
    folder : Path
        Of the bundle.
    options : PartOfData
        Which cache.

    Returns
    -------
    bundle : Bundle
        Verified.

    Raises
    ------
    BundleError
        If it is damaged or foreign.
    """
    bundle = load_for_machine(folder, runtime=options.runtime, threads=options.threads)
    for stage in (bundle.cascade.screen_, bundle.cascade.refine_):
        for reader in readers_of(stage):
            reader.use_cache(cache_folder(options))
    return bundle


def labelled_scans(
    bundle: Bundle, options: PartOfData, data: Path | None = None
) -> RunData:
    """Read the scans that a bundle is to be measured on.

    Parameters
    ----------
    bundle : Bundle
        Its screen reads them.
    options : PartOfData
        Where they are.
    data : Path, optional
        Instead of ``options.data``; given splits are then not looked at.

    Returns
    -------
    scans : RunData
        With labels that the bundle knows.

    Raises
    ------
    InputError
        If a label is unknown to the bundle, or the bundle reads no scans.
    """
    readers = readers_of(bundle.cascade.screen_)
    if not readers:
        raise InputError(
            "bundle: expected stages that read scans, got ones for tables of numbers. "
            "Use a bundle that hierclf train made."
        )
    dataset = read_dataset(data_options(options, data))
    tell(dataset.remarks)
    n_found = len(dataset.manifest)
    if data in {None, options.data}:
        dataset = asked_part(dataset, options)
    n_aside = n_found - len(dataset.manifest)
    scans = load_scans(dataset, readers[0], skip=options.unreadable == "skip")
    scans = replace(scans, n_set_aside=n_aside)
    bundle.cascade.hierarchy_.positions(scans.manifest["label"].tolist())
    tell(bundle_remarks(bundle, scans))
    return scans


def asked_part(dataset: Dataset, options: PartOfData) -> Dataset:
    """Keep the scans of the splits that are asked for, by a file where one is named."""
    if options.splits is not None:
        names = read_splits(
            options.splits, dataset.manifest, allow_straddling=options.allow_straddling
        )
        dataset = replace(dataset, manifest=dataset.manifest.assign(split=names))
    return keep_splits(dataset, options.split)


def decide(bundle: Bundle, scans: RunData) -> Decisions:
    """Ask a bundle about scans."""
    decisions: Decisions = bundle.cascade.decide(scans.manifest)
    return decisions


def bundle_remarks(
    bundle: Bundle, scans: RunData, name: str = "the bundle"
) -> tuple[str, ...]:
    """Say what a reader must know of the scans and the bundle together."""
    n_known, n_scans = int(known_scans(bundle, scans).sum()), len(scans.digests)
    were = "was" if n_known == 1 else "were"
    told = (
        f"{n_known} of these {count(n_scans, 'scan')} {were} in the training of {name}"
    )
    end = ": figures on them are no evidence for new scans." if n_known else "."
    return (told + end, *_patients_remark(bundle, scans, name))


def _patients_remark(bundle: Bundle, scans: RunData, name: str) -> tuple[str, ...]:
    """Say which other scans are of patients whom it knows, as far as that is known."""
    if bundle.info.data.n_patients is None or not scans.dataset.has_patients:
        return ()
    if scans.phantom:  # cohorts of other seeds have other phantoms of the same names
        return ()
    known = known_scans(bundle, scans)
    theirs = scans.manifest["patient_id"]
    told = training_patients(bundle)
    n_more = int((theirs.isin(told or set(theirs[known])) & ~known).sum())
    if n_more:
        more = f"{count(n_more, 'other scan')} {'has' if n_more == 1 else 'have'}"
        return (
            f"{more} the patient_id of somebody who was in the training of {name}: "
            "if this is the same person, figures on them are no evidence for new "
            "patients.",
        )
    if told is not None:
        return ()
    return (
        f"No splits.csv of its run lies beside {name}, which names no patients itself: "
        "whether other scans of these patients were in its training is not known.",
    )


def training_patients(bundle: Bundle) -> set[str] | None:
    """Give the patients of a bundle's training, by the ``splits.csv`` beside it.

    A bundle itself holds no patient's name.

    Parameters
    ----------
    bundle : Bundle
        Read from a folder.

    Returns
    -------
    patients : set of str or None
        None where no such file lies beside the bundle, or one of other scans, labels
        or patients than the bundle's run began with.
    """
    if bundle.folder is None:
        return None
    path = bundle.folder.resolve().parent / "splits.csv"
    if not path.is_file():
        return None
    try:
        table = read_table(path, key="path").frame.rename(columns={"path": "scan"})
        told = {fingerprint_of(table), fingerprint_of(table.drop(columns="split"))}
    except (InputError, ResourceError, KeyError):
        return None
    if bundle.info.data.fingerprint not in told:  # with splits where they were given
        return None
    return set(table.loc[table["split"] != "test", "patient_id"])


def known_scans(bundle: Bundle, scans: RunData) -> NDArray[np.bool_]:
    """Tell which scans a bundle was trained on, by the bytes of their files."""
    known = set(bundle.info.data.digests)
    return np.array([digest in known for digest in scans.digests], dtype=bool)


def bundle_costs(bundle: Bundle) -> NDArray[np.float64] | None:
    """Give the cost matrix of a bundle, healthy first, where it has one."""
    costs = bundle.cascade.costs
    return None if costs is None else np.asarray(costs, dtype=np.float64)


def positions(hierarchy: Hierarchy[str], manifest: pd.DataFrame) -> Any:
    """Give the true positions of the rows of a manifest."""
    return np.asarray(hierarchy.positions(manifest["label"].tolist()))
