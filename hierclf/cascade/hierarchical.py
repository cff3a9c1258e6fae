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
from hierclf.cascade.choices import Calibration, Refinement
from hierclf.cascade.curve import Points, SweepCurve
from hierclf.cascade.cut_point import (
    CutPointChoice,
    rule_for,
)
from hierclf.cascade.decisions import Decisions, HeldOut
from hierclf.cascade.naming import Naming, tune_naming
from hierclf.cascade.stages import (
    Answers,
    ask_refine,
    ask_screen,
    ask_stages,
    fit_stages,
)
from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import is_plain, patients_of, some_of, take
from hierclf.foundation.errors import InputError
from hierclf.problem.labels import hierarchy_of

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Folds = Sequence[tuple[Indices, Indices]]
Groups = NDArray[Any] | None


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
    refinement : {"plain", "ordered"}, default="plain"
        ``ordered`` is for stages with an order: `refine` is fitted on all scans and
        all labels (a `hierclf.metalearners.ordinal.OrdinalClassifier`, or any other
        classifier), and each step from a stage to the next gets a cut point of its
        own, chosen together with that of the screen, see `hierclf.cascade.ladder`;
        one half where the cut point is a number. `adjustment` has no say then.
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
    naming_ : Naming
        What the refinement decides by: priors, adjustment, cut points of the steps.
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
        refinement: Refinement = "plain",
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
        self.refinement = refinement
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
        self._choose(counts / counts.sum())
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
        self._keep(np.asarray(held), y, answers)

    def _hold_out(self, X: Any, y: NDArray[Any], folds: Folds, groups: Groups) -> None:
        if not folds:
            return
        scores = np.full(len(y), np.nan)
        conditional = np.zeros((len(y), len(self.hierarchy_.diseased)))
        said = conditional.copy()
        for train, test in folds:
            known = some_of(groups, train)
            screen, refine = self._fit_stages(take(X, train), y[train], known)
            found = ask_stages(screen, refine, self.hierarchy_, take(X, test))
            scores[test], conditional[test] = found.diseased, found.conditional
            said[test] = found.said
        rows = np.flatnonzero(np.isfinite(scores))
        self._keep(rows, y, Answers(scores[rows], conditional[rows], said[rows]))

    def _fit_stages(
        self,
        X: Any,
        y: NDArray[Any],
        groups: Groups,
        exam: tuple[Any, NDArray[Any]] | None = None,
    ) -> tuple[Any, Any]:
        return fit_stages(
            self.screen,
            self.refine,
            self.hierarchy_,
            X,
            y,
            groups,
            exam,
            refinement=self.refinement,
        )

    def _keep(self, rows: Indices, y: NDArray[Any], answers: Answers) -> None:
        """Keep held-out predictions, and calibrate both stages on them."""
        truth = self.hierarchy_.positions(y[rows])
        raw = answers.diseased, answers.conditional
        self.calibrators_ = fit_calibrators(self.calibration, truth, *raw)
        told = calibrated(self.calibrators_, *raw)
        self.held_out_ = HeldOut(rows, truth, *told, said=answers.said)

    def _choose(self, priors: Floats) -> None:
        """Choose the cut point, and what the refinement decides by."""
        tuned = self.adjustment == "tuned"
        costs = None if self.costs is None else np.asarray(self.costs, dtype=float)
        climbs = self.refinement == "ordered" and len(self.hierarchy_.diseased) > 1
        rungs = np.full(len(self.hierarchy_.diseased) - 1, 0.5) if climbs else None
        power = 0.0 if tuned or climbs else float(self.adjustment)
        self.naming_ = Naming(priors, power, rungs, costs)
        if not isinstance(self.cut_point, str):
            if not 0 <= float(self.cut_point) <= 1:
                raise InputError(
                    f"cut_point: expected a number in [0, 1], got {self.cut_point}. "
                    "It is compared with a probability."
                )
            self.cut_point_ = float(self.cut_point)
            return
        if self.held_out_ is None:
            raise InputError(
                "cut_point: expected held-out predictions for a rule, got no folds. "
                "Pass cv, or a number as the cut point."
            )
        rule = rule_for(self.cut_point, self.hierarchy_)
        self.naming_, self.curve_, self.choice_ = tune_naming(
            self.naming_, self.held_out_, rule, self.points, adjusted=tuned
        )
        self.cut_point_ = self.choice_.threshold

    def decide(self, X: Any, *, refine_healthy: bool = True) -> Decisions:
        """Score scans and decide on them.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.
        refine_healthy : bool, default=True
            Whether scans below the cut point get probabilities of diseased labels, too.
            Without them a refinement with networks of its own does less work: it is
            not asked where all of `X` are below. Nothing else differs, to the last
            bit: where one is above, all are computed together as ever.

        Returns
        -------
        decisions : Decisions
            Scores, probabilities and decisions in the order of the hierarchy.
        """
        check_is_fitted(self, "screen_")
        if is_plain(X):
            X = validate_data(self, X, reset=False)
        raw, views = ask_screen(self.screen_, X)
        screen = self.calibrators_[0]
        score = raw if screen is None else screen.of_positive(raw)
        sick = score >= self.cut_point_
        asked = sick | (refine_healthy or self.refine_ is None)
        table = np.full((len(score), len(self.hierarchy_.labels)), np.nan)
        table[:, 0] = 1 - score
        named = np.zeros(len(score), dtype=np.intp)
        if asked.any():
            conditional, refined = self._name(X, len(score))
            table[asked, 1:] = score[asked, None] * conditional[asked]
            named[asked] = refined[asked]
        spread = None
        if views is not None:
            told = views if screen is None else screen.of_positive(views)
            spread = told.std(axis=1)
        cut_points = np.full(len(score), self.cut_point_)
        decided = np.where(sick, named, 0)
        return Decisions(score, table, named, decided, spread, cut_points)

    def _name(self, X: Any, n_scans: int) -> tuple[Floats, Indices]:
        """Ask the refinement, calibrated, and decide on a diseased label."""
        conditional, said = ask_refine(self.refine_, self.hierarchy_, X, n_scans)
        refine = self.calibrators_[1]
        if refine is not None:
            conditional = refine(conditional)
        return conditional, self.naming_(said, conditional)

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
