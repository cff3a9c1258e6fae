"""From labelled scans to a tuned, evaluated, saved cascade."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hierclf.assembly.assessment import (
    Assessed,
    assess,
    decisions_table,
    fit_cascade,
)
from hierclf.assembly.figures import (
    Assessor,
    data_figures,
    run_results,
    searched_cut_point,
    sweep_interval,
)
from hierclf.assembly.models import Builder
from hierclf.assembly.outputs import Run, bundle_info, print_results
from hierclf.assembly.provenance import Clock, is_main_process, versions
from hierclf.assembly.scans import RunData, cache_folder, load_scans, set_threads
from hierclf.bundle.store import save_bundle
from hierclf.cascade.hierarchical import Folds, HierarchicalClassifier
from hierclf.config import TrainOptions
from hierclf.data.split import hold_out, patient_folds, read_splits, write_splits
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import hierarchy_of
from hierclf.reporting.report import write_report
from hierclf.reporting.results import write_results
from hierclf.reporting.sweep_page import write_curve_csv
from hierclf.training.estimator import NetworkClassifier


def train(options: TrainOptions) -> Path:
    """Train, evaluate and save a cascade.

    Parameters
    ----------
    options : TrainOptions
        Everything that can be chosen.

    Returns
    -------
    folder : Path
        The run: ``plan.json`` (written first), ``splits.csv``, ``sweep.csv``,
        ``predictions.csv``, ``results.json``, ``figures/``, ``report.html``,
        ``bundle/``.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, scans or the disk.
    """
    if not is_main_process():
        with tempfile.TemporaryDirectory() as elsewhere:
            return _train(options, Path(elsewhere) / "run")
    return _train(options, options.out)


def _train(options: TrainOptions, folder: Path) -> Path:
    clock = Clock()
    set_threads(options.threads)
    place = Run.begin(folder, options, versions())
    with place.locked():
        with clock.time("reading"):
            data = load_scans(options, _reader(options))
        hierarchy = hierarchy_of(
            data.manifest["label"].to_numpy(),
            options.healthy,
            options.stages,
            ordered=options.ordered,
        )
        builder = Builder(
            options,
            hierarchy,
            cache=cache_folder(options),
            checkpoints=options.out / "checkpoints",
        )
        names, folds = _divide(options, data)
        write_splits(
            place.path("splits.csv"),
            data.manifest,
            names,
            allow_straddling=options.allow_straddling,
        )
        with clock.time("fitting"):
            assessed, cascade = assess(builder, data.manifest, folds)
            fitted_on = folds[-1][0]
            if len(folds) > 1:
                cascade = fit_cascade(builder, data.manifest)
                fitted_on = np.arange(len(data.manifest))
        _write(place, builder, data, assessed, cascade, fitted_on, names, clock)
    return folder


def _reader(options: TrainOptions) -> NetworkClassifier:
    """Give a stage like those to come, to read every scan once."""
    return NetworkClassifier(
        options.stage("screen"), cache=cache_folder(options), seed=options.seed
    )


def _divide(options: TrainOptions, data: RunData) -> tuple[list[str], Folds]:
    """Decide who is tested: splits from a file, outer folds, or one part."""
    names = _names(options, data.manifest)
    if names[0].startswith("fold"):
        found = np.array(names)
        folds = [
            (np.flatnonzero(found != fold), np.flatnonzero(found == fold))
            for fold in sorted(set(names), key=lambda name: int(name[4:]))
        ]
        return names, folds
    tested = np.array([name == "test" for name in names])
    if not tested.any() or tested.all():
        raise InputError(
            f"{options.splits}: expected scans to train on and scans to test, got one "
            "kind. Choose another --splits."
        )
    return names, [(np.flatnonzero(~tested), np.flatnonzero(tested))]


def _names(options: TrainOptions, manifest: pd.DataFrame) -> list[str]:
    """Name the split of each scan."""
    labels, patients = manifest["label"], manifest["patient_id"]
    straddling = options.allow_straddling
    if options.splits is not None:
        read = read_splits(options.splits, manifest, allow_straddling=straddling)
        return [str(name) for name in read]
    if options.outer_folds:
        fold_of = np.empty(len(manifest), dtype=int)
        folds = patient_folds(
            labels, patients, n_folds=options.outer_folds, seed=options.seed
        )
        for number, (_, test) in enumerate(folds):
            fold_of[test] = number
        return [f"fold{number}" for number in fold_of]
    given = manifest.get("split")
    if given is not None and (given == "test").any():
        return [str(name) for name in given]
    _, test = hold_out(labels, patients, fraction=options.test_part, seed=options.seed)
    names = np.full(len(manifest), "train", dtype=object)
    if given is not None:
        names[(given == "val").to_numpy()] = "val"
    names[test] = "test"
    return names.tolist()


def _write(
    place: Run,
    builder: Builder,
    data: RunData,
    assessed: Assessed,
    cascade: HierarchicalClassifier,
    fitted_on: Any,
    names: list[str],
    clock: Clock,
) -> None:
    options, hierarchy = builder.options, builder.hierarchy
    patients = data.manifest["patient_id"].to_numpy()[fitted_on]
    with clock.time("intervals"):
        interval = sweep_interval(cascade, patients, n_resamples=options.resamples)
        found = searched_cut_point(cascade, patients, interval)
        figures = data_figures(
            data, dict(zip(data.manifest["scan"], names, strict=True))
        )
        info = bundle_info(cascade, data, options)
        digest = save_bundle(place.path("bundle"), cascade, info, overwrite=True)
        assessor = Assessor(
            data.manifest.iloc[assessed.rows],
            hierarchy,
            n_resamples=options.resamples,
            seed=options.seed,
        )
        results = run_results(
            assessor,
            assessed.decisions,
            cascade,
            rule=options.by,
            data=figures,
            protocol=_protocol(options, data, int(assessed.fold.max()) + 1),
            seed=options.seed,
            digests={"bundle": digest},
            options=options.model_dump(mode="json"),
            cut_point=found,
            seconds=clock.seconds,
        )
    if cascade.curve_ is not None:
        write_curve_csv(
            place.path("sweep.csv"), cascade.curve_, hierarchy.labels, interval
        )
    table = decisions_table(assessed, data.manifest, hierarchy)
    write_results(place.folder, results, table)
    said = assessor.predictions(assessed.decisions[results.main])
    write_report(place.folder, results, said)
    print_results(place.folder, results)


def _protocol(options: TrainOptions, data: RunData, n_folds: int) -> str:
    """Say in words how the tested scans were kept apart."""
    unit = "patient" if data.dataset.has_patients else "scan (no patients known)"
    if n_folds > 1:
        return (
            f"{n_folds} folds by {unit}: every scan was predicted by models that saw "
            "none of its patient's scans. Each fold chose its own cut point, so that "
            "the one of the bundle, fitted on all scans, is not theirs"
        )
    once = "touched once, after everything was chosen"
    given = "split" in data.manifest and (data.manifest["split"] == "test").any()
    if given or options.splits is not None:
        return f"the given test split, {once}"
    return f"{options.test_part:.0%} of the scans held out by {unit}, {once}"
