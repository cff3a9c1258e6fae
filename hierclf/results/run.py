"""Everything a run found out, as one strict JSON file.

The report is made of nothing else (but for the curves that need every single
score), so that it can be made again from the file.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from hierclf.cascade.views_choice import ViewsChoice
from hierclf.data.csv_table import escape_cell
from hierclf.evaluation.bands import CurveBand
from hierclf.evaluation.calibration_figures import CalibrationFigures
from hierclf.evaluation.comparison import Difference
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.net_benefit import NetBenefitCurve
from hierclf.evaluation.subgroups import SubgroupFigures
from hierclf.evaluation.summary import Summary
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, write_text
from hierclf.results.comparison import ComparisonFigures
from hierclf.results.cut_point import CutPointFigures
from hierclf.results.data import DataFigures, Json, Strict, Text
from hierclf.results.features import FeatureFigures
from hierclf.results.guards import GuardFigures

RESULTS = "results.json"
PREDICTIONS = "predictions.csv"


def _finite_or_none(number: Any) -> Any:
    diverged = isinstance(number, float) and not math.isfinite(number)
    return None if diverged else number


MistakeKind = Literal["false positive", "false negative", "wrong label"]
Loss = Annotated[float | None, BeforeValidator(_finite_or_none)]


class EpochFigures(Strict):
    """One pass over the training scans, see `hierclf.training.history.Epoch`.

    A loss that is no finite number, as after a divergence, is None.
    """

    model_config = ConfigDict(from_attributes=True)

    epoch: int
    learning_rate: float
    train_loss: Loss
    validation_loss: Loss = None
    validation_macro_recall: Loss = None


class ScreenCurves(Strict):
    """Curves of the screen score, with bands; see `hierclf.evaluation`."""

    roc: CurveBand
    precision_recall: CurveBand
    net_benefit: NetBenefitCurve


class Mistake(Strict):
    """A scan that was decided wrongly.

    Parameters
    ----------
    kind : {"false positive", "false negative", "wrong label"}
        A healthy scan called diseased, a diseased one called healthy, or a diseased
        one given another diseased label.
    scan : str
        Its path relative to the data set.
    label, predicted : str
        What it is, and what was said.
    screen_score : float, in [0, 1]
        Probability of being diseased.
    probability : float, in [0, 1]
        Of what was said.
    """

    kind: MistakeKind
    scan: Text
    label: Text
    predicted: Text
    screen_score: float
    probability: float


class RunResults(Strict):
    """Everything a run found out.

    Parameters
    ----------
    data : DataFigures
        What it was measured on.
    protocol : str
        How the measured scans were kept apart, in words.
    labels : tuple of str
        Healthy first.
    ordered : bool
        Whether the diseased labels are an order of severity.
    seed : int
        Root seed of the run.
    versions, digests : dict of str to str
        Of the software, and of what was trained or loaded.
    options : dict of str to JSON-like
        All options of the run, resolved.
    models : dict of str to Summary
        Figures of each model, in the order of the table.
    explanations : dict of str to str
        One line on each model.
    main : str
        The model that the bundle holds.
    differences : tuple of Difference, default=()
        Paired differences, the main model less each other.
    calibration : CalibrationFigures, optional
        How far the main model's screen scores can be taken for probabilities.
    comparison : ComparisonFigures, optional
        The bundle beside others on the same scans.
    per_patient : Summary, optional
        The main model, one answer for each patient.
    per_patient_rule : str, default=""
        How patients were made of scans.
    argmax : Summary, optional
        The main model decided by the most probable label instead of the cut point.
    cut_point : CutPointFigures, optional
        The search for the cut point of the main model; None where it was given.
    fold_cut_points : tuple of float, default=()
        Those of the models of outer folds, which decided on the scans; `cut_point` is
        that of the bundle, fitted on all scans. Empty without folds.
    given_cut_point : float, optional
        The cut point of the main model where it was not searched for.
    refinement : str, default=""
        How the main model names a diseased label, in words.
    cut_point_origin : str, default=""
        Where a given cut point comes from, in words.
    stages : dict of str to str, optional
        What the learners of the main model came to, in words, by stage.
    features : dict of str to FeatureFigures, optional
        What the features of these learners look like, by stage.
    selection : dict of str to Estimate, optional
        The figure `selected_by` of each candidate on held-out training scans, where
        the main model was chosen from several.
    selected : str, default=""
        The candidate that was taken.
    selected_by : str, default=""
        The figure that chose it.
    views : ViewsChoice, optional
        What ten crops and fewer views had on held-out training scans, where both were
        fitted.
    members : dict of str to Summary, optional
        Figures of each network by itself, where a stage combines several; decisions
        are at the cut point of the combination.
    curves : ScreenCurves, optional
        Of the main model; None without healthy or without diseased scans.
    guards : GuardFigures, optional
        What the input gate and the deferral of the main model did.
    subgroups : tuple of SubgroupFigures, default=()
        Figures of the main model by columns of the manifest.
    mistakes : tuple of Mistake, default=()
        The worst of the main model, by kind, one of each patient.
    histories : dict of str to tuple of EpochFigures, optional
        Training curves by stage.
    seconds : dict of str to float, optional
        Wall clock time by step, in seconds.

    Raises
    ------
    pydantic.ValidationError
        If a number is not finite, or names or labels do not fit together.
    """

    data: DataFigures
    protocol: str
    labels: tuple[str, ...]
    ordered: bool
    seed: int
    versions: dict[str, str]
    digests: dict[str, str]
    options: dict[str, Json]
    models: dict[str, Summary]
    explanations: dict[str, str]
    main: str
    differences: tuple[Difference, ...] = ()
    calibration: CalibrationFigures | None = None
    comparison: ComparisonFigures | None = None
    per_patient: Summary | None = None
    per_patient_rule: str = ""
    argmax: Summary | None = None
    cut_point: CutPointFigures | None = None
    fold_cut_points: tuple[float, ...] = ()
    given_cut_point: float | None = None
    refinement: str = ""
    cut_point_origin: str = ""
    stages: dict[str, str] = Field(default_factory=dict)
    features: dict[str, FeatureFigures] = Field(default_factory=dict)
    selection: dict[str, Estimate] = Field(default_factory=dict)
    selected: str = ""
    selected_by: str = ""
    views: ViewsChoice | None = None
    members: dict[str, Summary] = Field(default_factory=dict)
    curves: ScreenCurves | None = None
    guards: GuardFigures | None = None
    subgroups: tuple[SubgroupFigures, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    histories: dict[str, tuple[EpochFigures, ...]] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> RunResults:
        named = {self.main, *self.explanations}
        named |= {d.model for d in self.differences}
        named |= {d.baseline for d in self.differences}
        if strangers := sorted(named - set(self.models)):
            raise ValueError(f"{strangers[0]!r} is none of the models")
        if self.cut_point is not None and self.given_cut_point is not None:
            raise ValueError("a cut point is either given or searched for")
        if self.selected != "" and self.selected not in self.selection:
            raise ValueError(f"{self.selected!r} is none of the candidates")
        extra = [s for s in (self.per_patient, self.argmax) if s is not None]
        for summary in (*self.models.values(), *self.members.values(), *extra):
            if summary.overall.labels != self.labels:
                raise ValueError(f"figures of {summary.overall.labels}, not of labels")
        return self

    @property
    def threshold(self) -> float | None:
        """Cut point of the main model; None where nobody told it."""
        found = self.cut_point
        return self.given_cut_point if found is None else found.threshold

    @property
    def decided_at(self) -> tuple[float, ...]:
        """Cut points that decided on the scans: of each fold, or that of all."""
        if self.fold_cut_points or self.threshold is None:
            return self.fold_cut_points
        return (self.threshold,)

    def to_json(self) -> str:
        """Write strict JSON: an undefined figure is null."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> RunResults:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str or bytes
            JSON in UTF-8.

        Returns
        -------
        results : RunResults
            Equal to the ones that were written.

        Raises
        ------
        InputError
            If it is no such JSON.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the text"
            raise InputError(
                f"{RESULTS}, {place}: expected what a run wrote, got "
                f"'{first['msg']}'. Run it again."
            ) from error


