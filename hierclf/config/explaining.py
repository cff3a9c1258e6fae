"""Options of ``hierclf explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from hierclf.networks.machine import MachineOptions

Method = Literal["gradcam", "gradcam++", "scda"]


class ExplainOptions(MachineOptions):
    """A bundle, scans, and what is to be shown and measured of its maps."""

    bundle: Path = Field(description="folder of the bundle")
    input: Path = Field(
        description="folder of scans, with its subfolders, or a manifest (.csv); a "
        "folder that holds manifest.csv is read by it"
    )
    out: Path = Field(description="folder for pictures, tables and the page")
    limit: int | None = Field(None, ge=1, description="explain only so many scans")
    method: Method = Field(
        "gradcam",
        description="whose map is boxed: gradcam, gradcam++ or scda; all three are "
        "shown side by side and measured",
    )
    channels: int = Field(
        0, ge=0, le=64, description="strongest channel maps to show of each scan"
    )
    random_networks: int = Field(
        3,
        ge=0,
        le=20,
        description="networks with random weights that are measured beside it, where "
        "the manifest has lesion masks",
    )
    curves: int = Field(
        0,
        ge=0,
        le=100_000,
        description="scans on which deletion and insertion are measured; each takes as "
        "long as scoring some 200",
    )
    resamples: int = Field(
        1000, ge=100, le=100_000, description="patient bootstraps of the intervals"
    )
    batch_size: int = Field(16, ge=1, le=256, description="scans looked at together")
    seed: int = Field(0, ge=0, lt=2**32, description="decides all that is drawn")
    overwrite: bool = Field(False, description="replace what is at --out")
