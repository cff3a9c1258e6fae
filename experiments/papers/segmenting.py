"""A network that finds the lungs, trained on phantoms, whose masks are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.folders import made_once
from experiments.papers.paper import Row
from experiments.papers.plans import Told, make_phantoms
from hierclf.config.segmenting import SegmentOptions
from hierclf.foundation.files import read_json
from hierclf.jobs.segment import segment

_SMOKE = {"image_size": 64, "epochs": 1}


def segmenter(row: Row, told: Told) -> Path:
    """Train it on phantoms of other patients than the row's, where it is not there.

    Parameters
    ----------
    row : Row
        Which phantoms.
    told : Told
        Where it goes.

    Returns
    -------
    folder : Path
        For ``hierclf train --lungs``.
    """
    scans = make_phantoms(row, told, other=True)
    folder = told.work / f"segmenter-{scans.name}"
    values = {
        "data": scans,
        "out": folder,
        "seed": told.seed,
        "network": _SMOKE if told.smoke else {},
    }
    with made_once(folder) as missing:
        if missing:
            segment(SegmentOptions.model_validate(values))
    return folder


def told_of(folder: Path) -> dict[str, Any]:
    """Read what is known of a segmenter."""
    return dict(read_json(folder / "segmenter.json"))
