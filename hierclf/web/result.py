"""What is told of a scored study, and of the bundle that scores."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hierclf.bundle.measured import Measured

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Told(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Box(Told):
    """A rectangle around a region of the heatmap, in pixels of the scan."""

    left: int
    top: int
    right: int
    bottom: int
    energy: Share = Field(description="share of the map's sum within the region")


class StageShown(Told):
    """The evidence of one stage."""

    stage: Literal["screen", "refine"]
    asked: str = Field(description="the class whose evidence is shown")
    score: Share = Field(description="what the stage said of it")
    picture: Literal["heat-screen", "heat-refine"]
    boxes: tuple[Box, ...]


class Result(Told):
    """A decision with all that belongs to it."""

    decision: Literal["healthy", "diseased"]
    label: str = Field(description="the label that was decided on")
    screen_score: Share = Field(description="P(diseased)")
    cut_point: Share = Field(description="diseased from this score on")
    probabilities: dict[str, Share] = Field(description="of each label, healthy first")
    action: Literal["", "accept", "reader", "out_of_scope"] = Field(
        description="what the guards of the bundle say to do; '' without any"
    )
    label_set: tuple[str, ...] = Field(
        description="labels that may be true, where the bundle names them"
    )
    view_spread: float | None = Field(
        description="standard deviation of the score over the views"
    )
    lungs_found: Literal["", "yes", "no"]
    warnings: tuple[str, ...] = Field(description="what was odd about the file")
    stages: tuple[StageShown, ...]
    height: int
    width: int
    bundle: str = Field(description="digest of the bundle")
    sha256: str = Field(description="of the bytes that were decoded")
    seconds: float = Field(description="from the start of the work on its batch")


class About(Told):
    """The bundle that scores."""

    digest: str
    labels: tuple[str, ...] = Field(description="healthy first")
    ordered: bool
    cut_point: Share
    rule: str = Field(description="what the cut point was chosen by; '' if given")
    guards: tuple[str, ...] = Field(description="columns that its guards fill")
    lungs: bool = Field(description="whether lungs are cut out first")
    data: str = Field(description="name of the training scans")
    phantom: bool
    n_scans: int
    created_utc: datetime
    version: str = Field(description="of hierclf, that trained it")
    card: str = Field(description="the model card, Markdown")
    measured: Measured | None = Field(
        None, description="what the card says of held-out scans"
    )
    is_moved: bool = Field(
        False, description="whether the cut point was changed after that"
    )
