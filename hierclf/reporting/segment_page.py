"""The page of a segmenter: how well it finds lungs, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hierclf.foundation.files import write_text
from hierclf.pictures.overlays import (
    CONTOUR,
    TRUTH,
    Pixels,
    colored,
    outline,
    small,
    to_jpeg,
)
from hierclf.pictures.thumbnails import data_uri
from hierclf.reporting.rendering import render
from hierclf.segmentation.about import SegmenterAbout
from hierclf.segmentation.masks import word_of

PAGE = "segment.html"


@dataclass(frozen=True, eq=False)
class Masked:
    """A held-out scan.

    Parameters
    ----------
    scan : str
        Its name.
    dice : float
        Of its mask.
    found : bool
        Whether lungs were found.
    frame : ndarray of float32, shape (side, side), in [0, 1]
        What was looked at.
    mask, truth : ndarray of bool, shape (side, side)
        What was found, and what is true.
    """

    scan: str
    dice: float
    found: bool
    frame: NDArray[np.float32]
    mask: NDArray[np.bool_]
    truth: NDArray[np.bool_]

    @property
    def word(self) -> str:
        """Whether lungs were found, for a table."""
        return word_of(found=self.found)

    @property
    def data_uri(self) -> str:
        """The scan with both outlines, for a page."""
        return data_uri(to_jpeg(drawn(self.frame, self.mask, self.truth)))


def drawn(
    frame: NDArray[np.float32],
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Draw outlines on a frame.

    Parameters
    ----------
    frame : ndarray of float32, shape (side, side), in [0, 1]
        The scan.
    mask : ndarray of bool, shape (side, side)
        What was found.
    truth : ndarray of bool, shape (side, side), optional
        What is true.

    Returns
    -------
    picture : ndarray of uint8, shape (height, width, 3)
        As large as a panel.
    """
    picture = colored(small(np.rint(frame * 255).astype(np.uint8)))
    if truth is not None:
        picture = outline(picture, truth, TRUTH)
    return outline(picture, mask, CONTOUR)


def chosen_of(shown: Sequence[Masked], n_each: int) -> dict[str, list[Masked]]:
    """Choose the worst, the middle and the best scans, each scan once.

    Parameters
    ----------
    shown : sequence of Masked
        All held-out scans.
    n_each : int
        How many of each at most.

    Returns
    -------
    chosen : dict of str to list of Masked
        By ``worst``, ``middle`` and ``best``, rising.
    """
    order = sorted(shown, key=lambda one: one.dice)
    n = min(n_each, len(order) // 3 or len(order))
    start = (len(order) - n) // 2
    found = {"worst": order[:n], "middle": [], "best": []}
    if len(order) >= 3 and n:
        found |= {"middle": order[start : start + n], "best": order[-n:]}
    return {name: some for name, some in found.items() if some}


def write_segment_page(
    folder: Path, about: SegmenterAbout, shown: Sequence[Masked], *, n_each: int
) -> None:
    """Write ``segment.html``.

    Parameters
    ----------
    folder : Path
        It exists.
    about : SegmenterAbout
        What is known of the segmenter.
    shown : sequence of Masked
        All held-out scans.
    n_each : int
        Scans shown of each kind.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    chosen = chosen_of(shown, n_each)
    page = render("segment.html.j2", phantom=about.phantom, s=about, chosen=chosen)
    write_text(folder / PAGE, page)
