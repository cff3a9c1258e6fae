"""Arrays that compiled code indexes without looking, looked at beforehand.

scikit-learn's trees and libsvm trust what they were fitted to; arrays of a file may
be anybody's. A child that does not exist or a support vector too few would be read
from memory that is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier


def check_compiled(estimator: Any) -> None:
    """Refuse an estimator whose arrays do not fit each other.

    The search trees of nearest neighbors cannot be checked so; they are built
    again from their points.

    Parameters
    ----------
    estimator : estimator
        Built from a file, not used yet. Changed where it holds search trees.

    Raises
    ------
    ValueError
        If an index or a shape is out of range.
    AttributeError
        If something that was fitted is absent.
    """
    for part in _parts(estimator, set()):
        marker, check = CHECKS.get(type(part), ("", None))
        if check is not None and hasattr(part, marker):
            check(part)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """Visit an estimator and all that it is made of."""
    if id(value) in seen:
        return
    seen.add(id(value))
    yield value
    for child in _children(value):
        yield from _parts(child, seen)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    return list(getattr(value, "__dict__", {}).values())


def _require(holds: Any, rule: str) -> None:
    if not holds:
        raise ValueError(rule)


def _check_tree(model: DecisionTreeClassifier) -> None:
    tree = model.tree_
    _require(0 < tree.node_count <= tree.capacity, "nodes of a tree")
    left, right = tree.children_left, tree.children_right
    inner = np.flatnonzero(left != -1)
    for child in (left[inner], right[inner]):  # a child comes after its parent
        _require((child > inner).all(), "children of a tree")
        _require((child < tree.node_count).all(), "children of a tree")
    feature = tree.feature[inner]
    _require((feature >= 0).all(), "features of a tree")
    _require((feature < model.n_features_in_).all(), "features of a tree")


def _check_forest(model: RandomForestClassifier) -> None:
    trees = model.estimators_
    _require(len(trees), "trees of a forest")
    for tree in trees:
        _require(type(tree) is DecisionTreeClassifier, "trees of a forest")
        _require(tree.n_features_in_ == model.n_features_in_, "width of a forest")


def _check_svc(model: SVC) -> None:
    n_classes, n_vectors = len(model.classes_), len(model.support_)
    n_pairs = n_classes * (n_classes - 1) // 2
    shapes = {
        "support_vectors_": (n_vectors, model.n_features_in_),
        "_dual_coef_": (n_classes - 1, n_vectors),
        "dual_coef_": (n_classes - 1, n_vectors),
        "_intercept_": (n_pairs,),
        "intercept_": (n_pairs,),
        "_n_support": (n_classes,),
    }
    for name, shape in shapes.items():
        _require(np.shape(getattr(model, name)) == shape, f"{name} of an SVC")
    n_support = np.asarray(model._n_support)
    _require((n_support >= 0).all(), "_n_support of an SVC")
    _require(n_support.sum() == n_vectors, "_n_support of an SVC")
    for name in ("_probA", "_probB"):
        _require(np.size(getattr(model, name)) in (0, n_pairs), f"{name} of an SVC")
    _require(model._impl == "c_svc" and not model._sparse, "a dense SVC")
    _require(model.kernel in ("linear", "poly", "rbf", "sigmoid"), "kernel of an SVC")


def _check_neighbors(model: KNeighborsClassifier) -> None:
    points = model._fit_X
    _require(points.dtype in (np.float32, np.float64), "type of the points")
    _require(points.shape == (model.n_samples_fit_, model.n_features_in_), "points")
    _require(len(model._y) == len(points), "labels of the points")
    _require(model.effective_metric_ == "euclidean", "metric of a search")
    search = {"kd_tree": KDTree, "ball_tree": BallTree}.get(model._fit_method)
    model._tree = None if search is None else search(points, model.leaf_size)


CHECKS: Mapping[type, tuple[str, Callable[[Any], None] | None]] = MappingProxyType(
    {
        DecisionTreeClassifier: ("tree_", _check_tree),
        RandomForestClassifier: ("estimators_", _check_forest),
        SVC: ("support_", _check_svc),
        KNeighborsClassifier: ("_tree", _check_neighbors),
    }
)
"""By exact class: the attribute without which it computes nothing, and the check.

Fitted estimators carry unfitted ones, for example the pattern of a forest's trees.
"""
