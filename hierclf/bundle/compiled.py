"""Compiled parts of learners: stored as plain arrays, built again from checked ones.

The trees and search trees of scikit-learn and the vectors of libsvm trust what they
are given: a child that does not exist is read from memory that is not theirs, and
even building a tree from a wrong array ends the process. So no compiled object is
stored. Arrays are checked here before any compiled code sees them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.tree._tree import NODE_DTYPE, Tree


def to_plain(estimator: Any) -> Any:
    """Copy an estimator, compiled objects replaced by arrays.

    Parameters
    ----------
    estimator : estimator
        Fitted. Not changed.

    Returns
    -------
    plain : estimator
        For `from_plain`; it can predict nothing.
    """
    plain = copy.deepcopy(estimator)
    for part in _parts(plain, set()):
        if type(part) in _TREES and hasattr(part, "tree_"):
            part.tree_ = part.tree_.__getstate__()
            if isinstance(part.random_state, np.random.RandomState):
                part.random_state = None  # of a boosting, which draws no more
        elif type(part) is GradientBoostingClassifier and hasattr(part, "_loss"):
            part._loss = part._rng = None
        elif type(part) is KNeighborsClassifier and hasattr(part, "_tree"):
            part._tree = None
    return plain


def from_plain(plain: Any) -> Any:
    """Check the arrays of an estimator and build its compiled objects, in place.

    Parameters
    ----------
    plain : estimator
        Built from a file that anybody may have written.

    Returns
    -------
    estimator : estimator
        The same object, ready to predict.

    Raises
    ------
    ValueError, TypeError, AttributeError, KeyError
        If an array is absent, or an index or a shape is out of range.
    """
    for part in _parts(plain, set()):
        marker, build = _BUILD.get(type(part), ("", None))
        if build is not None and hasattr(part, marker):
            build(part)
    return plain


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


def _require_array(
    array: Any, dtype: Any, shape: tuple[int, ...], rule: str
) -> NDArray[Any]:
    _require(type(array) is np.ndarray, rule)
    _require(array.dtype == dtype and array.shape == shape, rule)
    return np.ascontiguousarray(array)


def _build_tree(model: DecisionTreeClassifier | DecisionTreeRegressor) -> None:
    state = model.tree_
    n_classes = len(model.classes_) if isinstance(model, DecisionTreeClassifier) else 1
    n_nodes = len(state["nodes"])
    nodes = _require_array(state["nodes"], NODE_DTYPE, (n_nodes,), "nodes of a tree")
    shape = (n_nodes, 1, n_classes)
    values = _require_array(state["values"], np.float64, shape, "values of a tree")
    _require(n_nodes > 0, "nodes of a tree")
    inner = np.flatnonzero(nodes["left_child"] != -1)
    for side in ("left_child", "right_child"):  # a child comes after its parent
        children = nodes[side][inner]
        _require((children > inner).all(), "children of a tree")
        _require((children < n_nodes).all(), "children of a tree")
    features = nodes["feature"][inner]
    _require((features >= 0).all(), "features of a tree")
    _require((features < model.n_features_in_).all(), "features of a tree")
    told = {"max_depth": int(state["max_depth"]), "node_count": n_nodes}
    tree = Tree(int(model.n_features_in_), np.array([n_classes], dtype=np.intp), 1)
    tree.__setstate__({**told, "nodes": nodes, "values": values})
    model.tree_ = tree


def _check_forest(model: RandomForestClassifier) -> None:
    _require(len(model.estimators_), "trees of a forest")
    for tree in model.estimators_:
        _require(type(tree) is DecisionTreeClassifier, "trees of a forest")
        _require(tree.n_features_in_ == model.n_features_in_, "width of a forest")


def _build_boosting(model: GradientBoostingClassifier) -> None:
    """Check what adds up, and build the loss, whose link makes probabilities."""
    n_classes = len(model.classes_)
    _require(model.n_classes_ == n_classes > 1, "classes of a boosting")
    told = model.n_trees_per_iteration_
    _require(told == (1 if n_classes == 2 else n_classes), "trees of a boosting")
    _require(model.loss == "log_loss" and model.init is None, "loss of a boosting")
    shape = (model.n_estimators_, told)
    trees = _require_array(model.estimators_, object, shape, "trees of a boosting")
    for tree in trees.ravel():
        _require(type(tree) is DecisionTreeRegressor, "trees of a boosting")
        _require(tree.n_features_in_ == model.n_features_in_, "width of a boosting")
    start = model.init_
    _require(type(start) is DummyClassifier, "start of a boosting")
    _require(start.strategy == "prior", "start of a boosting")
    prior = start.class_prior_
    _require_array(prior, np.float64, (n_classes,), "start of a boosting")
    model._loss = model._get_loss(sample_weight=None)


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
        array = getattr(model, name)
        _require(
            type(array) is np.ndarray and array.shape == shape, f"{name} of an SVC"
        )
    _require((model._n_support >= 0).all(), "_n_support of an SVC")
    _require(model._n_support.sum() == n_vectors, "_n_support of an SVC")
    for name in ("_probA", "_probB"):
        _require(np.size(getattr(model, name)) in (0, n_pairs), f"{name} of an SVC")
    _require(model._impl == "c_svc" and not model._sparse, "a dense SVC")
    _require(model.kernel in ("linear", "poly", "rbf", "sigmoid"), "kernel of an SVC")


def _build_search(model: KNeighborsClassifier) -> None:
    points, labels = model._fit_X, model._y
    shape = (model.n_samples_fit_, model.n_features_in_)
    _require(getattr(points, "dtype", None) in (np.float32, np.float64), "points")
    model._fit_X = _require_array(points, points.dtype, shape, "points of a search")
    _require(len(labels) == len(points), "labels of the points")
    _require(np.isfinite(model._fit_X).all(), "finite points of a search")
    known = np.isin(labels, np.arange(len(model.classes_)))
    _require(known.all(), "labels of the points")
    _require(model.effective_metric_ == "euclidean", "metric of a search")
    search = {"kd_tree": KDTree, "ball_tree": BallTree}.get(model._fit_method)
    model._tree = None if search is None else search(points, model.leaf_size)


_TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
_BUILD: Mapping[type, tuple[str, Callable[[Any], None] | None]] = MappingProxyType(
    {
        DecisionTreeClassifier: ("tree_", _build_tree),
        DecisionTreeRegressor: ("tree_", _build_tree),
        GradientBoostingClassifier: ("estimators_", _build_boosting),
        RandomForestClassifier: ("estimators_", _check_forest),
        SVC: ("support_", _check_svc),
        KNeighborsClassifier: ("_tree", _build_search),
    }
)
"""By exact class: the attribute without which it computes nothing, and what is done.

Fitted estimators carry unfitted ones, for example the pattern of a forest's trees.
"""
