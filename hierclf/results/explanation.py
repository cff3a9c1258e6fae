"""What explaining scans left: a row for each, and figures of the maps."""

from __future__ import annotations

from pydantic import Field

from hierclf.evaluation.intervals import Estimate
from hierclf.results.data import Json, Strict, Text


class BoxRow(Strict):
    """A rectangle in pixels of the scan; see `hierclf.explanation.boxes.Box`."""

    left: int
    top: int
    right: int
    bottom: int
    energy: float


class ScanRow(Strict):
    """One scan: what was decided, by whom, and where its evidence lies.

    Parameters
    ----------
    scan : str
        Its name relative to the input.
    status : {"ok", "rejected", "error"}
        As in the rows of ``hierclf score``.
    code, message : str
        Why there is no map; '' where there is one.
    sha256 : str
        Of the file; '' where it was not read.
    decision, label : str
        Healthy or diseased, and which label.
    action : str
        What the guards of the bundle say to do with the decision; '' without any.
    truth : str
        Its label in the manifest; '' where unknown.
    screen_score, probability : float or None
        P(diseased), and the probability of the label.
    stage : str
        Whose map it is: that of the stage that decided, as far as it can be shown.
    asked : str
        The class whose evidence is shown.
    stage_score : float or None
        What that stage said of it.
    method : str
        Whose map is boxed.
    height, width : int
        Of the scan in pixels.
    peak : tuple of int or None
        Column and row of the hottest place; None where the map is cold.
    boxes : tuple of BoxRow
        That with the most heat first.
    folder : str
        Where its pictures are, relative to this file.
    """

    scan: Text
    status: str
    code: str = ""
    decision: str = ""
    label: Text = ""
    action: str = ""
    truth: Text = ""
    screen_score: float | None = None
    probability: float | None = None
    stage: str = ""
    asked: Text = ""
    stage_score: float | None = None
    method: str = ""
    height: int = 0
    width: int = 0
    peak: tuple[int, int] | None = None
    boxes: tuple[BoxRow, ...] = ()
    folder: str = ""
    sha256: str = ""
    message: Text = ""


class MapFigures(Strict):
    """Means over the scans with a lesion.

    Parameters
    ----------
    stage : str
        Whose maps.
    group : str
        Label of the scans; '' for all.
    map : str
        A method, or what it is compared with.
    method : str
        The method; '' for what does not depend on one.
    n_scans, n_patients : int
        How many.
    figures : dict of str to Estimate
        See `hierclf.explanation.localization`.
    gains : dict of str to Estimate
        Figures of the method less those of this map, scan by scan; empty for the
        methods themselves.
    """

    stage: str
    group: Text
    map: str
    method: str
    n_scans: int
    n_patients: int
    figures: dict[str, Estimate]
    gains: dict[str, Estimate] = Field(default_factory=dict)


class CurveFigures(Strict):
    """Deletion and insertion, means over scans.

    Parameters
    ----------
    stage : str
        Whose score and maps.
    map : str
        Whose order.
    n_scans, n_patients : int
        How many.
    deletion, insertion : Estimate
        Areas under the curves.
    deletion_curve, insertion_curve : tuple of float
        Mean scores over the share of pixels.
    gains : dict of str to Estimate
        For a method: ``deletion`` and ``insertion`` less those of a random order.
    """

    stage: str
    map: str
    n_scans: int
    n_patients: int
    deletion: Estimate
    insertion: Estimate
    deletion_curve: tuple[float, ...]
    insertion_curve: tuple[float, ...]
    gains: dict[str, Estimate] = Field(default_factory=dict)


class ExplanationResults(Strict):
    """Everything that the page tells.

    Parameters
    ----------
    name : str
        Of the data.
    phantom : bool
        Whether the scans are synthetic.
    has_patients : bool
        Whether scans of one patient are known as such.
    bundle : str
        Digest of the bundle.
    method : str
        Whose map is boxed.
    views : tuple of str
        How the readers look at scans.
    remarks : tuple of str
        What a reader must know.
    rows : tuple of ScanRow
        One for each scan.
    localization : tuple of MapFigures
        Empty without lesion masks.
    curves : tuple of CurveFigures
        Empty where they were not asked for.
    options : dict of str to JSON
        Of the command.
    """

    name: Text
    phantom: bool
    has_patients: bool
    bundle: str
    method: str
    views: tuple[str, ...]
    remarks: tuple[Text, ...]
    rows: tuple[ScanRow, ...]
    localization: tuple[MapFigures, ...]
    curves: tuple[CurveFigures, ...]
    options: dict[str, Json]

    @property
    def n_failed(self) -> int:
        """How many scans have no map."""
        return sum(row.status != "ok" for row in self.rows)
