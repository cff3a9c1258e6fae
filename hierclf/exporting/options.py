"""What ``hierclf export`` can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

What = Literal["meta", "network", "cascade"]
Format = Literal["skops", "onnx", "joblib"]


class ExportOptions(BaseModel):
    """Options of ``hierclf export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path = Field(description="folder of the bundle")
    out: Path = Field(description="folder for what is exported")
    what: What = Field(
        "cascade",
        description="meta: the learners on features; network: scans to features or to "
        "the probabilities of a stage; cascade: all of it",
    )
    format: Format = Field(
        "onnx",
        description="onnx: for onnxruntime alone; skops: for scikit-learn, audited; "
        "joblib: for Python, runs code when it is loaded",
    )
    single_precision: bool = Field(
        False,
        description="let a graph compute in float32 where the bundle computes in "
        "bfloat16: its scores are then others, and decisions near the cut point too",
    )
    overwrite: bool = Field(False, description="replace an export that is at --out")

    @model_validator(mode="after")
    def _networks_are_onnx(self) -> ExportOptions:
        if self.what == "network" and self.format != "onnx":
            raise ValueError(
                f"format: expected onnx for a network, got {self.format!r}. Its "
                "weights lie in the bundle as safetensors."
            )
        return self
