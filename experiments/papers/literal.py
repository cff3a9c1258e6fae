"""Learners with the parameters that He 2019 reports, read literally.

Plain scikit-learn on 16 principal components of SCDA features. The source calls C
"the coefficient of the L2 penalty"; scikit-learn's C is one over it. Both readings are
there for the machine, because with C = 1e-4 it can hardly do but name one class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from hierclf.cascade.hierarchical import Folds
from hierclf.features.extractor import FeatureExtractor
from hierclf.training.estimator import NetworkClassifier

LEARNERS: Mapping[str, Callable[[int], Any]] = MappingProxyType(
    {
        "lr": lambda seed: LogisticRegression(C=0.01, max_iter=5000),
        "lr, 1/C": lambda seed: LogisticRegression(C=100.0, max_iter=5000),
        "svm": lambda seed: SVC(C=1e-4, gamma=1e-3),
        "svm, 1/C": lambda seed: SVC(C=1e4, gamma=1e-3),
        "rf": lambda seed: RandomForestClassifier(
            20, min_samples_split=3, min_samples_leaf=3, random_state=seed
        ),
    }
)


def literal_system(
    manifest: pd.DataFrame,
    network: NetworkClassifier,
    folds: Folds,
    *,
    kind: str,
    learner: str,
    components: int,
    cv: int,
    seed: int,
) -> NDArray[np.str_]:
    """Predict each tested scan by a learner on features of a flat network.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        All scans.
    network : NetworkClassifier
        Whose features.
    folds : list of (train, test)
        Patient-disjoint rows.
    kind : str
        Of the features.
    learner : str
        One of `LEARNERS`.
    components : int
        Principal components.
    cv : int
        Inner folds, so that features of training scans are those of unseen ones.
    seed : int
        Of network and learner.

    Returns
    -------
    said : ndarray of str, shape (n_scans,)
        '' for scans that no fold tests.
    """
    labels = manifest["label"].to_numpy()
    said = np.full(len(labels), "", dtype=object)
    for train, test in folds:
        features = FeatureExtractor(network, kind=kind, cv=cv, seed=seed)
        known = features.fit_transform(manifest.iloc[train], labels[train])
        n_components = min(components, *known.shape)
        model = make_pipeline(
            PCA(n_components, random_state=seed), LEARNERS[learner](seed)
        )
        model.fit(known, labels[train])
        said[test] = model.predict(features.transform(manifest.iloc[test]))
    return said.astype(np.str_)
