"""The report of a run: one HTML file that a physician and a reviewer can read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hierclf.evaluation.confusion import confusion_matrix
from hierclf.evaluation.predictions import Predictions
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import write_text
from hierclf.reporting.feature_pictures import RegionExample
from hierclf.reporting.gallery import Gallery, gallery_of
from hierclf.reporting.metric_words import TOO_FEW
from hierclf.reporting.rendering import render, write_pictures
from hierclf.reporting.results import RunResults

REPORT = "report.html"
FIGURES = "figures"
MOST_UNREADABLE = 20
"""Unreadable scans that the report lists."""


def write_report(
    folder: Path,
    results: RunResults,
    said: Predictions | None = None,
    examples: Sequence[RegionExample] = (),
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
    page = _page(results, gallery, pictured=bool(examples))
    write_text(folder / REPORT, page)


def _check_same(results: RunResults, said: Predictions) -> None:
    expected = np.asarray(results.models[results.main].overall.confusion)
    found = confusion_matrix(said.truth, said.predicted, said.n_classes)
    if not np.array_equal(expected, found):
        raise InputError(
            f"report: expected the predictions that {results.main!r} was measured on, "
            f"got {said.truth.size} others. Pass what was given to evaluate."
        )


def _page(results: RunResults, gallery: Gallery, *, pictured: bool) -> str:
    main = results.models[results.main]
    n_healthy = main.overall.classes[0].n_scans
    few = [c.label for c in main.overall.classes if c.n_patients < TOO_FEW]
    return render(
        "report.html.j2",
        phantom=results.data.phantom,
        r=results,
        g=gallery,
        sections=_sections(results, gallery),
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


def _sections(results: RunResults, gallery: Gallery) -> list[tuple[str, str]]:
    present = {
        "bundles": results.comparison is not None,
        "patients": results.per_patient is not None,
        "training": bool(gallery.histories),
        "features": bool(gallery.features),
    }
    titles = {
        "data": "Data and protocol",
        "bundles": "Bundles compared",
        "models": "Models compared",
        "labels": "Label by label",
        "stages": "Screen and refinement apart",
        "cut-point": "Cut point",
        "patients": "Patient by patient",
        "training": "Training",
        "features": "Features",
        "limits": "Limits",
        "reproduce": "To reproduce it",
    }
    return [(key, title) for key, title in titles.items() if present.get(key, True)]
