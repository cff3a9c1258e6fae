"""Learners on features of scans, on disk and back."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion

from hierclf.bundle.compiled import from_plain, to_plain
from hierclf.bundle.learner import LEARNERS as STORED
from hierclf.bundle.learner import check_combiner
from hierclf.bundle.store import load_bundle, save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.features.extractor import KINDS, FeatureExtractor
from hierclf.features.readers import readers_of
from hierclf.foundation.errors import BundleError, InputError
from hierclf.metalearners.learners import LEARNERS
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack

SMALL = {
    "logistic": {"C": (1e-2,)},
    "svm": {"C": (1.0,), "gamma": (0.3,)},
    "linear_svm": {"C": (1e-2,)},
    "forest": {"n_estimators": (5,)},
    "boosting": {"n_estimators": (5,)},
    "knn": {"n_neighbors": (3,)},
    "tree": {"min_samples_leaf": (2,)},
}


def learner(network, name="svm", kind="scda", **options):
    features = FeatureExtractor(network(**options), kind=kind, cv=2)
    return MetaLearner(features, name, components=(3,), grid=SMALL[name], cv=2)


@pytest.fixture(scope="module")
def cascade(network, scans, labels):
    stages = learner(network), learner(network, "boosting", "pooled")
    return HierarchicalClassifier(*stages, cut_point=0.4).fit(scans(), labels)


@pytest.fixture(scope="module")
def _saved(cascade, told, tmp_path_factory):
    folder = tmp_path_factory.mktemp("meta") / "bundle"
    save_bundle(folder, cascade, told(cascade))
    return folder


@pytest.fixture
def meta_bundle(_saved, tmp_path):
    return shutil.copytree(_saved, tmp_path / "meta")


def same(loaded, cascade, X):
    expected, got = cascade.decide(X), loaded.decide(X)
    np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=1e-6)
    assert got.decided.tolist() == expected.decided.tolist()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "scda") for name in LEARNERS),
        *(("logistic", kind) for kind in KINDS),
    ],
)
def test_every_learner_scores_the_same_again(
    name, kind, network, scans, labels, told, tmp_path
):
    stages = learner(network, name, kind), learner(network, name, kind, views="whole")
    cascade = HierarchicalClassifier(*stages, cut_point=0.5).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade
    same(loaded, cascade, scans(5))
    assert [r.frame_side for r in readers_of(loaded.screen_)] == [73]
    assert [r.frame_side for r in readers_of(loaded.refine_)] == [64]
    assert loaded.screen_.best_ == cascade.screen_.best_


def test_trunk_is_stored_once(meta_bundle):
    """Of two learners, one with a head and one without."""
    names = sorted(path.name for path in meta_bundle.iterdir())
    assert sum(name.startswith("trunk-") for name in names) == 1
    assert "screen-head-0.safetensors" in names
    assert not any(name.startswith("refine-head") for name in names)


def test_a_network_may_screen_for_a_learner(network, scans, labels, told, tmp_path):
    pair = network(), learner(network, "logistic", "pooled")
    cascade = HierarchicalClassifier(*pair, cut_point=0.5).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    same(load_bundle(tmp_path / "b").cascade, cascade, scans(5))


def test_features_of_several_networks(network, scans, labels, told, tmp_path):
    """Networks of other sizes, one of them fitted as a whole."""
    whole = network(part="all", seed=4).fit(scans(), labels != "healthy")
    union = FeatureUnion(
        [
            ("a", FeatureExtractor(network(), kind="pooled")),
            ("b", FeatureExtractor(FrozenEstimator(whole), kind="scda")),
            ("c", FeatureExtractor(network(image_size=96), kind="pooled")),
        ]
    )
    stage = MetaLearner(union, "logistic", components=(3,), cv=2)
    cascade = HierarchicalClassifier(stage, stage, cut_point=0.5).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade
    same(loaded, cascade, scans(5))
    assert len(readers_of(loaded.screen_)) == 3


@pytest.mark.parametrize("combine", ["logistic", "mean", "geometric"])
def test_stacks(combine, network, scans, labels, told, tmp_path):
    """Networks of other sizes, one of them with a learner on it."""
    members = [
        ("a", network()),
        ("b", network(image_size=96, seed=3)),
        ("c", learner(network, "forest")),
    ]
    stage = ProbabilityStack(members, combine=combine, cv=2)
    cascade = HierarchicalClassifier(stage, stage, cut_point=0.5).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade
    same(loaded, cascade, scans(5))
    assert [r.frame_side for r in readers_of(loaded.screen_)] == [73, 110, 73]
    assert [name for name, _ in loaded.screen_.members] == ["a", "b", "c"]


@pytest.fixture(scope="module")
def stack_folder(network, scans, labels, told, tmp_path_factory):
    stage = ProbabilityStack([("a", network()), ("b", network(seed=3))], cv=2)
    cascade = HierarchicalClassifier(stage, stage, cut_point=0.5).fit(scans(), labels)
    folder = tmp_path_factory.mktemp("stack") / "bundle"
    save_bundle(folder, cascade, told(cascade))
    return folder


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": None}, "a file for 'logistic' only|weights"),
        ({"combine": "mean"}, "a file for 'logistic' only"),
        ({"combine": "vote"}, "screen.json"),
        ({"names": ["a"]}, "members that know its classes"),
        ({"classes": [False]}, "members that know its classes"),
        ({"classes": [False, True, "x"]}, "a combination that its files fit"),
        ({"file": "refine.skops"}, "weights"),
        ({"members": []}, "screen.json"),
    ],
)
def test_stack_that_does_not_fit(change, reason, stack_folder, tmp_path, edit):
    folder = shutil.copytree(stack_folder, tmp_path / "stack")
    edit(folder, "screen.json", **change)
    with pytest.raises(BundleError, match=reason):
        load_bundle(folder)


def test_combination_of_fewer_members(stack_folder, tmp_path, edit):
    """Its coefficients tell how many it is for."""
    folder = shutil.copytree(stack_folder, tmp_path / "stack")
    members = json.loads((folder / "screen.json").read_text())["members"]
    edit(folder, "screen.json", members=[*members, members[0]], names=["a", "b", "c"])
    with pytest.raises(BundleError, match="a combination that its files fit"):
        load_bundle(folder)


def test_stack_of_something_else_is_not_stored(scans, labels, told, network, tmp_path):
    odd = ProbabilityStack([("a", network())], combine="mean")
    cascade = HierarchicalClassifier(odd, odd, cut_point=0.5).fit(scans(), labels)
    cascade.screen_.members_ = (LogisticRegression().fit([[0], [1]], [0, 1]),)
    with pytest.raises(InputError, match="got a LogisticRegression in it"):
        save_bundle(tmp_path / "b", cascade, told(cascade))


def test_costs_are_on_record(network, scans, labels, told, tmp_path):
    refine = CostWeighted(learner(network), {"mild": 1.0, "severe": 3.0})
    cascade = HierarchicalClassifier(learner(network), refine, cut_point=0.5)
    cascade.fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    record = json.loads((tmp_path / "b" / "refine.json").read_text())
    assert record["costs"] == [0.5, 1.5]
    same(load_bundle(tmp_path / "b").cascade, cascade, scans(5))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"learner": "forest"}, "a learner that its files fit"),
        ({"learner": "magic"}, "a learner that its files fit"),
        ({"classes": [True]}, "a learner that its files fit"),
        ({"classes": [False, True, "x"]}, "a learner that its files fit"),
        ({"file": "refine.skops"}, "weights"),
        ({"kind": "network"}, "screen.json"),
        ({"features": []}, "screen.json"),
    ],
)
def test_record_that_does_not_fit(change, reason, meta_bundle, edit):
    edit(meta_bundle, "screen.json", **change)
    with pytest.raises(BundleError, match=reason):
        load_bundle(meta_bundle)


@pytest.mark.parametrize("change", [{"feature": "pooled"}, {"feature": "magic"}])
def test_features_that_do_not_fit(change, meta_bundle, edit):
    record = json.loads((meta_bundle / "screen.json").read_text())
    features = [{**record["features"][0], **change}]
    edit(meta_bundle, "screen.json", features=features)
    with pytest.raises(BundleError, match="features that its files fit"):
        load_bundle(meta_bundle)


def test_head_of_another_width(meta_bundle, edit):
    record = json.loads((meta_bundle / "screen.json").read_text())
    network = record["features"][0]["network"]
    network["classes"] = [False, True, "third"]
    edit(meta_bundle, "screen.json", features=record["features"])
    with pytest.raises(BundleError, match="features that its files fit"):
        load_bundle(meta_bundle)


def test_learner_of_another_scikit_learn(meta_bundle, edit):
    info = json.loads((meta_bundle / "info.json").read_text())
    edit(meta_bundle, "info.json", versions={**info["versions"], "scikit-learn": "0.1"})
    with pytest.raises(BundleError, match="a learner of scikit-learn"):
        load_bundle(meta_bundle)


def test_parameter_that_is_none_is_kept(network, scans, labels, told, tmp_path):
    features = FeatureExtractor(network(), kind="pooled")
    grid = {"max_depth": (None,), "n_estimators": (3,)}
    stage = MetaLearner(features, "forest", components=(3,), grid=grid, cv=2)
    cascade = HierarchicalClassifier(stage, stage).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade.screen_
    assert loaded.best_.params == {"max_depth": None, "n_estimators": 3}


@pytest.mark.parametrize("spoil", ["points", "labels"])
def test_neighbors_that_are_no_numbers(spoil):
    model = KNeighborsClassifier(3).fit(np.eye(6), [0, 1] * 3)
    plain = to_plain(model)
    if spoil == "points":
        plain._fit_X = plain._fit_X * np.nan
    else:
        plain._y = plain._y - 1
    with pytest.raises(ValueError, match="points"):
        from_plain(plain)


def test_every_learner_may_be_stored():
    made = {type(recipe.make(0)) for recipe in LEARNERS.values()}
    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in made} <= STORED
    assert f"{LogisticRegression.__module__}.LogisticRegression" in STORED


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda m: setattr(m, "n_trees_per_iteration_", 7), "trees of a boosting"),
        (lambda m: setattr(m, "n_classes_", 5), "classes of a boosting"),
        (lambda m: setattr(m, "loss", "exponential"), "loss of a boosting"),
        (lambda m: setattr(m, "n_estimators_", 9), "trees of a boosting"),
        (lambda m: setattr(m, "estimators_", m.estimators_[:, :0]), "trees"),
        (lambda m: setattr(m, "n_features_in_", 3), "width of a boosting"),
        (lambda m: setattr(m, "init_", "zero"), "start of a boosting"),
        (lambda m: setattr(m.init_, "class_prior_", np.ones(9)), "start"),
        (lambda m: setattr(m.init_, "strategy", "constant"), "start"),
        (
            lambda m: m.estimators_[0, 0].tree_["nodes"]["feature"].__setitem__(0, 99),
            "features of a tree",
        ),
    ],
)
def test_boosting_that_leads_out_of_its_memory(n_classes, change, rule):
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    model = GradientBoostingClassifier(n_estimators=3, random_state=0)
    plain = to_plain(model.fit(rng.normal(size=(60, 4)), y))
    assert plain._loss is None
    assert from_plain(to_plain(model)).predict(np.zeros((1, 4))) in y
    change(plain)
    with pytest.raises(ValueError, match=rule):
        from_plain(plain)


def spoiled(learner, **attributes):
    other = copy.copy(learner)
    vars(other).update(attributes)
    return other


def test_combination_is_a_logistic_regression_of_its_width():
    rng = np.random.default_rng(0)
    logs, targets = rng.normal(size=(60, 6)), np.arange(60) % 3
    right = LogisticRegression().fit(logs, targets)
    assert check_combiner(right, 2, 3) is right
    for wrong, members, classes in (
        (LinearDiscriminantAnalysis().fit(logs, targets), 2, 3),
        (LogisticRegression().fit(logs, targets + 1), 2, 3),
        (right, 1, 3),
        (right, 3, 2),
        (spoiled(right, coef_=right.coef_ * np.nan), 2, 3),
        (spoiled(right, intercept_=right.intercept_[:2]), 2, 3),
        (spoiled(right, coef_=right.coef_[:2]), 2, 3),
    ):
        with pytest.raises(ValueError, match="no combination"):
            check_combiner(wrong, members, classes)
