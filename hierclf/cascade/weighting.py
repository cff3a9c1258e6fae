"""A classifier whose classes weigh as much as their errors cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils.metaestimators import available_if

from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import accepted, patients_of, take
from hierclf.foundation.errors import InputError
from hierclf.problem.costs import check_cost_vector, recall_costs


def _has_views(self: CostWeighted) -> bool:
    return hasattr(getattr(self, "estimator_", self.estimator), "predict_views")


class CostWeighted(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Fit a classifier with a weight for each class.

    Parameters
    ----------
    estimator : classifier
        Its ``fit`` takes ``sample_weight``.
    costs : "recall" or mapping of label to float, default="recall"
        What an error on a scan of each class costs. ``recall`` fits the plain
        classifier first, predicts scans that it was not fitted on, and makes
        the cost of a class one over its recall (He 2019, section 2.4.3, took
        the recalls from the confusion matrix of the plain stage).
    cv : int, default=5
        Patient-disjoint folds for these recalls, where no validation scans are
        handed to ``fit``.
    seed : int, default=0
        Of the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in sorted order.
    costs_ : ndarray of float, shape (n_classes,)
        Weights in the order of `classes_`, with mean 1.
    recalls_ : ndarray of float, shape (n_classes,), or None
        Of the plain classifier, where costs come from recalls.
    estimator_ : classifier
        The weighted one.
    """

    def __init__(
        self,
        estimator: Any,
        costs: Literal["recall"] | Mapping[Any, float] = "recall",
        *,
        cv: int = 5,
        seed: int = 0,
    ) -> None:
        self.estimator = estimator
        self.costs = costs
        self.cv = cv
        self.seed = seed

    def fit(
        self,
        X: Any,
        y: Any,
        validation: tuple[Any, Any] | None = None,
        groups: Any = None,
    ) -> CostWeighted:
        """Find the costs, then fit with them.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            What the estimator takes.
        y : array-like, shape (n_scans,)
            Labels.
        validation : tuple (X, y), optional
            Scans of other patients; recalls are then theirs.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : CostWeighted
            Fitted.

        Raises
        ------
        InputError
            If costs are named for other labels than those of `y`.
        """
        labels = np.asarray(y)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        extra = accepted(self.estimator, validation=validation, groups=groups)
        self.recalls_: NDArray[np.float64] | None = None
        if isinstance(self.costs, str):
            truth, answers = self._held_out(X, labels, validation, groups)
            self.recalls_ = _recalls(truth, answers, self.classes_)
            self.costs_ = recall_costs(self.recalls_)
        else:
            self.costs_ = self._named_costs(self.costs)
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(X, labels, sample_weight=self.costs_[codes], **extra)
        return self

    def _named_costs(self, costs: Mapping[Any, float]) -> NDArray[np.float64]:
        missing = [str(label) for label in self.classes_ if label not in costs]
        if missing:
            raise InputError(
                f"costs: expected one for each of {self.classes_.tolist()}, got none "
                f"for {missing}. Name every class of the stage."
            )
        ordered = [costs[label] for label in self.classes_]
        return check_cost_vector(ordered, len(ordered))

    def _held_out(
        self,
        X: Any,
        y: NDArray[Any],
        validation: tuple[Any, Any] | None,
        groups: Any,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        if validation is not None:
            plain = clone(self.estimator)
            plain.fit(X, y, **accepted(plain, validation=validation, groups=groups))
            return np.asarray(validation[1]), plain.predict(validation[0])
        answers = np.empty(len(y), dtype=self.classes_.dtype)
        patients = patients_of(X, len(y), groups)
        for train, test in inner_folds(y, patients, n_folds=self.cv, seed=self.seed):
            if len(np.unique(y[train])) < 2:
                answers[test] = y[train][0]
                continue
            told = None if groups is None else patients[train]
            extra = accepted(self.estimator, groups=told)
            plain = clone(self.estimator).fit(take(X, train), y[train], **extra)
            answers[test] = plain.predict(take(X, test))
        return y, answers

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give what the weighted classifier gives."""
        probabilities: NDArray[np.float64] = self.estimator_.predict_proba(X)
        return probabilities

    @available_if(_has_views)  # type: ignore[untyped-decorator]
    def predict_views(self, X: Any) -> NDArray[np.float64]:
        """Give what the weighted network gives for each view."""
        probabilities: NDArray[np.float64] = self.estimator_.predict_views(X)
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """Name the most probable class."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def unweighted(stage: Any) -> Any:
    """Give the classifier inside a fitted `CostWeighted`; any other as it is."""
    return stage.estimator_ if isinstance(stage, CostWeighted) else stage


def _recalls(
    truth: NDArray[Any], answers: NDArray[Any], classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Recall of each class; 1 (no extra weight) for one that was not tested."""
    return np.array(
        [
            np.mean(answers[truth == label] == label) if (truth == label).any() else 1.0
            for label in classes
        ]
    )
