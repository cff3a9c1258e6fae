"""A network that finds lungs: trained, measured on other patients, written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.masked_scans import MaskedScans, read_masked, with_masks
from hierclf.assembly.outputs import keep_apart, weights_place
from hierclf.assembly.provenance import versions
from hierclf.assembly.scans import tell
from hierclf.bundle.segmenter import pack_segmenter, pack_weights
from hierclf.config.segmenting import SegmentOptions
from hierclf.data.csv_table import write_table
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.means import mean_of_scans
from hierclf.evaluation.overlap import dice
from hierclf.foundation.files import check_new, new_folder, sha256_bytes, write_bytes
from hierclf.inference.machine import prepare_machine
from hierclf.networks.unet import UNet
from hierclf.reporting.segment_page import PAGE, Masked, write_segment_page
from hierclf.segmentation.about import SegmenterAbout
from hierclf.segmentation.fitting import fit_unet
from hierclf.segmentation.masks import Lungs
from hierclf.segmentation.options import UNetOptions
from hierclf.segmentation.segmenter import Segmenter


def segment(options: SegmentOptions) -> SegmenterAbout:
    """Train a segmenter and write it with its page.

    Parameters
    ----------
    options : SegmentOptions
        Everything that can be chosen.

    Returns
    -------
    about : SegmenterAbout
        As it was written to ``segmenter.json``.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, scans, masks or the disk.
    """
    prepare_machine(options.threads)
    keep_apart(
        options.out,
        data=options.data,
        masks=options.masks,
        weights=weights_place(options.network.weights),
    )
    check_new(options.out, overwrite=options.overwrite, mark=PAGE)
    told = {name: getattr(options, name) for name in DataOptions.model_fields}
    dataset = read_dataset(DataOptions.model_validate(told), needs_labels=False)
    dataset = with_masks(dataset, options.masks)
    scans = read_masked(dataset, options.network.image_size)
    tell(scans.dataset.remarks)
    train, held = scans.divide(options.test_part, options.seed)
    network, losses = fit_unet(
        len(train),
        lambda place: scans.pairs[train[place]],
        options.network,
        seed=options.seed,
    )
    bare = Segmenter(network, options.network.image_size)
    found = [bare.lungs(scans.pairs[row][0]) for row in held]
    truths = [scans.pairs[row][1] for row in held]
    scores = [dice(one.mask, truth) for one, truth in zip(found, truths, strict=True)]
    about = _about(options, scans, train, held, network, losses, found, scores)
    segmenter = Segmenter(network, options.network.image_size, about)
    rows = scans.manifest.iloc[held]
    shown = [
        Masked(scan, score, one.found, scans.pairs[row][0], one.mask, truth)
        for scan, score, one, row, truth in zip(
            rows["scan"], scores, found, held, truths, strict=True
        )
    ]
    _write(options, segmenter, about, rows, shown)
    return about


def _about(
    options: SegmentOptions,
    scans: MaskedScans,
    train: NDArray[np.intp],
    held: NDArray[np.intp],
    network: UNet,
    losses: list[float],
    found: list[Lungs],
    scores: list[float],
) -> SegmenterAbout:
    patients = scans.manifest["patient_id"].to_numpy()
    codes, n_patients = patient_codes(patients[held], len(held))
    draws = patient_weights(
        n_patients, n_resamples=options.resamples, seed=options.seed
    )
    return SegmenterAbout(
        created_utc=datetime.now(UTC).replace(microsecond=0),
        versions=versions(),
        options=_without_places(options.network),
        seed=options.seed,
        weights=sha256_bytes(pack_weights(network)),
        data=scans.dataset.root.name,
        fingerprint=scans.dataset.fingerprint,
        phantom=scans.phantom,
        n_scans=len(train),
        n_patients=len(np.unique(patients[train])),
        n_held_out=len(held),
        n_patients_held_out=n_patients,
        losses=tuple(losses),
        dice=mean_of_scans(np.array(scores), codes, draws),
        dice_worst=min(scores),
        dice_median=float(np.median(scores)),
        n_whole=sum(not one.found for one in found),
    )


def _without_places(options: UNetOptions) -> UNetOptions:
    """Leave out where weights lay: a path tells something of a user."""
    named = options.weights in ("imagenet", "none")
    told = {"weights_dir": None, "weights": options.weights if named else "file"}
    return options.model_copy(update=told)


def _write(
    options: SegmentOptions,
    segmenter: Segmenter,
    about: SegmenterAbout,
    rows: pd.DataFrame,
    shown: list[Masked],
) -> None:
    files = pack_segmenter(segmenter)
    with new_folder(options.out, overwrite=options.overwrite, mark=PAGE) as folder:
        for name, content in files.items():
            write_bytes(Path(folder) / name, content)
        write_table(
            folder / "dice.csv",
            ("path", "patient_id", "dice", "lungs_found"),
            (
                (one.scan, patient, format(one.dice, ".6f"), one.word)
                for one, patient in zip(shown, rows["patient_id"], strict=True)
            ),
        )
        write_segment_page(folder, about, shown, n_each=options.pictured)
