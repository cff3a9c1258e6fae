"""How a learner fares with fewer patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import patients_of, take
from hierclf.foundation.progress import Progress
from hierclf.foundation.seeding import generator
from hierclf.metalearners.front import fit_front, front_of
from hierclf.metalearners.learners import find_learner
from hierclf.metalearners.search import MetaLearner, fit_features, table_of

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
Truths = list[tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True)
class LearningPoint:
    """One size of the training set.

    Parameters
    ----------
    n_scans, n_patients : int
        Fitted on, mean over the folds.
    known, unknown : float
        Macro recall on the scans that it was fitted on, and on those of patients
        that it never saw.
    """

    n_scans: int
    n_patients: int
    known: float
    unknown: float


def learning_curve(
    stage: MetaLearner,
    X: Any,
    y: NDArray[Any],
    *,
    shares: Sequence[float] = SHARES,
    n_folds: int = 3,
    seed: int = 0,
) -> tuple[LearningPoint, ...]:
    """Fit a learner on growing parts of the patients.

    Parameters
    ----------
    stage : MetaLearner
        Fitted; its chosen parameters are kept, its features are fitted again.
    X : DataFrame or array, length n_scans
        What it was fitted on.
    y : ndarray, shape (n_scans,)
        Labels.
    shares : sequence of float, in (0, 1]
        Parts of the training patients of each fold, rising.
    n_folds : int, default=3
        Folds by patient.
    seed : int, default=0
        Of folds, and of the order in which patients come.

    Returns
    -------
    points : tuple of LearningPoint
        One for each share at which there are two classes in each fold. The learner
        is balanced and not calibrated, and names its most probable class.
    """
    patients = patients_of(X, len(y))
    folds = list(inner_folds(y, patients, n_folds=n_folds, seed=seed))
    points = []
    for share in Progress(shares, desc="learning curve"):
        parts = [
            (_first(train, patients, share, seed + place), test)
            for place, (train, test) in enumerate(folds)
        ]
        if any(len(np.unique(y[rows])) < 2 for rows, _ in parts):
            continue
        said = [_said(stage, X, y, rows, test) for rows, test in parts]
        sizes = [len(rows) for rows, _ in parts]
        people = [len(np.unique(patients[rows])) for rows, _ in parts]
        points.append(
            LearningPoint(
                n_scans=round(float(np.mean(sizes))),
                n_patients=round(float(np.mean(people))),
                known=_macro_recall([known for known, _ in said]),
                unknown=_macro_recall([unknown for _, unknown in said]),
            )
        )
    return tuple(points)


def _first(
    train: NDArray[np.intp], patients: NDArray[Any], share: float, seed: int
) -> NDArray[np.intp]:
    """Take the rows of the first patients of a drawn order."""
    names = np.unique(patients[train])
    order = generator(seed, "learning curve").permutation(names)
    kept = order[: max(1, round(share * len(order)))]
    rows: NDArray[np.intp] = train[np.isin(patients[train], kept)]
    return rows


def _said(
    stage: MetaLearner,
    X: Any,
    y: NDArray[Any],
    rows: NDArray[np.intp],
    test: NDArray[np.intp],
) -> Truths:
    """Fit on some rows, and pair truth and answer on these and on others."""
    recipe, best = find_learner(stage.learner), stage.best_
    fitted, near = fit_features(stage.features, take(X, rows), y[rows])
    far = table_of(fitted, take(X, test))
    front = front_of(near, best.components, stage.seed)
    classes, targets = np.unique(y[rows], return_inverse=True)
    reduced = fit_front(front, near, alike=stage.features is not None)
    weights = stage.weights_of(recipe, targets, np.ones(len(rows)))
    learner = stage.fit_learner(recipe, best.params, reduced, targets, weights)
    answers = (learner.predict(reduced), learner.predict(front.transform(far)))
    return [
        (y[rows], classes[answers[0]]),
        (y[test], classes[answers[1]]),
    ]


def _macro_recall(pairs: Truths) -> float:
    """Mean over the classes of the share that was named, all folds together."""
    truth = np.concatenate([pair[0] for pair in pairs])
    said = np.concatenate([pair[1] for pair in pairs])
    recalls = [np.mean(said[truth == label] == label) for label in np.unique(truth)]
    return float(np.mean(recalls))
