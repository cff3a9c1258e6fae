"""The options of ``hierclf check``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from hierclf.config.scans import ScanOptions
from hierclf.config.values import Names


class CheckOptions(ScanOptions):
    """Options of ``hierclf check``."""

    out: Path = Field(description="folder for findings and page")
    may_tell: Names = Field(
        (),
        description="columns of the manifest that may tell the label (age, sex, a "
        "second label), separated by commas; all others are taken for shortcuts",
    )
    lungs: Path | None = Field(
        None,
        description="folder of a segmenter (hierclf segment): scans are named in which "
        "it finds no lungs, and which train --lungs would see whole",
    )
    image: bool = Field(
        True,
        description="also look with a frozen network: what the picture itself tells "
        "stands beside the shortcuts, and copies that were cropped or turned are found",
    )
    backbone: str = Field(
        "efficientnet_lite0",
        description="that network, by its torchvision or timm name",
    )
    weights: str = Field(
        "imagenet", description="imagenet, none, or a file with the state dict"
    )
    weights_dir: Path | None = Field(
        None, description="folder to look for ImageNet weights in before the network"
    )
