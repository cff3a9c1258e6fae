"""The two stages of a cascade: fitted, and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from hierclf.data.rows import accepted, some_of, take
from hierclf.problem.labels import Hierarchy

Floats = NDArray[np.float64]
Groups = NDArray[Any] | None


@dataclass(frozen=True)
class Answers:
    """What the stages say of some scans, before any calibration.

    Parameters
    ----------
    diseased : ndarray of float, shape (n_scans,)
        Of the screen, the mean of its views.
    conditional : ndarray of float, shape (n_scans, n_diseased)
        Of the refinement, in the order of the hierarchy; ones without one.
    views : ndarray of float, shape (n_scans, n_views), or None
        Of the screen; None where it has no views.
    """

    diseased: Floats
    conditional: Floats
    views: Floats | None = None


def fit_stages(
    screen: Any,
    refine: Any,
    hierarchy: Hierarchy[Any],
    X: Any,
    y: NDArray[Any],
    groups: Groups,
    exam: tuple[Any, NDArray[Any]] | None = None,
) -> tuple[Any, Any]:
    """Fit clones of both stages.

    Parameters
    ----------
    screen, refine : classifier or None
        Logistic regression where there is none.
    hierarchy : Hierarchy
        Which labels are diseased.
    X : DataFrame or array, length n_scans
        Manifest rows, scans in memory, or a table of features.
    y : ndarray, shape (n_scans,)
        Labels.
    groups : ndarray, shape (n_scans,), or None
        Patients, where they are told apart from `X`.
    exam : tuple (X, y), optional
        Scans of other patients, for stages that look at some while they learn.

    Returns
    -------
    screen, refine : classifier
        Fitted; `refine` is None where there is one diseased label only, and a
        constant where one only was seen.
    """
    screen = clone(LogisticRegression(max_iter=1000) if screen is None else screen)
    refine = clone(LogisticRegression(max_iter=1000) if refine is None else refine)
    diseased = hierarchy.is_diseased(y)
    checked = None if exam is None else (exam[0], hierarchy.is_diseased(exam[1]))
    screen.fit(X, diseased, **accepted(screen, validation=checked, groups=groups))
    if len(hierarchy.diseased) < 2:
        return screen, None
    if len(np.unique(y[diseased])) < 2:
        refine, exam = DummyClassifier(), None
    if exam is not None:
        ill = np.flatnonzero(hierarchy.is_diseased(exam[1]))
        checked = (take(exam[0], ill), exam[1][ill]) if len(ill) else None
    rows = np.flatnonzero(diseased)
    told = accepted(refine, validation=checked, groups=some_of(groups, rows))
    refine.fit(take(X, rows), y[rows], **told)
    return screen, refine


def ask_stages(screen: Any, refine: Any, hierarchy: Hierarchy[Any], X: Any) -> Answers:
    """Ask both stages about scans.

    Parameters
    ----------
    screen, refine : classifier
        As `fit_stages` gives them.
    hierarchy : Hierarchy
        Order of the labels.
    X : DataFrame or array, length n_scans
        As in `fit_stages`.

    Returns
    -------
    answers : Answers
        Not calibrated.
    """
    views = None
    if hasattr(screen, "predict_views"):
        views = screen.predict_views(X)[:, :, 1]
        diseased = views.mean(axis=1)
    else:
        diseased = screen.predict_proba(X)[:, 1]
    if refine is None:
        return Answers(diseased, np.ones((len(diseased), 1)), views)
    conditional = np.zeros((len(diseased), len(hierarchy.diseased)))
    columns = [hierarchy.diseased.index(label) for label in refine.classes_.tolist()]
    conditional[:, columns] = refine.predict_proba(X)
    return Answers(diseased, conditional, views)
