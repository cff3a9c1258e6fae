"""How many scans of a new ward are diseased, from their scores alone.

A ward has no labels, but its scores are a mixture: of those that diseased scans get,
and of those that healthy scans get. What both look like is known from the reference,
the held-out scores of the training scans. Three answers to the same question:

- `expectation_maximization`, the share under which the scores are most likely. It
  reads them as calibrated probabilities, so they are calibrated first, on the
  reference: `calibrated_odds`.
- `black_box`, the share under which as many scores fall between some edges as were
  counted. It needs no calibration and wastes what the scores tell within two edges.
- the mixture that comes nearest to the scores; it comes with the test of whether any
  mixture does, `hierclf.evaluation.mixture`.

All three are right only if a healthy scan of the ward gets the scores that a healthy
scan of the reference gets, and a diseased one those of a diseased one. Where that is
untrue they still answer, and wrongly. On wards of 200 of Kermany's scans with shares of
.4 to .9 the first two err alike, and the third more at high shares; see
``experiments/shift``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.confusion import Floats
from hierclf.evaluation.intervals import Estimate, bootstrap_estimate
from hierclf.evaluation.wards import Labelled, Unlabelled
from hierclf.foundation.seeding import derive_seed

LEAST_SCORE = 1e-6
"""Scores are kept this far from 0 and 1 before their logarithm is taken."""
_ROUNDS = 10_000
_STILL = 1e-9


def calibrated_odds(
    reference: Labelled, scores: Floats, weights: NDArray[np.number] | None = None
) -> Floats:
    r"""Turn scores into how much likelier a diseased scan gets them than a healthy one.

    Parameters
    ----------
    reference : Labelled
        What the scores are calibrated on.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        To be turned.
    weights : ndarray of number, shape (n_reference,), optional
        How often each scan of the reference counts.

    Returns
    -------
    ratios : ndarray of float, shape (n_scans,), positive
        Likelihood ratios :math:`p(s \mid 1) / p(s \mid 0)`.

    Notes
    -----
    Logistic regression of the truth on the logit of the score (Platt 1999), with
    both kinds weighing the same, so that its odds are the ratio. A hardly felt
    penalty (C = 1000) keeps it finite where the scores separate the two.

    Examples
    --------
    >>> from hierclf.evaluation.wards import labelled
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(4000) < 0.3
    >>> # the true ratio is exp(2 logit): 1.0 and 5.4
    >>> logits = rng.normal(np.where(truth, 1.0, -1.0), 1.0)
    >>> reference = labelled(truth, 1 / (1 + np.exp(-logits)))
    >>> calibrated_odds(reference, np.array([0.5, 0.7])).round().tolist()
    [1.0, 5.0]
    """
    counts = np.ones(reference.scores.size) if weights is None else weights
    ill = reference.diseased
    shares = np.where(ill, counts[ill].sum(), counts[~ill].sum())
    model = LogisticRegression(C=1000.0, solver="newton-cholesky", tol=1e-8)
    model.fit(
        _logit(reference.scores)[:, None],
        ill,
        sample_weight=counts / shares * counts.sum() / 2,
    )
    ratios: Floats = np.exp(model.decision_function(_logit(scores)[:, None]))
    return ratios


def _logit(scores: Floats) -> Floats:
    kept = np.clip(scores, LEAST_SCORE, 1 - LEAST_SCORE)
    logits: Floats = np.log(kept) - np.log1p(-kept)
    return logits


def expectation_maximization(
    ratios: Floats, weights: NDArray[np.number] | None = None
) -> float:
    r"""Find the share of diseased scans under which scores are most likely.

    Parameters
    ----------
    ratios : ndarray of float, shape (n_scans,), positive
        As `calibrated_odds` gives them.
    weights : ndarray of number, shape (n_scans,), optional
        How often each scan counts.

    Returns
    -------
    prevalence : float, in [0, 1]
        Share of diseased scans.

    Notes
    -----
    Equation (2.9) of [1]_ for two classes: with the ratio :math:`r_i` a scan is
    diseased with probability :math:`g_i = q r_i / (q r_i + 1 - q)`, and the new
    :math:`q` is the mean of :math:`g_i`, again and again until it stays. The
    likelihood has one maximum, so it does not matter that it begins at one half.

    References
    ----------
    .. [1] M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a
       classifier to new a priori probabilities: a simple procedure", Neural
       Computation 14 (1), 2002, p. 21-41.

    Examples
    --------
    >>> round(expectation_maximization(np.array([4.0, 4.0, 4.0, 0.25])), 3)
    0.917
    """
    counts = np.ones(ratios.size) if weights is None else weights
    total, share = float(counts.sum()), 0.5
    for _ in range(_ROUNDS):
        odds = share * ratios
        found = float(counts @ (odds / (odds + 1 - share))) / total
        if abs(found - share) < _STILL:
            return found
        share = found
    return share


def black_box(
    reference: Labelled,
    scores: Floats,
    edges: ArrayLike,
    weights: NDArray[np.number] | None = None,
    reference_weights: NDArray[np.number] | None = None,
) -> float:
    r"""Find the share of diseased scans from how many scores lie between edges.

    Parameters
    ----------
    reference : Labelled
        Of which the parts between the edges are known for both kinds.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Of the ward.
    edges : array-like of float, shape (n_edges,)
        Rising. A single one gives the estimate of [1]_ for the decisions at a cut
        point: :math:`(c - f) / (t - f)` for a part :math:`c` called diseased, with
        sensitivity :math:`t` and false alarms :math:`f` of the reference.
    weights, reference_weights : ndarray of number, optional
        How often each scan counts.

    Returns
    -------
    prevalence : float, in [0, 1]
        Share of diseased scans; NaN where both kinds are alike between all edges.

    Notes
    -----
    With several edges there are more equations than unknowns; they are solved by
    least squares, each weighed by how well its part is known, 1 / part.

    References
    ----------
    .. [1] Z. Lipton, Y.-X. Wang and A. Smola, "Detecting and correcting for label
       shift with black box predictors", ICML 2018, section 4.

    Examples
    --------
    >>> from hierclf.evaluation.wards import labelled
    >>> reference = labelled([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.9, 0.8, 0.9])
    >>> round(black_box(reference, np.array([0.1, 0.2, 0.7, 0.7, 0.9]), [0.5]), 3)
    0.467
    """
    n_bins = np.size(edges) + 1
    ill = reference.diseased
    known = np.ones(ill.size) if reference_weights is None else reference_weights
    counts = np.ones(scores.size) if weights is None else weights
    bins = np.searchsorted(edges, reference.scores, side="right")
    sick, healthy = (
        np.bincount(bins[side], known[side], n_bins) / known[side].sum()
        for side in (ill, ~ill)
    )
    seen = np.bincount(np.searchsorted(edges, scores, side="right"), counts, n_bins)
    seen = seen / counts.sum()
    spread = np.maximum((seen + (sick + healthy) / 2) / 2, 1 / scores.size)
    apart = sick - healthy
    size = float((apart**2 / spread).sum())
    if size == 0:
        return float("nan")
    share = float(((seen - healthy) * apart / spread).sum()) / size
    return min(1.0, max(0.0, share))


def quantile_edges(reference: Labelled, n_bins: int = 10) -> Floats:
    """Choose edges between which the reference, both kinds alike, falls evenly.

    Parameters
    ----------
    reference : Labelled
        Its scores.
    n_bins : int, default=10
        Parts at most; ties make them fewer.

    Returns
    -------
    edges : ndarray of float, shape (at most n_bins - 1,)
        Rising.
    """
    order = np.argsort(reference.scores, kind="stable")
    ill = reference.diseased
    weights = np.where(ill, 0.5 / ill.sum(), 0.5 / (~ill).sum())
    upto = np.cumsum(weights[order])
    wanted = np.arange(1, n_bins) / n_bins
    places = np.minimum(np.searchsorted(upto, wanted), ill.size - 1)
    edges: Floats = np.unique(reference.scores[order][places])
    return edges


@dataclass(frozen=True, eq=False)
class Prevalence:
    """What the scores of a ward say of its share of diseased scans.

    Parameters
    ----------
    likelihood : Estimate
        By `expectation_maximization`.
    counted : Estimate
        By `black_box` at `quantile_edges`.
    draws : ndarray of float, shape (n_resamples,)
        The first on each resample.
    reference_weights : ndarray of uint16, shape (n_resamples, n_patients)
        How often each patient of the reference stood in that resample.
    """

    likelihood: Estimate
    counted: Estimate
    draws: Floats
    reference_weights: NDArray[np.uint16]


def estimate_prevalence(
    reference: Labelled,
    ward: Unlabelled,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[range], object] | None = None,
) -> Prevalence:
    """Estimate the share of diseased scans of a ward, with intervals.

    In each resample the patients of the reference and those of the ward are drawn
    again, and scores are calibrated again: the interval holds what chance did to
    both. It says nothing of wards whose scores are no such mixture.

    Parameters
    ----------
    reference : Labelled
        Held-out scores.
    ward : Unlabelled
        Of two patients at least.
    n_resamples : int, default=1000
        Bootstraps of the patients.
    seed : int, default=0
        Root seed.
    progress : callable, optional
        Wraps the range of resamples, as Progress does.

    Returns
    -------
    prevalence : Prevalence
        Both estimates.

    Raises
    ------
    InputError
        If there is a single patient on either side.
    """
    edges = quantile_edges(reference)
    value = expectation_maximization(calibrated_odds(reference, ward.scores))
    counted = black_box(reference, ward.scores, edges)
    old = patient_weights(
        reference.n_patients,
        n_resamples=n_resamples,
        seed=derive_seed(seed, "shift", "reference"),
    )
    new = patient_weights(
        ward.n_patients,
        n_resamples=n_resamples,
        seed=derive_seed(seed, "shift", "ward"),
    )
    draws = np.full((n_resamples, 2), np.nan)
    rounds = range(n_resamples)
    for row in rounds if progress is None else progress(rounds):  # type: ignore[attr-defined]
        known, counts = old[row][reference.patients], new[row][ward.patients]
        ill = reference.diseased
        if not (known[ill].any() and known[~ill].any()):
            continue
        ratios = calibrated_odds(reference, ward.scores, known)
        draws[row] = (
            expectation_maximization(ratios, counts),
            black_box(reference, ward.scores, edges, counts, known),
        )
    return Prevalence(
        bootstrap_estimate(value, draws[:, 0]),
        bootstrap_estimate(counted, draws[:, 1]),
        draws[:, 0],
        old,
    )
