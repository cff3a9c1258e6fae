"""The input gate: whether a scan is like those that a network was made for.

Two scores, since no single one does both: how far the features of a scan lie from
those of the training scans, which tells another body part, a photograph or noise; and
how much they look like those of training scans that were inverted or turned, which a
distance hardly tells (of inverted chest radiographs it finds a third, the second score
97 of 100, at one false alarm in 100).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from hierclf.features.readers import Reader, trunk_in
from hierclf.foundation.errors import InputError
from hierclf.foundation.spread import steady
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import Frame, Scans

Floats = NDArray[np.float64]
ALTERATIONS: Mapping[str, Callable[[Frame], Frame]] = MappingProxyType(
    {
        "inverted": lambda scan: 1 - scan,
        "turned left": lambda scan: np.ascontiguousarray(np.rot90(scan)),
        "turned right": lambda scan: np.ascontiguousarray(np.rot90(scan, 3)),
        "upside down": lambda scan: np.ascontiguousarray(np.rot90(scan, 2)),
    }
)
"""What is done to training scans so that the gate knows it. Not mirroring: networks
here are trained to take a mirrored scan for the same."""
MOST_COMPONENTS = 64
LEAST_PATIENTS = 20
"""Fewer say nothing of one false alarm in a hundred."""
_FARTHEST = 30.0  # robust standard deviations from the median
_RIDGE = 0.01
_FOLDS = 5


@dataclass(frozen=True)
class ScopeGate:
    """What tells scans of the training kind from others.

    Parameters
    ----------
    mean, spread : ndarray of float, shape (n_features,)
        Of the features of the training scans; standard deviations, positive.
    components : ndarray of float, shape (n_components, n_features)
        Principal axes of the standardized features.
    variances : ndarray of float, shape (n_components,)
        Along these; positive.
    noise : float, positive
        Variance along every other axis.
    weights : ndarray of float, shape (n_features,)
        Of standardized features, for altered scans.
    bias : float
        Of the same.
    thresholds : tuple of float, length 2
        A scan whose distance or alteration score is higher is out of scope.
    false_alarm : float, in (0, 1)
        Share of scans like the training ones that are out of scope.
    """

    mean: Floats
    spread: Floats
    components: Floats
    variances: Floats
    noise: float
    weights: Floats
    bias: float
    thresholds: tuple[float, float]
    false_alarm: float

    def project(self, features: Floats) -> Floats:
        """Give the principal components of features.

        Parameters
        ----------
        features : ndarray of float, shape (n_scans, n_features)
            As `scope_features` gives them.

        Returns
        -------
        components : ndarray of float, shape (n_scans, n_components)
            Not scaled.
        """
        projected: Floats = self._standardized(features) @ self.components.T
        return projected

    def scores(self, features: Floats) -> Floats:
        r"""Score how unlike the training scans some scans are.

        Parameters
        ----------
        features : ndarray of float, shape (n_scans, n_features)
            As `scope_features` gives them.

        Returns
        -------
        scores : ndarray of float, shape (n_scans, 2)
            Distance, and log odds of an alteration; higher is less alike.

        Notes
        -----
        The distance is that of Mahalanobis under probabilistic principal components
        (Tipping and Bishop, J. R. Stat. Soc. B 61, 1999, equations 3 and 6),
        :math:`\sqrt{\frac{1}{d} (\sum_k t_k^2 / \lambda_k + |r|^2 / \sigma^2)}`, where
        :math:`r` is what the components leave.
        """
        table = self._standardized(features)
        inside = table @ self.components.T
        left = (table**2).sum(axis=1) - (inside**2).sum(axis=1)
        whole = (inside**2 / self.variances).sum(axis=1) + left / self.noise
        distance = np.sqrt(np.maximum(whole, 0) / table.shape[1])
        return np.column_stack([distance, table @ self.weights + self.bias])

    def excess(self, features: Floats) -> Floats:
        """Score scans by the worse of both, 0 at the border.

        Parameters
        ----------
        features : ndarray of float, shape (n_scans, n_features)
            As `scope_features` gives them.

        Returns
        -------
        excess : ndarray of float, shape (n_scans,)
            Positive out of scope: the relative excess of the distance, or the log
            odds beyond their threshold, whichever is more.
        """
        distance, altered = self.scores(features).T
        over: Floats = np.maximum(
            distance / self.thresholds[0] - 1, altered - self.thresholds[1]
        )
        return over

    def _standardized(self, features: Floats) -> Floats:
        table: Floats = (np.asarray(features, dtype=np.float64) - self.mean) / (
            self.spread
        )
        return table


def fit_scope_gate(
    features: Floats,
    altered: Floats,
    patients: NDArray[Any],
    altered_patients: NDArray[Any],
    *,
    false_alarm: float = 0.01,
) -> tuple[ScopeGate, Floats]:
    """Fit the gate on scans that the network was not fitted on.

    Parameters
    ----------
    features : ndarray of float, shape (n_scans, n_features)
        Of scans of the training kind.
    altered : ndarray of float, shape (n_altered, n_features)
        Of some of the same scans, inverted or turned.
    patients : ndarray, shape (n_scans,)
        Whose scans they are.
    altered_patients : ndarray, shape (n_altered,)
        Whose the altered ones are.
    false_alarm : float, default=0.01
        Share of scans of the training kind that may be out of scope; each of the
        two scores gets half of it.

    Returns
    -------
    gate : ScopeGate
        Fitted on all; its thresholds are quantiles of the scores that gates fitted
        on other patients gave, but no more than 30 robust standard deviations above
        their median: beyond, more than `false_alarm` may be out of scope.
    held_out : ndarray of float, shape (n_scans, 2)
        These scores.

    Raises
    ------
    InputError
        If there are fewer than 20 patients, or the share is none.
    """
    if not 0 < false_alarm < 1:
        raise InputError(
            f"false_alarm: expected a share in (0, 1), got {false_alarm}. Pass 0.01."
        )
    n_patients = len(np.unique(patients))
    if n_patients < LEAST_PATIENTS:
        raise InputError(
            f"gate: expected at least {LEAST_PATIENTS} patients, got {n_patients}. "
            "Add scans, or pass --gate 0."
        )
    held_out = np.empty((len(features), 2))
    for train, test in GroupKFold(_FOLDS).split(features, groups=patients):
        known = np.isin(altered_patients, patients[train])
        gate = _fit(features[train], altered[known])
        held_out[test] = gate.scores(features[test])
    whole = _fit(features, altered)
    cut = np.quantile(held_out, 1 - false_alarm / 2, axis=0, method="higher")
    cut = np.minimum(cut, _farthest(held_out))
    thresholds = (float(cut[0]), float(cut[1]))
    fitted = ScopeGate(
        **{**vars(whole), "thresholds": thresholds, "false_alarm": false_alarm}
    )
    return fitted, held_out


def _farthest(scores: Floats) -> Floats:
    """Say from where on a score is none of this kind of scans, whatever the quantile.

    Two inverted scans among 162 knees made the highest score the threshold, and films
    of chests passed.
    """
    middle = np.median(scores, axis=0)
    spread = 1.4826 * np.median(np.abs(scores - middle), axis=0)  # of a normal one
    farthest: Floats = middle + _FARTHEST * spread
    return farthest


def _fit(features: Floats, altered: Floats) -> ScopeGate:
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = steady(spread)
    table, other = (features - mean) / spread, (altered - mean) / spread
    n_components = max(1, min(MOST_COMPONENTS, len(table) // 4, table.shape[1] - 1))
    axes = PCA(n_components, svd_solver="covariance_eigh").fit(table)
    told = np.concatenate([table, other])
    is_altered = np.repeat([False, True], [len(table), len(other)])
    judge = LogisticRegression(C=_RIDGE, class_weight="balanced", max_iter=1000)
    judge.fit(told, is_altered)
    return ScopeGate(
        mean=mean,
        spread=spread,
        components=axes.components_,
        variances=np.maximum(axes.explained_variance_, 1e-12),
        noise=max(float(axes.noise_variance_), 1e-12),
        weights=judge.coef_[0],
        bias=float(judge.intercept_[0]),
        thresholds=(np.inf, np.inf),
        false_alarm=0.5,
    )


class ScopeReader:
    """What gives the gate its features: the trunk of a reader, one view of each scan.

    Parameters
    ----------
    reader : NetworkClassifier or FeatureExtractor
        Fitted. Where its trunk is frozen, what it has computed for the scores is
        used again, and the gate costs nothing.
    """

    def __init__(self, reader: Reader) -> None:
        trunk = trunk_in(reader)
        self._trunk = trunk
        self._one = shared_trunk(
            trunk.featurizer,
            replace(trunk.options, views=trunk.views.single),
            trunk.cache,
            trunk.preparation,
        )

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return self._trunk.shape[0]

    def __call__(self, scans: Scans) -> Floats:
        """Give the features of the central view.

        Parameters
        ----------
        scans : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.

        Returns
        -------
        features : ndarray of float, shape (n_scans, n_channels)
            Mean channels where the trunk keeps maps.
        """
        return _flat(self._trunk.features(scans)[:, self._trunk.views.central])

    def of_one_view(self, scans: list[Frame]) -> Floats:
        """Give the same features, computing no other view."""
        return _flat(self._one.of_frames(scans)[:, 0])


def _flat(features: NDArray[Any]) -> Floats:
    seen = features.astype(np.float64)
    return seen if seen.ndim == 2 else seen.mean(axis=(2, 3))
