"""Options of ``hierclf segment``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hierclf.data.dataset import DataOptions
from hierclf.segmentation.options import UNetOptions


class SegmentOptions(DataOptions):
    """Scans with masks of their lungs, and the network that learns from them."""

    masks: Path | None = Field(
        None,
        description="folder with a mask of each scan under the same relative name; not "
        "given: the column lung_mask of the manifest",
    )
    out: Path = Field(description="folder for the segmenter and its page")
    test_part: float = Field(
        0.2, gt=0, lt=0.9, description="held out by patient, to measure Dice on"
    )
    resamples: int = Field(
        1000, ge=100, le=100_000, description="patient bootstraps of the interval"
    )
    pictured: int = Field(
        3,
        ge=0,
        le=50,
        description="worst, middle and best held-out scans on the page; 0: none",
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="threads that compute; the cores if not given"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="decides all that is drawn")
    overwrite: bool = Field(False, description="replace what is at --out")
    network: UNetOptions = Field(UNetOptions(), description="network and training")
