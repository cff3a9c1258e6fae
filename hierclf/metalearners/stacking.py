"""Several classifiers to one: by a mean, or by what is learned about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import accepted, patients_of, row_weights, take
from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]
Told = dict[str, NDArray[Any]]
LEAST = 1e-6


def _mean(told: Floats) -> Floats:
    mean: Floats = told.mean(axis=1)
    return mean


def _geometric(told: Floats) -> Floats:
    product = np.exp(np.log(np.maximum(told, LEAST)).mean(axis=1))
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
        On class positions; None for a mean.

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
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation: tuple[Any, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
    ) -> ProbabilityStack:
        """Fit the members, and what combines them.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            What the members take.
        y : array-like, shape (n_scans,)
            Labels.
        sample_weight : array-like of float, shape (n_scans,), optional
            What a row counts, for the members and for what combines them.
        validation : tuple (X, y), optional
            Scans of other patients, for the members. What combines these is fitted in
            folds nonetheless: who chooses a cut point on these scans must find them
            as nobody has seen them.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : ProbabilityStack
            Fitted.

        Raises
        ------
        InputError
            If there is no member, no such combination or a single class, or weights
            are given to a member without.
        """
        choose("combine", self.combine, COMBINATIONS)
        if not self.members:
            raise InputError(
                "members: expected at least one classifier, got none. Name some."
            )
        labels = np.asarray(y)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise InputError(
                f"stack: expected at least two classes, got {self.classes_.tolist()}. "
                "A stage must have something to decide."
            )
        told: Told = {"groups": patients_of(X, len(labels), groups)}
        if sample_weight is not None:
            told["sample_weight"] = row_weights(sample_weight, len(labels))
        self.combiner_: LogisticRegression | None = None
        if self.combine == LEARNED:
            held = self._held_out(X, labels, told, validation)
            targets = np.searchsorted(self.classes_, labels)
            self.combiner_ = _combiner(held, targets, told.get("sample_weight"))
        self.members_ = self._fit_members(X, labels, told, validation)
        return self

    def _fit_members(
        self, X: Any, labels: NDArray[Any], told: Told, validation: Any = None
    ) -> tuple[Any, ...]:
        fitted = []
        for name, member in self.members:
            known = accepted(member, validation=validation, **told)
            if "sample_weight" in told and "sample_weight" not in known:
                raise InputError(
                    f"members: expected ones that take weights or costs, got {name!r}. "
                    "Take another, or leave the costs out."
                )
            fitted.append(clone(member).fit(X, labels, **known))
        return tuple(fitted)

    def _held_out(
        self, X: Any, labels: NDArray[Any], told: Told, validation: Any
    ) -> Floats:
        shape = (len(labels), len(self.members), len(self.classes_))
        held = np.full(shape, 1 / len(self.classes_))
        folds = inner_folds(labels, told["groups"], n_folds=self.cv, seed=self.seed)
        for train, test in folds:
            if len(np.unique(labels[train])) < 2:
                continue
            known = {name: values[train] for name, values in told.items()}
            fitted = self._fit_members(take(X, train), labels[train], known, validation)
            held[test] = self.told(fitted, take(X, test))
        return held

    def told(self, members: Sequence[Any], X: Any) -> Floats:
        """Ask each member; a class that it does not know has probability 0.

        Parameters
        ----------
        members : sequence of classifier
            Fitted.
        X : DataFrame or array, length n_scans
            What they take.

        Returns
        -------
        told : ndarray of float, shape (n_scans, n_members, n_classes)
            Columns in the order of `classes_`.
        """
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
        return self.combined(self.told(self.members_, X))

    def combined(self, told: Floats) -> Floats:
        """Combine probabilities of members.

        Parameters
        ----------
        told : ndarray of float, shape (n_scans, n_members, n_classes)
            What each said of each scan.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_classes)
            Rows sum to 1.
        """
        average = COMBINATIONS[self.combine]
        if average is not None:
            return average(told)
        if self.combiner_ is None:
            raise TypeError("a learned combination was not fitted")
        combined: Floats = self.combiner_.predict_proba(as_logs(told))
        return combined

    def predict(self, X: Any) -> NDArray[Any]:
        """Name the most probable class of each row."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _combiner(
    told: Floats, targets: NDArray[np.intp], weights: Floats | None
) -> LogisticRegression:
    learner = LogisticRegression(max_iter=2000)
    return learner.fit(as_logs(told), targets, sample_weight=weights)


def as_logs(told: Floats) -> Floats:
    """Lay probabilities of all members side by side, as logarithms.

    Parameters
    ----------
    told : ndarray of float, shape (n_scans, n_members, n_classes)
        Probabilities; below 1e-6 they count as that.

    Returns
    -------
    logs : ndarray of float, shape (n_scans, n_members * n_classes)
        Member after member.
    """
    logs: Floats = np.log(np.maximum(told, LEAST)).reshape(len(told), -1)
    return logs
