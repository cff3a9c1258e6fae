"""What explaining scans leaves on disk: tables, JSON, and a page to look at."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from hierclf.foundation.files import write_bytes, write_text
from hierclf.pictures.drawing import BLUE, MUTED, ORANGE, RED, Picture, draw_picture
from hierclf.pictures.explanation import TITLES
from hierclf.reporting.rendering import render, write_pictures
from hierclf.results.explanation import (
    CurveFigures,
    ExplanationResults,
    MapFigures,
    ScanRow,
)

EXPLANATIONS = "explanations"
"""File name of table and JSON, without the ending; a folder without the JSON holds no
explanations."""
PAGE = "explain.html"
MOST_SHOWN = 60
"""Scans on the page; all others have their pictures in their folders."""
STAGES = {"screen": "screen", "refine": "refinement"}
_STYLES = {
    "gradcam": (BLUE, "-"),
    "gradcam++": (ORANGE, "-"),
    "scda": (RED, "-"),
    "center first": (MUTED, "--"),
    "random order": (MUTED, ":"),
}
_ORDER = ("chance", "center prior", "random weights", "another patient's map")
_COLUMNS = [name for name in ScanRow.model_fields if name != "boxes"]


@dataclass(frozen=True)
class Card:
    """A scan on the page.

    Parameters
    ----------
    row : ScanRow
        What is told of it.
    jpeg : bytes
        Its pictures side by side; empty where it has none.
    """

    row: ScanRow
    jpeg: bytes

    @property
    def data_uri(self) -> str:
        """The picture as the source of an image."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode()


def csv_rows(results: ExplanationResults) -> list[list[str]]:
    """Lay the rows out as a table.

    Parameters
    ----------
    results : ExplanationResults
        With a row for each scan.

    Returns
    -------
    rows : list of list of str
        The first names the columns. ``boxes`` holds ``left top right bottom`` of each
        box, separated by semicolons, in pixels of the scan.
    """
    table = [[*_COLUMNS, "boxes"]]
    for row in results.rows:
        cells = [_cell(getattr(row, name)) for name in _COLUMNS]
        boxes = [f"{b.left} {b.top} {b.right} {b.bottom}" for b in row.boxes]
        table.append([*cells, "; ".join(boxes)])
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".9g")
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def write_explanations(
    folder: Path, results: ExplanationResults, thumbnails: Mapping[int, bytes]
) -> None:
    """Write ``explanations.json``, ``explain.html`` and figures as PNG.

    The page holds its pictures and asks nothing of the network.

    Parameters
    ----------
    folder : Path
        It exists.
    results : ExplanationResults
        Everything that is told.
    thumbnails : mapping of int to bytes
        JPEG of the scans that the page shows, by their row.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    write_text(
        folder / f"{EXPLANATIONS}.json", results.model_dump_json(indent=1) + "\n"
    )
    pictures = curve_pictures(results)
    if pictures:
        write_pictures(folder / "figures", pictures)
    cards = [
        Card(results.rows[place], jpeg) for place, jpeg in sorted(thumbnails.items())
    ]
    page = render(
        "explain.html.j2",
        phantom=results.phantom,
        r=results,
        cards=cards,
        failed=[row for row in results.rows if row.status != "ok"],
        tables=_tables(results),
        curves=pictures,
        titles=TITLES,
        stages=STAGES,
        options=json.dumps(results.options, indent=2, ensure_ascii=False),
    )
    write_text(folder / PAGE, page)


def _tables(
    results: ExplanationResults,
) -> list[tuple[str, list[MapFigures], list[MapFigures]]]:
    """Put together what stands in the tables of a stage.

    The first table has the methods and what the boxed one is compared with, the easiest
    to beat first; the second has what it gains in the scans of each label.
    """
    tables = []
    for stage in dict.fromkeys(one.stage for one in results.localization):
        rows = [one for one in results.localization if one.stage == stage]
        every = [
            one
            for one in rows
            if not one.group and (one.map == one.method or _is_shown(one, results))
        ]
        hardest = [one for one in rows if one.group and one.map == _ORDER[-1]]
        by_label = [one for one in hardest if one.method == results.method]
        place = {one: number for number, one in enumerate((*TITLES, *_ORDER))}
        every.sort(key=lambda one: place[one.map])
        tables.append((stage, every, by_label))
    return tables


def _is_shown(one: MapFigures, results: ExplanationResults) -> bool:
    return one.method in ("", results.method)


def curve_pictures(results: ExplanationResults) -> tuple[Picture, ...]:
    """Draw deletion and insertion of each stage.

    Parameters
    ----------
    results : ExplanationResults
        With or without curves.

    Returns
    -------
    pictures : tuple of Picture
        Empty without.
    """
    stages = dict.fromkeys(one.stage for one in results.curves)
    return tuple(
        _curve_picture(stage, [c for c in results.curves if c.stage == stage], results)
        for stage in stages
    )


def _curve_picture(
    stage: str, curves: list[CurveFigures], results: ExplanationResults
) -> Picture:
    words = "; ".join(
        f"{TITLES.get(c.map, c.map)}: deletion {c.deletion.value:.3f}, insertion "
        f"{c.insertion.value:.3f}"
        for c in curves
    )
    return draw_picture(
        f"curves-{stage}",
        partial(_draw_curves, curves=curves),
        size=(7.4, 3.0),
        title=f"Deletion and insertion, {STAGES[stage]}",
        caption=f"Mean score of the explained class over {curves[0].n_scans} scans "
        "while the hottest places are taken away (left: the faster it falls, the "
        "better the map tells what the score rests on) or put into an empty scan "
        "(right: the faster it rises, the better). Empty is that of three blurs, even "
        "gray and black which has the least score.",
        alt=f"Areas under the curves. {words}.",
        phantom=results.phantom,
    )


def _draw_curves(figure: Figure, curves: list[CurveFigures]) -> None:
    axes = figure.subplots(1, 2, sharey=True)
    at = np.linspace(0, 1, len(curves[0].deletion_curve))
    for one in curves:
        color, style = _STYLES[one.map]
        told = {"color": color, "ls": style, "label": TITLES.get(one.map, one.map)}
        axes[0].plot(at, one.deletion_curve, **told)
        axes[1].plot(at, one.insertion_curve, **told)
    axes[0].set(xlabel="share of pixels taken away", ylabel="score of the class")
    axes[1].set(xlabel="share of pixels put in")
    axes[0].set_title("deletion")
    axes[1].set_title("insertion")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )


def write_scan_pictures(folder: Path, pictures: Mapping[str, bytes]) -> None:
    """Write the pictures of one scan as PNG into a folder of their own."""
    folder.mkdir(parents=True)
    for name, content in pictures.items():
        write_bytes(folder / f"{name}.png", content, sync=False)
