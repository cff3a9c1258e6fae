"""Scans through the explainer to rows, pictures and records, batch by batch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from hierclf.config.explaining import ExplainOptions
from hierclf.explaining.cases import Case, Cases, Look, make_look
from hierclf.explaining.curve_figures import choose_cases, measure_curves
from hierclf.explaining.explained import Explained, Explainer
from hierclf.explaining.lesion_figures import LesionMeter, Record
from hierclf.explanation.boxes import boxes_of, heat_in_scan, region_in_scan
from hierclf.foundation.progress import Progress
from hierclf.loading.scans import read_ahead
from hierclf.pictures.explanation import ScanPictures, chosen_rows
from hierclf.pictures.overlays import Pixels, to_jpeg, to_png
from hierclf.reporting.explanation_page import MOST_SHOWN, write_scan_pictures
from hierclf.results.explanation import BoxRow, ScanRow
from hierclf.scoring.reading import UNREAD

_THUMBNAIL_PX = 1300


@dataclass
class Harvest:
    """What came of all scans.

    Parameters
    ----------
    rows : list of ScanRow
        One for each scan.
    thumbnails : dict of int to bytes
        JPEG for the page, by row; empty bytes for a scan without pictures.
    lesions, curves : list of dict
        Records of single scans.
    """

    rows: list[ScanRow] = field(default_factory=list)
    thumbnails: dict[int, bytes] = field(default_factory=dict)
    lesions: list[Record] = field(default_factory=list)
    curves: list[Record] = field(default_factory=list)


def explain_cases(
    explainer: Explainer, cases: Cases, options: ExplainOptions, folder: Path
) -> Harvest:
    """Explain scans, write the pictures of each, measure what is known.

    Parameters
    ----------
    explainer : Explainer
        Of the bundle.
    cases : Cases
        The scans.
    options : ExplainOptions
        Everything that can be chosen.
    folder : Path
        Where pictures go: ``scans/<number>-<name>/``.

    Returns
    -------
    harvest : Harvest
        In the order of the scans.
    """
    harvest = Harvest()
    meter = LesionMeter(explainer, n_random=options.random_networks, seed=options.seed)
    shown = set(chosen_rows(len(cases.rows), MOST_SHOWN))
    look = make_look(explainer.cascade)
    sick: list[Case] = []
    with Progress(total=len(cases.rows), desc="explain", unit="scan") as bar:
        for batch in _batches(read_ahead(look, cases.rows), options.batch_size):
            found = explainer.explain(batch)
            meter.add(found)
            for one in found:
                _harvest(harvest, one, options.method, cases.phantom, folder, shown)
                if isinstance(one, Explained) and one.decision == "diseased":
                    sick.append(one.look.case)
                bar.update()
    harvest.lesions = meter.records
    chosen = choose_cases(sick, options.curves, options.seed)
    harvest.curves = measure_curves(explainer, chosen, look, options.seed)
    return harvest


def _batches(looks: Iterator[Look], size: int) -> Iterator[list[Look]]:
    batch: list[Look] = []
    for look in looks:
        batch.append(look)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _harvest(
    harvest: Harvest,
    one: Explained | Look,
    method: str,
    phantom: bool,
    folder: Path,
    shown: set[int],
) -> None:
    place = len(harvest.rows)
    if isinstance(one, Look):
        harvest.rows.append(_failed(one))
        if place in shown:
            harvest.thumbnails[place] = b""
        return
    name = f"scans/{place + 1:05d}-{_slug(one.look.case.scan)}"
    row = row_of(one, method, name)
    picture = np.asarray(one.look.picture)
    outlines = (one.look.lesion, one.look.cut)
    drawing = ScanPictures(row, picture, one.stages, *outlines, phantom)
    drawn = drawing.draw()
    write_scan_pictures(folder / name, {k: to_png(v) for k, v in drawn.items()})
    harvest.rows.append(row)
    if place in shown:
        harvest.thumbnails[place] = to_jpeg(_thumbnail(drawn["side-by-side"]))


def _slug(scan: str) -> str:
    stem = Path(scan).name.rpartition(".")[0] or Path(scan).name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[:60].strip("-") or "scan"


def _thumbnail(sheet: Pixels) -> Pixels:
    height, width = sheet.shape[:2]
    if width <= _THUMBNAIL_PX:
        return sheet
    size = (_THUMBNAIL_PX, round(height * _THUMBNAIL_PX / width))
    return np.asarray(cv2.resize(sheet, size, interpolation=cv2.INTER_AREA))


def _failed(look: Look) -> ScanRow:
    """Write the row of a scan without a map; status as ``hierclf score`` has it."""
    unforeseen = look.code in UNREAD or look.code == "E_SCORE"
    return ScanRow(
        scan=look.case.scan,
        status="error" if unforeseen else "rejected",
        code=look.code,
        truth=look.case.truth,
        sha256=look.sha256,
        message=look.message,
    )


def row_of(one: Explained, method: str, folder: str) -> ScanRow:
    """Write the row of a scan with its boxes in pixels of the scan.

    Parameters
    ----------
    one : Explained
        The scan with its maps.
    method : str
        Whose map is boxed.
    folder : str
        Where its pictures go.

    Returns
    -------
    row : ScanRow
        Complete.
    """
    told, shape = one.deciding, one.look.shape
    heat = heat_in_scan(told.heats[method], shape)
    region = region_in_scan(told.regions[method], shape)
    boxes = boxes_of(region, heat)
    hottest = np.unravel_index(int(heat.argmax()), shape)
    warm = float(heat.max()) > 0
    return ScanRow(
        scan=one.look.case.scan,
        status="ok",
        decision=one.decision,
        label=one.label,
        action=one.action,
        truth=one.look.case.truth,
        screen_score=one.screen_score,
        probability=one.probability,
        stage=told.stage,
        asked=told.asked,
        stage_score=told.score,
        method=method,
        height=shape[0],
        width=shape[1],
        peak=(int(hottest[1]), int(hottest[0])) if warm else None,
        boxes=tuple(_box_row(box) for box in boxes),
        folder=folder,
        sha256=one.look.sha256,
    )


def _box_row(box: object) -> BoxRow:
    return BoxRow.model_validate(vars(box))
