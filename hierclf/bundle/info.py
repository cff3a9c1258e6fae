"""What a bundle tells of itself: labels, cut point, data, versions, model card."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from hierclf import __version__
from hierclf.bundle.container import FORMAT_VERSION
from hierclf.cascade.calibrators import Calibrators
from hierclf.cascade.choices import Calibration, Refinement
from hierclf.cascade.curve import Points
from hierclf.cascade.cut_point import CutPointChoice
from hierclf.cascade.deferral import Deferral
from hierclf.cascade.views_choice import ViewsChoice
from hierclf.segmentation.about import SegmenterAbout

Label = StrictBool | StrictInt | StrictStr
"""What a label may be; JSON keeps these three apart."""
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Prior = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]

CARD: Mapping[str, str] = MappingProxyType(
    {
        "intended_use": "Research on graded disease in medical images.",
        "users": "Data scientists who know where the training scans come from, and "
        "physicians who look at its results in research; not for the care of patients.",
        "out_of_scope": "Decisions on patients; scans of another body part, device "
        "or population than the training scans.",
        "limits": "Scores mean something for scans that are like the training scans; "
        "other scans get a score, too.",
        "notice": "For research use; not a medical device.",
    }
)
"""What every model card says, unless the user says it better."""

RUNTIME = "runtime"
"""Among the versions: what ran the networks when the bundle was made."""
NUMBER_FORMAT = "number format"
"""Among the versions: what the networks compute in; each stage's own, where two."""
_DISTRIBUTIONS = ("torch", "torchvision", "timm", "scikit-learn", "numpy", "skops")


class DataSummary(BaseModel):
    """What a cascade was fitted on, without any patient's name.

    Parameters
    ----------
    name : str
        What people call the data.
    fingerprint : str
        Digest by which the same data are recognized.
    n_scans, n_patients : int
        How many; None for an unknown number of patients.
    phantom : bool
        Whether the scans are synthetic.
    counts : dict of str to int
        Scans of each label.
    digests : tuple of str, default=()
        First 16 digits of the SHA-256 of each scan's file, in sorted order: by
        them scans are recognized that a bundle should not be measured on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    fingerprint: Text
    n_scans: int = Field(ge=1)
    n_patients: int | None = Field(None, ge=1)
    phantom: bool
    counts: dict[str, int]
    digests: tuple[Annotated[str, Field(pattern="^[0-9a-f]{16}$")], ...] = ()


class Revision(BaseModel):
    """How a bundle came out of another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    created_utc: AwareDatetime
    parent: str = Field(pattern="^[0-9a-f]{64}$")
    cut_point: Share
    reason: Text


