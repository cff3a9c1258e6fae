"""Learning curves: growing parts of the patients, and others to ask."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.metalearners import learning
from hierclf.metalearners.learning import learning_curve
from hierclf.metalearners.search import MetaLearner
from tests.metalearners.test_search import Columns, manifest, quick


@pytest.mark.parametrize("name", ["logistic", "svm", "knn", "tree"])
def test_more_patients_help(name):
    data = manifest(600, shift=1.0)
    stage = quick(name).fit(data, data["label"])
    curve = learning_curve(stage, data, data["label"].to_numpy(), shares=(0.05, 1.0))
    assert [point.n_patients for point in curve] == [10, 200]
    assert [point.n_scans for point in curve] == [20, 400]
    assert curve[1].unknown > curve[0].unknown
    assert curve[0].known >= curve[0].unknown - 0.02


def test_meaningless_labels_are_learned_by_heart_only():
    data = manifest(400, shift=0.0)
    stage = quick("knn").fit(data, data["label"])
    stage.best_.params["n_neighbors"] = 1
    (point,) = learning_curve(stage, data, data["label"].to_numpy(), shares=(1.0,))
    assert point.known == 1.0
    assert point.unknown == pytest.approx(1 / 3, abs=0.08)


def test_patients_stay_apart(monkeypatch):
    data = manifest(200)
    labels = data["label"].to_numpy()
    stage = quick("logistic").fit(data, labels)
    Columns.seen.clear()
    learning_curve(stage, data, labels, shares=(0.3, 1.0))
    asked = [(own, others) for own, others in Columns.seen if own != others]
    assert len(asked) == 6
    assert all(not own & others for own, others in asked)


def test_size_without_two_classes_is_left_out():
    data = manifest(40, n_classes=2)
    stage = quick("logistic").fit(data, data["label"])
    curve = learning_curve(stage, data, data["label"].to_numpy(), shares=(0.01, 1.0))
    assert len(curve) == 1


def test_recall_is_over_all_folds():
    pairs = [(np.array(["a", "b"]), np.array(["a", "a"]))] * 2
    assert learning._macro_recall(pairs) == 0.5


def test_tables_without_features():
    data = manifest(200)
    table = data.filter(like="f").to_numpy()
    stage = MetaLearner(None, "logistic", grid={"C": (1.0,)}).fit(table, data["label"])
    curve = learning_curve(stage, table, data["label"].to_numpy(), shares=(0.5, 1.0))
    assert len(curve) == 2
