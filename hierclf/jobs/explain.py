"""Maps of the evidence for what a bundle decides, shown and measured."""

from __future__ import annotations

from hierclf.assembly.outputs import keep_apart
from hierclf.assembly.scans import tell
from hierclf.bundle.machine import load_for_machine
from hierclf.config.explaining import ExplainOptions
from hierclf.explaining.cases import list_cases
from hierclf.explaining.explained import Explainer
from hierclf.explaining.map_summary import curve_figures, lesion_figures
from hierclf.explaining.pages import explain_cases
from hierclf.features.readers import readers_of
from hierclf.foundation.files import check_new, new_folder, write_bytes
from hierclf.reporting.explanation_page import (
    EXPLANATIONS,
    csv_rows,
    write_explanations,
)
from hierclf.results.explanation import ExplanationResults
from hierclf.scoring.rows import to_csv

MARK = f"{EXPLANATIONS}.json"
"""A folder without it is never overwritten."""


def explain(options: ExplainOptions) -> ExplanationResults:
    """Explain every scan of a folder or manifest, and write what came out.

    Parameters
    ----------
    options : ExplainOptions
        Everything that can be chosen.

    Returns
    -------
    results : ExplanationResults
        As they were written.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, bundle, stages, manifest or the disk. A scan
        that cannot be read gets a row that says why, and the others go on.
    """
    keep_apart(options.out, input=options.input, bundle=options.bundle)
    check_new(options.out, overwrite=options.overwrite, mark=MARK)
    bundle = load_for_machine(
        options.bundle, runtime=options.runtime, threads=options.threads
    )
    explainer = Explainer(bundle.cascade, options.channels, bundle.guards)
    cases = list_cases(options.input, options.limit)
    remarks = [*cases.remarks, *([explainer.remark] if explainer.remark else [])]
    tell(remarks)
    stages = (explainer.screen, explainer.refine)
    readers = [reader for stage in stages for reader in readers_of(stage)]
    looks = dict.fromkeys(_views_of(reader) for reader in readers)
    drawn = {"n_resamples": options.resamples, "seed": options.seed}
    with new_folder(options.out, overwrite=options.overwrite, mark=MARK) as folder:
        harvest = explain_cases(explainer, cases, options, folder)
        results = ExplanationResults(
            name=cases.name + (" (phantom)" if cases.phantom else ""),
            phantom=cases.phantom,
            has_patients=cases.has_patients,
            bundle=bundle.digest,
            method=options.method,
            views=tuple(looks),
            remarks=tuple(remarks),
            rows=tuple(harvest.rows),
            localization=lesion_figures(harvest.lesions, **drawn),
            curves=curve_figures(harvest.curves, **drawn),
            options=options.model_dump(mode="json", exclude={"out", "overwrite"}),
        )
        write_bytes(folder / f"{EXPLANATIONS}.csv", to_csv(csv_rows(results)))
        write_explanations(folder, results, harvest.thumbnails)
    return results


def _views_of(reader: object) -> str:
    trunk = getattr(reader, "trunk_", None)
    if trunk is not None:
        return str(trunk.options.views)
    return str(reader.resolved_options().views)  # type: ignore[attr-defined]
