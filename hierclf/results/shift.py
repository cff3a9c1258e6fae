"""What is known of a ward without labels, as it is written to JSON and shown."""

from __future__ import annotations

from hierclf.cascade.relocation import PlacedCut
from hierclf.evaluation.drift import LabelDrift
from hierclf.evaluation.intervals import Estimate
from hierclf.results.data import Strict, Text


class FitFigures(Strict):
    """How near a ward is to a mixture of the reference's healthy and diseased.

    Parameters
    ----------
    of : {"scores", "features"}
        What was compared.
    distance : float
        From the ward to the nearest mixture.
    typical : float
        Median of the distances of wards that are one.
    tolerance : float
        What is nothing to refuse a ward for.
    limit : float
        Distance from which the ward is refused.
    p_value, p_exact : float
        With the tolerance, and without it.
    refused : bool
        Whether the distance lies beyond the limit.
    """

    of: str
    distance: float
    typical: float
    tolerance: float
    limit: float
    p_value: float
    p_exact: float
    refused: bool


class MoveFigures(Strict):
    """The fixed and the moved cut point, for one goal.

    Parameters
    ----------
    goal : str
        In words.
    rule : str
        As it is given on the command line.
    moves : bool
        Whether the goal depends on the share of diseased scans.
    at_reference : float
        Its choice at the share of the reference.
    fixed, moved : PlacedCut
        Thresholds, intervals and expected figures in the ward.
    fixed_called, moved_called : float
        Share of the ward's scans called diseased at each: counted, not expected.
    """

    goal: str
    rule: str
    moves: bool
    at_reference: float
    fixed: PlacedCut
    moved: PlacedCut
    fixed_called: float
    moved_called: float


class SettledFigures(Strict):
    """What a cut point chosen on so many labelled scans would be worth.

    Parameters
    ----------
    n_scans : int
        Labelled scans.
    low, middle, high : float or None
        2.5, 50 and 97.5 percentiles of the chosen cut point.
    sensitivity, specificity : Estimate
        That it then has.
    n_excluded : int
        Draws that allow no choice.
    """

    n_scans: int
    low: float | None
    middle: float | None
    high: float | None
    sensitivity: Estimate
    specificity: Estimate
    n_excluded: int


class ScoreHistogram(Strict):
    """Share of the scans in each of the bins of the screen score.

    Parameters
    ----------
    edges : tuple of float, length n_bins + 1
        From 0 to 1.
    healthy, diseased, ward : tuple of float, length n_bins
        Of the reference and of the ward; each sums to 1.
    mixture : float, in [0, 1]
        Share of the diseased in the nearest mixture.
    """

    edges: tuple[float, ...]
    healthy: tuple[float, ...]
    diseased: tuple[float, ...]
    ward: tuple[float, ...]
    mixture: float


class ShiftResults(Strict):
    """What is known of a ward without labels.

    Parameters
    ----------
    name, reference : str
        Of the ward, and of the data that the bundle was trained on.
    phantom : bool
        Whether either is synthetic.
    labels : tuple of str
        Healthy first.
    n_scans, n_patients : int
        Of the ward; no patients where nobody knows them.
    n_reference, n_reference_patients : int
        Held-out training scans and their patients.
    reference_prevalence : float
        Share of the diseased among them.
    level : float
        False alarms of the test that are accepted.
    fits : tuple of FitFigures
        The tests.
    reasons : tuple of str
        Why the ward was refused; empty where it was not.
    prevalence, counted : Estimate or None
        By likelihood and by counting; None where the ward was refused.
    known_prevalence : float or None
        Where the ward has labels. Nothing else looks at them but `by_label`.
    moves : tuple of MoveFigures
        The one that counts first; empty where the ward was refused.
    rebased : tuple of tuple of float
        Screen score, and the chance of disease at that score in the reference and in
        the ward.
    settled : tuple of SettledFigures
        What few labelled scans would settle.
    settled_at : float
        The share of diseased scans among them that was taken.
    settled_rule : str
        The rule that was followed, as ``sweep`` reads it.
    histogram : ScoreHistogram
        Of the screen score.
    differences : tuple of float
        Standardized, of each component of the features.
    domain_auc : float or None
        How well ward and reference are told apart by them; one half is not at all.
    by_label : tuple of LabelDrift
        Where the ward has labels.
    remarks : tuple of str
        What else the reader must know.
    """

    name: Text
    reference: Text
    phantom: bool
    labels: tuple[str, ...]
    n_scans: int
    n_patients: int | None
    n_reference: int
    n_reference_patients: int
    reference_prevalence: float
    level: float
    fits: tuple[FitFigures, ...]
    reasons: tuple[str, ...]
    prevalence: Estimate | None
    counted: Estimate | None
    known_prevalence: float | None
    moves: tuple[MoveFigures, ...]
    rebased: tuple[tuple[float, float, float], ...]
    settled: tuple[SettledFigures, ...]
    settled_at: float
    settled_rule: str
    histogram: ScoreHistogram
    differences: tuple[float, ...]
    domain_auc: float | None
    by_label: tuple[LabelDrift, ...]
    remarks: tuple[Text, ...]

    @property
    def refused(self) -> bool:
        """Whether no cut point may be moved on these scans."""
        return bool(self.reasons)
