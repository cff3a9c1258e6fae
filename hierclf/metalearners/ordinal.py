"""Labels with an order, by a ladder of binary classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from hierclf.data.rows import accepted, is_plain
from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]


class OrdinalClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    r"""Ask of every scan whether it is above each label in turn.

    Calling the last stage the first is worse than calling it the one before, which
    a classifier of unordered labels does not know.

    Parameters
    ----------
    estimator : classifier, optional
        Any with ``predict_proba``; logistic regression where it is not given. One
        whose attribute ``knows_order`` is true is fitted once, on the positions of
        the labels, and gives their probabilities itself: a network with one output
        for each step, see `hierclf.networks.heads.Ladder`.
    order : sequence of label, default=()
        Labels from the least to the most; sorted where it is empty.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in sorted order, the columns of ``predict_proba``.
    order_ : tuple of label
        Those of `classes_` in their order.
    rungs_ : tuple of classifier
        One for each step, or the one that knows the order.

    Notes
    -----
    Rung k is fitted on all scans and says :math:`P(y > k)` (Frank and Hall, "A simple
    approach to ordinal classification", ECML 2001). Fitted apart, rungs may
    contradict each other: where a higher one says more than a lower one, both are
    moved to the middle of the two falling sequences that lie around them, the running
    minimum from below and the running maximum from above. ``predict`` takes the
    median, the last label that is reached with a probability of one half or more,
    which is the least expected distance in labels.

    Examples
    --------
    >>> X = np.arange(30.0)[:, None]
    >>> y = np.repeat(["mild", "bad", "worst"], 10)
    >>> model = OrdinalClassifier(order=["mild", "bad", "worst"]).fit(X, y)
    >>> model.predict(X[[0, 15, 29]]).tolist()
    ['mild', 'bad', 'worst']
    """

    def __init__(self, estimator: Any = None, *, order: Sequence[Any] = ()) -> None:
        self.estimator = estimator
        self.order = order

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation: tuple[Any, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
    ) -> OrdinalClassifier:
        """Fit the rungs.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            What the estimator takes.
        y : array-like, shape (n_scans,)
            Labels, at least two different ones.
        sample_weight : array-like of float, shape (n_scans,), optional
            What a row counts.
        validation : tuple (X, y), optional
            Scans of other patients, for estimators that look at some.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : OrdinalClassifier
            Fitted.

        Raises
        ------
        InputError
            If there is one label only, or one that has no place in the order.
        """
        if is_plain(X):
            X, y = validate_data(self, X, y)
        labels = np.asarray(y)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        self.order_ = self._order()
        places = self._places(labels)
        told = {"sample_weight": sample_weight, "groups": groups}
        base = self.estimator
        if base is None:
            base = LogisticRegression(max_iter=2000)
        held = None
        if validation is not None:
            held = self._places(np.asarray(validation[1]))
        targets: list[NDArray[Any]]
        targets = [places > step for step in range(len(self.order_) - 1)]
        exams: list[NDArray[Any] | None]
        exams = [held if held is None else held > k for k in range(len(targets))]
        if getattr(base, "knows_order", False):
            targets, exams = [places], [held]
        self.rungs_: tuple[Any, ...] = tuple(
            _fitted(
                base,
                X,
                target,
                validation=None if validation is None else (validation[0], exam),
                **told,
            )
            for target, exam in zip(targets, exams, strict=True)
        )
        return self

    def _order(self) -> tuple[Any, ...]:
        present = self.classes_.tolist()
        if len(present) < 2:
            raise InputError(
                f"ordered labels: expected two at least, got one class, {present[0]!r}."
                " There must be something to decide."
            )
        if not len(self.order):
            return tuple(present)
        order = np.asarray(self.order).tolist()
        strange = [label for label in present if label not in order]
        if strange or len(set(order)) < len(order):
            raise InputError(
                f"ordered labels: expected each of {present} once in the order, got "
                f"{order}. Name them from the least to the most."
            )
        return tuple(label for label in order if label in present)

    def _places(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        """Give positions in `order_`; a label that is not in it has that below."""
        order = list(self.order) or sorted({*self.order_, *labels.tolist()})
        known = [order.index(label) for label in self.order_]
        ranks = [order.index(label) for label in labels.tolist()]
        return np.maximum(np.searchsorted(known, ranks, side="right") - 1, 0)

    def above(self, X: Any) -> Floats:
        """Give the probability of being above each label but the last.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        above : ndarray of float, shape (n_scans, n_classes - 1)
            In the order of `order_`; rows do not rise.
        """
        check_is_fitted(self, "rungs_")
        if is_plain(X):
            X = validate_data(self, X, reset=False)
        if len(self.rungs_) == 1 and len(self.order_) > 2:
            table = self.rungs_[0].predict_proba(X)
            climbed: Floats = table[:, ::-1].cumsum(axis=1)[:, -2::-1]
            return climbed
        return falling(
            np.column_stack([rung.predict_proba(X)[:, 1] for rung in self.rungs_])
        )

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each label.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        above = self.above(X)
        table = -np.diff(above, axis=1, prepend=1, append=0)
        columns = [self.order_.index(label) for label in self.classes_.tolist()]
        shares: Floats = table[:, columns]
        return shares

    def predict(self, X: Any) -> NDArray[Any]:
        """Name the median label of each row."""
        passed = (self.above(X) >= 0.5).sum(axis=1)
        places = np.asarray([self.classes_.tolist().index(k) for k in self.order_])
        labels: NDArray[Any] = self.classes_[places[passed]]
        return labels


def falling(told: Floats) -> Floats:
    """Make rows fall from left to right, or stay.

    Parameters
    ----------
    told : ndarray of float, shape (n_rows, n_steps)
        Probabilities of being above each label.

    Returns
    -------
    falling : ndarray of float, shape (n_rows, n_steps)
        Rows that fall already are as they were.

    Examples
    --------
    >>> falling(np.array([[0.9, 0.5, 0.7], [0.9, 0.8, 0.1]])).tolist()
    [[0.9, 0.6, 0.6], [0.9, 0.8, 0.1]]
    """
    least = np.minimum.accumulate(told, axis=1)
    most = np.maximum.accumulate(told[:, ::-1], axis=1)[:, ::-1]
    middle: Floats = (least + most) / 2
    return middle


def _fitted(base: Any, X: Any, y: NDArray[Any], **told: Any) -> Any:
    rung = clone(base)
    return rung.fit(X, y, **accepted(rung, **told))
