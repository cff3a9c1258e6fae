"""The pictures of one scan: overlay, contour, boxes, side by side, channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierclf.explanation.stage_map import REFINE, StageMap
from hierclf.pictures.overlays import (
    BOX,
    CONTOUR,
    EDGE,
    TRUTH,
    Bools,
    Frame,
    Panel,
    Pixels,
    colored,
    edge_of,
    framed,
    outline,
    shade,
    side_by_side,
    signed,
    small,
)
from hierclf.results.explanation import ScanRow
from hierclf.results.wording import number

TITLES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "scda": "SCDA region"}


@dataclass(frozen=True, eq=False)
class ScanPictures:
    """Everything that the pictures of a scan are made of.

    Parameters
    ----------
    row : ScanRow
        What is told of it.
    picture : ndarray of uint8, shape (height, width)
        The scan as it is shown.
    stages : tuple of StageMap
        The screen's maps, then those of the refinement where it decided.
    lesion : ndarray of bool, shape (height, width) of the scan, or None
        Its outline, where known.
    lungs : ndarray of bool, shape (side, side), or None
        What the networks see of its frame; None where that is all of it.
    phantom : bool
        Whether it is synthetic.
    """

    row: ScanRow
    picture: Pixels
    stages: tuple[StageMap, ...]
    lesion: Bools | None
    lungs: Bools | None
    phantom: bool

    @property
    def deciding(self) -> StageMap:
        """Maps of the stage that decided."""
        return self.stages[-1]

    def draw(self) -> dict[str, Pixels]:
        """Draw all of them.

        Returns
        -------
        pictures : dict of str to ndarray of uint8, shape (height, width, 3)
            By file name without ending.
        """
        method, told = self.row.method, self.deciding
        found = {
            "overlay": shade(self.picture, told.heats[method]),
            "contour": outline(colored(self.picture), told.regions[method], CONTOUR),
            "boxes": framed(colored(self.picture), self._boxes(), BOX),
            "side-by-side": self._side_by_side(),
        }
        if told.channels:
            found["channels"] = self._channels()
        return found

    def _boxes(self) -> list[Frame]:
        height, width = self.row.height, self.row.width
        return [
            Frame(
                box.left / width,
                box.top / height,
                box.right / width,
                box.bottom / height,
                f"{place}: {100 * box.energy:.0f} %",
            )
            for place, box in enumerate(self.row.boxes, start=1)
        ]

    def _side_by_side(self) -> Pixels:
        told, main = self.deciding, self.row.method
        others = [name for name in told.heats if name != main]
        scan = self._plain(told)
        known = {"lungs": self.lungs is not None, "lesion": self._has_lesion}
        outlined = " and ".join(name for name, is_drawn in known.items() if is_drawn)
        title = f"scan, {outlined} outlined" if outlined else "scan"
        panels = [Panel(title, scan), Panel(_title(main), self._map(told, main))]
        panels += [Panel(_title(name), self._map(told, name)) for name in others]
        if told.stage == REFINE:
            screen = self.stages[0]
            panels.append(
                Panel(f"screen, {_title(main)}", self._map(screen, main, boxed=False))
            )
        return side_by_side(panels, *self._words(), phantom=self.phantom)

    @property
    def _has_lesion(self) -> bool:
        return self.lesion is not None and bool(self.lesion.any())

    def _plain(self, told: StageMap) -> Pixels:
        scan = colored(small(self.picture))
        if not told.seen.all():
            scan = framed(scan, [edge_of(told.seen)], EDGE)
        if self.lesion is not None and self._has_lesion:
            scan = outline(scan, self.lesion, TRUTH)
        if self.lungs is not None:
            scan = outline(scan, self.lungs, EDGE)
        return scan

    def _map(self, told: StageMap, method: str, *, boxed: bool = True) -> Pixels:
        drawn = shade(small(self.picture), told.heats[method])
        drawn = outline(drawn, told.regions[method], CONTOUR)
        if method == self.row.method and boxed:
            drawn = framed(drawn, self._boxes(), BOX)
        return drawn

    def _words(self) -> tuple[str, str]:
        row, told = self.row, self.deciding
        score = number(row.screen_score, percent=False)
        said = f"{row.decision}: {row.label}" if told.stage == REFINE else row.decision
        truth = f" (in the manifest: {row.truth})" if row.truth else ""
        heading = f"Called {said}, screen score {score}{truth}"
        if told.stage == REFINE:
            note = f"Evidence of the refinement for {told.asked}; last, of the screen."
        else:
            note = "Evidence of the screen for disease"
            note += ", which it found too weak." if row.decision == "healthy" else "."
        return heading, f"{note} Each map has its own scale. {row.scan}"

    def _channels(self) -> Pixels:
        told = self.deciding
        heats = [channel.heat for channel in told.channels]
        most = max(float(np.abs(heat).max()) for heat in heats) or 1.0
        several = len({channel.reader for channel in told.channels}) > 1
        panels = [Panel("scan", self._plain(told))]
        for channel, heat in zip(told.channels, heats, strict=True):
            name = f"no. {channel.number}: {channel.said:+.2g}"
            if several:
                name = f"network {channel.reader + 1}, {name}"
            panels.append(Panel(name, signed(small(self.picture), heat, most)))
        heading = f"Channels that move the score of {told.asked} most"
        note = "Red speaks for it, blue against it, on one scale. " + self.row.scan
        return side_by_side(panels, heading, note, phantom=self.phantom)


def _title(method: str) -> str:
    return TITLES[method]


def chosen_rows(n_rows: int, n_shown: int) -> Sequence[int]:
    """Choose the scans that a page shows: all, or some at equal distances.

    Parameters
    ----------
    n_rows : int
        Scans in all.
    n_shown : int, at least 1
        How many at most.

    Returns
    -------
    chosen : sequence of int
        Places of the rows, rising.

    Examples
    --------
    >>> list(chosen_rows(3, 5)), list(chosen_rows(9, 3))
    ([0, 1, 2], [0, 4, 8])
    """
    if n_rows <= n_shown:
        return range(n_rows)
    places: list[int] = np.unique(
        np.linspace(0, n_rows - 1, n_shown).round().astype(int)
    ).tolist()
    return places
