r"""Whether the scans of a ward are a mixture of the reference's healthy and diseased.

That is what an estimate of the prevalence takes for granted, and it can be tested
without labels: of all mixtures the nearest one is taken, and its distance to the ward
compared with the distances that chance makes where the assumption is true.

Two distances, because each is blind to what the other sees:

- of the *scores*, `score_fit`: the largest difference of the distribution functions
  (Kolmogorov), in units of scans: 0.05 says that at some cut point five of a hundred
  scans are on another side than any mixture has them.
- of the *features*, `feature_fit`: the energy distance [1]_, which is zero for equal
  distributions only, in units of the distance between the healthy and the diseased of
  the reference. Scores of scans from another source may fall into any place, also by
  chance into that of a mixture; their features do not.

Cramer-von Mises and Anderson-Darling distances of the scores have at times more power
(contrast of 0.7, 400 scans: refused 7, 9 and 10 times of 10 at 1 %, without tolerance),
at times less, and no unit in which a tolerance could be told. A domain classifier on
the features has the power of the energy distance, needs half of the ward to be fitted,
and gives no mixture. None of the five refused one of 40 wards that fit.

A ward of thousands shows differences that matter to nobody, so each distance has a
tolerance. Both are metrics, and by the triangle inequality a ward that lies within the
tolerance :math:`\delta` of a mixture is seen at most :math:`\delta` farther off than
chance takes a ward that is a mixture. So the p value is the part of the draws with
:math:`d_{chance} + \delta \ge d`, and the test errs on the side of not refusing.

Chance is drawn from the reference itself, by patient: a new reference, and a ward of as
many scans at the prevalence of the nearest mixture.

References
----------
.. [1] G. J. Szekely and M. L. Rizzo, "Energy statistics: a class of statistics based
   on distances", Journal of Statistical Planning and Inference 143 (8), 2013,
   p. 1249-1272. The nearest mixture in it is the estimate of the prevalence of
   H. Kawakubo, M. C. du Plessis and M. Sugiyama, "Computationally efficient
   class-prior estimation under class balance change using energy distance", IEICE
   Transactions on Information and Systems E99-D (1), 2016, p. 176-186.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.wards import Labelled, ward_drawer
from hierclf.foundation.errors import InputError
from hierclf.foundation.seeding import generator

SCORE_TOLERANCE = 0.02
"""Of a hundred scans, two may lie elsewhere: it moves a prevalence by as much."""
FEATURE_TOLERANCE = 0.10
"""Part of the way from the healthy to the diseased that a ward may be off. Another
series of the same clinic lies within it (Kermany's ``NORMAL2-``), a contrast of 0.7
does not; see ``experiments/shift``."""
MOST_SCANS = 1500
"""Scans of either side whose features are compared: distances of all pairs are kept."""
_AT_ONCE = 50

Fit = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
"""Weights of the healthy, the diseased and the ward's scans, each of shape
(n_draws, n_scans), to the prevalence of the nearest mixture and its distance."""


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """The mixture of the reference that comes nearest to a ward.

    Parameters
    ----------
    prevalence : float, in [0, 1]
        Its share of diseased scans.
    distance : float, at least 0
        From the ward to it.
    chance : ndarray of float, shape (n_resamples,)
        Distances of wards that are such a mixture.
    tolerance : float, at least 0
        Distance that is nothing to refuse a ward for.
    """

    prevalence: float
    distance: float
    chance: Floats
    tolerance: float

    @property
    def p_value(self) -> float:
        """At most so often a tolerable ward looks as far off, in (0, 1]."""
        reached = np.count_nonzero(self.chance + self.tolerance >= self.distance)
        return float(1 + reached) / (1 + self.chance.size)

    @property
    def p_exact(self) -> float:
        """The same with no tolerance: for wards that are a mixture, in (0, 1]."""
        reached = np.count_nonzero(self.chance >= self.distance)
        return float(1 + reached) / (1 + self.chance.size)

    def limit(self, level: float) -> float:
        """Give the distance from which a ward is refused.

        Parameters
        ----------
        level : float, in (0, 1)
            False alarms that are accepted.

        Returns
        -------
        distance : float
            In the unit of `distance`.
        """
        return self.tolerance + float(np.quantile(self.chance, 1 - level))


def score_fit(
    reference: Labelled,
    scores: Floats,
    *,
    tolerance: float = 0.0,
    n_resamples: int = 999,
    seed: int = 0,
) -> MixtureFit:
    r"""Test whether scores are a mixture of the reference's.

    Parameters
    ----------
    reference : Labelled
        Held-out scores.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Of the ward.
    tolerance : float, in [0, 1), default=0.0
        See `MixtureFit`.
    n_resamples : int, default=999
        Wards that are drawn.
    seed : int, default=0
        Root seed.

    Returns
    -------
    fit : MixtureFit
        Its distance is :math:`\max_s |F(s) - (q F_1(s) + (1 - q) F_0(s))|`, with the
        prevalence :math:`q` that makes the mean of its square least (Cramer and
        von Mises), which has a closed form.

    Examples
    --------
    >>> from hierclf.evaluation.wards import labelled
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(500) < 0.4
    >>> scores = rng.beta(np.where(truth, 4, 1), np.where(truth, 1, 4))
    >>> reference = labelled(truth, scores)
    >>> fit = score_fit(reference, rng.beta(4, 4, size=200))  # neither of the two
    >>> fit.p_value
    0.001
    """
    pool = np.concatenate([reference.scores, scores])
    sides = _sides(reference.diseased, scores.size)
    (share,), (distance,) = kolmogorov(pool)(*sides)
    chance = _chance(
        kolmogorov(reference.scores),
        reference,
        n_scans=scores.size,
        prevalence=float(share),
        n_resamples=n_resamples,
        seed=seed,
    )
    return MixtureFit(float(share), float(distance), chance, tolerance)


def feature_fit(
    reference: Labelled,
    known: Floats,
    features: Floats,
    *,
    tolerance: float = 0.0,
    n_resamples: int = 999,
    seed: int = 0,
) -> MixtureFit:
    r"""Test whether features are a mixture of the reference's.

    Parameters
    ----------
    reference : Labelled
        Truth and patients of the reference.
    known : ndarray of float, shape (n_reference, n_features)
        Its features, scaled so that their distances mean something.
    features : ndarray of float, shape (n_scans, n_features)
        Those of the ward.
    tolerance : float, at least 0, default=0.0
        See `MixtureFit`.
    n_resamples : int, default=999
        Wards that are drawn.
    seed : int, default=0
        Root seed; it also decides which scans are compared where there are more
        than 1500 on a side.

    Returns
    -------
    fit : MixtureFit
        Its distance is :math:`\sqrt{E(F, q F_1 + (1 - q) F_0) / E(F_1, F_0)}` with
        the energy distance :math:`E(F, G) = 2 E|X - Y| - E|X - X'| - E|Y - Y'|`, and
        the prevalence :math:`q` that makes it least.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    if known.shape != (reference.diseased.size, features.shape[-1]):
        raise InputError(
            f"features: expected {features.shape[-1]} of each of "
            f"{reference.diseased.size} scans, got shape {known.shape}. Take the "
            "features of the same network for the reference and the ward."
        )
    rng = generator(seed, "shift", "features")
    rows = _some(len(known), rng)
    table = features[_some(len(features), rng)]
    part = Labelled(
        reference.diseased[rows],
        reference.scores[rows],
        reference.patients[rows],
        reference.n_patients,
    )
    pool = np.concatenate([known[rows], table])
    distances = cdist(pool, pool)
    (share,), (distance,) = energy(distances)(*_sides(part.diseased, len(table)))
    chance = _chance(
        energy(distances[: rows.size, : rows.size]),
        part,
        n_scans=len(table),
        prevalence=float(share),
        n_resamples=n_resamples,
        seed=seed,
    )
    return MixtureFit(float(share), float(distance), chance, tolerance)


def _some(n_scans: int, rng: np.random.Generator) -> Ints:
    return np.sort(rng.permutation(n_scans)[:MOST_SCANS])


def _sides(diseased: NDArray[np.bool_], n_ward: int) -> tuple[Floats, Floats, Floats]:
    """Weights of the three sides over the reference followed by the ward."""
    healthy, ward = np.zeros((2, 1, diseased.size + n_ward))
    sick = healthy.copy()
    healthy[0, : diseased.size] = ~diseased
    sick[0, : diseased.size] = diseased
    ward[0, diseased.size :] = 1
    return healthy, sick, ward


def kolmogorov(scores: Floats) -> Fit:
    """Make what fits a mixture to scores; see `score_fit`.

    Parameters
    ----------
    scores : ndarray of float, shape (n_scans,)
        Of all scans that weights will be given for.

    Returns
    -------
    fit : callable
        As `Fit` says.
    """
    order = np.argsort(scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)

    def upto(weights: Floats) -> Floats:
        sums = np.cumsum(weights[:, order], axis=1)[:, last]
        shares: Floats = sums / sums[:, -1:]
        return shares

    def fit(healthy: Floats, sick: Floats, ward: Floats) -> tuple[Floats, Floats]:
        low, high, seen = upto(healthy), upto(sick), upto(ward)
        mass = np.diff(seen + upto(healthy + sick), axis=1, prepend=0)
        beyond, apart = seen - low, high - low
        share = _least((mass * beyond * apart).sum(1), (mass * apart**2).sum(1))
        return share, np.abs(beyond - share[:, None] * apart).max(axis=1)

    return fit


def energy(distances: Floats) -> Fit:
    """Make what fits a mixture to features; see `feature_fit`.

    Parameters
    ----------
    distances : ndarray of float, shape (n_scans, n_scans)
        Between all scans that weights will be given for.

    Returns
    -------
    fit : callable
        As `Fit` says.
    """

    def fit(healthy: Floats, sick: Floats, ward: Floats) -> tuple[Floats, Floats]:
        low, high, seen = (
            side / side.sum(axis=1, keepdims=True) for side in (healthy, sick, ward)
        )
        beyond, apart = seen - low, high - low
        toward = apart @ distances
        cross, size = -(toward * beyond).sum(1), -(toward * apart).sum(1)
        share = _least(cross, size)
        own = -((beyond @ distances) * beyond).sum(1)
        squared = own - 2 * share * cross + share**2 * size
        return share, np.sqrt(np.maximum(squared, 0) / np.maximum(size, 1e-300))

    return fit


def _least(cross: Floats, size: Floats) -> Floats:
    """Where a parabola is least, kept in [0, 1]."""
    share: Floats = np.clip(cross / np.maximum(size, 1e-300), 0.0, 1.0)
    return share


def _chance(
    fit: Fit,
    reference: Labelled,
    *,
    n_scans: int,
    prevalence: float,
    n_resamples: int,
    seed: int,
) -> Floats:
    """Distances where the ward is a mixture, shape (n_resamples,)."""
    rng = generator(seed, "shift", "chance")
    draw = ward_drawer(reference, rng)
    found = []
    for start in range(0, n_resamples, _AT_ONCE):
        size = min(_AT_ONCE, n_resamples - start)
        wards = np.stack([draw(n_scans, prevalence) for _ in range(size)])
        drawn = rng.multinomial(
            reference.n_patients,
            np.full(reference.n_patients, 1 / reference.n_patients),
            size=size,
        )[:, reference.patients].astype(np.float64)
        sick = drawn * reference.diseased
        found.append(fit(drawn - sick, sick, wards)[1])
    return np.concatenate(found)
