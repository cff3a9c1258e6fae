"""A learner on features, its parameters chosen and its scores calibrated by patient.

scikit-learn has the parts (`GridSearchCV`, `CalibratedClassifierCV`, `Pipeline`),
but patients are in the manifest and not in the table that a learner sees, so its
folds would be drawn without them; and it would compute features again for each
parameter. Here one loop over folds by patient gives the scores by which parameters
are chosen, and the same scores then calibrate the chosen ones.

BLAS gets one thread while a learner is fitted. Its steps are short, and two threads
wait for each other: a logistic regression on 2,000 rows of 1,280 features took 0.06 s
with one and 0.12 s with two, on a busy machine 0.2 s and 1.7 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from hierclf.data.balance import upsample
from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import accepted, patients_of, row_weights, take
from hierclf.foundation.errors import InputError
from hierclf.metalearners.calibration import balanced_log_loss, fit_calibrator
from hierclf.metalearners.front import fit_front, front_of, through
from hierclf.metalearners.learners import Recipe, find_learner
from hierclf.metalearners.scores import columns_of, scores_of

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Trial:
    """One choice of parameters.

    Parameters
    ----------
    components : int or None
        Principal components; None for none.
    params : mapping of str to object
        Of the learner, as its grid has them.
    loss : float
        Balanced log loss of held-out scores; lower is better. The calibration is
        fitted on the same scores and the least of all trials is taken, so it
        compares trials and is too good as a figure.
    """

    components: int | None
    params: Mapping[str, Any]
    loss: float


class MetaLearner(ClassifierMixin, BaseEstimator):
    """A scikit-learn learner on features, tuned and calibrated by patient.

    Parameters
    ----------
    features : transformer, optional
        Scans to a table, for example a `hierclf.features.extractor.FeatureExtractor`
        or a `sklearn.pipeline.FeatureUnion` of several. Where it is not given, what
        is passed to ``fit`` is the table.
    learner : str, default="logistic"
        One of `hierclf.metalearners.learners.LEARNERS`.
    components : sequence of int or None, optional
        Numbers of principal components to try, None for the standardized features
        themselves; those of the learner where it is not given.
    grid : mapping of str to sequence, optional
        Parameters to try instead of the learner's own.
    balance : float, in [0, 1], default=0.25
        How much rare classes weigh, as `hierclf.data.balance.upsample` has it: 0
        makes all classes equal, 1 changes nothing.
    cv : int, default=5
        Folds by patient.
    seed : int, default=0
        Of folds and learner.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in sorted order.
    features_ : transformer or None
        Fitted.
    learner_ : Pipeline
        Standardization, principal components where there are some, the learner;
        fitted on class positions.
    calibrator_ : LogisticRegression
        The learner's scores to probabilities.
    trials_ : tuple of Trial
        All that were tried.
    best_ : Trial
        The one that was taken: the least loss, the first of equals.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(2, size=200)
    >>> X = rng.normal(size=(200, 3)) + 2 * y[:, None]
    >>> model = MetaLearner(learner="svm", components=(None,)).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        features: Any = None,
        learner: str = "logistic",
        *,
        components: Sequence[int | None] | None = None,
        grid: Mapping[str, Sequence[Any]] | None = None,
        balance: float = 0.25,
        cv: int = 5,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.learner = learner
        self.components = components
        self.grid = grid
        self.balance = balance
        self.cv = cv
        self.seed = seed

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> MetaLearner:
        """Choose parameters, calibrate, and fit on all rows.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            What `features` takes: manifest rows, whose column ``patient_id`` tells
            the patients, or scans in memory. Without `features` a table.
        y : array-like, shape (n_scans,)
            Labels, at least two different ones.
        sample_weight : array-like of float, shape (n_scans,), optional
            What a row counts on top of the balance, for example its costs.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : MetaLearner
            Fitted.

        Raises
        ------
        InputError
            If there is one class, the balance is none, a class has scans of one
            patient only and no other can stand for it, or weights are given to a
            learner without.
        """
        labels = np.asarray(y)
        check_classification_targets(labels)
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                "learner: expected at least two classes, got "
                f"{self.classes_.tolist()}. A stage must have something to decide."
            )
        recipe = find_learner(self.learner)
        if not 0 <= self.balance <= 1:
            raise InputError(
                f"balance: expected a number from 0 to 1, got {self.balance}. 0 makes "
                "all classes equal, 1 changes nothing."
            )
        patients = patients_of(X, len(labels), groups)
        given = row_weights(sample_weight, len(labels))
        with threadpool_limits(limits=1, user_api="blas"):
            self._choose(recipe, X, labels, targets, given, patients)
        return self

    def _choose(
        self,
        recipe: Recipe,
        X: Any,
        labels: NDArray[Any],
        targets: Indices,
        given: Floats,
        patients: NDArray[Any],
    ) -> None:
        weights = self.weights_of(recipe, targets, given)
        tried = self._candidates(recipe)
        if self.features is None:
            if isinstance(X, pd.DataFrame):
                self.feature_names_in_ = _features_in(X)
            X = table_of(None, X)
        held = self._held_out(recipe, tried, X, labels, targets, weights, patients)
        self.trials_ = tuple(
            Trial(components, params, _loss(scores, targets, given))
            for (components, params), scores in zip(tried, held, strict=True)
        )
        place = int(np.argmin([trial.loss for trial in self.trials_]))
        self.best_ = self.trials_[place]
        self.calibrator_ = fit_calibrator(held[place], targets, given)
        self.features_, table = fit_features(self.features, X, labels, patients)
        front = front_of(table, self.best_.components, self.seed)
        learner = self.fit_learner(
            recipe,
            self.best_.params,
            fit_front(front, table, alike=self.features is not None),
            targets,
            weights,
        )
        self.learner_ = Pipeline([*front.steps, ("learner", learner)])

    def _candidates(self, recipe: Recipe) -> list[tuple[int | None, dict[str, Any]]]:
        components = recipe.components if self.components is None else self.components
        grid = recipe.grid if self.grid is None else self.grid
        tried = [
            (n, params) for n in components for params in ParameterGrid(dict(grid))
        ]
        if not tried or any(n is not None and n < 1 for n in components):
            raise InputError(
                "components: expected numbers above 0, or None, got "
                f"{list(components)}. Name at least one."
            )
        return tried

    def weights_of(self, recipe: Recipe, targets: Indices, given: Floats) -> Floats:
        """Weigh rows by the balance of their classes, and by what was given."""
        if not recipe.takes_weights:
            if np.ptp(given) > 0:
                raise InputError(
                    f"learner: expected one that takes weights or costs, got "
                    f"{self.learner!r}. Take another, or leave --costs out."
                )
            return given
        counts = np.bincount(targets)
        weights = given * (counts.max() / counts)[targets] ** (1 - self.balance)
        scaled: Floats = weights / weights.mean()
        return scaled

    def _held_out(
        self,
        recipe: Recipe,
        tried: list[tuple[int | None, dict[str, Any]]],
        X: Any,
        labels: NDArray[Any],
        targets: Indices,
        weights: Floats,
        patients: NDArray[Any],
    ) -> list[Floats]:
        """Score each row by learners that were fitted on other patients."""
        width = len(columns_of(recipe.make(self.seed), len(self.classes_)))
        held = [np.zeros((len(labels), width)) for _ in tried]
        folds = inner_folds(labels, patients, n_folds=self.cv, seed=self.seed)
        for train, test in folds:
            if len(np.unique(targets[train])) < 2:  # nothing to learn: scores of 0
                continue
            fitted, seen = fit_features(
                self.features, take(X, train), labels[train], patients[train]
            )
            unseen = table_of(fitted, take(X, test))
            alike = self.features is not None
            reduced = {
                components: _reduce(seen, unseen, components, self.seed, alike=alike)
                for components in dict(tried)
            }
            for scores, (components, params) in zip(held, tried, strict=True):
                near, far = reduced[components]
                learner = self.fit_learner(
                    recipe, params, near, targets[train], weights[train]
                )
                scores[test] = scores_of(learner, far, len(self.classes_))
        return held

    def fit_learner(
        self,
        recipe: Recipe,
        params: dict[str, Any] | Mapping[str, Any],
        table: Floats,
        targets: Indices,
        weights: Floats,
    ) -> Any:
        """Fit the learner with some parameters, balanced; not calibrated."""
        learner = recipe.make(self.seed)
        learner.set_params(**recipe.resolve(table, dict(params)))
        if recipe.takes_weights:
            return learner.fit(table, targets, sample_weight=weights)
        rows = upsample(targets, ratio=self.balance, seed=self.seed)
        return learner.fit(table[rows], targets[rows])

    def predict_proba(self, X: Any) -> Floats:
        """Give calibrated probabilities.

        Parameters
        ----------
        X : DataFrame or array, length n_scans
            As in ``fit``.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        check_is_fitted(self, "learner_")
        table = table_of(self.features_, self._in_order(X))
        near = through(self.learner_[:-1], table)
        scores = scores_of(self.learner_[-1], near, len(self.classes_))
        probabilities: Floats = self.calibrator_.predict_proba(scores)
        return probabilities

    def _in_order(self, X: Any) -> Any:
        """Put the columns of a table as they were in ``fit``."""
        names = getattr(self, "feature_names_in_", None)
        if names is None or not isinstance(X, pd.DataFrame):
            return X
        if set(names) != set(_features_in(X)):
            raise InputError(
                f"features: expected the columns {list(names)}, got "
                f"{list(_features_in(X))}. Pass those of fit."
            )
        return X[list(names)]

    def predict(self, X: Any) -> NDArray[Any]:
        """Name the most probable class of each row."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _loss(scores: Floats, targets: Indices, given: Floats) -> float:
    calibrator = fit_calibrator(scores, targets, given)
    return balanced_log_loss(calibrator, scores, targets, given)


