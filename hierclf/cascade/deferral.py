"""When a cascade says that a reader should look: sets of labels, and refusal.

Two rules. ``coverage>=0.9`` gives each scan a set of labels that holds the true one
for 90 of 100 patients of *each* label; where the set is not the decided label alone, a
reader looks. mapie 1.6 was tried for it and left: its classifiers know neither classes
apart nor patients with several scans, and what remains is one quantile for each label.
``error<=0.05`` lets pass what is sure enough that, with a confidence of 95 %, at most
5 of 100 decisions that pass are wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import expit, logit
from scipy.stats import beta

from hierclf.cascade.choices import parse_deferral
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.reference import Reference
from hierclf.evaluation.intervals import effective_cases
from hierclf.foundation.errors import InputError

Floats = NDArray[np.float64]
LEVEL = 0.05
"""Probability that the error of what passes is above the one that was asked for."""
_GRID = (0.9999, 0.9995, 0.999, 0.998, 0.995, *(np.arange(99, -1, -1) / 100).tolist())
"""Confidences that are tried, fixed before any scan is seen."""


class Deferral(BaseModel):
    """A fitted rule.

    Parameters
    ----------
    rule : str
        As `parse_deferral` reads it.
    threshold : float, in [0, 1], or None
        Of ``error``: confidence above which a decision passes; at 1 none does.
    quantiles : tuple of float, in [0, 1], or None
        Of ``coverage``: a label, healthy first, is in the set of a scan where one
        less its probability is not above.
    passed : float, in [0, 1]
        Share of the held-out scans that pass.
    error : float, in [0, 1], or None
        Share of wrong decisions among these; None where none passes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    threshold: float | None = Field(None, ge=0, le=1)
    quantiles: tuple[float, ...] | None = None
    passed: float = Field(ge=0, le=1)
    error: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _consistent(self) -> Deferral:
        kind, _ = parse_deferral(self.rule)
        if (kind == "error") != (self.threshold is not None):
            raise ValueError("a threshold is needed for error, and for nothing else")
        if (kind == "coverage") != (self.quantiles is not None):
            raise ValueError("quantiles are needed for coverage, and nothing else")
        if any(not 0 <= q <= 1 for q in self.quantiles or ()):
            raise ValueError("quantiles must lie in [0, 1]")
        return self

    def judge(self, said: Decisions) -> Judged:
        """Say which decisions pass.

        Parameters
        ----------
        said : Decisions
            Of a cascade with a cut point.

        Returns
        -------
        judged : Judged
            For the same scans.
        """
        sure = confidence(said)
        if self.quantiles is None:
            return Judged(sure, sure > (self.threshold or 0.0), None)
        sets = label_sets(said.probabilities, np.array(self.quantiles))
        alone = (sets.sum(axis=1) == 1) & sets[np.arange(len(sets)), said.decided]
        return Judged(sure, alone, sets)


@dataclass(frozen=True)
class Judged:
    """Which decisions pass, and which go to a reader.

    Parameters
    ----------
    confidence : ndarray of float, shape (n_scans,), in [0, 1]
        In the decision.
    passes : ndarray of bool, shape (n_scans,)
        False: a reader looks.
    sets : ndarray of bool, shape (n_scans, n_labels), or None
        Labels that may be true, healthy first; only by ``coverage``.
    """

    confidence: Floats
    passes: NDArray[np.bool_]
    sets: NDArray[np.bool_] | None