class GateNumbers(BaseModel):
    """The numbers of an input gate beside its arrays, see `ScopeGate`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    thresholds: tuple[
        Annotated[float, Field(gt=0, allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
    ]
    false_alarm: float = Field(gt=0, lt=1)
    noise: float = Field(gt=0, allow_inf_nan=False)
    bias: float = Field(allow_inf_nan=False)


class BundleInfo(BaseModel):
    """All that is known of a bundle beside its weights.

    Parameters
    ----------
    format_version : int
        Of the layout on disk.
    created_utc : datetime
        When the cascade was written first.
    versions : dict of str to str
        Of hierclf, Python and the libraries that compute.
    labels : tuple of label
        Healthy first, then the diseased ones in their order.
    ordered : bool
        Whether these are an order of severity.
    cut_point : float, in [0, 1]
        A scan is diseased where its score is not below.
    choice : CutPointChoice or None
        How it was chosen; None for a given number.
    points : {"grid", "all"}
        The cut points that were tried.
    costs : tuple of tuple of float, or None
        Price of each confusion, in the order of `labels`.
    refinement : {"plain", "ordered"}
        Whether the refinement climbs from stage to stage.
    adjustment : float, at least 0
        How far the refinement makes up for rare stages.
    rungs : tuple of float, in [0, 1], or None
        Cut points of the steps of an ordered refinement.
    priors : tuple of float, in (0, 1]
        Share of each diseased label among the diseased training scans.
    calibration : {"none", "temperature", "platt", "isotonic"}
        How the stages were calibrated.
    calibrators : tuple of Calibrator or None, length 2
        Of screen and refinement.
    gate : GateNumbers or None
        Of the input gate.
    deferral : Deferral or None
        When a reader should look.
    lungs : SegmenterAbout or None
        Of the network that cuts the lungs out of each frame before; None where the
        frame is seen whole.
    views : ViewsChoice or None
        What ten crops and fewer views had on held-out training scans, where both were
        fitted.
    n_features, feature_names : int and tuple of str, or None
        Of a cascade on feature tables.
    data : DataSummary
        What it was fitted on.
    seed : int
        Root seed of the run.
    options : dict
        Options of the run, as JSON.
    card : dict of str to str
        At least the keys of `CARD`.
    revisions : tuple of Revision
        Changes since the cascade was fitted, oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    created_utc: AwareDatetime
    versions: dict[str, str]
    labels: tuple[Label, ...] = Field(min_length=2)
    ordered: bool
    cut_point: Share
    choice: CutPointChoice | None = None
    points: Points = "grid"
    costs: tuple[tuple[Price, ...], ...] | None = None
    refinement: Refinement = "plain"
    adjustment: Price = 0.0
    rungs: tuple[Share, ...] | None = None
    priors: tuple[Prior, ...]
    calibration: Calibration = "none"
    calibrators: Calibrators = (None, None)
    gate: GateNumbers | None = None
    deferral: Deferral | None = None
    lungs: SegmenterAbout | None = None
    views: ViewsChoice | None = None
    n_features: int | None = Field(None, ge=1)
    feature_names: tuple[str, ...] | None = None
    data: DataSummary
    seed: int
    options: dict[str, JsonValue]
    card: dict[str, Text]
    revisions: tuple[Revision, ...] = ()

    @field_validator("card")
    @classmethod
    def _complete(cls, card: dict[str, str]) -> dict[str, str]:
        missing = [key for key in CARD if key not in card]
        if missing:
            raise ValueError(f"a model card needs {', '.join(missing)}")
        return card

    @model_validator(mode="after")
    def _consistent(self) -> BundleInfo:
        n_labels = len(self.labels)
        if len(set(self.labels)) != n_labels or len(set(map(type, self.labels))) > 1:
            raise ValueError("labels must differ, and be of one type")
        rows = self.costs or ()
        if rows and [len(row) for row in rows] != [n_labels] * n_labels:
            raise ValueError("costs must have a row and a column for each label")
        if self.choice is not None and self.choice.threshold != self.cut_point:
            raise ValueError("cut_point must be that of the choice")
        if len(self.priors) != n_labels - 1:
            raise ValueError("priors must have one for each diseased label")
        self._check_ladder()
        self._check_calibration()
        if self.data.counts.keys() != set(map(str, self.labels)):
            raise ValueError("data.counts must have a count for each label")
        if self.feature_names and len(self.feature_names) != self.n_features:
            raise ValueError("feature_names must have a name for each feature")
        return self

    def _check_ladder(self) -> None:
        n_steps = len(self.labels) - 2 if self.refinement == "ordered" else 0
        if n_steps > 0 and not self.ordered:
            raise ValueError("labels must be ordered beside an ordered refinement")
        if (n_steps if n_steps > 0 else None) != (
            None if self.rungs is None else len(self.rungs)
        ):
            raise ValueError(
                "rungs must have one for each step of an ordered refinement"
            )

    def _check_calibration(self) -> None:
        n_labels = len(self.labels)
        if (self.calibration == "none") != (self.calibrators[0] is None):
            raise ValueError("calibrators must be there where there is a calibration")
        for found, n_classes in zip(self.calibrators, (2, n_labels - 1), strict=True):
            if found is not None and (
                len(found.biases) != n_classes or found.method != self.calibration
            ):
                raise ValueError("calibrators must fit the stages and the calibration")
        deferral = self.deferral
        quantiles = None if deferral is None else deferral.quantiles
        if quantiles is not None and len(quantiles) != n_labels:
            raise ValueError("deferral must have a quantile for each label")


def plain(label: Any) -> Any:
    """Turn NumPy's scalars into Python's, and leave the rest."""
    return label.item() if isinstance(label, np.generic) else label


def current_versions() -> dict[str, str]:
    """Give the versions of what computes here."""
    found = {name: version(name) for name in _DISTRIBUTIONS}
    return {"hierclf": __version__, "python": platform.python_version(), **found}
