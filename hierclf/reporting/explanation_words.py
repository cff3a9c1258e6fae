"""What is said on the terminal when scans have been explained."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hierclf.foundation.counting import count
from hierclf.reporting.explanation_page import PAGE
from hierclf.results.explanation import ExplanationResults, MapFigures
from hierclf.results.wording import bounds, number


def summary_lines(results: ExplanationResults, out: Path) -> list[str]:
    """Tell how many scans were explained, what was measured, and where to look.

    Parameters
    ----------
    results : ExplanationResults
        As they were written.
    out : Path
        Where.

    Returns
    -------
    lines : list of str
        For the terminal.
    """
    word = " (phantom)" if results.phantom else ""
    codes = Counter(row.code for row in results.rows if row.code)
    told = ", ".join(f"{code} {n}" for code, n in sorted(codes.items()))
    failed = f", {results.n_failed} without a map ({told})" if codes else ""
    explained = count(len(results.rows) - results.n_failed, "scan")
    lines = [f"{explained} explained{word}{failed}"]
    for one in results.localization:
        if one.map == results.method and not one.group:
            lines.append(_of_maps(one, word))
    for curve in results.curves:
        if curve.map == results.method:
            gain = curve.gains["deletion"], curve.gains["insertion"]
            lines.append(
                f"{curve.stage}{word}, {count(curve.n_scans, 'scan')}: deletion "
                f"{number(gain[0].value, percent=False)} and insertion "
                f"{number(gain[1].value, percent=False)} against a random order"
            )
    return [*lines, f"page: {out / PAGE}"]


def _of_maps(one: MapFigures, word: str) -> str:
    names = {"pointing": "hottest place in the lesion", "energy": "heat in the lesion"}
    parts = [
        f"{title} {number(one.figures[name].value)} ({bounds(one.figures[name])})"
        for name, title in names.items()
    ]
    return f"{one.stage}{word}, {count(one.n_scans, 'scan')}: {', '.join(parts)}"
