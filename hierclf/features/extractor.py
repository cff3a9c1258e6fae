"""A network as a scikit-learn transformer: scans to feature tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from hierclf.data.inner_folds import inner_folds
from hierclf.data.rows import patients_of, take
from hierclf.features.finite import finite
from hierclf.features.regions import (
    discriminative_maps,
    flattened,
    main_regions,
    pooled,
)
from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError, ScanError
from hierclf.inference.frozen import FrozenTrunk, Output
from hierclf.inference.views import make_views
from hierclf.loading.scans import Scans
from hierclf.networks.activation_maps import channel_weights
from hierclf.training.estimator import NetworkClassifier

Floats = NDArray[np.floating]
_SCANS_AT_ONCE = 256
_MAPS_AT_ONCE = 16
"""Weighed maps of so many views stay in the processor's cache."""


def _weighted_means(maps: Floats, weights: Floats) -> Floats:
    means: Floats = maps.mean(axis=(2, 3)) * weights
    return means


def _region_pooled(maps: Floats, weights: Floats) -> Floats:
    weighed = discriminative_maps(maps, weights)
    return pooled(weighed, main_regions(weighed.sum(axis=1)))


def _region_flattened(maps: Floats, weights: Floats) -> Floats:
    weighed = discriminative_maps(maps, weights)
    return flattened(weighed, main_regions(weighed.sum(axis=1)))


POOLED = "pooled"
KINDS: Mapping[str, Callable[[Floats, Floats], Floats] | None] = MappingProxyType(
    {
        POOLED: None,
        "gradcam": _weighted_means,
        "scda": _region_pooled,
        "scda_flat": _region_flattened,
    }
)
"""Kinds of features: maps ``(n, n_channels, h, w)`` and channel weights ``(n,
n_channels)`` to a table. ``pooled`` needs neither: its channels are averaged."""


