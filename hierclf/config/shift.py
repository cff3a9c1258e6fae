"""The options of ``hierclf shift``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from hierclf.cascade.cut_point import parse_rule
from hierclf.config.scans import PartOfData

ACCURACY = "accuracy"
"""A goal beside the rules of training: most scans on the right side of the cut."""


class ShiftOptions(PartOfData):
    """Options of ``hierclf shift``."""

    bundle: Path = Field(description="folder of the bundle")
    out: Path = Field(description="folder for numbers, pictures and page")
    rule: str | None = Field(
        None,
        description="what the cut point is moved for: accuracy, or a rule as in train; "
        "the bundle's own if not given, accuracy if it has none",
    )
    miss_cost: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="what a diseased scan that is called healthy costs, in false "
        "alarms; then the cut point is moved for the least cost of the screen",
    )
    level: float = Field(
        0.01,
        ge=0.001,
        le=0.2,
        description="how often a ward that fits may be refused by chance",
    )
    write_bundle: Path | None = Field(
        None,
        description="folder for a new bundle with the moved cut point; nothing is "
        "written where the ward is refused",
    )

    @field_validator("rule")
    @classmethod
    def _known(cls, rule: str | None) -> str | None:
        if rule not in {None, ACCURACY}:
            parse_rule(str(rule))
        return rule
