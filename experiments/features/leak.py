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


def tables(kind: str, way: str, seen: pd.DataFrame, unseen: pd.DataFrame) -> Pair:
    """Give the features of training and test scans."""
    network = NetworkClassifier(NetworkOptions(views="whole"))
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


def _measure(manifest: pd.DataFrame, kind: str, way: str, seed: int) -> str:
    labels = manifest["label"].to_numpy()
    names, truth = np.unique(labels, return_inverse=True)
    patients = manifest["patient_id"].to_numpy()
    said = np.empty(len(labels), dtype=np.intp)
    for train, test in patient_folds(labels, patients, n_folds=5, seed=seed):
        seen, unseen = manifest.iloc[train], manifest.iloc[test]
        known, new = tables(kind, way, seen, unseen)
        model = MetaLearner(None, "svm", cv=3, seed=seed)
        model.fit(known, labels[train])
        prior = np.bincount(truth[train]) / len(train)
        said[test] = (model.predict_proba(new) / prior).argmax(axis=1)
    figures = evaluate(
        predictions_of(truth, said, n_classes=len(names), groups=patients),
        tuple(map(str, names)),
        ordered=False,
        n_resamples=1000,
        seed=seed,
    )
    recall = figures.metrics["macro_recall"]
    return f"{recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}]"
