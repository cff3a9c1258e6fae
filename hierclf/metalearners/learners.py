"""Learners by name, each with the parameters that are tried.

All are scikit-learn's, which is kept, tested and BSD licensed; none is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from hierclf.foundation.choices import choose

Table = NDArray[np.floating]
Grid = Mapping[str, tuple[Any, ...]]


def _as_they_are(table: Table, params: dict[str, Any]) -> dict[str, Any]:
    return params


def _relative_gamma(table: Table, params: dict[str, Any]) -> dict[str, Any]:
    """Read gamma in units of one over the mean squared distance from the mean."""
    spread = float(table.var(axis=0).sum())
    return {**params, "gamma": params["gamma"] / max(spread, 1e-12)}


def _at_most_all(table: Table, params: dict[str, Any]) -> dict[str, Any]:
    """Ask no more neighbors than there are rows."""
    return {**params, "n_neighbors": min(params["n_neighbors"], len(table))}


@dataclass(frozen=True)
class Recipe:
    """A learner, and what is tried of it.

    Parameters
    ----------
    make : callable
        Seed to a learner that was not fitted.
    grid : mapping of str to tuple
        Parameters and their values, the simplest first.
    components : tuple of int or None
        Numbers of principal components that are tried; None takes the features
        themselves, standardized.
    resolve : callable
        Table and parameters of the grid to parameters of the learner.
    takes_weights : bool
        Whether a row can weigh more than another.
    """

    make: Callable[[int], Any]
    grid: Grid
    components: tuple[int | None, ...]
    resolve: Callable[[Table, dict[str, Any]], dict[str, Any]] = _as_they_are
    takes_weights: bool = True


def _logistic(seed: int) -> LogisticRegression:
    return LogisticRegression(max_iter=2000)


def _svm(seed: int) -> SVC:
    return SVC(decision_function_shape="ovo", cache_size=500)


def _linear_svm(seed: int) -> LinearSVC:
    return LinearSVC(dual="auto", max_iter=20_000, random_state=seed)


def _forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(300, random_state=seed)


def _boosting(seed: int) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(
        subsample=0.5, max_features="sqrt", random_state=seed
    )


def _knn(seed: int) -> KNeighborsClassifier:
    return KNeighborsClassifier()


def _tree(seed: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(random_state=seed)


LEARNERS: Mapping[str, Recipe] = MappingProxyType(
    {
        "logistic": Recipe(_logistic, {"C": (1e-3, 1e-2, 1e-1)}, (64, None)),
        "svm": Recipe(
            _svm,
            {"gamma": (0.1, 1.0), "C": (1.0, 10.0)},
            (64,),
            resolve=_relative_gamma,
        ),
        "linear_svm": Recipe(_linear_svm, {"C": (1e-4, 1e-3, 1e-2)}, (64,)),
        "forest": Recipe(_forest, {"min_samples_leaf": (3, 10)}, (64,)),
        "boosting": Recipe(_boosting, {"n_estimators": (100, 300)}, (64,)),
        "knn": Recipe(
            _knn,
            {"n_neighbors": (5, 15, 45)},
            (64,),
            resolve=_at_most_all,
            takes_weights=False,
        ),
        "tree": Recipe(_tree, {"min_samples_leaf": (10, 40)}, (16,)),
    }
)
"""Learners by name.

``svm`` is one-vs-one with a radial kernel; its ``gamma`` is in units of one over
the total variance of the table (scikit-learn's ``scale``), so that it means the
same for 16 components and for 60,000 channels. Gradient boosting is the plain one
and not the histogram one: that one cannot be exported without changing its scores.
"""


def find_learner(name: str) -> Recipe:
    """Look a learner up by its name.

    Parameters
    ----------
    name : str
        One of `LEARNERS`.

    Returns
    -------
    recipe : Recipe
        How to make it, and what to try.

    Raises
    ------
    InputError
        If there is no such name; it tells the nearest.

    Examples
    --------
    >>> find_learner("svm").grid["C"]
    (1.0, 10.0)
    """
    return choose("learner", name, LEARNERS)
