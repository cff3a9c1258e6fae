"""Whether scores are too high, and whether they are too sure: intercept and slope.

Own code: scikit-learn's ``LogisticRegression`` knows no offset and fits one resample at
a time; statsmodels' ``GLM`` knows one, and fits one at a time as well. Two coefficients
by Newton's method take a thousand resamples at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.roc import in_pieces

CLIP = 1e-6
"""Scores are moved this far from 0 and 1, whose logits are infinite."""
_MOST_STEPS = 30
_CLOSE = 1e-7


def logits_of(scores: Floats) -> Floats:
    """Give the logits of scores, none of them infinite; see `CLIP`."""
    found: Floats = logit(np.clip(scores, CLIP, 1 - CLIP))
    return found


def calibration_intercept(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Find what must be added to all logits to get the share of diseased right.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    weights : ndarray of number, shape (n_resamples, n_columns), optional
        Weight of each column in each resample; ones where it is not given.
    columns : ndarray of int, shape (n_scans,), optional
        Which column weighs each scan: its patient.

    Returns
    -------
    intercepts : ndarray of float, shape (n_resamples,)
        0 is right; below 0 the scores are too high on the whole, above 0 too low.
        NaN where a resample holds one kind of scans only.

    Notes
    -----
    The a of :math:`\mathrm{logit}\,P(y=1) = a + \mathrm{logit}\,s` by maximum
    likelihood [1]_, named calibration-in-the-large in [2]_.

    References
    ----------
    .. [1] D. R. Cox, "Two further applications of a model for binary regression",
       Biometrika 45 (3/4), 1958, p. 562-565.
    .. [2] B. Van Calster, D. J. McLernon, M. van Smeden, L. Wynants and
       E. W. Steyerberg, "Calibration: the Achilles heel of predictive analytics",
       BMC Medicine 17, 2019, 230.

    Examples
    --------
    >>> truth, scores = np.array([True, False, False, False]), np.full(4, 0.5)
    >>> round(float(calibration_intercept(truth, scores)[0]), 3)  # log(1 / 3)
    -1.099
    """
    design = np.ones((1, scores.size))
    fitted = _fitted(diseased, logits_of(scores), design, weights, columns)
    return fitted[:, 0]


def calibration_slope(
    diseased: NDArray[np.bool_],
    scores: Floats,
    weights: NDArray[np.number] | None = None,
    columns: Ints | None = None,
) -> Floats:
    r"""Find by what logits must be multiplied to be as sure as they should be.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    weights, columns : ndarray, optional
        As in `calibration_intercept`.

    Returns
    -------
    slopes : ndarray of float, shape (n_resamples,)
        1 is right; below 1 the scores are too near to 0 and 1 (as after
        overfitting), above 1 not near enough, below 0 in the wrong order. NaN where
        it has no value: one kind of scans only, equal scores, or scores that part
        the kinds without an error, for which no slope is steep enough.

    Notes
    -----
    The b of :math:`\mathrm{logit}\,P(y=1) = a + b\,\mathrm{logit}\,s` by maximum
    likelihood, both free; see [1]_ and [2]_ of `calibration_intercept`.

    Examples
    --------
    >>> truth = np.repeat([True, False, True, False], [3, 1, 1, 3])
    >>> round(float(calibration_slope(truth, np.repeat([0.9, 0.1], 4))[0]), 3)
    0.5
    """
    logits = logits_of(scores)
    spread = float(logits.std())
    if spread < _CLOSE:
        return np.full(1 if weights is None else len(weights), np.nan)
    scaled = (logits - logits.mean()) / spread
    design = np.stack([np.ones_like(scaled), scaled])
    fitted = _fitted(diseased, np.zeros_like(scaled), design, weights, columns)
    slopes: Floats = fitted[:, 1] / spread
    return slopes


def _fitted(
    truth: NDArray[np.bool_],
    offset: Floats,
    design: Floats,
    weights: NDArray[np.number] | None,
    columns: Ints | None,
) -> Floats:
    """Fit a logistic regression to the sample, and from there to each resample.

    `design` has shape (n_coefficients, n_scans); the answer has (n_resamples,
    n_coefficients), NaN where there is no maximum.
    """
    column = np.arange(offset.size) if columns is None else columns
    plain = np.ones((1, offset.size))
    start = _newton(np.zeros((1, len(design))), plain, truth, offset, design)
    if np.isnan(start).any():
        start = np.zeros_like(start)

    def fit(piece: Floats) -> Floats:
        begin = np.repeat(start, len(piece), axis=0)
        return _newton(begin, piece[:, column], truth, offset, design)

    return in_pieces(fit, weights, offset.size)


def _newton(
    at: Floats,
    weights: Floats,
    truth: NDArray[np.bool_],
    offset: Floats,
    design: Floats,
) -> Floats:
    products = design[:, None] * design
    sizes = weights.sum(axis=1) ** len(design)
    lost = np.zeros(len(at), dtype=bool)  # no maximum in reach
    for _ in range(_MOST_STEPS):
        chance = expit(offset + at @ design)
        gradient = (weights * (truth - chance)) @ design.T
        bend = np.tensordot(weights * chance * (1 - chance), products, axes=(1, 2))
        lost |= ~(np.linalg.det(bend) > 1e-10 * sizes)
        bend[lost] = np.eye(len(design))
        step = np.linalg.solve(bend, gradient[..., None])[..., 0]
        step[lost] = 0.0
        at = at + step
        if not (np.abs(step) > _CLOSE).any():
            break
    lost |= (np.abs(step) > _CLOSE).any(axis=1)
    found: Floats = np.where(lost[:, None], np.nan, at)
    return found
