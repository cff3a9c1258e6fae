"""The options of each command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hierclf.cascade.choices import Calibration, Refinement, TryViews
from hierclf.cascade.curve import Points
from hierclf.config.scans import Measured, PartOfData
from hierclf.config.stage import STAGE_NAMES, StageName, StageOptions
from hierclf.config.values import (
    BEST,
    ORDERED,
    Adjustment,
    Candidate,
    Costs,
    CutPoint,
    Deferral,
    Folders,
    Names,
    split_names,
)
from hierclf.metalearners.recipes import NETWORK


class TrainOptions(Measured):
    """Options of ``hierclf train``."""

    out: Path = Field(description="folder for the run")
    healthy: str = Field(description="the label of the healthy scans")
    stages: Names = Field(
        (), description="the diseased labels in their order, separated by commas"
    )
    ordered: bool = Field(False, description="the stages are an order of severity")
    cut_point: CutPoint = Field(
        "macro_recall",
        description="a number, or the rule that chooses it: macro_recall, "
        "quadratic_kappa, youden, expected_cost, sensitivity>=0.95, specificity>=0.90",
    )
    points: Points = Field(
        "grid", description="cut points tried: the 19 of the grid, or all scores"
    )
    costs: Costs = Field(
        "none",
        description="what errors of the refinement cost: none, recall, linear or "
        "quadratic in the distance of two stages, a vector (5,8,9) or a matrix "
        "(0,1;2,0) in the order of the stages",
    )
    refinement: Refinement = Field(
        "plain",
        description="plain: one of the diseased labels; ordered: from stage to stage, "
        "each step with a cut point of its own",
    )
    adjustment: Adjustment = Field(
        "tuned",
        description="how far the refinement makes up for rare stages: 0 not, 1 fully, "
        "tuned: chosen together with the cut point",
    )
    decision: Literal["argmax", "least_cost"] = Field(
        "argmax",
        description="how the refinement decides: argmax of the adjusted probabilities, "
        "or least_cost, by the expected cost",
    )
    calibration: Calibration = Field(
        "platt",
        description="how probabilities are calibrated on held-out training scans: "
        "platt, temperature, isotonic or none",
    )
    lungs: Path | None = Field(
        None,
        description="folder of a segmenter (hierclf segment): lungs are cut out before "
        "any network sees a scan, in training and afterwards",
    )
    gate: float = Field(
        0.01,
        ge=0,
        lt=0.5,
        description="share of scans like the training ones that may be marked "
        "out_of_scope, as a knee is for a chest model; 0: no such gate",
    )
    defer: Deferral = Field(
        "none",
        description="which decisions go to a reader: none, error<=0.05 (those that "
        "pass are wrong no more often), coverage>=0.9 (sets of labels, each label "
        "covered so often)",
    )
    folds: int = Field(
        5,
        ge=0,
        le=50,
        description="inner folds by patient for the cut point; 0: one "
        "validation part, as for networks that are trained whole",
    )
    validation_part: float = Field(
        0.2, gt=0, lt=0.9, description="that part, as a share of the patients"
    )
    test_part: float = Field(
        0.2, gt=0, lt=0.9, description="held out by patient, where no split is given"
    )
    outer_folds: int = Field(
        0,
        ge=0,
        le=50,
        description="predict every scan by models that never saw its patient, in so "
        "many folds, instead of one test part; 0: one test part",
    )
    splits: Path | None = Field(
        None, description="splits.csv of an earlier run, to be used again"
    )
    by: Literal["any", "mean"] = Field(
        "mean", description="how the scans of a patient are put together"
    )
    candidates: Annotated[tuple[Candidate, ...], BeforeValidator(split_names)] = Field(
        (),
        description="models to choose from, separated by commas (screen/refine where "
        "they differ, screen/ordered:refine for a refinement that climbs), by the "
        "macro recall of the cascade on held-out training scans, or its kappa where "
        "--cut-point is quadratic_kappa; all are reported. best: those that fit the "
        "labels",
    )
    try_views: TryViews = Field(
        "none",
        description="fit other views than ten crops, too: threecrop or tencrop_onepass "
        "(some three and four times as fast), and take them where the macro recall on "
        "held-out training scans is at most 0.01 lower",
    )
    baselines: bool = Field(
        True, description="fit the flat classifiers that the cascade must beat"
    )
    resume: bool = Field(False, description="go on with the run at --out")
    network: StageOptions = Field(
        StageOptions(),
        description="network and training; --screen.X and --refine.X for one stage",
    )
    screen: dict[str, Any] = Field({}, description="network options of the screen")
    refine: dict[str, Any] = Field({}, description="those of the refinement")

    @field_validator("folds", "outer_folds")
    @classmethod
    def _none_or_several(cls, value: int, told: ValidationInfo) -> int:
        if value == 1:
            raise ValueError(
                f"{told.field_name}: expected 0 or at least 2, got 1. One is no fold."
            )
        return value

    @field_validator("screen", "refine")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        StageOptions.model_validate(value)
        return value

    @model_validator(mode="after")
    def _candidates_can_be_compared(self) -> TrainOptions:
        if not self.candidates:
            return self
        twins = [n for n in self.candidates if self.candidates.count(n) > 1]
        if twins:
            raise ValueError(f"candidates: expected each once, got {twins[0]!r} twice.")
        if not isinstance(self.cut_point, str):
            raise ValueError(
                f"candidates: expected a rule as the cut point, got {self.cut_point}. "
                "They are compared on the held-out scans that a rule looks at."
            )
        if BEST in self.candidates and len(self.candidates) > 1:
            raise ValueError(
                "candidates: expected nothing beside best, got "
                f"{', '.join(self.candidates)}. Name all, or leave it to best."
            )
        if self.network.model != NETWORK:
            raise ValueError(
                "candidates: expected no model beside them, got "
                f"{self.network.model!r}. Name it among the candidates."
            )
        if "model" in self.screen or "model" in self.refine:
            raise ValueError(
                "candidates: expected no model of a stage beside them, got one. Write "
                "a candidate as screen/refine, for example network/pooled+svm."
            )
        return self

    @model_validator(mode="after")
    def _views_can_be_tried(self) -> TrainOptions:
        if self.try_views == "none":
            return self
        views = {self.stage(name).views for name in STAGE_NAMES}
        if views != {"tencrop"}:
            raise ValueError(
                "try_views: expected tencrop as the views of all stages, got "
                f"{', '.join(sorted(views))}. Other views are compared with it."
            )
        if any("scda_flat" in self.stage(name).model for name in STAGE_NAMES):
            raise ValueError(
                "try_views: expected a model that looks at all views, got scda_flat, "
                "which looks at one. Leave the option out."
            )
        trained = any(self.stage(name).part != "head" for name in STAGE_NAMES)
        if trained and self.try_views == "threecrop":
            raise ValueError(
                "try_views: expected frozen trunks (--part head) beside threecrop, got "
                "one that is trained: it would be trained twice, to the same weights. "
                "Choose --views threecrop, or leave the option out."
            )
        if self.candidates or not isinstance(self.cut_point, str):
            raise ValueError(
                "try_views: expected a rule as the cut point and no candidates. The "
                "two are compared on the held-out scans that a rule looks at."
            )
        return self

    @model_validator(mode="after")
    def _deferral_can_be_kept(self) -> TrainOptions:
        given = not isinstance(self.cut_point, str)
        if self.defer != "none" and given and self.calibration == "none":
            raise ValueError(
                "defer: expected scans that are held out, got a number as the cut "
                "point and no calibration. Take a rule as the cut point, or a "
                "--calibration."
            )
        if self.defer.startswith("error") and self.calibration == "isotonic":
            raise ValueError(
                "defer: expected platt, temperature or none as the calibration beside "
                "a bound on the error, got isotonic. Its steps fit the scans that the "
                "bound is tested on, which breaks the promise."
            )
        return self

    @model_validator(mode="after")
    def _stages_have_what_they_need(self) -> TrainOptions:
        names = [name for name in self.candidates if name != BEST]
        for options in [self.of_candidate(name) for name in names] or [self]:
            for stage in STAGE_NAMES:
                options.stage(stage).check()
        return self

    def of_candidate(self, name: str) -> TrainOptions:
        """Give the options under which one candidate is fitted.

        Parameters
        ----------
        name : str
            A model for both stages, or ``screen/refine``, the latter maybe behind
            ``ordered:``. The flat classifiers take the first.

        Returns
        -------
        options : TrainOptions
            Without candidates.
        """
        screen, _, refine = name.partition("/")
        told: dict[str, object] = {
            "candidates": (),
            "network": self.network.model_copy(update={"model": screen}),
        }
        if refine:
            climbs = refine.startswith(ORDERED)
            told["refinement"] = "ordered" if climbs else "plain"
            told["refine"] = self.refine | {"model": refine.removeprefix(ORDERED)}
        return self.model_copy(update=told)

    def for_labels(self, *, ordered: bool) -> TrainOptions:
        """Name the candidates that `BEST` stands for.

        Parameters
        ----------
        ordered : bool
            Whether there are several stages, in an order.

        Returns
        -------
        options : TrainOptions
            With candidates by their names; as they are where `BEST` was not asked for.
        """
        if self.candidates != (BEST,):
            return self
        models = [NETWORK]
        if self.network.part == "head" and not self.network.also:
            models.append("pooled+logistic")
        names = list(models)
        if ordered:
            names += [f"{model}/{ORDERED}{model}" for model in models]
        return self.model_copy(update={"candidates": tuple(names)})

    def looking_by(self, views: str) -> TrainOptions:
        """Give the same options with other views, in all stages."""
        seen = {"views": views}
        network = self.network.model_copy(update=seen)
        own = {"screen": self.screen | seen, "refine": self.refine | seen}
        return self.model_copy(update={"network": network, **own})

    def stage(self, name: StageName) -> StageOptions:
        """Resolve the options of one stage.

        Parameters
        ----------
        name : {"screen", "refine", "flat"}
            The flat baseline takes the common ones.

        Returns
        -------
        options : StageOptions
            The common ones, with those of the stage on top.
        """
        own = {"screen": self.screen, "refine": self.refine, "flat": {}}[name]
        common = self.network.model_dump()
        return StageOptions.model_validate(_merged(common, own))


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if inner else value
    return merged


class SweepOptions(PartOfData):
    """Options of ``hierclf sweep``."""

    bundle: Path = Field(description="folder of the bundle")
    out: Path = Field(description="folder for curve, table and page")
    rule: str = Field("macro_recall", description="how the cut point is chosen")
    points: Points = Field(
        "grid", description="cut points tried: the 19 of the grid, or all scores"
    )
    calibrate_with: Path | None = Field(
        None,
        description="choose on this small labelled set from the new place; --data, "
        "if given as well, then only shows what the choice does",
    )
    write_bundle: Path | None = Field(
        None, description="folder for a new bundle with the chosen cut point"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_set_suffices(cls, values: dict[str, Any]) -> dict[str, Any]:
        few = values.get("calibrate_with")
        return values if few is None else {"data": few} | values


class EvaluateOptions(Measured, PartOfData):
    """Options of ``hierclf evaluate``."""

    bundle: Folders = Field(
        description="folder of the bundle; several, by commas or by repeating the "
        "flag, are compared with the first on the same scans"
    )
    out: Path = Field(description="folder for numbers, table and report")
    by: Literal["any", "mean"] = Field(
        "mean", description="how the scans of a patient are put together"
    )
    margin: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="with several bundles: a loss of a share or an area that would not "
        "matter, for example 0.02; the page says whether a greater one is excluded",
    )

    @model_validator(mode="after")
    def _margin_between_bundles(self) -> EvaluateOptions:
        if self.margin is not None and len(self.bundle) < 2:
            raise ValueError(
                f"margin: expected several bundles beside it, got {self.bundle[0]}. "
                "Add --bundle for the one to compare with the first."
            )
        return self
