"""Scores of learners to probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


def fit_calibrator(
    scores: Floats, targets: NDArray[np.intp], weights: Floats | None = None
) -> LogisticRegression:
    r"""Fit :math:`p = \mathrm{softmax}(W s + b)` on held-out scores.

    For two classes and one score this is Platt's sigmoid; for more it is matrix
    scaling (Guo et al., "On calibration of modern neural networks", ICML 2017,
    section 4.2), with scikit-learn's ridge penalty. One linear map and a softmax
    can be exported exactly, which isotonic steps and pairwise couplings cannot.

    Parameters
    ----------
    scores : ndarray of float, shape (n_rows, n_scores)
        By learners that were fitted on other patients.
    targets : ndarray of int, shape (n_rows,)
        Class positions.
    weights : ndarray of float, shape (n_rows,), optional
        What each row counts, for example its costs, which would else be taken back
        here; not the balance of the learner: where all rows weigh the same the
        probabilities are those of the training prevalence.

    Returns
    -------
    calibrator : LogisticRegression
        Scores to probabilities.
    """
    calibrator = LogisticRegression(C=10.0, max_iter=2000)
    return calibrator.fit(scores, targets, sample_weight=weights)


def balanced_log_loss(
    calibrator: LogisticRegression,
    scores: Floats,
    targets: NDArray[np.intp],
    weights: Floats | None = None,
) -> float:
    r"""Judge held-out scores, all classes alike.

    Parameters
    ----------
    calibrator : LogisticRegression
        As `fit_calibrator` gives it.
    scores : ndarray of float, shape (n_rows, n_scores)
        Held-out scores.
    targets : ndarray of int, shape (n_rows,)
        Class positions.
    weights : ndarray of float, shape (n_rows,), optional
        With which the calibrator was fitted.

    Returns
    -------
    loss : float, at least 0
        Mean over classes of the mean of :math:`-\log q_y`, where :math:`q` are the
        probabilities divided by the prevalence of each class. Lower is better. It
        is what macro recall wants, but moves with every scan and not only with
        those at a border: of a rare stage there are too few to count errors.
    """
    probabilities = calibrator.predict_proba(scores)
    counts = np.bincount(targets, weights)[calibrator.classes_]
    prevalence = counts / counts.sum()
    fair = probabilities / prevalence
    fair /= fair.sum(axis=1, keepdims=True)
    own = fair[np.arange(len(targets)), np.searchsorted(calibrator.classes_, targets)]
    losses = -np.log(np.maximum(own, 1e-12))
    return float(
        np.mean([losses[targets == label].mean() for label in calibrator.classes_])
    )
