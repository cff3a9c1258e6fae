"""Gradients of evidence are what the stage's own score does when its maps move."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator

from hierclf.explanation.channels import strongest_channels
from hierclf.explanation.evidence import check_explainable, evidence_of
from hierclf.explanation.heatmap import make_maps
from hierclf.explanation.random_networks import random_twin
from hierclf.features.extractor import KINDS, FeatureExtractor
from hierclf.features.readers import union
from hierclf.foundation.errors import InputError
from hierclf.loading.scans import FrameReader
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier

STEP = 1e-6
"""Of the spread of the maps; small enough that regions and ReLUs stay."""


def odds(table: np.ndarray) -> np.ndarray:
    """Logit of the last class less that of the first."""
    return np.log(table[:, -1]) - np.log(table[:, 0])


@pytest.fixture(scope="module")
def frames(network, scans) -> list[np.ndarray]:
    reader = FrameReader(network.frame_side)
    return [reader.read(path) for path in scans["path"].iloc[[0, 3, 5, 8]]]


@pytest.mark.parametrize("head", ["own", "dense"])
def test_of_a_network(options, scans, frames, head) -> None:
    """Scores of single views, since the maps of views are moved one by one."""
    told = options.model_copy(update={"head": head, "epochs": 2})
    stage = NetworkClassifier(told, seed=1).fit(scans, scans["label"])
    names = stage.classes_
    first, last = (
        evidence_of(stage, frames, np.repeat(name, 4))[0] for name in names[[0, -1]]
    )
    assert first.maps.shape[:2] == (4, 10)
    slopes = last.gradients - first.gradients
    rng = np.random.default_rng(0)
    way = rng.normal(size=first.maps.shape).astype(np.float32) * first.maps.std()
    net = stage.network_

    def score(maps: np.ndarray) -> np.ndarray:
        flat = torch.from_numpy(maps.reshape(-1, *maps.shape[2:])).double()
        with torch.no_grad():
            logits = net.double().head(net.featurizer.pool(flat))
        net.float()
        return (logits[:, -1] - logits[:, 0]).reshape(maps.shape[:2]).numpy()

    double, step = first.maps.astype(np.float64), STEP
    ahead, behind = score(double + step * way), score(double - step * way)
    expected = (ahead - behind) / (2 * step)
    found = (slopes * way).sum(axis=(2, 3, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("learner", ["logistic", "svm"])
@pytest.mark.parametrize("kind", ["pooled", "gradcam", "scda", "scda_flat"])
def test_of_a_learner(network, scans, frames, kind, learner, monkeypatch) -> None:
    """The maps of all views move at once, and features are made of them anew."""
    given = FrozenEstimator(network) if kind != "pooled" else network
    stage = MetaLearner(
        FeatureExtractor(given, kind=kind), learner, components=(8,)
    ).fit(scans, scans["label"])
    part, names = stage.features_, stage.classes_
    first, last = (
        evidence_of(stage, frames, np.repeat(name, 4))[0] for name in names[[0, -1]]
    )
    views = first.maps.shape[1]
    assert views == (1 if kind == "scda_flat" else 10)
    weights = None if kind == "pooled" else part.class_weights(first.maps)
    rng = np.random.default_rng(0)
    spread = np.where(first.maps == 0, 0, first.maps.std())  # a ReLU has a kink there
    way = rng.normal(size=first.maps.shape) * spread

    def score(maps: np.ndarray) -> np.ndarray:
        if weights is None:
            table = maps.mean(axis=(1, 3, 4))
        else:  # those of a linear head depend on the class alone, and that is held
            flat = maps.reshape(-1, *maps.shape[2:])
            table = KINDS[kind](flat, weights.reshape(len(flat), -1))
            table = table.reshape(*maps.shape[:2], -1).mean(axis=1)
        monkeypatch.setattr(FeatureExtractor, "transform", lambda self, X: table)
        return odds(stage.predict_proba(frames))

    double = first.maps.astype(np.float64)
    ahead, behind = score(double + STEP * way), score(double - STEP * way)
    expected = (ahead - behind) / (2 * STEP)
    slopes = last.gradients - first.gradients
    found = (slopes * way).sum(axis=(1, 2, 3, 4)) / views
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=2e-3)


def test_of_a_union_each_reader_has_its_own_features(network, scans, frames) -> None:
    parts = [
        FeatureExtractor(FrozenEstimator(network), kind=kind)
        for kind in ("gradcam", "scda")
    ]
    stage = MetaLearner(union(parts), components=(None,)).fit(scans, scans["label"])
    found = evidence_of(stage, frames, np.repeat("left", 4))
    assert [one.maps.shape for one in found] == [found[0].maps.shape] * 2
    inside = (found[1].gradients != 0).mean()
    assert 0 < inside < 1  # only the region counts for SCDA
    assert (found[0].gradients != 0).mean() > inside


def test_a_stack_adds_its_members_by_what_they_count(
    network, options, scans, frames
) -> None:
    other = NetworkClassifier(options.model_copy(update={"views": "center"}), seed=2)
    stack = ProbabilityStack([("a", network), ("b", other)], combine="geometric")
    stack.fit(scans, scans["label"])
    found = evidence_of(stack, frames, np.repeat("left", 4))
    assert len(found) == 2
    for one, member in zip(found, stack.members_, strict=True):
        (alone,) = evidence_of(member, frames, np.repeat("left", 4))
        np.testing.assert_array_equal(one.gradients, alone.gradients)
        # of three classes, both logits of a geometric mean count half
        np.testing.assert_allclose(one.share, 0.5, rtol=1e-3)


def test_a_member_that_does_not_know_the_class_says_nothing(
    network, scans, frames
) -> None:
    stack = ProbabilityStack([("a", network), ("b", network)], combine="mean")
    stack.fit(scans, scans["label"])
    pair = np.flatnonzero(scans["label"] != "right")
    few = NetworkClassifier(network.options, seed=3)
    few.fit(scans.iloc[pair], scans["label"].iloc[pair])
    stack.members_ = (stack.members_[0], few)
    found = evidence_of(stack, frames, np.array(["right", "left", "right", "dark"]))
    assert found[1].share[[0, 2]].tolist() == [0, 0]
    assert (found[1].share[[1, 3]] > 0).all()


def test_a_ladder_asks_the_step_that_a_label_lies_above(network, scans, frames) -> None:
    order = sorted(scans["label"].unique())
    ladder = OrdinalClassifier(network, order=order).fit(scans, scans["label"])
    asked = np.array([order[0], order[1], order[2], order[1]])
    found = evidence_of(ladder, frames, asked)
    steps, sides = [0, 0, 1, 0], [False, True, True, True]
    heat = sum(one.share[:, None, None] * one.gradients[:, 0, :, 0] for one in found)
    for k, (step, side) in enumerate(zip(steps, sides, strict=True)):
        (alone,) = evidence_of(ladder.rungs_[step], [frames[k]], np.array([side]))
        expected = alone.gradients[0, 0, :, 0]
        np.testing.assert_allclose(heat[k], expected, rtol=1e-4, atol=1e-7)


def test_what_looks_at_no_scan_is_refused(network, scans) -> None:
    with pytest.raises(InputError, match=r"stage: expected a network or a learner on"):
        check_explainable(DummyClassifier())
    with pytest.raises(InputError, match=r"got one that looks at no scan"):
        check_explainable(None)
    forest = MetaLearner(FeatureExtractor(network), "tree")
    forest.features_ = forest.features
    with pytest.raises(InputError, match=r"with a slope \(logistic, svm, linear_svm\)"):
        check_explainable(ProbabilityStack([("a", network), ("b", forest)]))


def test_channels_say_what_they_add_to_the_score(network, frames) -> None:
    """For a linear head the sums of all channels are the logit without its bias."""
    evidence = evidence_of(network, frames, np.repeat("left", 4))
    n_channels = evidence[0].maps.shape[2]
    every = strongest_channels(evidence, n_channels)
    head = network.network_.head
    place = network.classes_.tolist().index("left")
    maps = torch.from_numpy(evidence[0].maps).flatten(0, 1)
    with torch.no_grad():
        logits = head(network.network_.featurizer.pool(maps))[:, place]
        expected = logits.reshape(4, -1).mean(dim=1) - head.bias[place]
    for scan, channels in enumerate(every):
        said = [channel.said for channel in channels]
        assert sum(said) == pytest.approx(float(expected[scan]), abs=1e-3)
        assert np.abs(said).tolist() == sorted(np.abs(said), reverse=True)
        heat = make_maps("gradcam", evidence).heat[scan]
        total = sum(channel.heat for channel in channels)
        np.testing.assert_allclose(np.maximum(total, 0), heat, atol=1e-3)
    assert strongest_channels(evidence, 0) == [()] * 4


def test_a_random_twin_learned_nothing(network, scans) -> None:
    twin, same, other = (random_twin(network, 0, n) for n in (0, 0, 1))
    weights = [
        one.network_.head.weight.detach().numpy()
        for one in (twin, same, other, network)
    ]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert not np.array_equal(weights[0], weights[3])
    assert twin.classes_.tolist() == network.classes_.tolist()
    frame = scans.iloc[:2]
    assert np.array_equal(twin.predict_proba(frame), same.predict_proba(frame))
    trunks = [
        dict(one.network_.featurizer.trunk.named_parameters())
        for one in (twin, network)
    ]
    name = next(name for name, value in trunks[0].items() if value.ndim == 4)
    assert not torch.equal(trunks[0][name], trunks[1][name])


def test_a_twin_of_a_learner_looks_as_its_extractor_does(network, scans) -> None:
    part = FeatureExtractor(FrozenEstimator(network), kind="gradcam", views="center")
    stage = MetaLearner(part, components=(None,)).fit(scans, scans["label"])
    twin = random_twin(stage, 0)
    assert twin.resolved_options().views == "center"
    assert twin.classes_.tolist() == stage.classes_.tolist()