class FeatureExtractor(TransformerMixin, BaseEstimator):
    r"""Turn scans into features of a network that no longer learns.

    ``pooled`` features say nothing of classes. All others weigh the channels by
    what they do for *one class of the scan*, the one that the network predicts, so
    what the network thinks is written into them. Two things follow. On scans that
    the network was fitted on it thinks better than on others; so ``fit_transform``
    predicts each scan by a network that was fitted on other patients. And where the
    true label is put in the place of the predicted one, the features *are* the
    label: on phantoms, learners on such features reach a macro recall of 1.000.

    Parameters
    ----------
    network : NetworkClassifier or FrozenEstimator, optional
        What computes. A `NetworkClassifier` is fitted in ``fit`` (not for
        ``pooled`` with a frozen trunk, which depends on no label); a fitted one in
        a `sklearn.frozen.FrozenEstimator` is taken as it is, as the sources do.
    kind : {"pooled", "gradcam", "scda", "scda_flat"}, default="pooled"
        Means of the channels; the same times the weights of the predicted class;
        mean and maximum of the weighted channels within the main region; all cells
        of that region.
    views : str, optional
        Views over which features are averaged. By default those of the network, but
        one view for ``scda_flat``, whose cells have places.
    cv : int, default=5
        Patient-disjoint folds of ``fit_transform``; 0 predicts the scans by the
        network that was fitted on them.
    seed : int, default=0
        Of the folds.

    Attributes
    ----------
    network_ : NetworkClassifier or None
        Fitted; None where none is needed.
    trunk_ : FrozenTrunk
        What computes maps or their means.

    Examples
    --------
    >>> from sklearn.frozen import FrozenEstimator
    >>> extractor = FeatureExtractor(NetworkClassifier(seed=1), kind="scda")
    >>> extractor.kind
    'scda'
    """

    def __init__(
        self,
        network: Any = None,
        *,
        kind: str = POOLED,
        views: str | None = None,
        cv: int = 5,
        seed: int = 0,
    ) -> None:
        self.network = network
        self.kind = kind
        self.views = views
        self.cv = cv
        self.seed = seed

    def fit(
        self, X: Scans, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> FeatureExtractor:
        """Fit the network, where the features depend on what it learns.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        y : array-like, shape (n_scans,), optional
            Labels; needed where the network is fitted.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : FeatureExtractor
            Fitted.

        Raises
        ------
        InputError
            If the kind is unknown, labels are needed and absent, or a scan cannot
            be read.
        """
        choose("features", self.kind, KINDS)
        network = self._fitted(X, y, groups)
        self.network_: NetworkClassifier | None = network if self._asks else None
        output: Output = "maps" if self._asks else "pooled"
        self.trunk_: FrozenTrunk = network.look(views=self._views(), output=output)
        if self.kind == "scda_flat" and self.trunk_.views.n_views > 1:
            raise InputError(
                "views: expected a single view for 'scda_flat', got "
                f"{self.views!r}. Cells of different crops have no common place."
            )
        return self

    def fit_transform(
        self, X: Scans, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Floats:
        """Fit, and give features as other scans will have them.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        y : array-like, shape (n_scans,), optional
            Labels.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        features : ndarray of float32, shape (n_scans, n_features)
            Where classes matter, each scan was predicted by a network that was
            fitted on other patients.
        """
        self.fit(X, y, groups)
        if not self._asks or self.cv == 0 or _is_given(self.network):
            return self.transform(X)
        labels = np.asarray(y)
        predicted = np.empty(len(labels), dtype=labels.dtype)
        patients = patients_of(X, len(labels), groups)
        for train, test in inner_folds(
            labels, patients, n_folds=self.cv, seed=self.seed
        ):
            if len(np.unique(labels[train])) < 2:
                predicted[test] = labels[train][0]
                continue
            other = clone(self.given_network())
            other.fit(take(X, train), labels[train], groups=patients[train])
            predicted[test] = other.predict(take(X, test))
        return self.of_classes(X, predicted)

    def transform(self, X: Scans, leaking_labels: ArrayLike | None = None) -> Floats:
        """Give the features of scans.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        leaking_labels : array-like, shape (n_scans,), optional
            True labels, to weigh channels by in the place of predicted ones. That
            is a leak, and any figure on such features is worthless but for one use:
            to show what the leak is worth.

        Returns
        -------
        features : ndarray of float32, shape (n_scans, n_features)
            Means over the views.

        Raises
        ------
        InputError
            If a scan cannot be read, or a feature is no finite number.
        """
        return self.of_classes(X, leaking_labels)

    def of_classes(self, X: Scans, labels: ArrayLike | None) -> Floats:
        """Weigh channels by stated classes, such as others have predicted.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        labels : array-like, shape (n_scans,), or None
            A class of the network for each scan; None for the one it predicts. True
            labels are a leak, see `transform`.

        Returns
        -------
        features : ndarray of float32, shape (n_scans, n_features)
            Means over the views.

        Raises
        ------
        InputError
            If a label is no class of the network, or a scan cannot be read.
        """
        check_is_fitted(self, "trunk_")
        if labels is not None and self.network_ is not None:
            strange = np.setdiff1d(labels, self.network_.classes_)
            if len(strange):
                raise InputError(
                    f"labels: expected some of {self.network_.classes_.tolist()}, got "
                    f"{strange[0]!r}. Name classes of the network."
                )
        if self.network_ is None:
            return finite(X, self.trunk_.features(X).astype(np.float32).mean(axis=1))
        known = None if labels is None else np.asarray(labels)
        table: Floats = np.empty((len(X), 0), dtype=np.float32)
        for rows in _pieces(len(X), _SCANS_AT_ONCE):
            seen = self.trunk_.features(take(X, np.arange(len(X))[rows]))
            told = None if known is None else known[rows]
            for place, part in self._of_maps(seen, told):
                if not table.shape[1]:
                    table = np.empty((len(X), part.shape[1]), dtype=np.float32)
                table[rows][place] = part
        return finite(X, table)

    def _of_maps(
        self, seen: Floats, labels: NDArray[Any] | None
    ) -> Iterator[tuple[slice, Floats]]:
        """Make features a few scans at a time, whose weighed maps fit into a cache."""
        n_scans, n_views = seen.shape[:2]
        make = KINDS[self.kind]
        if make is None:
            raise TypeError("pooled features have no classes")
        maps = torch.from_numpy(seen).float().numpy()
        weights = self.class_weights(maps, labels)
        for rows in _pieces(n_scans, max(1, _MAPS_AT_ONCE // n_views)):
            flat = maps[rows].reshape(-1, *maps.shape[2:])
            made = make(flat, weights[rows].reshape(len(flat), -1))
            views = made.reshape(-1, n_views, made.shape[1])
            yield rows, views.mean(axis=1, dtype=np.float32)

    def class_weights(self, seen: Floats, labels: NDArray[Any] | None = None) -> Floats:
        """Weigh the channels of each view by what they do for the scan's class.

        Parameters
        ----------
        seen : ndarray of float, shape (n_scans, n_views, n_channels, h, w)
            Maps of `trunk_`.
        labels : ndarray, shape (n_scans,), optional
            Classes; the predicted ones where not given.

        Returns
        -------
        weights : ndarray of float32, shape (n_scans, n_views, n_channels)
            Of Grad-CAM.
        """
        stage = self.network_
        if stage is None:
            raise TypeError("pooled features have no classes")
        n_scans, n_views = seen.shape[:2]
        tensor = torch.from_numpy(seen).float().flatten(0, 1)
        if labels is None:
            targets = _predicted(stage, tensor, n_views)
        else:
            targets = np.searchsorted(stage.classes_, labels)
        repeated = torch.from_numpy(np.repeat(targets, n_views))
        weights = channel_weights(stage.network_, tensor, repeated)
        return weights.reshape(n_scans, n_views, -1).numpy()

    def try_read(self, X: pd.DataFrame) -> dict[int, ScanError]:
        """Read every scan once, and keep what was computed of it.

        Parameters
        ----------
        X : DataFrame, n_scans rows
            Manifest rows.

        Returns
        -------
        errors : dict of int to ScanError
            What cannot be read, by the position of the row.
        """
        check_is_fitted(self, "trunk_")
        return self.trunk_.try_features(X)[1]

    def use_cache(self, folder: Path) -> None:
        """Keep features in a folder from now on.

        Parameters
        ----------
        folder : Path
            Made when something is written.
        """
        self.trunk_.use_cache(folder)

    @property
    def frame_side(self) -> int:
        """Side in pixels of the frame that views are cut from."""
        check_is_fitted(self, "trunk_")
        return self.trunk_.frame_side

    @property
    def _asks(self) -> bool:
        """Whether features depend on a class."""
        return self.kind != POOLED

    def _views(self) -> str | None:
        if self.views is None and self.kind == "scda_flat":
            return make_views(self.given_network().resolved_options().views).single
        return self.views

    def given_network(self) -> NetworkClassifier:
        """Give the network that was passed, out of its wrapping; else the default."""
        network = getattr(self.network, "estimator", self.network)
        return NetworkClassifier() if network is None else network

    def _fitted(
        self, X: Scans, y: ArrayLike | None, groups: ArrayLike | None
    ) -> NetworkClassifier:
        if _is_given(self.network):
            return self.given_network()
        network: NetworkClassifier = clone(self.given_network())
        if not self._asks and network.resolved_options().part == "head":
            return network
        if y is None:
            raise InputError(
                f"features: expected labels to fit the network of {self.kind!r} "
                "features on, got none. Pass y, or a fitted network."
            )
        return network.fit(X, y, groups=groups)


def _predicted(
    stage: NetworkClassifier, maps: Tensor, n_views: int
) -> NDArray[np.intp]:
    """Name the most probable class of each scan, its views averaged."""
    network = stage.network_
    with torch.inference_mode():
        logits = network.of_maps(maps).double()
    shares = torch.softmax(logits, dim=1).reshape(-1, n_views, logits.shape[1])
    targets: NDArray[np.intp] = shares.mean(dim=1).argmax(dim=1).numpy()
    return targets


def _is_given(network: Any) -> bool:
    """Whether a network was fitted before."""
    return hasattr(network, "estimator")


def _pieces(n_rows: int, size: int) -> list[slice]:
    return [slice(s, min(s + size, n_rows)) for s in range(0, n_rows, size)]
