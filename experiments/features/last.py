"""The last system of He 2019: one learner on features of whichever network decided.

Its figures stand beside those of the cascade that decides by itself, on the same
five folds by patient. Which network decides on a training scan, and for which class
its channels are weighed, is what the cascade said while the scan was held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.features.pairs import difference, mean_of
from hierclf.assembly.assessment import flat_table
from hierclf.cascade.features import CascadeFeatures
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import patient_folds
from hierclf.evaluation.calibration import prior_corrected
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.metalearners.search import MetaLearner
from hierclf.problem.labels import hierarchy_of
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

KINDS = ("scda", "scda_flat")


def last_rows(
    name: str, folder: Path, labels: Mapping[str, Any], plain: Predictions
) -> str:
    """Measure the system with each kind of features on one set.

    Parameters
    ----------
    name : str
        Of the set.
    folder : Path
        Its scans.
    labels : mapping
        ``healthy`` and maybe ``stages``.
    plain : Predictions
        Of the cascade that decides by itself, in the order of the manifest.

    Returns
    -------
    lines : str
        Rows of a table: macro recall, and how much that is more than the cascade's.
    """
    manifest = read_dataset(DataOptions(data=folder)).manifest
    lines = []
    for kind in KINDS:
        said = _said(manifest, labels, kind)
        if not np.array_equal(said.truth, plain.truth):
            raise ValueError("the scans are not in one order")
        names = [str(place) for place in range(said.n_classes)]
        recall = evaluate(said, names).metrics["macro_recall"]
        gain = mean_of([difference(plain, said)])
        figure = f"{recall.value:.3f} [{recall.low:.3f}, {recall.high:.3f}]"
        lines.append(f"| {name}, {kind}+svm@16 | {figure} | {gain} |")
    return "\n".join(lines)


def _said(manifest: pd.DataFrame, told: Mapping[str, Any], kind: str) -> Predictions:
    labels = manifest["label"].to_numpy()
    patients = manifest["patient_id"].to_numpy()
    hierarchy = hierarchy_of(labels, told["healthy"], told.get("stages", ()))
    truth = hierarchy.positions(labels.tolist())
    said = np.empty(len(labels), dtype=np.intp)
    network = NetworkClassifier(NetworkOptions(views="whole"))
    for train, test in patient_folds(labels, patients, n_folds=5, seed=0):
        cascade = HierarchicalClassifier(
            network,
            network,
            healthy=told["healthy"],
            stages=hierarchy.diseased,
            cut_point="macro_recall",
            adjustment="tuned",
            cv=3,
        )
        features = CascadeFeatures(cascade, kind=kind)
        model = MetaLearner(features, "svm", components=(16,), cv=3)
        model.fit(manifest.iloc[train], labels[train])
        table = flat_table(model, manifest.iloc[test], hierarchy)
        counts = np.bincount(truth[train], minlength=table.shape[1])
        said[test] = prior_corrected(table, counts).argmax(axis=1)
    return predictions_of(truth, said, n_classes=len(hierarchy.labels), groups=patients)
