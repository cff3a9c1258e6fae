"""Which of two models answers more scans rightly: McNemar's test, by patient.

Own code: statsmodels' ``mcnemar`` (BSD) takes scans for independent, has no mid-p
value, and would bring 70 MB for a binomial sum; SciPy has no such test. No Python
library has a version for patients with several scans.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import chi2

from hierclf.evaluation.confusion import Ints
from hierclf.evaluation.predictions import Predictions


class PValues(BaseModel):
    """How surprising a difference is if there were none, two-sided.

    Parameters
    ----------
    exact : float, in [0, 1]
        Chance of a difference as large or larger.
    mid : float, in [0, 1]
        The same with half the chance of one as large: less timid, and in the
        simulations of [1]_ hardly ever too bold.

    References
    ----------
    .. [1] M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test for binary
       matched-pairs data: mid-p and asymptotic are better than exact conditional",
       BMC Medical Research Methodology 13, 2013, 91.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exact: float
    mid: float


class Discordance(BaseModel):
    """Scans that one of two models answers rightly and the other wrongly.

    Parameters
    ----------
    figure : {"accuracy", "sensitivity", "specificity"}
        Which scans, and what is right: all scans and their own label, the diseased
        ones and "diseased", the healthy ones and "healthy".
    baseline, model : str
        Names of the two models.
    n_scans, n_patients : int
        How many there are of these scans, and of how many patients.
    baseline_only, model_only : int
        Scans that only one of them answers rightly.
    by_scan : PValues
        McNemar's test, as if each scan were a patient; too bold where scans of a
        patient are alike.
    by_patient : PValues
        The same with the patients' scans kept together, see `sign_flip`.
    obuchowski : float or None
        Chi-square, one degree of freedom, see `clustered_chi_square`; None where no
        patient has a difference.
    obuchowski_p : float or None
        Its p value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    baseline: str
    model: str
    n_scans: int
    n_patients: int
    baseline_only: int
    model_only: int
    by_scan: PValues
    by_patient: PValues
    obuchowski: float | None
    obuchowski_p: float | None


def sign_flip(gains: Ints) -> PValues:
    r"""Test whether gains and losses balance, where either sign was as likely.

    Parameters
    ----------
    gains : ndarray of int, shape (n_units,)
        What one model has over the other: for scans 1, 0 or -1; for patients the sum
        over their scans.

    Returns
    -------
    p_values : PValues
        Both 1 - or for `mid` less - where nothing is gained in all.

    Notes
    -----
    If both models were as good, their answers on a patient could be exchanged, which
    flips the sign of the patient's gain :math:`d_i`. The exact distribution of
    :math:`\sum_i \pm |d_i|` is worked out patient by patient, in
    :math:`O(n \sum_i |d_i|)`. For scans it is the binomial distribution of
    McNemar's test [1]_.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between
       correlated proportions or percentages", Psychometrika 12 (2), 1947, p. 153-157.

    Examples
    --------
    >>> found = sign_flip(np.array([-1] + 7 * [1]))
    >>> round(found.exact, 4), round(found.mid, 4)
    (0.0703, 0.0391)
    """
    sizes = np.abs(gains[gains != 0])
    total = int(sizes.sum())
    chance = np.zeros(total + 1)  # of the sum over the units with a plus
    chance[0] = 1.0
    for size in sizes:
        chance *= 0.5
        chance[size:] += chance[:-size].copy()
    distance = np.abs(2 * np.arange(total + 1) - total)
    found = abs(int(gains.sum()))
    exact = min(1.0, float(chance[distance >= found].sum()))
    tied = float(chance[distance == found].sum())
    return PValues(exact=exact, mid=max(0.0, exact - tied / 2))


def clustered_chi_square(gains: Ints) -> float | None:
    r"""Compare two proportions of the same scans, when patients have several.

    Parameters
    ----------
    gains : ndarray of int, shape (n_patients,)
        Scans of each patient that only the one model answers rightly, less those
        that only the other does. Patients without a difference count.

    Returns
    -------
    statistic : float or None
        Chi-square with one degree of freedom; None where there is no difference.

    Notes
    -----
    :math:`\frac{m-1}{m} (\sum_i d_i)^2 / \sum_i d_i^2` for m patients: the statistic
    of [1]_, in which the pooled proportion cancels, as [2]_ found. It is McNemar's,
    but for the factor, where each patient has one scan.

    References
    ----------
    .. [1] N. A. Obuchowski, "On the comparison of correlated proportions for
       clustered data", Statistics in Medicine 17 (13), 1998, p. 1495-1507.
    .. [2] Z. Yang, X. Sun and J. W. Hardin, "A note on the tests for clustered
       matched-pair binary data", Biometrical Journal 52 (5), 2010, p. 638-652.
    """
    squares = int((gains**2).sum())
    if squares == 0 or gains.size < 2:
        return None
    return (gains.size - 1) / gains.size * int(gains.sum()) ** 2 / squares


def discordances(models: Mapping[str, Predictions]) -> tuple[Discordance, ...]:
    """Compare the right answers of models with those of the first.

    Parameters
    ----------
    models : mapping of str to Predictions
        Of the same scans in the same order.

    Returns
    -------
    compared : tuple of Discordance
        Accuracy, sensitivity and specificity of each model but the first; without
        those whose scans do not occur.
    """
    (baseline, first), *others = models.items()
    sick = first.diseased
    kinds = {
        "accuracy": np.ones_like(sick),
        "sensitivity": sick,
        "specificity": ~sick,
    }
    return tuple(
        _compare(figure, (baseline, first), other, inside)
        for other in others
        for figure, inside in kinds.items()
        if inside.any()
    )


def _compare(
    figure: str,
    baseline: tuple[str, Predictions],
    model: tuple[str, Predictions],
    inside: NDArray[np.bool_],
) -> Discordance:
    gains = (_right(figure, model[1]) - _right(figure, baseline[1]))[inside]
    whose = np.unique(model[1].patients[inside], return_inverse=True)[1]
    by_patient = np.bincount(whose, gains).astype(np.intp)
    statistic = clustered_chi_square(by_patient)
    return Discordance(
        figure=figure,
        baseline=baseline[0],
        model=model[0],
        n_scans=gains.size,
        n_patients=by_patient.size,
        baseline_only=int((gains < 0).sum()),
        model_only=int((gains > 0).sum()),
        by_scan=sign_flip(gains),
        by_patient=sign_flip(by_patient),
        obuchowski=statistic,
        obuchowski_p=None if statistic is None else float(chi2.sf(statistic, 1)),
    )


def _right(figure: str, said: Predictions) -> Ints:
    own_label = said.predicted == said.truth
    own_side = (said.predicted > 0) == said.diseased
    right: Ints = (own_label if figure == "accuracy" else own_side).astype(np.intp)
    return right
