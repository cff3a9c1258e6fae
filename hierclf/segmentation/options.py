"""What can be chosen for the network that finds lungs."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from hierclf.transforms.scan_and_mask import PairOptions


class UNetOptions(BaseModel):
    """A U-Net and how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = Field("efficientnet_lite0", description="encoder, by its timm name")
    weights: str = Field(
        "imagenet",
        description="of the encoder: imagenet, none, or a file with the state dict",
    )
    weights_dir: Path | None = Field(
        None, description="folder to look for ImageNet weights in before the network"
    )
    image_size: int = Field(
        192,
        ge=32,
        le=1024,
        multiple_of=32,
        description="side of what the U-Net sees, in pixels; a multiple of 32",
    )
    epochs: int = Field(12, ge=1, description="passes over the training scans")
    batch_size: int = Field(16, ge=2, le=1024, description="scans in a step")
    learning_rate: float = Field(
        1e-3, gt=0, description="of AdamW at the start; it falls as a cosine"
    )
    augment: PairOptions = Field(
        PairOptions(), description="changes to training scans and their masks"
    )
