"""What can be chosen for a stage, each with the line that ``--help`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hierclf.networks.choices import OutputLayer, Precision, TrainedPart
from hierclf.transforms.augment import AugmentOptions


class NetworkOptions(BaseModel):
    """A network and how it is fitted; the same for screen, refinement and flat."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = Field(
        "efficientnet_lite0", description="network, by its torchvision or timm name"
    )
    weights: str = Field(
        "imagenet",
        description="imagenet, none, a file with the state dict, or the bundle of "
        "another run, whose screen's network is taken",
    )
    weights_dir: Path | None = Field(
        None, description="folder to look for ImageNet weights in before the network"
    )
    head: str = Field(
        "own",
        description="own: the network's; dense: BN, hidden units, BN, classes; deep: "
        "four linear layers",
    )
    head_width: int = Field(
        256, ge=8, le=8192, description="hidden units of the dense and the deep head"
    )
    head_norm: bool = Field(True, description="BatchNorm in the dense head")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout of the dense and the deep head"
    )
    output: OutputLayer = Field(
        "softmax",
        description="softmax: one logit for each class; ordered: one for each step "
        "between classes in their order",
    )
    part: TrainedPart = Field(
        "head", description="what learns: head, last (blocks) or all"
    )
    n_last: int = Field(1, ge=1, description="how many blocks 'last' means")
    start: Literal["random", "probe"] = Field(
        "random",
        description="where the head of a network that is trained begins; probe: at its "
        "optimum on the frozen trunk",
    )
    frozen_norm: bool = Field(
        False,
        description="BatchNorm of a trunk that learns keeps the means and variances it "
        "came with, which a start at the probe's optimum rests on",
    )
    image_size: int = Field(
        224, ge=32, le=2048, description="side of what the network sees, in pixels"
    )
    views: str = Field(
        "tencrop",
        description="tencrop, threecrop, tencrop_onepass, center or whole",
    )
    precision: Precision = Field(
        "auto", description="float32, bfloat16, or auto: bfloat16 where it pays"
    )
    optimizer: Literal["auto", "lbfgs", "sgd", "adam", "adamw", "rmsprop"] = Field(
        "auto",
        description="lbfgs, sgd, adam, adamw or rmsprop; auto: lbfgs for a linear head "
        "on a frozen trunk, else adamw",
    )
    penalty: float | None = Field(
        None,
        gt=0,
        description="ridge penalty of lbfgs, on standardized features; if not given, "
        "0.1 where ten exact crops teach, else 0.3",
    )
    rounds: int = Field(
        4, ge=1, description="views of each scan that a head on a frozen trunk sees"
    )
    learning_rate: float = Field(1e-3, gt=0, description="at the start")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(1e-4, ge=0, description="of all but lbfgs")
    schedule: Literal["constant", "step", "plateau", "cosine", "cyclical"] = Field(
        "cosine", description="how the learning rate changes"
    )
    cycle_epochs: int = Field(
        8, ge=2, description="epochs of a cycle, up to the learning rate and down again"
    )
    cycle_base: float = Field(
        0.1, gt=0, lt=1, description="lowest rate of a cycle, as a share of the highest"
    )
    warmup_epochs: float = Field(
        0.0, ge=0, description="epochs in which the learning rate rises from nothing"
    )
    lowest_rate: float = Field(
        0.0, ge=0, description="a step or plateau makes the learning rate no lower"
    )
    step_epochs: int = Field(40, ge=1, description="epochs between two steps")
    decay: float = Field(0.1, gt=0, lt=1, description="factor of a step or plateau")
    plateau_epochs: int = Field(
        5, ge=1, description="epochs without a better validation loss before decay"
    )
    epochs: int = Field(10, ge=1, description="passes over the training scans")
    batch_size: int = Field(32, ge=1, le=4096, description="scans in a step")
    patience: int = Field(
        0, ge=0, description="stop after so many epochs without a better one; 0: never"
    )
    validation: float = Field(
        0.15, gt=0, lt=0.5, description="share of the patients that stop and plateau"
    )
    balance: float = Field(
        0.25,
        ge=0,
        le=1,
        description="up-sampling of rare classes: 0 makes all equal, 1 changes none, "
        "0.25 gives the proportions of He 2019",
    )
    class_weights: Literal["none", "class_balanced"] = Field(
        "none",
        description="what the loss of a scan counts by its class; class_balanced: by "
        "the effective number of scans, for comparison with balance",
    )
    loss: Literal["cross_entropy", "expected_cost", "cross_entropy_cost", "focal"] = (
        Field("cross_entropy", description="loss of a network that is trained")
    )
    focal_gamma: float = Field(2.0, ge=0, description="exponent of the focal loss")
    augment: AugmentOptions = Field(
        AugmentOptions(), description="changes to training frames"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> NetworkOptions:
        if self.start == "probe" and self.head != "own":
            raise ValueError(
                f"start: expected the own head beside probe, got {self.head!r}. Only a "
                "linear head has an optimum: take --head own or --start random."
            )
        if "+" in self.backbone and self.part != "all" and self.weights == "imagenet":
            raise ValueError(
                f"part: expected all beside {self.backbone!r}, got {self.part!r}. Its "
                "attention has no weights yet and must learn."
            )
        if self.head == "dense" and self.head_norm and self.batch_size < 2:
            raise ValueError(
                "batch_size: expected at least 2 beside the dense head, got "
                f"{self.batch_size}. Its BatchNorm compares scans: raise it."
            )
        return self
