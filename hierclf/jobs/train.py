"""From labelled scans to a tuned, evaluated, saved cascade."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hierclf.assembly.assessed import Assessed, decisions_table
from hierclf.assembly.assessment import (
    Fitted,
    assess,
    figure_of_choice,
    fit_cascade,
)
from hierclf.assembly.division import divide, folds_of
from hierclf.assembly.lineage import with_lineage
from hierclf.assembly.models import Builder
from hierclf.assembly.outputs import (
    Run,
    bundle_info,
    keep_apart,
    print_results,
    weights_place,
)
from hierclf.assembly.provenance import Clock, is_main_process, versions
from hierclf.assembly.scans import (
    RunData,
    cache_folder,
    data_options,
    load_scans,
    tell,
)
from hierclf.bundle.segmenter import load_segmenter
from hierclf.bundle.store import save_bundle
from hierclf.config.commands import TrainOptions
from hierclf.config.stage import STAGE_NAMES
from hierclf.data.dataset import Dataset, read_dataset
from hierclf.data.groups import groups_of
from hierclf.data.split import write_splits
from hierclf.inference.machine import prepare_machine
from hierclf.inference.trials import use_runtime
from hierclf.measuring.checks import checked
from hierclf.measuring.embedding import feature_figures, region_examples
from hierclf.measuring.figures import (
    Assessor,
    data_figures,
    run_results,
    searched_cut_point,
    sweep_interval,
)
from hierclf.measuring.guarding import guard_figures
from hierclf.measuring.mistakes import maps_of, thumbnails
from hierclf.problem.labels import hierarchy_of
from hierclf.reporting.card_text import card_texts
from hierclf.reporting.report import REPORT, write_report
from hierclf.reporting.sweep_page import write_curve_csv
from hierclf.results.run import read_results, write_results

_STATES = "checkpoints"


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
        ``bundle/``. ``checkpoints/`` goes when the run is done; to resume one that
        is done only prints its figures again.

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
    prepare_machine(options.threads)
    keep_apart(
        options.out, data=options.data, splits=options.splits, lungs=options.lungs
    )
    for name in STAGE_NAMES:
        keep_apart(options.out, weights=weights_place(options.stage(name).weights))
    dataset = read_dataset(data_options(options))
    tell(dataset.remarks)
    groups_of(dataset.manifest, options.subgroups)
    hierarchy = hierarchy_of(
        dataset.manifest["label"].to_numpy(),
        options.healthy,
        options.stages,
        ordered=options.ordered,
    )
    several = len(hierarchy.diseased) > 1
    options = options.for_labels(ordered=hierarchy.ordered and several)
    builder = Builder(
        options,
        hierarchy,
        cache=cache_folder(options),
        checkpoints=options.out / _STATES,
        preparation=None if options.lungs is None else load_segmenter(options.lungs),
    )
    builder.check()
    use_runtime(options.runtime, builder.trunks)
    division = divide(options, dataset.manifest, has_patients=dataset.has_patients)
    manifest = dataset.manifest.assign(split=division.names)
    folds_of(manifest)
    done = options.resume and (options.out / REPORT).exists()
    with Run.begin(folder, options, versions(), dataset.fingerprint) as place:
        if done:
            print_results(options.out, read_results(options.out))
            return options.out
        data = _load(builder, replace(dataset, manifest=manifest), clock)
        folds = folds_of(data.manifest)
        write_splits(  # also of scans that were left out: read again, it must fit
            place.path("splits.csv"),
            manifest,
            manifest["split"].tolist(),
            allow_straddling=options.allow_straddling,
        )
        with clock.time("fitting"):
            assessed, fitted = assess(builder, data.manifest, folds)
            fitted_on = folds[-1][0]
            if len(folds) > 1:
                fitted = fit_cascade(builder, data.manifest)
                fitted = fitted.with_folds(assessed.fewer)
                fitted_on = np.arange(len(data.manifest))
        _write(place, builder, data, assessed, fitted, fitted_on, division.how, clock)
        if is_main_process():
            # those of the largest networks are gigabytes
            shutil.rmtree(options.out / _STATES, ignore_errors=True)
    return folder


def _load(builder: Builder, dataset: Dataset, clock: Clock) -> RunData:
    options = builder.options
    with clock.time("reading"):
        skip = options.unreadable == "skip"
        data = load_scans(dataset, builder.reader(), skip=skip)
    with clock.time("checking"):
        taken = [options.stage(name).weights for name in STAGE_NAMES]
        return with_lineage(checked(data, seed=options.seed), taken)


def _write(
    place: Run,
    builder: Builder,
    data: RunData,
    assessed: Assessed,
    fitted: Fitted,
    fitted_on: Any,
    protocol: str,
    clock: Clock,
) -> None:
    options, hierarchy, cascade = builder.options, builder.hierarchy, fitted.cascade
    patients = data.manifest["patient_id"].to_numpy()[fitted_on]
    with clock.time("pictures"):
        rows = data.manifest.iloc[fitted_on]
        features = feature_figures(cascade, rows, options.seed)
    with clock.time("intervals"):
        interval = sweep_interval(cascade, patients, n_resamples=options.resamples)
        found = searched_cut_point(cascade, patients, interval)
        figures = data_figures(data, hierarchy, by_split=True)
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
            options=options,
            rule=options.by,
            members=assessed.members,
            guards=guard_figures(assessor, assessed, fitted.guards),
            data=figures,
            protocol=protocol,
            digests={},
            cut_point=found,
            fold_cut_points=assessed.fold_cut_points,
            selection=fitted.selection,
            selected=fitted.chosen,
            selected_by=figure_of_choice(options) if fitted.chosen else "",
            views=fitted.views,
            features=features,
        )
        card = card_texts(results)
        guards, bundle = fitted.guards, place.path("bundle")
        info = bundle_info(cascade, guards, data, fitted_on, options, card)
        info = info.model_copy(update={"views": fitted.views})
        digest = save_bundle(bundle, cascade, info, guards, overwrite=True)
    told = {"digests": {"bundle": digest}, "seconds": dict(clock.seconds)}
    results = results.model_copy(update=told)
    if cascade.curve_ is not None:
        write_curve_csv(
            place.path("sweep.csv"),
            cascade.curve_,
            hierarchy.labels,
            interval,
            ordered=hierarchy.ordered,
        )
    table = decisions_table(assessed, data.manifest, hierarchy)
    write_results(place.folder, results, table)
    said = assessor.predictions(assessed.decisions[results.main])
    shown = thumbnails(results.mistakes, assessor.manifest)
    maps = {}
    if not assessed.fold.any():  # of folds, no cascade that decided is kept
        maps = maps_of(results.mistakes, assessor.manifest, cascade)
    examples = region_examples(cascade, rows) if options.pictured else []
    write_report(place.folder, results, said, examples, shown, maps)
    print_results(place.folder, results)
