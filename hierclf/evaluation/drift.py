"""Where a ward differs from the reference: feature by feature, and label by label.

A ward with more diseased scans has other features than the reference even if nothing
drifted. So the reference is weighed to the prevalence of the ward before the two are
compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.confusion import Floats, Ints
from hierclf.evaluation.intervals import Estimate, bootstrap_estimate
from hierclf.evaluation.roc import roc_auc
from hierclf.evaluation.wards import Labelled, Unlabelled
from hierclf.foundation.seeding import derive_seed

_FOLDS = 5


def matched_weights(diseased: NDArray[np.bool_], prevalence: float) -> Floats:
    """Weigh scans so that a given share of them is diseased.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_scans,)
        Both kinds occur.
    prevalence : float, in [0, 1]
        The share that is wanted.

    Returns
    -------
    weights : ndarray of float, shape (n_scans,)
        They sum to 1.

    Examples
    --------
    >>> matched_weights(np.array([True, False, False, False]), 0.4).round(3).tolist()
    [0.4, 0.2, 0.2, 0.2]
    """
    sick, healthy = prevalence / diseased.sum(), (1 - prevalence) / (~diseased).sum()
    weights: Floats = np.where(diseased, sick, healthy)
    return weights


def standardized_differences(
    diseased: NDArray[np.bool_], known: Floats, features: Floats, prevalence: float
) -> Floats:
    r"""Say how far each feature moved, in standard deviations.

    Parameters
    ----------
    diseased : ndarray of bool, shape (n_reference,)
        Truth of the reference.
    known : ndarray of float, shape (n_reference, n_features)
        Its features.
    features : ndarray of float, shape (n_scans, n_features)
        Those of the ward.
    prevalence : float, in [0, 1]
        Of the ward.

    Returns
    -------
    differences : ndarray of float, shape (n_features,)
        :math:`(m - m_q) / \sqrt{(v + v_q) / 2}` with mean and variance of the
        ward, and of the reference at the prevalence of the ward; 0 where a
        feature never varies.

    Notes
    -----
    Equation (1) of [1]_ with a weighted reference. Differences below 0.1 are
    usually called negligible.

    References
    ----------
    .. [1] P. C. Austin, "Balance diagnostics for comparing the distribution of
       baseline covariates between treatment groups in propensity-score matched
       samples", Statistics in Medicine 28 (25), 2009, p. 3083-3107.

    Examples
    --------
    >>> known = np.array([[0.0], [2.0], [10.0], [12.0]])
    >>> sick = np.array([False, False, True, True])
    >>> standardized_differences(sick, known, known, 0.5).round(3).tolist()
    [0.0]
    """
    weights = matched_weights(diseased, prevalence)
    mean = weights @ known
    variance = weights @ (known - mean) ** 2
    pooled = np.sqrt((variance + features.var(axis=0)) / 2)
    moved = features.mean(axis=0) - mean
    differences: Floats = np.divide(
        moved, pooled, out=np.zeros_like(moved), where=pooled > 0
    )
    return differences


def domain_auc(
    reference: Labelled,
    known: Floats,
    ward: Unlabelled,
    features: Floats,
    prevalence: float,
    *,
    seed: int = 0,
) -> float:
    """Tell how well the scans of the ward can be told from those of the reference.

    Parameters
    ----------
    reference : Labelled
        Truth and patients of the reference.
    known : ndarray of float, shape (n_reference, n_features)
        Its features.
    ward : Unlabelled
        Patients of the ward; none of them is in the reference.
    features : ndarray of float, shape (n_scans, n_features)
        Its features.
    prevalence : float, in [0, 1]
        Of the ward; the reference is weighed to it.
    seed : int, default=0
        Of the folds.

    Returns
    -------
    auc : float, in [0, 1]
        Of logistic regression in folds by patient; one half where they are alike,
        NaN with fewer than 5 patients on a side.
    """
    if min(reference.n_patients, ward.n_patients) < _FOLDS:
        return float("nan")
    table = np.concatenate([known, features])
    is_ward = np.repeat([False, True], [len(known), len(features)])
    weights = np.concatenate(
        [
            matched_weights(reference.diseased, prevalence),
            np.full(len(features), 1 / len(features)),
        ]
    ) * (len(table) / 2)
    groups = np.concatenate([reference.patients, reference.n_patients + ward.patients])
    said = np.empty(len(table))
    folds = StratifiedGroupKFold(
        _FOLDS, shuffle=True, random_state=derive_seed(seed, "shift", "domain")
    )
    for train, test in folds.split(table, is_ward, groups):
        model = LogisticRegression(C=0.1, max_iter=1000)
        model.fit(table[train], is_ward[train], sample_weight=weights[train])
        said[test] = model.decision_function(table[test])
    return float(roc_auc_score(is_ward, said, sample_weight=weights))


@dataclass(frozen=True)
class LabelDrift:
    """Scores of one label in the reference and in the ward.

    Parameters
    ----------
    position : int
        Of the label; 0 is healthy.
    n_reference, n_ward : int
        Scans.
    reference_mean, ward_mean : float, in [0, 1]
        Mean screen scores.
    auc : Estimate
        Chance that a scan of the ward scores higher than one of the reference;
        one half where the scores are alike.
    """

    position: int
    n_reference: int
    n_ward: int
    reference_mean: float
    ward_mean: float
    auc: Estimate


def label_drift(
    truth: Ints,
    reference: Labelled,
    ward_truth: Ints,
    ward: Unlabelled,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[LabelDrift, ...]:
    """Compare the scores label by label, where the labels of the ward are known.

    Parameters
    ----------
    truth : ndarray of int, shape (n_reference,)
        Positions; 0 is healthy.
    reference : Labelled
        Scores and patients of the reference.
    ward_truth : ndarray of int, shape (n_scans,)
        Positions of the scans of the ward.
    ward : Unlabelled
        Their scores and patients.
    n_resamples : int, default=1000
        Patient bootstraps of the intervals.
    seed : int, default=0
        Root seed.

    Returns
    -------
    drifts : tuple of LabelDrift
        Of the labels that occur on both sides.
    """
    weights = patient_weights(
        reference.n_patients + ward.n_patients,
        n_resamples=n_resamples,
        seed=derive_seed(seed, "shift", "labels"),
    )
    found = []
    for position in np.intersect1d(truth, ward_truth):
        old, new = truth == position, ward_truth == position
        scores = np.concatenate([reference.scores[old], ward.scores[new]])
        is_ward = np.repeat([False, True], [old.sum(), new.sum()])
        patients = np.concatenate(
            [reference.patients[old], reference.n_patients + ward.patients[new]]
        )
        draws = roc_auc(is_ward, scores, weights, patients)
        found.append(
            LabelDrift(
                int(position),
                int(old.sum()),
                int(new.sum()),
                float(scores[~is_ward].mean()),
                float(scores[is_ward].mean()),
                bootstrap_estimate(float(roc_auc(is_ward, scores)[0]), draws),
            )
        )
    return tuple(found)
