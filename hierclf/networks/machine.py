"""What of a machine computes: the options that all commands with networks share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from hierclf.networks.choices import RuntimeChoice


class MachineOptions(BaseModel):
    """Threads, and what runs the networks; a matter of the machine, not of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    threads: int | None = Field(
        None, ge=1, le=256, description="threads that compute; the cores if not given"
    )
    runtime: RuntimeChoice | None = Field(
        None,
        description="what runs the networks: eager (torch), openvino, onnxruntime, "
        "compiled, or auto: the fastest here that agrees with eager. If not given, "
        "what the bundle was made by, where that is here; eager where there is none",
    )
