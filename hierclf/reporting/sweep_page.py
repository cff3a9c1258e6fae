"""What the sweep of cut points leaves: a table, a JSON file, a figure, a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hierclf.cascade.curve import SweepCurve
from hierclf.cascade.curve_interval import CurveInterval, curve_table
from hierclf.foundation.files import write_bytes, write_text
from hierclf.pictures.gallery import cut_point_picture
from hierclf.reporting.rendering import render
from hierclf.results.cut_point import CutPointFigures
from hierclf.results.data import Strict, Text

SWEEP = "sweep"
"""File name of everything written here, without its ending."""

SWEEP_PAGE = f"{SWEEP}.html"
"""A folder without it holds no sweep."""


class SweepResults(Strict):
    """What a sweep found out.

    Parameters
    ----------
    name : str
        Of the data set.
    phantom : bool
        Whether its scans are synthetic.
    labels : tuple of str
        Healthy first.
    ordered : bool
        Whether they are an order.
    cut_point : CutPointFigures
        The curve and the choice.
    """

    name: Text
    phantom: bool
    labels: tuple[str, ...]
    ordered: bool
    cut_point: CutPointFigures


def write_curve_csv(
    path: Path,
    curve: SweepCurve,
    labels: Sequence[object],
    interval: CurveInterval | None = None,
    *,
    ordered: bool,
) -> None:
    """Write every point of a curve as a row.

    Parameters
    ----------
    path : Path
        CSV file; its folder exists.
    curve : SweepCurve
        The curve.
    labels : sequence of label
        Healthy first.
    interval : CurveInterval, optional
        Of the same scans.
    ordered : bool
        Whether the labels are an order.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    table = curve_table(curve, labels, interval, ordered=ordered)
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def write_sweep(
    folder: Path,
    results: SweepResults,
    curve: SweepCurve,
    interval: CurveInterval | None = None,
) -> None:
    """Write ``sweep.csv``, ``sweep.json``, ``sweep.png`` and ``sweep.html``.

    Parameters
    ----------
    folder : Path
        It exists.
    results : SweepResults
        Its cut point made by `hierclf.results.cut_point`.
    curve : SweepCurve
        All points, for the table.
    interval : CurveInterval, optional
        Of the same scans.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    picture = cut_point_picture(results.cut_point, phantom=results.phantom)
    write_curve_csv(
        folder / f"{SWEEP}.csv",
        curve,
        results.labels,
        interval,
        ordered=results.ordered,
    )
    write_text(folder / f"{SWEEP}.json", results.model_dump_json(indent=1) + "\n")
    write_bytes(folder / f"{SWEEP}.png", picture.png)
    page = render("sweep.html.j2", phantom=results.phantom, s=results, picture=picture)
    write_text(folder / SWEEP_PAGE, page)
