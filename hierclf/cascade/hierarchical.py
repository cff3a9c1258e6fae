"""The cascade: a screen, a cut point, and a refinement of what passes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from hierclf.cascade.calibrators import Calibrators, calibrated, fit_calibrators
from hierclf.cascade.choices import Calibration
from hierclf.cascade.curve import Points, SweepCurve, sweep
from hierclf.cascade.cut_point import (
    CutPointChoice,
    choose_cut_point,
    parse_rule,
)
from hierclf.cascade.decisions import Decisions, HeldOut
from hierclf.cascade.stages import ask_stages, fit_stages
from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import is_plain, patients_of, some_of, take
from hierclf.foundation.errors import InputError
from hierclf.problem.costs import least_cost_decision
from hierclf.problem.labels import hierarchy_of

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Folds = Sequence[tuple[Indices, Indices]]
Groups = NDArray[Any] | None

ADJUSTMENTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Adjustments that are tried where one is tuned; the least of equals is taken."""


class HierarchicalClassifier(ClassifierMixin, BaseEstimator):
    """Decide healthy or diseased at a cut point, then which stage or type.

    The probabilities are coherent: P(healthy) = 1 - P(diseased) and P(stage k) =
    P(diseased) P(k | diseased). The decision is not their argmax: it compares
    P(diseased) with the cut point. So ``predict`` and the argmax of
    ``predict_proba`` may differ, and both are reported.

    Parameters
    ----------
    screen, refine : classifier, optional
        Any scikit-learn classifiers with ``predict_proba``; logistic regression
        where they are not given. `refine` is fitted on diseased scans only.
    healthy : label, optional
        The healthy one; the first in sorted order where it is not given.
    stages : sequence of label, default=()
        The diseased ones in their order; sorted where it is empty.
    ordered : bool, default=False
        Whether the stages are an order of severity.
    cut_point : float or str, default=0.5
        A number in [0, 1], or the rule by which it is chosen, see
        `hierclf.cascade.cut_point.parse_rule`. A rule looks only at predictions
        of scans that the stages were not fitted on.
    points : {"grid", "all"}, default="grid"
        The 19 values 0.05 to 0.95, or every score that occurs.
    costs : array-like of float, shape (n_labels, n_labels), optional
        Cost matrix in the order healthy, stages. The rule ``expected_cost``
        needs it, and `refine` then decides by least expected cost.
    adjustment : float or "tuned", default=0.0
        How far the refinement's decision makes up for rare stages: it takes the
        largest ``P(k | diseased) / prior_k ** adjustment``, where the priors are
        those of the training scans. 0 is the most probable stage; 1 is what macro
        recall asks for (Menon et al., "Long-tail learning via logit adjustment",
        ICLR 2021, equation 9). ``"tuned"`` chooses it together with the cut point,
        for the best macro recall among the cut points that the rule would take.
        It changes no probability. Where there are costs, they decide instead.
    calibration : {"none", "temperature", "platt", "isotonic"}, default="none"
        How both stages are calibrated on predictions of scans that they were not
        fitted on, see `hierclf.cascade.calibrators.fit_calibrator`. The cut point is
        one of the calibrated score. It changes what probabilities say and, but for
        the ties that ``isotonic`` makes, no decision: the refinement decides by what
        it said itself; only where there are costs, by calibrated probabilities.
    cv : int or list of (train, test), default=5
        Patient-disjoint folds for the rule and the calibration. One pair only: the
        stages are fitted on its first part, the cut point is chosen on its second,
        and nothing is fitted again; for networks that are dear to fit.
    seed : int, default=0
        Of the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (n_labels,)
        Labels in sorted order, the columns of ``predict_proba``.
    hierarchy_ : Hierarchy
        Healthy and diseased labels in their order.
    screen_ : classifier
        Fitted; its classes are False and True.
    refine_ : classifier or None
        None where there is one diseased label only.
    cut_point_ : float
        A scan is diseased where its score is not below.
    adjustment_ : float
        The adjustment in use.
    priors_ : ndarray of float, shape (n_diseased,)
        Share of each diseased label among the diseased training scans.
    choice_ : CutPointChoice or None
        How the cut point was chosen; None for a given number.
    curve_ : SweepCurve or None
        All cut points that were tried.
    held_out_ : HeldOut or None
        The predictions that the cut point was chosen on.
    calibrators_ : tuple of Calibrator or None, length 2
        Of screen and refinement.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]])
    >>> cascade = HierarchicalClassifier().fit(X, list("aabbcc"))
    >>> cascade.predict(X).tolist()
    ['a', 'a', 'b', 'b', 'c', 'c']
    """

    def __init__(
        self,
        screen: Any = None,
        refine: Any = None,
        *,
        healthy: Any = None,
        stages: Sequence[Any] = (),
        ordered: bool = False,
        cut_point: float | str = 0.5,
        points: Points = "grid",
        costs: ArrayLike | None = None,
        adjustment: float | Literal["tuned"] = 0.0,
        calibration: Calibration = "none",
        cv: int | Folds = 5,
        seed: int = 0,
    ) -> None:
        self.screen = screen
        self.refine = refine
        self.healthy = healthy
        self.stages = stages
        self.ordered = ordered
        self.cut_point = cut_point
        self.points = points
        self.costs = costs
        self.adjustment = adjustment
        self.calibration = calibration
        self.cv = cv
        self.seed = seed

    def fit(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None
    ) -> HierarchicalClassifier:
        """Fit both stages and choose the cut point.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            Manifest rows, scans in memory, or a table of features.
        y : array-like, shape (n_scans,)
            Labels.
        groups : array-like, shape (n_scans,), optional
            Patients; the column ``patient_id`` of a manifest where it is not
            given, else every row is a patient of its own.

        Returns
        -------
        self : HierarchicalClassifier
            Fitted.

        Raises
        ------
        InputError
            If there is no diseased or no healthy scan, or the rule cannot be met.
        """
        given = None if groups is None else np.asarray(groups)
        if is_plain(X):
            X, y = validate_data(self, X, y)
        elif isinstance(X, pd.DataFrame) and given is not None:
            X, given = X.assign(patient_id=given), None
        labels = np.asarray(y)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise InputError(
                f"labels: expected healthy and diseased scans, got one class "
                f"({self.classes_[0]!r}). Add scans of another label."
            )
        self.hierarchy_ = hierarchy_of(
            labels, self.healthy, self.stages, ordered=self.ordered
        )
        counts = np.bincount(self.hierarchy_.positions(labels))[1:]
        self.priors_ = counts / counts.sum()
        self.choice_: CutPointChoice | None = None
        self.curve_: SweepCurve | None = None
        self.held_out_: HeldOut | None = None
        self.calibrators_: Calibrators = (None, None)
        folds = self._folds(X, labels, given)
        if len(folds) == 1:
            self._fit_once(X, labels, folds[0], given)
        else:
            self._hold_out(X, labels, folds, given)
            self.screen_, self.refine_ = self._fit_stages(X, labels, given)
        self.adjustment_, self.cut_point_ = self._choose()
        return self

    def _folds(self, X: Any, y: NDArray[Any], groups: Groups) -> Folds:
        if not isinstance(self.cv, int):
            return list(self.cv)
        if not isinstance(self.cut_point, str) and self.calibration == "none":
            return []
        patients = patients_of(X, len(y), groups)
        diseased = self.hierarchy_.is_diseased(y)
        return inner_folds(
            y, patients, n_folds=self.cv, seed=self.seed, kin=diseased.astype(int)
        )

    def _fit_once(
        self,
        X: Any,
        y: NDArray[Any],
        pair: tuple[Indices, Indices],
        groups: Groups,
    ) -> None:
        train, held = pair
        exam = (take(X, held), y[held])
        known = some_of(groups, train)
        self.screen_, self.refine_ = self._fit_stages(
            take(X, train), y[train], known, exam
        )
        answers = ask_stages(self.screen_, self.refine_, self.hierarchy_, exam[0])
        self._keep(np.asarray(held), y, answers.diseased, answers.conditional)

    def _hold_out(self, X: Any, y: NDArray[Any], folds: Folds, groups: Groups) -> None:
        if not folds:
            return
        scores = np.full(len(y), np.nan)
        conditional = np.zeros((len(y), len(self.hierarchy_.diseased)))
        for train, test in folds:
            known = some_of(groups, train)
            screen, refine = self._fit_stages(take(X, train), y[train], known)
            found = ask_stages(screen, refine, self.hierarchy_, take(X, test))
            scores[test], conditional[test] = found.diseased, found.conditional
        rows = np.flatnonzero(np.isfinite(scores))
        self._keep(rows, y, scores[rows], conditional[rows])

    def _fit_stages(
        self,
        X: Any,
        y: NDArray[Any],
        groups: Groups,
        exam: tuple[Any, NDArray[Any]] | None = None,
    ) -> tuple[Any, Any]:
        return fit_stages(self.screen, self.refine, self.hierarchy_, X, y, groups, exam)

    def _keep(
        self, rows: Indices, y: NDArray[Any], scores: Floats, conditional: Floats
    ) -> None:
        """Keep held-out predictions, and calibrate both stages on them."""
        truth = self.hierarchy_.positions(y[rows])
        self.calibrators_ = fit_calibrators(
            self.calibration, truth, scores, conditional
        )
        told = calibrated(self.calibrators_, scores, conditional)
        self.held_out_ = HeldOut(rows, truth, *told, uncalibrated=conditional)

    def named(
        self, uncalibrated: Floats, conditional: Floats, adjustment: float
    ) -> Indices:
        """Decide which stage it is, should it be one.

        Parameters
        ----------
        uncalibrated, conditional : ndarray of float, shape (n_scans, n_diseased)
            Probability of each diseased label, given that it is one: as the
            refinement said it, and calibrated.
        adjustment : float
            See the class.

        Returns
        -------
        refined : ndarray of int, shape (n_scans,)
            Positions in the hierarchy, at least 1.
        """
        if self.costs is not None:
            inner = np.asarray(self.costs, dtype=np.float64)[1:, 1:]
            refined: Indices = least_cost_decision(conditional, inner) + 1
        else:
            refined = np.argmax(uncalibrated / self.priors_**adjustment, axis=1) + 1
        return refined

    def _choose(self) -> tuple[float, float]:
        """Choose adjustment and cut point."""
        tuned = self.adjustment == "tuned"
        given = 0.0 if tuned else float(self.adjustment)
        if not isinstance(self.cut_point, str):
            if not 0 <= float(self.cut_point) <= 1:
                raise InputError(
                    f"cut_point: expected a number in [0, 1], got {self.cut_point}. "
                    "It is compared with a probability."
                )
            return given, float(self.cut_point)
        has_stages = len(self.priors_) > 1 and self.costs is None
        tried = ADJUSTMENTS if tuned and has_stages else (given,)
        found = [(adjustment, *self._sweep(adjustment)) for adjustment in tried]
        best = max(found, key=lambda one: one[2].macro_recall)
        adjustment, self.curve_, self.choice_ = best
        return adjustment, self.choice_.threshold

    def _sweep(self, adjustment: float) -> tuple[SweepCurve, CutPointChoice]:
        held = self.held_out_
        if held is None:
            raise InputError(
                "cut_point: expected held-out predictions for a rule, got no folds. "
                "Pass cv, or a number as the cut point."
            )
        curve = sweep(
            held.truth,
            held.screen_score,
            self.named(held.uncalibrated, held.conditional, adjustment),
            n_classes=len(self.hierarchy_.labels),
            points=self.points,
        )
        costs = None if self.costs is None else np.asarray(self.costs, dtype=float)
        return curve, choose_cut_point(curve, parse_rule(str(self.cut_point)), costs)

    def decide(self, X: Any) -> Decisions:
        """Score scans and decide on them.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        decisions : Decisions
            Scores, probabilities and decisions in the order of the hierarchy.
        """
        check_is_fitted(self, "screen_")
        if is_plain(X):
            X = validate_data(self, X, reset=False)
        said = ask_stages(self.screen_, self.refine_, self.hierarchy_, X)
        score, conditional = calibrated(
            self.calibrators_, said.diseased, said.conditional
        )
        refined = self.named(said.conditional, conditional, self.adjustment_)
        table = np.column_stack([1 - score, score[:, None] * conditional])
        decided = np.where(score >= self.cut_point_, refined, 0)
        spread, screen = None, self.calibrators_[0]
        if said.views is not None:
            told = said.views if screen is None else screen.of_positive(said.views)
            spread = told.std(axis=1)
        cut_points = np.full(len(score), self.cut_point_)
        return Decisions(score, table, refined, decided, spread, cut_points)

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each label.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_labels)
            Columns in the order of `classes_`; rows sum to 1.
        """
        table = self.decide(X).probabilities
        order = self.hierarchy_.positions(self.classes_.tolist())
        columns: Floats = table[:, order]
        return columns

    def predict(self, X: Any) -> NDArray[Any]:
        """Decide on each scan by the cut point.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        labels : ndarray, shape (n_scans,)
            Of the type of the labels in ``fit``.
        """
        decided = self.decide(X).decided
        order = np.argsort(self.hierarchy_.positions(self.classes_.tolist()))
        labels: NDArray[Any] = self.classes_[order][decided]
        return labels
