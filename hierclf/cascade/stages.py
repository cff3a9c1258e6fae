"""The two stages of a cascade: fitted, and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from hierclf.cascade.choices import Refinement
from hierclf.data.rows import accepted, some_of, take
from hierclf.metalearners.ordinal import OrdinalClassifier
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
    said : ndarray of float, shape (n_scans, n_diseased)
        What the refinement decides by: the same of a plain one, and the probability
        of each stage among all labels of an ordered one.
    views : ndarray of float, shape (n_scans, n_views), or None
        Of the screen; None where it has no views.
    """

    diseased: Floats
    conditional: Floats
    said: Floats
    views: Floats | None = None


def fit_stages(
    screen: Any,
    refine: Any,
    hierarchy: Hierarchy[Any],
    X: Any,
    y: NDArray[Any],
    groups: Groups,
    exam: tuple[Any, NDArray[Any]] | None = None,
    *,
    refinement: Refinement = "plain",
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
    refinement : {"plain", "ordered"}, default="plain"
        An ordered one is fitted on all scans and all labels.

    Returns
    -------
    screen, refine : classifier
        Fitted; `refine` is None where there is one diseased label only, and a
        constant where one only was seen.
    """
    ordered = refinement == "ordered"
    usual = LogisticRegression(max_iter=1000)
    screen = clone(usual if screen is None else screen)
    if refine is None:
        refine = OrdinalClassifier(usual, order=hierarchy.labels) if ordered else usual
    refine = clone(refine)
    diseased = hierarchy.is_diseased(y)
    checked = None if exam is None else (exam[0], hierarchy.is_diseased(exam[1]))
    screen.fit(X, diseased, **accepted(screen, validation=checked, groups=groups))
    if len(hierarchy.diseased) < 2:
        return screen, None
    if len(np.unique(y[diseased])) < 2:
        refine, exam, ordered = DummyClassifier(), None, False
    if ordered:
        told = accepted(refine, validation=exam, groups=groups)
        return screen, refine.fit(X, y, **told)
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
    diseased, views = ask_screen(screen, X)
    conditional, said = ask_refine(refine, hierarchy, X, len(diseased))
    return Answers(diseased, conditional, said, views)


def ask_screen(screen: Any, X: Any) -> tuple[Floats, Floats | None]:
    """Ask the screen.

    Parameters
    ----------
    screen : classifier
        As `fit_stages` gives it.
    X : DataFrame or array, length n_scans
        As in `fit_stages`.

    Returns
    -------
    diseased : ndarray of float, shape (n_scans,)
        See `Answers`.
    views : ndarray of float, shape (n_scans, n_views), or None
        See `Answers`.
    """
    if not hasattr(screen, "predict_views"):
        return screen.predict_proba(X)[:, 1], None
    views = screen.predict_views(X)[:, :, 1]
    return views.mean(axis=1), views


def ask_refine(
    refine: Any, hierarchy: Hierarchy[Any], X: Any, n_scans: int
) -> tuple[Floats, Floats]:
    """Ask the refinement.

    Parameters
    ----------
    refine : classifier or None
        As `fit_stages` gives it.
    hierarchy : Hierarchy
        Order of the labels.
    X : DataFrame or array, length n_scans
        As in `fit_stages`.
    n_scans : int
        How many there are.

    Returns
    -------
    conditional, said : ndarray of float, shape (n_scans, n_diseased)
        See `Answers`.
    """
    if refine is None:
        alone = np.ones((n_scans, 1))
        return alone, alone
    table = np.zeros((n_scans, len(hierarchy.labels)))
    columns = [hierarchy.labels.index(label) for label in refine.classes_.tolist()]
    table[:, columns] = refine.predict_proba(X)
    said = table[:, 1:]
    everyone = hierarchy.healthy in refine.classes_
    return (_among_diseased(said) if everyone else said), said


def _among_diseased(said: Floats) -> Floats:
    """Scale the probabilities of the diseased labels to sum to 1."""
    total = said.sum(axis=1, keepdims=True)
    none = total <= 0  # then all are alike
    even = np.full_like(said, 1 / said.shape[1])
    shares: Floats = np.where(none, even, said / np.where(none, 1.0, total))
    return shares
