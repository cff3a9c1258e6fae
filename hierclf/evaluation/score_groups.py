"""Scans in groups of similar scores: what was said, and what came true."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import chi2

from hierclf.evaluation.confusion import Floats, Ints, Tallies, ratio

N_GROUPS = 10
"""Groups that a reader expects; Hosmer's and Lemeshow's deciles of risk."""

Kind = Literal["equal_mass", "equal_width"]


class HosmerLemeshow(BaseModel):
    """The test of Hosmer and Lemeshow.

    It is no evidence of calibration: with few scans it finds nothing, with many it
    finds everything, the number of groups sways it, and it tells no direction. Scans
    of one patient count as independent. It is reported because it is asked for.

    Parameters
    ----------
    statistic : float
        Chi-square, see `hosmer_lemeshow`.
    n_groups : int
        Groups of about equal size; fewer than asked for where scores are equal.
    p_external : float or None
        P value with as many degrees of freedom as groups, for scans that had no part
        in the fit; None for a single group.
    p_development : float or None
        P value with two less, for the scans that a logistic regression was fitted
        on; None where there are fewer than three groups.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statistic: float
    n_groups: int
    p_external: float | None
    p_development: float | None


def score_groups(scores: Floats, kind: Kind, n_groups: int = N_GROUPS) -> Ints:
    """Put scans with neighboring scores into groups.

    Parameters
    ----------
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        What they are ordered by.
    kind : {"equal_mass", "equal_width"}
        Groups of about equally many scans, where equal scores are never parted; or
        equally long stretches of the score, closed below but for the last.
    n_groups : int, default=10
        Groups at most.

    Returns
    -------
    groups : ndarray of int, shape (n_scans,), from 0
        By rising score, without gaps.

    Examples
    --------
    >>> scores = np.array([0.1, 0.2, 0.2, 0.9])
    >>> score_groups(scores, "equal_mass", 2).tolist()
    [0, 0, 0, 1]
    >>> score_groups(scores, "equal_width", 10).tolist()
    [0, 1, 1, 2]
    """
    if kind == "equal_mass":
        starts = np.searchsorted(np.sort(scores), scores, side="left")
        places = starts * n_groups // scores.size
    else:
        edges = np.arange(1, n_groups) / n_groups
        places = np.searchsorted(edges, scores, side="right")
    return np.unique(places, return_inverse=True)[1]


def group_tallies(
    diseased: NDArray[np.bool_], scores: Floats, groups: Ints, owners: Ints, n: int
) -> Floats:
    """Sum scans, diseased scans and scores of each owner in each group.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,)
        Probability of being diseased.
    groups : ndarray of int, shape (n_scans,)
        As `score_groups` gives them.
    owners : ndarray of int, shape (n_scans,), in [0, n)
        Whose scan it is; all 0 for the sums over all scans.
    n : int
        How many owners there are.

    Returns
    -------
    tallies : ndarray of float, shape (n, n_groups, 3)
        Scans, diseased scans, sum of the scores.
    """
    n_groups = int(groups.max()) + 1
    cells = owners * n_groups + groups
    columns = (np.ones_like(scores), diseased.astype(np.float64), scores)
    sums = [np.bincount(cells, column, minlength=n * n_groups) for column in columns]
    tallies: Floats = np.stack(sums, axis=-1).astype(np.float64)
    return tallies.reshape(n, n_groups, 3)


def calibration_error(tallies: Tallies) -> Floats:
    r"""Average how far groups of scans are from what their scores say.

    Parameters
    ----------
    tallies : ndarray of float, shape (..., n_groups, 3)
        Scans, diseased scans and sum of the scores of each group.

    Returns
    -------
    errors : ndarray of float, shape (...,), in [0, 1]
        NaN without scans.

    Notes
    -----
    The expected calibration error [1]_,
    :math:`\sum_g \frac{n_g}{n} |\bar y_g - \bar s_g| = \frac{1}{n} \sum_g
    |\sum_{i \in g} y_i - s_i|`. Chance alone makes it positive, all the more the
    more groups and the fewer scans [2]_: it is to be read beside what scores that
    are right would get.

    References
    ----------
    .. [1] M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well
       calibrated probabilities using Bayesian binning", AAAI 2015, p. 2901-2907.
    .. [2] J. Broecker, "Estimating reliability and resolution of probability
       forecasts through decomposition of the empirical score", Climate Dynamics 39,
       2012, p. 655-667.
    """
    gaps = np.abs(tallies[..., 1] - tallies[..., 2]).sum(axis=-1)
    return ratio(gaps, tallies[..., 0].sum(axis=-1))


def hosmer_lemeshow(
    diseased: NDArray[np.bool_], scores: Floats, n_groups: int = N_GROUPS
) -> HosmerLemeshow | None:
    r"""Compare counts of diseased scans with those that the scores expect.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Probability of being diseased.
    n_groups : int, default=10
        Groups of about equal size.

    Returns
    -------
    found : HosmerLemeshow or None
        None where a group of scores of 0 or of 1 has no variance to compare with.

    Notes
    -----
    :math:`\sum_g (O_g - E_g)^2 / (n_g \bar s_g (1 - \bar s_g))` with the sum of the
    scores as :math:`E_g`; chi-square with g - 2 degrees of freedom on the scans of
    the fit [1]_, with g on others [2]_.

    References
    ----------
    .. [1] D. W. Hosmer and S. Lemeshow, "Goodness of fit tests for the multiple
       logistic regression model", Communications in Statistics 9 (10), 1980,
       p. 1043-1069.
    .. [2] D. W. Hosmer, S. Lemeshow and R. X. Sturdivant, "Applied logistic
       regression", 3rd ed., Wiley 2013, section 5.2.2 and 5.5.
    """
    groups = score_groups(scores, "equal_mass", n_groups)
    tallies = group_tallies(diseased, scores, groups, np.zeros_like(groups), 1)[0]
    cases, observed, expected = tallies.T
    variance = expected * (1 - expected / cases)
    if (variance <= 0).any():
        return None
    statistic = float(((observed - expected) ** 2 / variance).sum())
    g = len(cases)
    return HosmerLemeshow(
        statistic=statistic,
        n_groups=g,
        p_external=float(chi2.sf(statistic, g)) if g > 1 else None,
        p_development=float(chi2.sf(statistic, g - 2)) if g > 2 else None,
    )
