from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import readers_of
from hierclf.features.scope import ScopeGate, ScopeReader
from hierclf.metalearners.search import MetaLearner
from hierclf.scoring import passes
from hierclf.scoring.passes import batches, pass_size
from hierclf.scoring.reading import Reading
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

LABELS = np.array(["healthy", "mild", "severe"] * 4)


def _network(**changes) -> NetworkClassifier:
    tiny = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 64,
        "views": "center",
        "precision": "float32",
        "epochs": 1,
    }
    return NetworkClassifier(NetworkOptions(**tiny | changes), seed=1)


def _cascade(stage) -> HierarchicalClassifier:
    rng = np.random.default_rng(0)
    scans = [rng.random((70, 80), dtype=np.float32) for _ in LABELS]
    cascade = HierarchicalClassifier(stage, stage, healthy="healthy", cut_point=0.5)
    return cascade.fit(scans, LABELS)


def _learner(name: str, **grid: tuple[int, ...]) -> MetaLearner:
    rng = np.random.default_rng(0)
    scans = [rng.random((70, 80), dtype=np.float32) for _ in LABELS]
    network = FrozenEstimator(_network().fit(scans, LABELS))
    return MetaLearner(FeatureExtractor(network), name, grid=grid or None)


@pytest.mark.parametrize(
    ("changes", "threads", "batch_size", "expected"),
    [
        ({"image_size": 224}, 1, 32, 8),
        ({"image_size": 224}, 2, 500, 8),
        ({"image_size": 224}, 4, 32, 16),
        ({"image_size": 224}, 1, 20, 8),
        ({"image_size": 224}, 1, 3, 2),
        ({"image_size": 224}, 1, 1, 1),
        ({"image_size": 224, "views": "tencrop"}, 1, 32, 1),
        ({"image_size": 224, "views": "threecrop"}, 1, 32, 2),
        ({"image_size": 224, "views": "tencrop_onepass"}, 1, 32, 2),
        ({"image_size": 640}, 1, 32, 1),
        ({"image_size": 64}, 1, 32, 32),
        ({"image_size": 64}, 1, 500, 64),
        ({"image_size": 64, "views": "tencrop"}, 1, 32, 4),
    ],
)
def test_size_of_a_pass(monkeypatch, changes, threads, batch_size, expected):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(passes, "default_device", lambda: torch.device("cpu"))
    cascade = HierarchicalClassifier(_network(**changes))
    cascade.screen_, cascade.refine_ = _network(**changes), _network(image_size=32)
    assert pass_size(cascade, batch_size) == expected


def test_openvino_takes_twice_as_many(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    cascade = HierarchicalClassifier()
    cascade.screen_ = cascade.refine_ = _network(image_size=224)
    monkeypatch.setattr("hierclf.scoring.passes.current_runtime", lambda: "openvino")
    assert pass_size(cascade, 32) == 16


def test_gpu_takes_all_that_engines_take(monkeypatch):
    monkeypatch.setattr(passes, "default_device", lambda: torch.device("cuda"))
    cascade = HierarchicalClassifier(_network())
    cascade.screen_ = cascade.refine_ = _network(image_size=512)
    assert pass_size(cascade, 100) == 64
    cascade.refine_ = _network(views="tencrop")
    assert pass_size(cascade, 32) == 4


def _gate(n_features: int) -> ScopeGate:
    rng = np.random.default_rng(2)
    return ScopeGate(
        mean=rng.normal(size=n_features),
        spread=np.ones(n_features),
        components=rng.normal(size=(5, n_features)),
        variances=np.ones(5),
        noise=0.5,
        weights=rng.normal(size=n_features),
        bias=0.1,
        thresholds=(1.0, 1.0),
        false_alarm=0.01,
    )


@pytest.mark.parametrize(
    "make",
    [
        _network,
        lambda: _network(views="tencrop"),
        lambda: _network(views="threecrop"),
        lambda: _network(views="tencrop_onepass"),
        lambda: _network(part="all"),
        lambda: _network(precision="bfloat16"),
        lambda: _learner("svm"),
        lambda: _learner("logistic"),
        lambda: _learner("linear_svm"),
        lambda: _learner("forest", n_estimators=(20,)),
        lambda: _learner("knn"),
    ],
)
def test_companions_and_place_change_no_bit(make):
    """What shards rest on: same size of the pass, same score."""
    cascade = _cascade(make())
    rng = np.random.default_rng(1)
    scans = [rng.random((70, 80), dtype=np.float32) for _ in range(16)]
    size = 8
    reader = ScopeReader(readers_of(cascade.screen_)[0])
    gate = _gate(reader.n_features)
    halves = scans[:size], scans[size:]
    told = [cascade.decide(half) for half in halves]
    scope = np.concatenate([gate.excess(reader(half)) for half in halves])
    score = np.concatenate([one.screen_score for one in told])
    table = np.concatenate([one.probabilities for one in told])
    for _ in range(4):
        places = rng.permutation(16)[:size]
        some = [scans[place] for place in places]
        again = cascade.decide(some)
        np.testing.assert_array_equal(again.screen_score, score[places])
        np.testing.assert_array_equal(again.probabilities, table[places])
        np.testing.assert_array_equal(gate.excess(reader(some)), scope[places])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("views", ["threecrop", "tencrop_onepass"])
def test_nor_do_they_where_two_scans_are_a_pass(views, precision):
    """As many crops as no power of two has, of the usual size."""
    stage = _network(views=views, precision=precision, image_size=224)
    cascade = _cascade(stage)
    rng = np.random.default_rng(1)
    one, two, three = (rng.random((240, 260), dtype=np.float32) for _ in range(3))
    first = cascade.decide([one, two]).probabilities[0]
    for place, scans in ((0, [one, one]), (0, [one, three]), (1, [three, one])):
        again = cascade.decide(scans).probabilities[place]
        np.testing.assert_array_equal(again, first)


def test_of_no_scan_nothing_is_said():
    told = _cascade(_network()).decide(pd.DataFrame({"path": []}))
    assert told.probabilities.shape == (0, len(set(LABELS)))


def _readings(kinds: str) -> list[Reading]:
    pixels = np.zeros((2, 2), np.float32)
    return [
        Reading(str(place), "", pixels if kind == "+" else None)
        for place, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("", []),
        ("++-+", [2, 2]),
        ("+-+--+", [3, 3]),
        ("-" * 20, [16, 4]),
        ("+" + "-" * 16 + "+", [16, 2]),
        ("++++", [2, 2]),
    ],
)
def test_broken_files_make_no_pass_smaller(kinds, expected):
    """Batches of two scans, or of sixteen files where hardly any is one."""
    found = list(batches(_readings(kinds), 2))
    assert [len(batch) for batch in found] == expected
    assert [one.path for batch in found for one in batch] == list(
        map(str, range(len(kinds)))
    )