def write_results(
    folder: Path, results: RunResults, predictions: pd.DataFrame | None = None
) -> None:
    """Write ``results.json`` and ``predictions.csv``.

    Parameters
    ----------
    folder : Path
        Of the run; it exists.
    results : RunResults
        What was found out.
    predictions : DataFrame, optional
        One row for each scan.

    Raises
    ------
    ResourceError
        If they cannot be written.
    """
    write_text(folder / RESULTS, results.to_json() + "\n")
    if predictions is not None:
        safe = predictions.rename(columns=escape_cell)
        for column in safe.columns.drop(safe.select_dtypes("number").columns):
            safe[column] = safe[column].map(lambda cell: escape_cell(str(cell)))
        table = safe.to_csv(index=False, lineterminator="\n")
        write_text(folder / PREDICTIONS, table)


def read_results(folder: Path) -> RunResults:
    """Read the ``results.json`` of a run.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    results : RunResults
        As they were written.

    Raises
    ------
    InputError
        If there is no such file, or it is not what `write_results` writes.
    ResourceError
        If it may not be read.
    """
    path = folder / RESULTS
    try:
        return RunResults.from_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected the results of a run, got no such file. "
            "Point at the folder that train or evaluate wrote."
        ) from error
    except OSError as error:
        raise explain_os_error(f"read {path}", error) from error
