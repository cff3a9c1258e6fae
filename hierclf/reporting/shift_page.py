"""What the look at a ward without labels leaves: JSON, pictures, a page."""

from __future__ import annotations

from pathlib import Path

from hierclf.foundation.files import write_text
from hierclf.pictures.shift import shift_pictures
from hierclf.reporting.rendering import render, write_pictures
from hierclf.results.shift import ShiftResults

SHIFT = "shift"
"""File name of everything written here, without its ending."""

SHIFT_PAGE = f"{SHIFT}.html"
"""A folder without it holds no look at a ward."""

FIGURE_WORDS = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "accuracy": "Accuracy",
    "cost": "Cost of a scan",
}


def write_shift(folder: Path, results: ShiftResults) -> None:
    """Write ``shift.json``, ``shift.html`` and ``figures/*.png``.

    Parameters
    ----------
    folder : Path
        It exists.
    results : ShiftResults
        What was found out.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    scores, tests, *drift = shift_pictures(results)
    write_pictures(folder / "figures", (scores, tests, *drift))
    write_text(folder / f"{SHIFT}.json", results.model_dump_json(indent=1) + "\n")
    page = render(
        "shift.html.j2",
        phantom=results.phantom,
        s=results,
        scores=scores,
        tests=tests,
        drift=drift,
        words=FIGURE_WORDS,
    )
    write_text(folder / SHIFT_PAGE, page)
