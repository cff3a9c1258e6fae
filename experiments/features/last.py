"""The last system of He 2019: one learner on features of whichever network decided.

Its figures stand beside those of the cascade that decides by itself, on the same
five folds by patient. Which network decides on a training scan, and for which class
its channels are weighed, is what the cascade said while the scan was held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.pairs import difference, mean_of
from hierclf.assembly.assessment import flat_table
from hierclf.cascade.features import CascadeFeatures
from hierclf.cascade.hierarchical import Folds, HierarchicalClassifier
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import patient_folds
from hierclf.evaluation.calibration import prior_corrected
from hierclf.evaluation.predictions import Predictions, predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.metalearners.search import MetaLearner
from hierclf.problem.labels import Hierarchy, hierarchy_of
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

KINDS = ("scda", "scda_flat")
Positions = NDArray[np.intp]


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
    folds = patient_folds(labels, patients, n_folds=5, seed=0)
    network = NetworkClassifier(NetworkOptions(views="whole"))
    _, said = last_system(manifest, hierarchy, network, folds, kind=kind)
    truth = hierarchy.positions(labels.tolist())
    return predictions_of(truth, said, n_classes=len(hierarchy.labels), groups=patients)


def last_system(
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    network: NetworkClassifier,
    folds: Folds,
    *,
    kind: str,
    learner: str = "svm",
    components: int | None = 16,
    adjustment: float | Literal["tuned"] = "tuned",
    cv: int = 3,
    seed: int = 0,
) -> tuple[Positions, Positions]:
    """Fit the system on the train side of each fold and ask it about the other.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        All scans.
    hierarchy : Hierarchy
        Their labels.
    network : NetworkClassifier
        Of both stages.
    folds : list of (train, test)
        Patient-disjoint rows.
    kind : str
        Of the features.
    learner : str, default="svm"
        What stands on them.
    components : int or None, default=16
        Principal components; None takes the features themselves.
    adjustment : float or "tuned", default="tuned"
        Of the cascade.
    cv : int, default=3
        Inner folds.
    seed : int, default=0
        Root seed.

    Returns
    -------
    plain, corrected : ndarray of int, shape (n_scans,)
        The most probable label, and that after division by the priors; -1 for scans
        that no fold tests.
    """
    labels = manifest["label"].to_numpy()
    truth = hierarchy.positions(labels.tolist())
    plain, corrected = np.full((2, len(labels)), -1, dtype=np.intp)
    for train, test in folds:
        cascade = HierarchicalClassifier(
            network,
            network,
            healthy=hierarchy.healthy,
            stages=hierarchy.diseased,
            cut_point="macro_recall",
            adjustment=adjustment,
            cv=cv,
            seed=seed,
        )
        features = CascadeFeatures(cascade, kind=kind)
        model = MetaLearner(
            features, learner, components=(components,), cv=cv, seed=seed
        )
        model.fit(manifest.iloc[train], labels[train])
        table = flat_table(model, manifest.iloc[test], hierarchy)
        counts = np.bincount(truth[train], minlength=table.shape[1])
        plain[test] = table.argmax(axis=1)
        corrected[test] = prior_corrected(table, counts).argmax(axis=1)
    return plain, corrected