def fit_features(
    features: Any, X: Any, y: NDArray[Any], groups: NDArray[Any] | None = None
) -> tuple[Any, Floats]:
    """Fit features where there are some, and give those of the same scans."""
    if features is None:
        return None, table_of(None, X)
    fitted = clone(features)
    told = accepted(fitted, groups=groups)
    return fitted, np.asarray(fitted.fit_transform(X, y, **told))


def _features_in(X: pd.DataFrame) -> NDArray[Any]:
    """Name the columns that are features: who a row is of is none."""
    return X.columns.drop("patient_id", errors="ignore").to_numpy()


def table_of(features: Any, X: Any) -> Floats:
    """Give the fitted features of scans; a table stays one."""
    if features is not None:
        return np.asarray(features.transform(X))
    if isinstance(X, pd.DataFrame):
        X = X[list(_features_in(X))]
    table: Floats = np.asarray(X, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise InputError(
            f"features, row {bad[0]}: expected finite numbers, got NaN or infinity. "
            "Mend the table, or leave the row out."
        )
    return table


def _reduce(
    seen: Floats, unseen: Floats, components: int | None, seed: int, *, alike: bool
) -> tuple[Floats, Floats]:
    front = front_of(seen, components, seed)
    return fit_front(front, seen, alike=alike), through(front, unseen)
