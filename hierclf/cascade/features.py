"""Features of whichever network of a cascade decided."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.data.rows import take
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import InputError
from hierclf.training.estimator import NetworkClassifier

Floats = NDArray[np.floating]


class CascadeFeatures(TransformerMixin, BaseEstimator):
    """Features of the screen where that decided, else of the refinement.

    The last system of He 2019 (section 3.4): below the cut point the screen has the
    word, and its features are taken; from there on the refinement's. One learner
    for all labels then stands on them, see `hierclf.metalearners.search.MetaLearner`.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        With networks of one backbone for both stages. It is fitted in ``fit``,
        unless it comes in a `sklearn.frozen.FrozenEstimator`.
    kind : str, default="scda_flat"
        Of the features, see `hierclf.features.extractor.FeatureExtractor`.
    views : str, optional
        Likewise.

    Attributes
    ----------
    cascade_ : HierarchicalClassifier
        Fitted.
    extractors_ : tuple of FeatureExtractor
        Of the screen and of the refinement.
    """

    def __init__(
        self, cascade: Any, *, kind: str = "scda_flat", views: str | None = None
    ) -> None:
        self.cascade = cascade
        self.kind = kind
        self.views = views

    def fit(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> CascadeFeatures:
        """Fit the cascade.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        y : array-like, shape (n_scans,)
            Labels.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        self : CascadeFeatures
            Fitted.

        Raises
        ------
        InputError
            If a stage is no network.
        """
        given = getattr(self.cascade, "estimator", self.cascade)
        if not isinstance(given, HierarchicalClassifier):
            raise InputError(
                "cascade: expected a HierarchicalClassifier, fitted ones in a "
                f"FrozenEstimator, got {type(given).__name__}. Put networks into one."
            )
        if given is not self.cascade:
            self.cascade_: HierarchicalClassifier = given
        else:
            self.cascade_ = clone(given).fit(X, y, groups)
        stages = (self.cascade_.screen_, self.cascade_.refine_)
        self.extractors_ = tuple(self._extractor(stage).fit(X) for stage in stages)
        return self

    def _extractor(self, stage: Any) -> FeatureExtractor:
        network = unweighted(stage)
        if not isinstance(network, NetworkClassifier):
            raise InputError(
                "cascade: expected a network for each stage, got "
                f"{type(network).__name__}. Its features are asked for."
            )
        given = FrozenEstimator(network)
        return FeatureExtractor(given, kind=self.kind, views=self.views)

    def fit_transform(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Floats:
        """Fit, and give features as other scans will have them.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.
        y : array-like, shape (n_scans,)
            Labels.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column that tells them.

        Returns
        -------
        features : ndarray of float32, shape (n_scans, n_features)
            Which network decided, and for which class, is what the cascade said of
            each scan while it was held out.

        Raises
        ------
        InputError
            If the cascade held not every scan out: what it says of scans that it was
            fitted on is hardly more than their labels.
        """
        if isinstance(self.cascade, FrozenEstimator):
            return self.fit(X, y, groups).transform(X)
        self.fit(X, y, groups)
        held = self.cascade_.held_out_
        if held is None or len(held.rows) < len(X):
            raise InputError(
                "cascade: expected folds that hold out every scan, got a cut point "
                "without them. Pass a rule (cut_point='macro_recall') and cv=5; or a "
                "fitted cascade in a FrozenEstimator, with scans it was not fitted on."
            )
        score, refined = held.screen_score, held.conditional.argmax(axis=1) + 1
        return self._mixed(X, score, refined)

    def transform(self, X: Any) -> Floats:
        """Give the features of scans.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.

        Returns
        -------
        features : ndarray of float32, shape (n_scans, n_features)
            Weighted for the class that the deciding network predicts.
        """
        check_is_fitted(self, "extractors_")
        return self._mixed(X, *self._said(X))

    def _said(self, X: Any) -> tuple[Floats, NDArray[np.intp]]:
        """Give the screen's score and the most probable diseased label."""
        said = self.cascade_.decide(X)
        return said.screen_score, said.probabilities[:, 1:].argmax(axis=1) + 1

    def _mixed(self, X: Any, score: Floats, refined: NDArray[np.intp]) -> Floats:
        first, second = self.extractors_
        passed = score >= self.cascade_.cut_point_
        names = np.asarray(self.cascade_.hierarchy_.labels)
        parts = [
            (np.flatnonzero(~passed), first, score >= 0.5),
            (np.flatnonzero(passed), second, names[refined]),
        ]
        told = [(rows, one, labels) for rows, one, labels in parts if len(rows)]
        found = [one.of_classes(take(X, rows), lab[rows]) for rows, one, lab in told]
        widths = {table.shape[1] for table in found}
        if len(widths) > 1:
            raise InputError(
                f"cascade: expected networks of one width, got {sorted(widths)}. Take "
                "one backbone for both stages."
            )
        mixed = np.empty((len(score), *widths), dtype=np.float32)
        for (rows, _, _), table in zip(told, found, strict=True):
            mixed[rows] = table
        return mixed
