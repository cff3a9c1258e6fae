"""How much each feature moves what a fitted learner says of a class.

A learner on features has no head that a gradient of the network could start at. Its
score is still a function of the features, and for smooth learners the slope of that
function is known: exactly for linear ones, by central differences for the radial
support vector machine. Standardization, principal components and calibration are
linear maps, through which the slope goes by the chain rule. Forests, trees, boosting
and neighbors are step functions with slope 0 nearly everywhere: these are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from hierclf.foundation.errors import InputError
from hierclf.metalearners.scores import scores_of
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import LEAST, ProbabilityStack

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
SMOOTH = ("logistic", "svm", "linear_svm")
"""Learners whose score has a slope."""
_STEP = 1e-3


def logit_slopes(stage: MetaLearner, table: Floats, targets: Indices) -> Floats:
    """Differentiate the calibrated logit of a class by every feature.

    Parameters
    ----------
    stage : MetaLearner
        Fitted, its learner one of `SMOOTH`.
    table : ndarray of float, shape (n_scans, n_features)
        Features of the scans, as ``stage.features_`` gives them.
    targets : ndarray of int, shape (n_scans,)
        Position of the class that is asked about.

    Returns
    -------
    slopes : ndarray of float, shape (n_scans, n_features)
        Of the score before the softmax or sigmoid; for two classes the logit of the
        second, with the other sign for the first.

    Raises
    ------
    InputError
        If the learner is a step function.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 2)) * (1, 0)
    >>> stage = MetaLearner(components=(None,)).fit(X, X[:, 0] > 0)
    >>> slopes = logit_slopes(stage, X[:3], np.ones(3, dtype=int))
    >>> bool((slopes[:, 0] > 0).all()), bool((slopes[:, 1] == 0).all())
    (True, True)
    """
    check_smooth(stage)
    front, learner = stage.learner_[:-1], stage.learner_[-1]
    near = front.transform(np.asarray(table, dtype=np.float64))
    outer = _rows_of(stage.calibrator_.coef_)[targets]  # (n_scans, n_columns)
    slopes = _score_slopes(learner, near, outer, len(stage.classes_))
    if "pca" in front.named_steps:
        slopes = slopes @ front["pca"].components_
    behind: Floats = slopes / front["scale"].scale_
    return behind


def check_smooth(stage: MetaLearner) -> None:
    """Refuse a learner that has no slope; see `logit_slopes`."""
    if stage.learner not in SMOOTH:
        raise InputError(
            f"stage: expected a network, or a learner with a slope ({', '.join(SMOOTH)}"
            f"), got {stage.learner!r}. Its score is a step function of the features: "
            "no gradient tells where it looks. Train a stage of these to explain it."
        )


def _rows_of(coefficients: Floats) -> Floats:
    """Give a row for each class; for two classes there is one, of the second."""
    if len(coefficients) == 1:
        return np.concatenate([-coefficients, coefficients])
    return coefficients


def _score_slopes(learner: Any, near: Floats, outer: Floats, n_classes: int) -> Floats:
    """Differentiate ``outer @ scores`` by what the learner sees, row by row."""
    if not isinstance(learner, SVC):
        inner = np.zeros((outer.shape[1], near.shape[1]))
        inner[learner.classes_] = _rows_of(learner.coef_)
        return outer @ inner
    steps = _STEP * np.eye(near.shape[1])
    slopes = np.empty_like(near)
    for row, (place, weights) in enumerate(zip(near, outer, strict=True)):
        ahead = scores_of(learner, place + steps, n_classes)
        behind = scores_of(learner, place - steps, n_classes)
        slopes[row] = (ahead - behind) @ weights / (2 * _STEP)
    return slopes


def member_slopes(stack: ProbabilityStack, told: Floats, targets: Indices) -> Floats:
    """Differentiate a stack's log-odds of a class by the logit of each member.

    Parameters
    ----------
    stack : ProbabilityStack
        Fitted.
    told : ndarray of float, shape (n_scans, n_members, n_classes)
        Probabilities of the members, as ``stack.told`` gives them.
    targets : ndarray of int, shape (n_scans,)
        Position of the class that is asked about.

    Returns
    -------
    slopes : ndarray of float, shape (n_scans, n_members)
        By central differences. Negative where a learned combination takes a member
        for its opposite.
    """
    slopes = np.empty(told.shape[:2])
    for member in range(told.shape[1]):
        ahead, behind = (
            _log_odds(stack.combined(_nudged(told, member, targets, step)), targets)
            for step in (_STEP, -_STEP)
        )
        slopes[:, member] = (ahead - behind) / (2 * _STEP)
    return slopes


def _nudged(told: Floats, member: int, targets: Indices, step: float) -> Floats:
    """Add to the logit of one class of one member."""
    changed = np.clip(told, LEAST, None)
    rows = np.arange(len(told))
    changed[rows, member, targets] *= np.exp(step)
    changed /= changed.sum(axis=2, keepdims=True)
    return changed


def _log_odds(probabilities: Floats, targets: Indices) -> Floats:
    own = probabilities[np.arange(len(targets)), targets]
    odds: Floats = np.log(own) - np.log1p(-own)
    return odds
