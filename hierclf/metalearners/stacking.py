"""Several classifiers to one: by a mean, or by what is learned about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import accepted, patients_of, take
from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]
_LEAST = 1e-6


def _mean(told: Floats) -> Floats:
    mean: Floats = told.mean(axis=1)
    return mean


def _geometric(told: Floats) -> Floats:
    product = np.exp(np.log(np.maximum(told, _LEAST)).mean(axis=1))
    shares: Floats = product / product.sum(axis=1, keepdims=True)
    return shares


LEARNED = "logistic"
COMBINATIONS: Mapping[str, Callable[[Floats], Floats] | None] = MappingProxyType(
    {LEARNED: None, "mean": _mean, "geometric": _geometric}
)
"""Ways to combine: probabilities ``(n, n_members, n_classes)`` to ``(n,
n_classes)``; the learned one is fitted."""


class ProbabilityStack(ClassifierMixin, BaseEstimator):
    """Combine the probabilities of several classifiers.

    Features of differently trained networks cannot be compared from fold to fold;
    their probabilities can. `sklearn.ensemble.StackingClassifier` takes no groups,
    so it would show the second level what members said of patients that they knew.

    Parameters
    ----------
    members : sequence of (name, classifier)
        They may look at scans of different size in different ways.
    combine : {"logistic", "mean", "geometric"}, default="logistic"
        Logistic regression on the logarithms of out-of-fold probabilities (Wolpert,
        "Stacked generalization", 1992), or a mean that learns nothing: what is
        learned must beat it.
    cv : int, default=5
        Folds by patient for these probabilities.
    seed : int, default=0
        Of the folds.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in sorted order.
    members_ : tuple of classifier
        Fitted on all scans.
    combiner_ : LogisticRegression or None
        None for a mean.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> pair = [("a", GaussianNB()), ("b", LogisticRegression())]
    >>> X = np.arange(20.0)[:, None]
    >>> stack = ProbabilityStack(pair, combine="mean").fit(X, X[:, 0] > 9)
    >>> stack.predict(X[[0, 19]]).tolist()
    [False, True]
    """

    def __init__(
        self,
        members: Sequence[tuple[str, Any]],
        *,
        combine: str = LEARNED,
        cv: int = 5,
        seed: int = 0,
    ) -> None:
        self.members = members
        self.combine = combine
        self.cv = cv
        self.seed = seed

    def fit(
        self, X: Any, y: ArrayLike, groups: ArrayLike | None = None
    ) -> ProbabilityStack:
        """Fit the members, and what combines them.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            What the members take.
        y : array-like, shape (n_scans,)
            Labels.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : ProbabilityStack
            Fitted.

        Raises
        ------
        InputError
            If there is no member, or no such combination.
        """
        choose("combine", self.combine, COMBINATIONS)
        if not self.members:
            raise InputError(
                "members: expected at least one classifier, got none. Name some."
            )
        labels = np.asarray(y)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        patients = patients_of(X, len(labels), groups)
        self.combiner_: LogisticRegression | None = None
        if self.combine == LEARNED:
            held = _as_logs(self._held_out(X, labels, patients))
            self.combiner_ = LogisticRegression(max_iter=2000).fit(held, targets)
        self.members_ = self._fit_members(X, labels, patients)
        return self

    def _fit_members(
        self, X: Any, labels: NDArray[Any], patients: NDArray[Any]
    ) -> tuple[Any, ...]:
        return tuple(
            clone(one).fit(X, labels, **accepted(one, groups=patients))
            for _, one in self.members
        )

    def _held_out(self, X: Any, labels: NDArray[Any], patients: NDArray[Any]) -> Floats:
        shape = (len(labels), len(self.members), len(self.classes_))
        held = np.full(shape, 1 / len(self.classes_))
        folds = inner_folds(labels, patients, n_folds=self.cv, seed=self.seed)
        for train, test in folds:
            if len(np.unique(labels[train])) < 2:
                continue
            known = take(X, train), labels[train], patients[train]
            fitted = self._fit_members(*known)
            held[test] = self._told(fitted, take(X, test))
        return held

    def _told(self, members: Sequence[Any], X: Any) -> Floats:
        """Ask each member; a class that it does not know has probability 0."""
        parts = []
        for member in members:
            table = np.zeros((len(X), len(self.classes_)))
            columns = np.searchsorted(self.classes_, member.classes_)
            table[:, columns] = member.predict_proba(X)
            parts.append(table)
        return np.stack(parts, axis=1)

    def predict_proba(self, X: Any) -> Floats:
        """Combine what the members say.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        check_is_fitted(self, "members_")
        told = self._told(self.members_, X)
        average = COMBINATIONS[self.combine]
        if average is not None:
            return average(told)
        if self.combiner_ is None:
            raise TypeError("a learned combination was not fitted")
        combined: Floats = self.combiner_.predict_proba(_as_logs(told))
        return combined

    def predict(self, X: Any) -> NDArray[Any]:
        """Name the most probable class of each row."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _as_logs(told: Floats) -> Floats:
    """Lay probabilities of all members side by side, as logarithms."""
    logs: Floats = np.log(np.maximum(told, _LEAST)).reshape(len(told), -1)
    return logs