def confidence(said: Decisions) -> Floats:
    r"""Say how sure decisions are.

    Parameters
    ----------
    said : Decisions
        Of a cascade with a cut point.

    Returns
    -------
    confidence : ndarray of float, shape (n_scans,), in [0, 1]
        With the odds of the screen divided by those of the cut point,
        :math:`m = \sigma(\mathrm{logit}\,s - \mathrm{logit}\,c)`: :math:`1 - m` for
        healthy, :math:`m \, P(k \mid \text{diseased})` for the label k. So a scan at
        the cut point is as unsure as can be, wherever that lies.

    Raises
    ------
    InputError
        If there is no cut point.
    """
    if said.cut_point is None:
        raise InputError(
            "deferral: expected decisions by a cut point, got none. Ask a cascade."
        )
    tilted = expit(_finite_logit(said.screen_score) - _finite_logit(said.cut_point))
    rows = np.arange(len(said.decided))
    named = said.probabilities[rows, np.maximum(said.decided, 1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(said.screen_score > 0, named / said.screen_score, 0.0)
    sure: Floats = np.where(said.decided > 0, tilted * share, 1 - tilted)
    return sure


def _finite_logit(shares: Floats) -> Floats:
    found: Floats = logit(np.clip(shares, 1e-12, 1 - 1e-12))
    return found


def label_sets(probabilities: Floats, quantiles: Floats) -> NDArray[np.bool_]:
    """Give the labels that conform with each scan.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_scans, n_labels)
        Healthy first.
    quantiles : ndarray of float, shape (n_labels,)
        As `conformal_quantiles` gives them.

    Returns
    -------
    sets : ndarray of bool, shape (n_scans, n_labels)
        May be empty: such a scan is like none of the labels.
    """
    found: NDArray[np.bool_] = 1 - probabilities <= quantiles
    return found


def conformal_quantiles(
    probabilities: Floats,
    truth: NDArray[np.intp],
    patients: NDArray[np.intp],
    *,
    coverage: float,
) -> Floats:
    r"""Fit sets that hold the true label for a share of the patients of each label.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n, n_labels)
        Of scans that the cascade was not fitted on.
    truth : ndarray of int, shape (n,)
        Their labels.
    patients : ndarray of int, shape (n,)
        Whose they are. The scans of a patient with one label share one vote.
    coverage : float, in (0, 1)
        The share.

    Returns
    -------
    quantiles : ndarray of float, shape (n_labels,)
        Bounds of :math:`1 - p_k`; 1 (always in the set) for a label with too few
        patients to say: fewer than :math:`c / (1 - c)`.

    Notes
    -----
    For label k with :math:`n_k` patients the least bound under which the votes reach
    :math:`c (n_k + 1)`: label-conditional conformal prediction (Vovk, "Conditional
    validity of inductive conformal predictors", Machine Learning 92, 2013; Sadinle,
    Lei and Wasserman, "Least ambiguous set-valued classifiers with bounded error
    levels", JASA 114, 2019), with patients in the place of scans. The promise is exact
    for a new patient from the same place if the scans were one validation part; for
    out-of-fold scores of models that differ a little from the last one it is nearly so
    (cross-conformal prediction, Vovk, Ann. Math. Artif. Intell. 74, 2015).
    """
    quantiles = np.ones(probabilities.shape[1])
    for label in range(len(quantiles)):
        rows = np.flatnonzero(truth == label)
        _, codes, counts = np.unique(
            patients[rows], return_inverse=True, return_counts=True
        )
        scores = 1 - probabilities[rows, label]
        order = np.argsort(scores, kind="stable")
        votes = np.cumsum(1 / counts[codes[order]])
        needed = coverage * (len(counts) + 1)
        place = int(np.searchsorted(votes, needed * (1 - 1e-12)))
        if place < len(rows):
            quantiles[label] = scores[order[place]]
    return quantiles


def risk_controlled(
    sure: Floats, wrong: NDArray[np.bool_], patients: NDArray[np.intp], *, error: float
) -> float:
    r"""Choose the confidence from which the error of what passes is small enough.

    Parameters
    ----------
    sure : ndarray of float, shape (n,), in [0, 1]
        Confidence in each decision.
    wrong : ndarray of bool, shape (n,)
        Whether it was wrong.
    patients : ndarray of int, shape (n,)
        Codes from 0. Scans of one patient go wrong together, so they count as fewer.
    error : float, in (0, 1)
        Largest share of wrong decisions among those that pass.

    Returns
    -------
    threshold : float, in [0, 1]
        What is above passes; 1 if no threshold keeps the promise.

    Notes
    -----
    Thresholds 0.9999, ... 0.99, 0.98, ... 0.00 are tested from the strictest on,
    beginning where so many patients pass that no error at all would show it, each with
    the upper end of a Clopper-Pearson interval at level 0.95 of the effective number
    of scans; the last before the first failure is taken. An order that was fixed
    beforehand needs no correction (Angelopoulos et al., "Learn then test: calibrating
    predictive algorithms to achieve risk control", Ann. Appl. Stat. 19, 2025, section
    2; the risk of what passes: Geifman and El-Yaniv, "Selective classification for deep
    neural networks", NeurIPS 2017).
    """
    n_patients = int(patients.max()) + 1 if len(patients) else 0
    needed = math.log(LEVEL) / math.log1p(-error)
    chosen = 1.0
    for threshold in _GRID:
        passing = sure > threshold
        cases = np.bincount(patients[passing], minlength=n_patients)
        hits = np.bincount(patients[passing & wrong], minlength=n_patients)
        if np.count_nonzero(cases) < needed:
            continue
        if _upper(hits, cases) > error:
            break
        chosen = threshold
    return chosen


def _upper(hits: NDArray[np.intp], cases: NDArray[np.intp]) -> float:
    """Bound a share from above, with patients in the place of scans."""
    share, n = hits.sum() / cases.sum(), effective_cases(hits, cases)
    return (
        1.0 if share == 1 else float(beta.ppf(1 - LEVEL, share * n + 1, n - share * n))
    )


def choose_deferral(rule: str, reference: Reference, cut_point: float) -> Deferral:
    """Fit a rule on held-out scans.

    Parameters
    ----------
    rule : str
        As `parse_deferral` reads it.
    reference : Reference
        What the cascade said of them.
    cut_point : float
        Of the cascade.

    Returns
    -------
    deferral : Deferral
        Fitted.

    Raises
    ------
    InputError
        If the rule is none.
    """
    kind, target = parse_deferral(rule)
    said = reference.decide(cut_point)
    wrong = said.decided != reference.truth
    threshold, quantiles = None, None
    if kind == "error":
        sure = confidence(said)
        threshold = risk_controlled(sure, wrong, reference.patients, error=target)
    else:
        found = conformal_quantiles(
            said.probabilities, reference.truth, reference.patients, coverage=target
        )
        quantiles = tuple(found.tolist())
    fitted = Deferral(rule=rule, threshold=threshold, quantiles=quantiles, passed=0)
    passes = fitted.judge(said).passes
    share = float(wrong[passes].mean()) if passes.any() else None
    told = {"passed": float(passes.mean()), "error": share}
    return fitted.model_copy(update=told)
