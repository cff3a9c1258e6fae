"""The report of a run: one HTML file that a physician and a reviewer can read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hierclf.bundle.info import CARD
from hierclf.evaluation.confusion import confusion_matrix
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import write_text
from hierclf.pictures.features import RegionExample
from hierclf.pictures.gallery import Gallery, gallery_of
from hierclf.reporting.checklist import answers
from hierclf.reporting.claim import CLAIM
from hierclf.reporting.mistakes import MistakeFigure, mistake_figures, totals_of
from hierclf.reporting.rendering import render, write_pictures
from hierclf.reporting.tripod import TRIPOD
from hierclf.results.metric_words import TOO_FEW
from hierclf.results.run import MistakeKind, RunResults

REPORT = "report.html"
FIGURES = "figures"
MOST_UNREADABLE = 20
"""Unreadable scans that the report lists."""


def write_report(
    folder: Path,
    results: RunResults,
    said: Predictions | None = None,
    examples: Sequence[RegionExample] = (),
    thumbnails: Mapping[str, bytes] = MappingProxyType({}),
    maps: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write ``report.html``, and its figures as PNG files.

    The page holds its figures, asks nothing of the network and needs no script. The
    same arguments give the same bytes.

    Parameters
    ----------
    folder : Path
        Of the run; it exists.
    results : RunResults
        What is reported.
    said : Predictions, optional
        What the main model said of the scans it was measured on. Without it the
        report has no ROC curve, histogram of scores and reliability.
    examples : sequence of RegionExample, optional
        Scans in which to show where the stages look. Their pixels are then in the
        report.
    thumbnails : mapping of str to bytes, optional
        JPEG or PNG of scans that were decided wrongly, by their names.
    maps : mapping of str to bytes, optional
        JPEG or PNG that shows where the model looked in them, by the same names.

    Raises
    ------
    InputError
        If `said` is not what the figures of the main model were made of.
    ResourceError
        If the files cannot be written.
    """
    if said is not None:
        _check_same(results, said)
    gallery = gallery_of(results, said, examples)
    write_pictures(folder / FIGURES, gallery.pictures)
    shown = mistake_figures(results.mistakes, thumbnails, maps)
    page = _page(results, gallery, shown, pictured=bool(examples))
    write_text(folder / REPORT, page)


def _check_same(results: RunResults, said: Predictions) -> None:
    expected = np.asarray(results.models[results.main].overall.confusion)
    found = confusion_matrix(said.truth, said.predicted, said.n_classes)
    if not np.array_equal(expected, found):
        raise InputError(
            f"report: expected the predictions that {results.main!r} was measured on, "
            f"got {said.truth.size} others. Pass what was given to evaluate."
        )


def _page(
    results: RunResults,
    gallery: Gallery,
    mistakes: Mapping[MistakeKind, Sequence[MistakeFigure]],
    *,
    pictured: bool,
) -> str:
    main = results.models[results.main]
    n_healthy = main.overall.classes[0].n_scans
    few = [c.label for c in main.overall.classes if c.n_patients < TOO_FEW]
    titles = sections_of(results, gallery)
    return render(
        "report.html.j2",
        phantom=results.data.phantom,
        r=results,
        g=gallery,
        sections=titles,
        mistakes=mistakes,
        totals=totals_of(main.overall),
        checklists=[(one, answers(one, titles)) for one in (CLAIM, TRIPOD)],
        card=CARD,
        prevalence=1 - n_healthy / main.n_scans,
        few=few,
        excluded=_excluded(results),
        shown=MOST_UNREADABLE,
        pictured=pictured,
        options=json.dumps(results.options, indent=2, ensure_ascii=False),
    )


def _excluded(results: RunResults) -> bool:
    """Tell whether some resample was left out of some figure."""
    extra = (results.argmax, results.per_patient)
    for summary in (*results.models.values(), *extra):
        if summary is None:
            continue
        tables = (summary.overall, summary.screen, summary.refine)
        classes = [c for table in tables if table is not None for c in table.classes]
        estimates = [
            *summary.metrics.values(),
            *(c.f1 for c in classes if c.n_patients >= TOO_FEW),
        ]
        if any(estimate.n_excluded for estimate in estimates):
            return True
    return False


def sections_of(results: RunResults, gallery: Gallery) -> list[tuple[str, str]]:
    """Name the sections of a report in their order, each a file in ``sections/``."""
    present = {
        "members": bool(results.members),
        "net-benefit": gallery.net_benefit is not None,
        "guards": results.guards is not None,
        "subgroups": bool(results.subgroups),
        "bundles": results.comparison is not None,
        "patients": results.per_patient is not None,
        "mistakes": bool(results.mistakes),
        "training": bool(gallery.histories),
        "features": bool(gallery.features),
    }
    return [(key, title) for key, title in TITLES.items() if present.get(key, True)]


TITLES = {
    "question": "What was asked",
    "data": "Data and protocol",
    "bundles": "Bundles compared",
    "models": "Models compared",
    "members": "Networks by themselves",
    "labels": "Label by label",
    "stages": "Screen and refinement apart",
    "cut-point": "Cut point",
    "net-benefit": "Net benefit",
    "guards": "Out of scope, and for a reader",
    "subgroups": "Subgroups",
    "patients": "Patient by patient",
    "mistakes": "Mistakes",
    "training": "Training",
    "features": "Features",
    "limits": "Intended use and limits",
    "reproduce": "To reproduce it",
    "checklists": "Appendix: reporting checklists",
}
"""File of a section to its title."""
