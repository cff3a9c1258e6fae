"""What is told of a network that finds lungs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hierclf.evaluation.intervals import Estimate
from hierclf.segmentation.options import UNetOptions

FORMAT_VERSION: Final = 1
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class SegmenterAbout(BaseModel):
    """All that is known of a segmenter beside its weights.

    Parameters
    ----------
    format_version : int
        Of ``segmenter.json``.
    created_utc : datetime
        When it was trained.
    versions : dict of str to str
        Of hierclf, Python and the libraries that compute.
    options : UNetOptions
        Of network and training, without places of files.
    seed : int
        Root seed.
    weights : str
        SHA-256 of ``segmenter.safetensors``.
    data, fingerprint : str
        Name of the scans, and the digest by which they are recognized.
    phantom : bool
        Whether they are synthetic.
    n_scans, n_patients : int
        Trained on.
    n_held_out, n_patients_held_out : int
        Measured on; no patient of these was trained on.
    losses : tuple of float
        Mean loss of each epoch.
    dice : Estimate
        Mean Dice coefficient of the held-out scans, with its interval by patient.
    dice_worst, dice_median : float
        Of single scans.
    n_whole : int
        Held-out scans in which no lungs were found, and whose mask is the whole frame.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    created_utc: AwareDatetime
    versions: dict[str, str]
    options: UNetOptions
    seed: int
    weights: str = Field(pattern="^[0-9a-f]{64}$")
    data: Text
    fingerprint: Text
    phantom: bool
    n_scans: int = Field(ge=2)
    n_patients: int = Field(ge=1)
    n_held_out: int = Field(ge=1)
    n_patients_held_out: int = Field(ge=1)
    losses: tuple[Annotated[float, Field(allow_inf_nan=False)], ...]
    dice: Estimate
    dice_worst: Share
    dice_median: Share
    n_whole: int = Field(ge=0)

    @property
    def told(self) -> str:
        """How well it finds lungs, in words."""
        found = self.dice
        bounds = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
        what = "phantoms" if self.phantom else "scans"
        return (
            f"Dice {found.value:.3f}{bounds} on {self.n_held_out} held-out {what} of "
            f"{self.data}"
        )
