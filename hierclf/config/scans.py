"""Options of everything that reads labelled scans."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from hierclf.config.values import Names
from hierclf.data.dataset import DataOptions
from hierclf.data.groups import parse_group
from hierclf.networks.machine import MachineOptions


class ScanOptions(DataOptions, MachineOptions):
    """Labelled scans, and how work on them is done."""

    cache: Path | None = Field(
        None, description="folder for features and frames; see the README"
    )
    resamples: int = Field(
        1000, ge=100, le=100_000, description="patient bootstraps of the intervals"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="decides all that is drawn")
    overwrite: bool = Field(False, description="replace what is at --out")


class LabelledData(ScanOptions):
    """Labelled scans, and what is done with those that cannot be read."""

    unreadable: Literal["refuse", "skip"] = Field(
        "refuse", description="what a scan that cannot be read does to the run"
    )


class PartOfData(LabelledData):
    """Labelled scans, or those of some of their splits."""

    splits: Path | None = Field(
        None, description="splits.csv of the run, so that --split test is its test part"
    )
    split: Names = Field(
        (), description="given splits to use, separated by commas; all if not given"
    )


class Measured(LabelledData):
    """Labelled scans that a report speaks of."""

    subgroups: Names = Field(
        ("auto",),
        description="further columns of the manifest by which figures are split, "
        "separated by commas; age:10 makes bands of ten years. auto: all with 2 to 10 "
        "values, and numbers in quarters; none: no subgroups",
    )
    pictured: int = Field(
        6,
        ge=0,
        le=50,
        description="mistakes of each kind that the report shows as pictures; 0: no "
        "scan is shown at all",
    )

    @field_validator("subgroups")
    @classmethod
    def _readable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            parse_group(name)
        return names
