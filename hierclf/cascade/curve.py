"""How a cascade does at every cut point: the curve that one is chosen from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.evaluation import confusion
from hierclf.evaluation.confusion import Floats, Ints, Tallies, check_positions
from hierclf.evaluation.roc import check_scores
from hierclf.foundation.errors import InputError

Points = Literal["grid", "all"]
N = TypeVar("N", np.float64, np.int32)

GRID: tuple[float, ...] = tuple(step / 20 for step in range(1, 20))
"""0.05 to 0.95 by 0.05, each the float nearest to its decimal."""


@dataclass(frozen=True, eq=False)
class Cases:
    """Held-out scans to choose a cut point on; made by `cases_of`.

    Parameters
    ----------
    n_classes : int
        Labels of the hierarchy, healthy included.
    truth : ndarray of int, shape (n_scans,), in [0, n_classes)
        True positions, 0 is healthy.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    refined : ndarray of int, shape (n_scans,), in [1, n_classes)
        What the refining stage says, should the scan be called diseased.
    """

    n_classes: int
    truth: Ints
    scores: Floats
    refined: Ints


@dataclass(frozen=True, eq=False)
class SweepCurve:
    """A cascade's confusion matrix at each cut point, and what follows from it.

    Parameters
    ----------
    thresholds : ndarray of float, shape (n_points,)
        Rising cut points. A scan is diseased where its score is not below.
    confusions : ndarray of number, shape (n_points, n_classes, n_classes)
        Counts at each of them; rows are true, columns are predicted positions.
    """

    thresholds: Floats
    confusions: Tallies

    @cached_property
    def macro_recall(self) -> Floats:
        """Mean recall of the classes that occur, shape (n_points,)."""
        present = self.confusions[0].any(axis=1)
        return confusion.macro_recall(self.confusions, present)

    @cached_property
    def quadratic_kappa(self) -> Floats:
        """Agreement where labels are an order, shape (n_points,)."""
        return confusion.quadratic_kappa(self.confusions.astype(np.float64))

    @cached_property
    def accuracy(self) -> Floats:
        """Part of the scans called by their own label, shape (n_points,)."""
        return confusion.accuracy(self.confusions)

    @cached_property
    def sensitivity(self) -> Floats:
        """Part of the diseased called diseased, shape (n_points,), falling."""
        return confusion.sensitivity(self.confusions)

    @cached_property
    def specificity(self) -> Floats:
        """Part of the healthy called healthy, shape (n_points,), rising."""
        return confusion.specificity(self.confusions)

    @cached_property
    def youden(self) -> Floats:
        """Sensitivity plus specificity less 1, shape (n_points,), in [-1, 1]."""
        return self.sensitivity + self.specificity - 1

    def expected_cost(self, costs: Floats) -> Floats:
        """Mean cost of a scan at each cut point.

        Parameters
        ----------
        costs : ndarray of float, shape (n_classes, n_classes)
            ``costs[i, j]`` is the price of calling an i a j.

        Returns
        -------
        prices : ndarray of float, shape (n_points,)
            In the unit of `costs`.
        """
        total = self.confusions[0].sum()
        prices: Floats = np.tensordot(self.confusions, costs, axes=2) / total
        return prices


def cases_of(
    truth: ArrayLike, scores: ArrayLike, refined: ArrayLike, *, n_classes: int
) -> Cases:
    """Check the held-out predictions of both stages.

    Parameters
    ----------
    truth : array-like of int, shape (n_scans,)
        True positions, 0 is healthy.
    scores : array-like of float, shape (n_scans,), in [0, 1]
        The screen's probability of being diseased.
    refined : array-like of int, shape (n_scans,), in [1, n_classes)
        The refining stage's answer for every scan, also for those that the screen
        would call healthy.
    n_classes : int, at least 2
        Labels of the hierarchy, healthy included.

    Returns
    -------
    cases : Cases
        Arrays of the same length.

    Raises
    ------
    InputError
        If lengths differ, a score or position is out of range, healthy or diseased
        scans are missing, or the screen gave every scan the same score.
    """
    true = check_positions("truth", truth, n_classes)
    stage = check_positions("refined", refined, n_classes, least=1)
    score = check_scores("screen score", scores, true.size)
    if stage.size != true.size or score.ndim != 1:
        raise InputError(
            f"cut point: expected a score and a refined position for each of "
            f"{true.size} scans, got shapes {score.shape} and {stage.shape}. "
            "Pass the predictions of the same scans as the truth."
        )
    if true.min() > 0 or true.max() == 0:
        raise InputError(
            f"cut point: expected healthy and diseased scans, got {true.size} of one "
            "kind. Choose it on a set that holds both."
        )
    if score.min() == score.max():
        raise InputError(
            f"cut point: expected different screen scores, got {score[0]} for every "
            "scan. The screen has learned nothing; look at its training."
        )
    return Cases(n_classes, true, score, stage)


def sweep(
    truth: ArrayLike,
    scores: ArrayLike,
    refined: ArrayLike,
    *,
    n_classes: int,
    points: Points = "grid",
) -> SweepCurve:
    """Work out a cascade's confusion matrix at every cut point at once.

    Parameters
    ----------
    truth, scores, refined : array-like, shape (n_scans,)
        Held-out predictions, as `cases_of` takes them; never those of the scans
        that the figures are reported on.
    n_classes : int, at least 2
        Labels of the hierarchy, healthy included.
    points : {"grid", "all"}, default="grid"
        The 19 points of `GRID`, or every distinct score and, unless that is 1, the next
        number above the highest, where nobody is diseased.

    Returns
    -------
    curve : SweepCurve
        With int32 counts.

    Raises
    ------
    InputError
        As `cases_of`.

    Notes
    -----
    Each scan falls into the bin between two neighboring cut points; it is called
    diseased at all cut points up to there. One count of the bins and one running sum
    give all matrices, in O(n log n) for n scans whatever the number of points.

    Examples
    --------
    >>> curve = sweep([0, 0, 1, 2], [0.1, 0.6, 0.7, 0.8], [1, 1, 1, 2], n_classes=3)
    >>> float(curve.macro_recall[GRID.index(0.65)])
    1.0
    """
    cases = cases_of(truth, scores, refined, n_classes=n_classes)
    levels = np.asarray(GRID) if points == "grid" else every_score(cases.scores)
    shape = (levels.size + 1, cases.n_classes, cases.n_classes - 1)
    counts = np.bincount(cells(cases, levels), minlength=int(np.prod(shape)))
    return SweepCurve(levels, stack(counts.astype(np.int32).reshape(shape)))


def every_score(scores: Floats) -> Floats:
    """Distinct scores in rising order, and the next number above if below 1."""
    distinct = np.unique(scores)
    above = np.nextafter(distinct[-1], np.inf)
    return np.append(distinct, above) if above <= 1 else distinct


def cells(cases: Cases, thresholds: Floats) -> Ints:
    """Find the cell of each scan: its bin, its true and its refined position.

    Parameters
    ----------
    cases : Cases
        The scans.
    thresholds : ndarray of float, shape (n_points,)
        Rising cut points.

    Returns
    -------
    numbers : ndarray of int, shape (n_scans,)
        Flat index into an array of shape
        (n_points + 1, n_classes, n_classes - 1): how many cut points the score
        reaches, the true position, and the refined position less 1.
    """
    bins = np.searchsorted(thresholds, cases.scores, side="right")
    rows = bins * cases.n_classes + cases.truth
    numbers: Ints = rows * (cases.n_classes - 1) + cases.refined - 1
    return numbers


def stack(counts: NDArray[N]) -> NDArray[N]:
    """Turn counts by bin into the confusion matrix at each cut point.

    Parameters
    ----------
    counts : ndarray, shape (..., n_points + 1, n_classes, n_classes - 1)
        Weight of the scans by the cells that `cells` numbers.

    Returns
    -------
    confusions : ndarray, shape (..., n_points, n_classes, n_classes)
        Of the type of `counts`.
    """
    *outer, n_bins, n_classes, _ = counts.shape
    confusions = np.empty((*outer, n_bins - 1, n_classes, n_classes), counts.dtype)
    diseased = confusions[..., 1:]
    np.cumsum(counts[..., :0:-1, :, :], axis=-3, out=diseased[..., ::-1, :, :])
    everyone = counts.sum(axis=(-3, -1), dtype=counts.dtype)
    confusions[..., 0] = everyone[..., None, :] - diseased.sum(-1, dtype=counts.dtype)
    return confusions
