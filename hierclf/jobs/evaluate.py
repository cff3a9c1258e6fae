"""Figures and a report of a bundle on labelled scans."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hierclf.assembly.assessed import Assessed, cascades, decisions_table
from hierclf.assembly.members import members_apart
from hierclf.assembly.outputs import keep_apart, print_results
from hierclf.assembly.provenance import Clock, versions
from hierclf.assembly.scans import RunData
from hierclf.assembly.trained import (
    bundle_remarks,
    decide,
    labelled_scans,
    open_bundle,
)
from hierclf.bundle.store import Bundle
from hierclf.config.commands import EvaluateOptions
from hierclf.data.groups import groups_of
from hierclf.foundation.files import check_new, new_folder, write_json
from hierclf.measuring.comparing import comparison_columns, comparison_figures, contend
from hierclf.measuring.figures import Assessor, data_figures, run_results
from hierclf.measuring.guarding import guard_figures
from hierclf.measuring.mistakes import maps_of, thumbnails
from hierclf.reporting.report import write_report
from hierclf.results.run import RunResults, write_results

MARK = "evaluation.json"
"""Options of an evaluation; a folder without it is never overwritten by one."""


def evaluate(options: EvaluateOptions) -> RunResults:
    """Measure a bundle, and write figures, predictions and a report.

    Further bundles are asked about the same scans and compared with the first.

    Parameters
    ----------
    options : EvaluateOptions
        Everything that can be chosen.

    Returns
    -------
    results : RunResults
        As they were written.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, bundle, scans or the disk.
    """
    for folder in options.bundle:
        keep_apart(options.out, data=options.data, bundle=folder)
    check_new(options.out, overwrite=options.overwrite, mark=MARK)
    clock = Clock()
    bundle = open_bundle(options.bundle[0], options)
    with clock.time("reading"):
        scans = labelled_scans(bundle, options)
    groups_of(scans.manifest, options.subgroups)
    return _write(bundle, scans, options, clock)


def _origin(bundle: Bundle) -> str:
    choice = bundle.cascade.choice_
    if choice is None:
        return ""
    if bundle.info.revisions:
        return bundle.info.revisions[-1].reason
    return f"It was chosen by {choice.rule} on training scans when the bundle was made."


def _write(
    bundle: Bundle, scans: RunData, options: EvaluateOptions, clock: Clock
) -> RunResults:
    with clock.time("deciding"):
        said = decide(bundle, scans)
    contenders = contend(bundle, said, scans, options)
    hierarchy = bundle.cascade.hierarchy_
    models = cascades(said)
    assessor = Assessor(
        scans.manifest, hierarchy, n_resamples=options.resamples, seed=options.seed
    )
    figures = data_figures(scans, hierarchy)
    known = tuple(r for one in contenders for r in one.remarks)
    known = known if contenders else bundle_remarks(bundle, scans)
    protocol = (
        "scans given to evaluate; the bundle was made before, from "
        f"{bundle.info.data.name}"
    )
    rows = np.arange(len(scans.manifest))
    guarded = bundle.guarded(scans.manifest, said)
    assessed = Assessed(rows, np.zeros_like(rows), models, guarded=guarded)
    with clock.time("intervals"):
        results = run_results(
            assessor,
            models,
            bundle.cascade,
            options=options,
            rule=options.by,
            members=members_apart(bundle.cascade, scans.manifest),
            guards=guard_figures(assessor, assessed, bundle.guards),
            data=figures.model_copy(update={"remarks": (*known, *figures.remarks)}),
            protocol=". ".join(told.rstrip(".") for told in (protocol, *known)),
            cut_point_origin=_origin(bundle),
            digests={one.name: one.digest for one in contenders}
            or {"bundle": bundle.digest},
            comparison=comparison_figures(contenders, assessor, options),
        )
    results = results.model_copy(update={"seconds": dict(clock.seconds)})
    table = decisions_table(assessed, scans.manifest, hierarchy)
    beside = comparison_columns(contenders, hierarchy.labels)
    table = pd.concat([table, beside], axis=1)
    with new_folder(options.out, overwrite=options.overwrite, mark=MARK) as folder:
        plan = {"options": options.model_dump(mode="json"), "versions": versions()}
        write_json(folder / MARK, plan)
        write_results(folder, results, table)
        shown = thumbnails(results.mistakes, scans.manifest)
        maps = maps_of(results.mistakes, scans.manifest, bundle.cascade)
        predictions = assessor.predictions(said)
        write_report(folder, results, predictions, thumbnails=shown, maps=maps)
    print_results(options.out, results)
    return results
