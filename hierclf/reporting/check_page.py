"""A check as files: findings for programs, a page with the scans for people."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from hierclf.checking.findings import SEVERITIES, Finding
from hierclf.checking.probe_rules import CLEAR, MARKED
from hierclf.checking.shortcuts import Probe
from hierclf.checking.survey import Survey
from hierclf.data.pixels import read_scan
from hierclf.foundation.errors import ScanError
from hierclf.foundation.files import write_text
from hierclf.pictures.drawing import BLUE, INK, MUTED, RED, Picture, draw_picture
from hierclf.reporting.rendering import render
from hierclf.results.check import CheckResults
from hierclf.results.data import readable

CHECK = "check.json"
"""All that was found; a folder without it holds no check."""

FINDINGS = "findings.json"
CHECK_PAGE = "check.html"

_SHOWN_FINDINGS, _SHOWN_SCANS, _SIDE = 12, 6, 160
_MEAN_SIDE = 192


@dataclass(frozen=True)
class Thumbnail:
    """A scan on the page.

    Parameters
    ----------
    uri : str
        Source of the image.
    width, height : int
        In pixels.
    words : tuple of str
        What stands below it.
    """

    uri: str
    width: int
    height: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Findings of one severity and code.

    Parameters
    ----------
    severity, code : str
        Of all of them.
    findings : list of (Finding, list of Thumbnail)
        The first of them.
    n_hidden : int
        How many more there are.
    """

    severity: str
    code: str
    findings: list[tuple[Finding, list[Thumbnail]]]
    n_hidden: int


def write_check(folder: Path, results: CheckResults, survey: Survey) -> None:
    """Write ``findings.json``, ``check.json`` and ``check.html``.

    Parameters
    ----------
    folder : Path
        It exists.
    results : CheckResults
        What was found.
    survey : Survey
        Where the scans lie, and the mean of each label.

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    listed = [one.model_dump(mode="json") for one in results.findings]
    write_text(
        folder / FINDINGS, json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    )
    write_text(folder / CHECK, results.model_dump_json(indent=1) + "\n")
    page = render(
        "check.html.j2",
        phantom=results.phantom,
        r=results,
        sections=_sections(results.findings, survey),
        severities=SEVERITIES,
        probes=_probe_picture(results),
        means=_means(survey.means),
    )
    write_text(folder / CHECK_PAGE, page)


def _sections(findings: Sequence[Finding], survey: Survey) -> list[Section]:
    rows = {readable(scan): place for place, scan in enumerate(survey.manifest["scan"])}
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        kinds.setdefault((one.severity, one.code), []).append(one)
    return [
        Section(
            severity,
            code,
            [(one, _thumbnails(one, survey, rows)) for one in some[:_SHOWN_FINDINGS]],
            max(0, len(some) - _SHOWN_FINDINGS),
        )
        for (severity, code), some in kinds.items()
    ]


def _thumbnails(
    finding: Finding, survey: Survey, rows: Mapping[str, int]
) -> list[Thumbnail]:
    shown = [rows[scan] for scan in finding.scans if scan in rows][:_SHOWN_SCANS]
    found = []
    for place in shown:
        row = survey.manifest.iloc[place]
        words = [str(row["scan"]), str(row["label"])]
        if row["patient_id"] != row["scan"]:
            words.append(f"patient: {row['patient_id']}")
        if "split" in row:
            words.append(str(row["split"]))
        try:
            pixels = read_scan(Path(row["path"])).pixels
        except ScanError:  # gone since it was looked at
            continue
        found.append(_thumbnail(pixels, _SIDE, tuple(readable(words))))
    return found


def _thumbnail(
    pixels: NDArray[np.floating], side: int, words: tuple[str, ...]
) -> Thumbnail:
    scale = side / max(pixels.shape)
    height, width = (max(1, round(length * scale)) for length in pixels.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(
        np.asarray(pixels, dtype=np.float32), (width, height), interpolation=method
    )
    stream = io.BytesIO()
    gray = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(gray).save(stream, "PNG")
    code = base64.b64encode(stream.getvalue()).decode()
    return Thumbnail(f"data:image/png;base64,{code}", width, height, words)


def _means(means: Mapping[str, NDArray[np.floating]]) -> list[Thumbnail]:
    return [
        _thumbnail(frame, _MEAN_SIDE, (readable(label),))
        for label, frame in means.items()
    ]


def _probe_picture(results: CheckResults) -> Picture | None:
    """Draw each area with its interval, families in bold lines."""
    probes = [p for p in results.probes if p.auc.value is not None]
    if not probes:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for place, probe in enumerate(probes):
            _draw_probe(axes, place, probe)
        axes.axvline(0.5, color=MUTED, linewidth=1)
        axes.axvline(CLEAR, color=RED, linewidth=1, linestyle="--")
        axes.set_yticks(range(len(probes)), [_name(probe) for probe in probes])
        for text, probe in zip(axes.get_yticklabels(), probes, strict=True):
            text.set_fontweight("normal" if probe.name else "bold")
        axes.set_ylim(len(probes) - 0.4, -0.6)
        axes.set_xlim(0.35, 1.02)
        axes.set_xlabel("area under the ROC curve")

    together = [p for p in probes if not p.name]
    alt = "; ".join(f"{_name(p)} {p.auc.value:.2f}" for p in together)
    return draw_picture(
        "probes",
        draw,
        size=(6.6, 0.75 + 0.235 * len(probes)),
        title="What tells the label",
        caption=_CAPTION,
        alt=alt,
        phantom=results.phantom,
    )


_CAPTION = (
    "Area under the ROC curve, mean over each label against the others, with 95 % "
    "intervals by patient. Each scan was predicted by a forest of other patients (the "
    "picture: by regression on frozen features). Bold: all facts of a family together. "
    f"Right of the dashed line ({CLEAR:g}) with the whole interval, file and manifest "
    f"are a shortcut; the border from {MARKED:g} on, since a part of it is body; grays "
    "never by themselves."
)


def _draw_probe(axes: Axes, place: int, probe: Probe) -> None:
    value, low, high = probe.auc.value, probe.auc.low, probe.auc.high
    color = INK if probe.family == "image" else BLUE
    if value is None:
        return
    if low is not None and high is not None:
        width = 1.2 if probe.name else 2.4
        axes.plot([low, high], [place, place], color=color, linewidth=width)
    size = 4 if probe.name else 6
    axes.plot([value], [place], marker="o", markersize=size, color=color)


_FAMILIES = {
    "file": "file",
    "manifest": "manifest",
    "records": "file and manifest",
    "expected": "may tell",
    "border": "border",
    "pixels": "grays and bytes",
    "image": "the picture itself",
}


def _name(probe: Probe) -> str:
    name = probe.name if len(probe.name) <= 28 else f"{probe.name[:27]}…"
    return f"    {name}" if name else _FAMILIES[probe.family]
