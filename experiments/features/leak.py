"""What true labels in the features are worth: everything, and so nothing.

Four ways to choose the class whose channels weigh most: the true one, on training
and test scans (a leak); the one that the network predicts of scans that it was
fitted on, for training (the literal reading of He 2019); the one that networks of
other patients predict (ours); and none, the pooled features.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.cascade.hierarchical import Folds
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import patient_folds
from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.features.extractor import FeatureExtractor
from hierclf.metalearners.search import MetaLearner
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

KINDS = ("gradcam", "scda")
WAYS = ("true labels (a leak)", "predicted, network knows the scans", "predicted")
Pair = tuple[NDArray[np.floating], NDArray[np.floating]]


def tables(
    network: NetworkClassifier,
    kind: str,
    way: str,
    seen: pd.DataFrame,
    unseen: pd.DataFrame,
) -> Pair:
    """Give the features of training and test scans."""
    cv = 3 if way == WAYS[2] else 0
    extractor = FeatureExtractor(network, kind=kind, cv=cv)
    labels = seen["label"].to_numpy()
    if way != WAYS[0]:
        return extractor.fit_transform(seen, labels), extractor.transform(unseen)
    extractor.fit(seen, labels)
    return (
        extractor.transform(seen, leaking_labels=labels),
        extractor.transform(unseen, leaking_labels=unseen["label"].to_numpy()),
    )


def leak_rows(data: Mapping[str, Path], sets: Mapping[str, Any], *, seed: int) -> str:
    """Measure all ways on all sets, flat, five folds by patient."""
    lines = ["| set | features | class from | macro recall |", "|---|---|---|---|"]
    for name, folder in data.items():
        manifest = read_dataset(DataOptions(data=folder)).manifest
        for kind in KINDS:
            for way in WAYS:
                told = _measure(manifest, kind, way, seed)
                lines.append(f"| {name} | {kind} | {way} | {told} |")
                print(lines[-1], flush=True)
    return "\n".join(lines)


def leaking(
    manifest: pd.DataFrame,
    network: NetworkClassifier,
    folds: Folds,
    *,
    kind: str,
    way: str,
    seed: int,
    components: tuple[int, ...] | None = None,
) -> NDArray[np.str_]:
    """Predict each scan by a machine on features, flat and prior-corrected.

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
    way : str
        One of `WAYS`.
    seed : int
        Of the learner.
    components : tuple of int, optional
        Numbers of principal components to try; those of the learner by default.

    Returns
    -------
    said : ndarray of str, shape (n_scans,)
        '' for scans that no fold tests.
    """
    labels = manifest["label"].to_numpy()
    said = np.full(len(labels), "", dtype=object)
    for train, test in folds:
        seen, unseen = manifest.iloc[train], manifest.iloc[test]
        known, new = tables(network, kind, way, seen, unseen)
        model = MetaLearner(None, "svm", components=components, cv=3, seed=seed)
        model.fit(known, labels[train], groups=seen["patient_id"].to_numpy())
        prior = pd.Series(labels[train]).value_counts()[model.classes_].to_numpy()
        said[test] = model.classes_[(model.predict_proba(new) / prior).argmax(axis=1)]
    return said.astype(np.str_)


def _measure(manifest: pd.DataFrame, kind: str, way: str, seed: int) -> str:
    labels = manifest["label"].to_numpy()
    patients = manifest["patient_id"].to_numpy()
    folds = patient_folds(labels, patients, n_folds=5, seed=seed)
    network = NetworkClassifier(NetworkOptions(views="whole"))
    said = leaking(manifest, network, folds, kind=kind, way=way, seed=seed)
    names, truth = np.unique(labels, return_inverse=True)
    figures = evaluate(
        predictions_of(
            truth,
            np.searchsorted(names, said),
            n_classes=len(names),
            groups=patients,
        ),
        tuple(map(str, names)),
        ordered=False,
        n_resamples=1000,
        seed=seed,
    )
    recall = figures.metrics["macro_recall"]
    return f"{recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}]"
