"""Features of whichever network decided."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from hierclf.cascade.features import CascadeFeatures
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import InputError
from hierclf.metalearners.search import MetaLearner
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

TINY = {"backbone": "resnet18", "weights": "none", "image_size": 32, "views": "center"}


def network(**more):
    return NetworkClassifier(NetworkOptions(**TINY | {"precision": "float32"} | more))


@pytest.fixture(scope="module")
def cascade(scans):
    """Fitted, its cut point chosen on held-out scans."""
    stages = network(), CostWeighted(network(), {"left": 1.0, "right": 2.0})
    model = HierarchicalClassifier(*stages, cut_point="macro_recall", cv=3)
    return model.fit(scans, scans["label"].to_numpy())


@pytest.mark.parametrize("kind", ["pooled", "scda_flat", "gradcam"])
def test_features_are_those_of_the_deciding_network(cascade, scans, kind):
    table = CascadeFeatures(FrozenEstimator(cascade), kind=kind).fit(scans)
    mixed = table.transform(scans)
    stages = cascade.screen_, cascade.refine_.estimator_
    screen, refine = (
        FeatureExtractor(FrozenEstimator(one), kind=kind).fit(scans).transform(scans)
        for one in stages
    )
    passed = cascade.decide(scans).screen_score >= cascade.cut_point_
    assert 0 < passed.sum() < len(scans)
    np.testing.assert_allclose(mixed[passed], refine[passed], atol=1e-6)
    if cascade.cut_point_ <= 0.5:  # below it the screen's class is healthy
        np.testing.assert_allclose(mixed[~passed], screen[~passed], atol=1e-6)
    if kind != "pooled":
        assert not np.allclose(screen, refine)


def test_training_scans_get_what_was_said_of_them_held_out(scans):
    """A cascade that changes its mind on scans that it knows."""
    labels = scans["label"].to_numpy()
    model = HierarchicalClassifier(network(), network(), cut_point="youden", cv=3)
    features = CascadeFeatures(model, kind="gradcam")
    table = features.fit_transform(scans, labels)
    held = features.cascade_.held_out_
    assert len(held.rows) == len(scans)
    passed = held.screen_score >= features.cascade_.cut_point_
    names = np.asarray(features.cascade_.hierarchy_.diseased)
    first, second = features.extractors_
    told = names[held.conditional.argmax(axis=1)]
    expected = np.where(
        passed[:, None],
        second.of_classes(scans, told),
        first.of_classes(scans, held.screen_score >= 0.5),
    )
    np.testing.assert_allclose(table, expected, atol=1e-6)


def test_one_learner_for_all_labels(scans):
    """The last system of He 2019, on scans that no part of it has seen."""
    labels = scans["label"].to_numpy()
    model = HierarchicalClassifier(network(), network(), cut_point="macro_recall", cv=3)
    learner = MetaLearner(
        CascadeFeatures(model),
        "svm",
        components=(8,),
        grid={"C": (1.0,), "gamma": (1,)},
        cv=3,
    )
    train = scans.index < 40
    learner.fit(scans[train], labels[train])
    assert (learner.predict(scans[~train]) == labels[~train]).mean() > 0.8


def test_refusals(cascade, scans):
    other = HierarchicalClassifier(network(), network(backbone="test_resnet"))
    other.fit(scans, scans["label"].to_numpy())
    with pytest.raises(InputError, match="expected networks of one width"):
        CascadeFeatures(FrozenEstimator(other), kind="pooled").fit(scans).transform(
            scans
        )
    rows = np.arange(12.0)[:, None]
    plain = HierarchicalClassifier(LogisticRegression(), LogisticRegression())
    plain.fit(rows, np.repeat(["a", "b", "c"], 4))
    with pytest.raises(InputError, match="expected a network for each stage"):
        CascadeFeatures(FrozenEstimator(plain)).fit(rows)


def test_groups_reach_every_stage():
    """Whoever passes patients beside a table has them kept apart in the stages."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    table = rng.normal(size=(60, 4))[patients] + 0.01 * rng.normal(size=(240, 4))
    labels = np.array(["a", "b", "c"])[rng.integers(3, size=60)][patients]
    grid = {"C": (10.0,), "gamma": (10.0,)}
    stage = MetaLearner(None, "svm", components=(None,), grid=grid)
    stages = stage, CostWeighted(stage, {"b": 1.0, "c": 2.0})
    for cut_point in (0.5, "macro_recall"):
        model = HierarchicalClassifier(*stages, cut_point=cut_point)
        model.fit(table, labels, groups=patients)
        assert model.screen_.best_.loss > 0.55
        assert model.refine_.estimator_.best_.loss > 0.55


def test_answers_about_known_scans_are_no_features(scans):
    """They would be hardly more than the labels."""
    labels = scans["label"].to_numpy()
    half = [(np.arange(30), np.arange(30, len(scans)))]
    for options in ({"cut_point": 0.5}, {"cut_point": "macro_recall", "cv": half}):
        model = HierarchicalClassifier(network(), network(), **options)
        with pytest.raises(InputError, match="expected folds that hold out every scan"):
            CascadeFeatures(model, kind="gradcam").fit_transform(scans, labels)
    with pytest.raises(InputError, match=r"HierarchicalClassifier.*NetworkClassifier"):
        CascadeFeatures(network()).fit(scans, labels)
