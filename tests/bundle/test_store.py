from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from hierclf.bundle import store
from hierclf.bundle.store import load_bundle, read_info, save_bundle, trunk_file
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import BundleError, InputError
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.networks.backbones import make_backbone

COSTS = ((0, 1, 4), (2, 0, 1), (9, 3, 0))
TWO_SIZES = {"views": "tencrop"}, {"image_size": 96, "head": "dense"}
NETWORKS = {
    "head": ({}, {}),
    "head, ten views": ({"views": "tencrop"}, {"views": "tencrop"}),
    "all": ({"part": "all"}, {"part": "all"}),
    "all, ten views": ({"part": "all", "views": "tencrop"}, {"part": "last"}),
    "three crops": ({"views": "threecrop"}, {"views": "threecrop"}),
    "one pass": ({"views": "tencrop_onepass"}, {"views": "tencrop_onepass"}),
    "two sizes, dense": TWO_SIZES,
    "ladder, deep, dense without BatchNorm": (
        {"head": "deep", "output": "ordered", "head_width": 32},
        {"head": "dense", "head_norm": False, "head_width": 16},
    ),
    "attention": ({"backbone": "resnet18+se", "part": "all"}, {"part": "all"}),
    "small network": ({"backbone": "small_cnn", "part": "all"}, {"backbone": "pixels"}),
    "bfloat16": ({"precision": "bfloat16"}, {"precision": "bfloat16"}),
}
SVM = CalibratedClassifierCV(SVC(), ensemble=False, cv=2)
LEARNERS = {
    "logistic regression": LogisticRegression(class_weight={False: 1, True: 2}),
    "SVC": SVM,
    "isotonic": CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2),
    "temperature": CalibratedClassifierCV(SVC(), method="temperature", cv=2),
    "forest": RandomForestClassifier(5, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "pipeline": make_pipeline(StandardScaler(), PCA(3), LogisticRegression()),
    "k-d tree": KNeighborsClassifier(3, algorithm="kd_tree"),
    "ball tree": KNeighborsClassifier(3, algorithm="ball_tree"),
    "brute": KNeighborsClassifier(3, algorithm="brute"),
    "discriminant": LinearDiscriminantAnalysis(),
    "Bayes": GaussianNB(),
    "prior": DummyClassifier(),
    "weighted": CostWeighted(LogisticRegression(), "recall"),
}


def _assert_same(loaded, cascade, X) -> None:
    ours, theirs = loaded.decide(X), cascade.decide(X)
    for name in ("screen_score", "probabilities", "refined", "decided", "view_spread"):
        got, expected = getattr(ours, name), getattr(theirs, name)
        assert (got is None) == (expected is None), name
        if expected is not None:
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    assert loaded.predict(X).tolist() == cascade.predict(X).tolist()
    np.testing.assert_array_equal(loaded.classes_, cascade.classes_)


def _again(cascade, folder, told):
    digest = save_bundle(folder, cascade, told(cascade))
    bundle = load_bundle(folder)
    assert bundle.digest == digest
    assert bundle.info == told(cascade).model_copy(
        update={"created_utc": bundle.info.created_utc}
    )
    return bundle.cascade


@pytest.fixture(scope="module", params=NETWORKS)
def network_pair(request, network, scans, labels, told, tmp_path_factory):
    first, second = NETWORKS[request.param]
    stages = (
        network(1, **first),
        CostWeighted(network(2, **second), {"mild": 1, "severe": 3}),
    )
    cascade = HierarchicalClassifier(*stages, cut_point=0.4, costs=COSTS)
    cascade.fit(scans(), labels)
    return cascade, _again(cascade, tmp_path_factory.mktemp("b") / "b", told)


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_networks_score_the_same_again(network_pair, scans, seed):
    cascade, loaded = network_pair
    _assert_same(loaded, cascade, scans(seed))


@pytest.fixture(scope="module", params=LEARNERS)
def learner_pair(request, rows, labels, told, tmp_path_factory):
    learner = LEARNERS[request.param]
    cascade = HierarchicalClassifier(learner, SVM, cut_point=0.3, costs=COSTS)
    cascade.fit(rows(), labels)
    return cascade, _again(cascade, tmp_path_factory.mktemp("b") / "b", told)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_learners_score_the_same_again(learner_pair, rows, seed):
    cascade, loaded = learner_pair
    _assert_same(loaded, cascade, rows(seed))


@pytest.mark.parametrize(
    "names",
    [(False, True, True), (0, 1, 2), (3, 2, 1), ("1", "0", "2"), ("ä", "β", "")],
)
def test_labels_keep_their_type(names, rows, labels, told, tmp_path):
    named = dict(zip(np.unique(labels), names, strict=True))
    y = np.array([named[label] for label in labels])
    cascade = HierarchicalClassifier(healthy=names[0]).fit(rows(), y)
    loaded = _again(cascade, tmp_path / "b", told)
    found = loaded.predict(rows()).tolist()
    assert found == cascade.predict(rows()).tolist()
    assert set(map(type, found)) == {type(names[0])}
    assert loaded.hierarchy_ == cascade.hierarchy_
    assert set(map(type, loaded.hierarchy_.labels)) == {type(names[0])}


@pytest.mark.parametrize(
    ("screen", "refine", "expected"),
    [
        ("float32", "float32", "float32"),
        ("bfloat16", "float32", "bfloat16, float32"),
    ],
)
def test_number_format_is_told(network, scans, labels, told, screen, refine, expected):
    stages = network(1, precision=screen), network(2, precision=refine)
    cascade = HierarchicalClassifier(*stages, cut_point=0.4).fit(scans(), labels)
    assert told(cascade).versions["number format"] == expected


def test_no_network_has_no_number_format(rows, labels, told):
    cascade = HierarchicalClassifier().fit(rows(), labels)
    assert told(cascade).versions["number format"] == "none"


def test_labels_of_pandas(rows, labels, told, tmp_path):
    y = pd.Series(labels)
    cascade = HierarchicalClassifier().fit(rows(), y)
    loaded = _again(cascade, tmp_path / "b", told)
    assert loaded.predict(rows()).tolist() == cascade.predict(rows()).tolist()


def test_label_that_json_cannot_keep(rows, labels, told):
    y = np.unique(labels, return_inverse=True)[1].astype(float)
    cascade = HierarchicalClassifier().fit(rows(), y)
    with pytest.raises(InputError, match="expected values that it can hold, got 'lab"):
        told(cascade)


def test_adjustment_for_rare_stages_is_kept(rows, labels, told, tmp_path):
    kept = np.r_[:18:3, 1:18:3, 2:6:3]  # 6 healthy, 6 mild, 2 severe
    X, y = rows()[kept], labels[kept]
    cascade = HierarchicalClassifier(adjustment=1.25, cut_point=0.1).fit(X, y)
    loaded = _again(cascade, tmp_path / "b", told)
    assert loaded.naming_.adjustment == 1.25
    assert loaded.naming_.priors.tolist() == [0.75, 0.25]
    new = rows(5)
    _assert_same(loaded, cascade, new)
    plain = HierarchicalClassifier(cut_point=0.1).fit(X, y)
    assert (plain.decide(new).refined != loaded.decide(new).refined).any()


def test_one_diseased_label_needs_no_refinement(network, scans, labels, told, tmp_path):
    y = labels != "healthy"
    cascade = HierarchicalClassifier(network(), network()).fit(scans(), y)
    loaded = _again(cascade, tmp_path / "b", told)
    assert loaded.refine_ is None
    _assert_same(loaded, cascade, scans(3))


def test_refinement_that_saw_one_class(network, scans, labels, told, tmp_path):
    train, held = np.flatnonzero(labels != "severe"), np.flatnonzero(labels == "severe")
    held = np.append(held, 0)
    cascade = HierarchicalClassifier(network(), network(), cv=[(train, held)])
    cascade.fit(scans(), labels)
    loaded = _again(cascade, tmp_path / "b", told)
    assert isinstance(loaded.refine_, DummyClassifier)
    assert json.loads((tmp_path / "b" / "refine.json").read_text()) == {
        "kind": "constant",
        "label": "mild",
    }
    _assert_same(loaded, cascade, scans(3))


def test_shared_trunk_is_stored_and_built_once(network_bundle):
    names = sorted(path.name for path in network_bundle.glob("*.safetensors"))
    trunks = [name for name in names if name.startswith("trunk-")]
    assert len(trunks) == 1
    content = (network_bundle / trunks[0]).read_bytes()
    assert trunks[0] == f"trunk-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    cascade = load_bundle(network_bundle).cascade
    assert cascade.screen_.trunk_ is cascade.refine_.trunk_
    assert cascade.screen_.network_.featurizer is cascade.refine_.network_.featurizer


def test_costs_of_a_weighted_stage_are_on_record(
    network, scans, labels, told, tmp_path
):
    weighted = CostWeighted(network(), {"mild": 1, "severe": 3})
    cascade = HierarchicalClassifier(network(), weighted).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    record = json.loads((tmp_path / "b" / "refine.json").read_text())
    assert record["costs"] == [0.5, 1.5]


def test_columns_of_a_table_keep_their_names(rows, labels, told, tmp_path):
    X = pd.DataFrame(rows(), columns=list("abcde"))
    cascade = HierarchicalClassifier().fit(X, labels)
    loaded = _again(cascade, tmp_path / "b", told)
    _assert_same(loaded, cascade, X)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(X[list("edcba")])


def test_loading_draws_no_random_number(network_bundle):
    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    torch.manual_seed(3)
    load_bundle(network_bundle)
    assert torch.rand(2).tolist() == expected


def test_places_of_this_machine_stay_here(network, scans, labels, told, tmp_path):
    place = tmp_path / "jane" / "weights"
    plain = HierarchicalClassifier(network(), network()).fit(scans(), labels)
    for stage in (plain.screen_, plain.refine_):
        stage.options = stage.options.model_copy(
            update={"weights_dir": place, "weights": str(place / "own.safetensors")}
        )
    save_bundle(tmp_path / "b", plain, told(plain))
    for path in (tmp_path / "b").iterdir():
        assert b"jane" not in path.read_bytes(), path.name
    _assert_same(load_bundle(tmp_path / "b").cascade, plain, scans(1))


def test_read_info_looks_at_nothing_else(network_bundle):
    info = load_bundle(network_bundle).info
    (network_bundle / "screen.json").write_bytes(
        b" " * (network_bundle / "screen.json").stat().st_size
    )
    assert read_info(network_bundle) == info


def test_description_of_another_cascade(
    network_cascade, learner_cascade, told, tmp_path
):
    with pytest.raises(InputError, match="got another ordered"):
        save_bundle(tmp_path / "b", learner_cascade, told(network_cascade))
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "stage",
    [
        RandomForestClassifier(3, random_state=np.random.RandomState(0)),
        make_pipeline(PCA(2, svd_solver="randomized"), LogisticRegression()).set_params(
            pca__random_state=np.random.RandomState(0)
        ),
    ],
)
def test_learner_that_no_bundle_holds(stage, rows, labels, told, tmp_path):
    cascade = HierarchicalClassifier(stage).fit(rows(), labels)
    with pytest.raises(
        InputError, match=r"screen: expected a network or a learner .*R"
    ):
        save_bundle(tmp_path / "b", cascade, told(cascade))


def test_network_beside_a_learner(network_cascade, learner_cascade, told, tmp_path):
    mixed = HierarchicalClassifier(ordered=True)
    vars(mixed).update(vars(network_cascade), refine_=learner_cascade.refine_)
    with pytest.raises(InputError, match="expected stages that look at the same thing"):
        save_bundle(tmp_path / "b", mixed, told(mixed))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved(
    network, scans, labels, told, tmp_path, value
):
    cascade = HierarchicalClassifier(network(), network()).fit(scans(), labels)
    with torch.no_grad():
        cascade.refine_.network_.head.weight[0, 0] = value
    with pytest.raises(InputError, match="refine: expected finite weights, got NaN or"):
        save_bundle(tmp_path / "b", cascade, told(cascade))


def test_overwrite(learner_cascade, told, tmp_path):
    info = told(learner_cascade)
    first = save_bundle(tmp_path / "b", learner_cascade, info)
    with pytest.raises(InputError, match="expected a new folder"):
        save_bundle(tmp_path / "b", learner_cascade, info)
    assert load_bundle(tmp_path / "b").digest == first
    other = info.model_copy(update={"seed": 8})
    second = save_bundle(tmp_path / "b", learner_cascade, other, overwrite=True)
    assert load_bundle(tmp_path / "b").digest == second != first


@pytest.mark.parametrize("theirs", ["1.2.0", "99.0.1", "unknown"])
def test_learner_of_another_scikit_learn(learner_bundle, edit, theirs):
    """Fault 59."""
    versions = read_info(learner_bundle).versions | {"scikit-learn": theirs}
    edit(learner_bundle, "info.json", versions=versions)
    with pytest.raises(BundleError, match=f"got '{theirs}'. Install scikit-learn"):
        load_bundle(learner_bundle)


def test_learner_of_another_patch_of_scikit_learn(learner_bundle, edit):
    """Fault 59."""
    versions = read_info(learner_bundle).versions
    minor = ".".join(versions["scikit-learn"].split(".")[:2])
    edit(
        learner_bundle, "info.json", versions=versions | {"scikit-learn": f"{minor}.99"}
    )
    load_bundle(learner_bundle)


def test_network_of_other_libraries_is_judged_by_its_scores(network_bundle, edit):
    """Fault 59."""
    versions = dict.fromkeys(read_info(network_bundle).versions, "0.1")
    edit(network_bundle, "info.json", versions=versions)
    load_bundle(network_bundle)


def _change_tensors(path, change) -> None:
    tensors = load_file(path)
    save_file({name: change(name, value) for name, value in tensors.items()}, path)


def test_weights_of_another_shape(network_bundle, resign):
    """Fault 60."""
    head = network_bundle / "refine-head.safetensors"
    _change_tensors(head, lambda _, value: value[..., :1].clone())
    resign(network_bundle)
    with pytest.raises(BundleError, match=r"expected (bias|weight) of \(2,.*got \("):
        load_bundle(network_bundle)


def test_weights_of_another_type(network_bundle, resign):
    """Fault 60."""
    _change_tensors(
        network_bundle / "screen-head.safetensors", lambda _, value: value.double()
    )
    resign(network_bundle)
    with pytest.raises(BundleError, match=r"float32, got \(2,\) torch.float64"):
        load_bundle(network_bundle)


def test_weights_with_another_name(network_bundle, resign):
    """Fault 60."""
    path = network_bundle / "screen-head.safetensors"
    save_file({f"x{k}": v for k, v in load_file(path).items()}, path)
    resign(network_bundle)
    with pytest.raises(BundleError, match="Take the files of one bundle together"):
        load_bundle(network_bundle)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("pattern", ["trunk-*", "refine-head*"])
def test_weights_that_are_not_finite(network_bundle, resign, pattern, value):
    """Fault 61: hashes that fit do not help."""
    [path] = network_bundle.glob(pattern)

    def spoil(name, tensor):
        if name.endswith("weight"):
            tensor.view(-1)[-1] = value
        return tensor

    _change_tensors(path, spoil)
    resign(network_bundle)
    with pytest.raises(BundleError, match=f"{path.name}: expected finite weights"):
        load_bundle(network_bundle)


def test_more_classes_than_the_head_has(network_bundle, edit):
    """Fault 62."""
    record = json.loads((network_bundle / "refine.json").read_text())
    record["network"]["classes"] = ["mild", "severe", "worse"]
    edit(network_bundle, "refine.json", **record)
    with pytest.raises(BundleError, match=r"head: expected bias of \(3,\).*got \(2,\)"):
        load_bundle(network_bundle)


@pytest.mark.parametrize(
    ("bundle", "name", "classes"),
    [
        ("network_bundle", "refine.json", ["mild", "other"]),
        ("network_bundle", "refine.json", ["mild", "healthy"]),
        ("network_bundle", "screen.json", ["mild", "severe"]),
        ("network_bundle", "screen.json", [True, False]),
        ("learner_bundle", "refine.json", ["mild", "other"]),
        ("learner_bundle", "screen.json", [True, False]),
    ],
)
def test_classes_of_another_hierarchy(bundle, name, classes, request, edit):
    """Fault 62."""
    folder = request.getfixturevalue(bundle)
    record = json.loads((folder / name).read_text())
    record.get("network", record)["classes"] = classes
    edit(folder, name, **record)
    with pytest.raises(
        BundleError, match=r"expected (the classes|classes among|a cla)"
    ):
        load_bundle(folder)


def test_stage_that_the_labels_need_is_absent(learner_bundle, edit):
    """Fault 62."""
    (learner_bundle / "refine.json").write_text('{"kind": "none"}')
    manifest = json.loads((learner_bundle / "manifest.json").read_text())
    del manifest["files"]["refine.skops"]
    (learner_bundle / "refine.skops").unlink()
    edit(learner_bundle, "manifest.json", files=manifest["files"])
    edit(learner_bundle, "info.json")
    with pytest.raises(BundleError, match=r"refine\.json: expected classes among"):
        load_bundle(learner_bundle)


@pytest.mark.parametrize("file", ["/etc/passwd", "../x.skops", "info.json", "none"])
def test_stage_that_names_another_file(learner_bundle, edit, file):
    """Fault 63."""
    edit(learner_bundle, "screen.json", file=file)
    with pytest.raises(BundleError, match=r"manifest\.json: expected weights \["):
        load_bundle(learner_bundle)


def test_weights_that_no_stage_uses(network_bundle, edit, resign):
    """Fault 55."""
    name = "trunk-0123456789abcdef.safetensors"
    (network_bundle / name).write_bytes(b"\x00" * 100)
    manifest = json.loads((network_bundle / "manifest.json").read_text())
    manifest["files"][name] = {"kind": "weights", "size": 1, "sha256": "0" * 64}
    edit(network_bundle, "manifest.json", files=manifest["files"])
    resign(network_bundle)
    with pytest.raises(BundleError, match=r"manifest\.json: expected weights \["):
        load_bundle(network_bundle)


@pytest.mark.parametrize("value", [-0.1, 1.5, 1e999, "0.5", None, [0.5], True], ids=str)
def test_cut_point_out_of_range(learner_bundle, resign, value):
    """Fault 68."""
    info = json.loads((learner_bundle / "info.json").read_text())
    text = json.dumps({**info, "cut_point": value}).replace("Infinity", "1e999")
    (learner_bundle / "info.json").write_text(text)
    resign(learner_bundle)
    with pytest.raises(
        BundleError, match=r"info\.json: expected the fields.*cut_point"
    ):
        load_bundle(learner_bundle)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ["healthy"]}, "labels: Tuple should have at least 2"),
        ({"labels": ["healthy", "mild", "mild"]}, "labels must differ"),
        ({"labels": ["healthy", "mild", 1]}, "labels must differ, and be of one type"),
        ({"labels": ["healthy", "mild", 1.5]}, "labels.2"),
        ({"costs": [[0, 1], [1, 0]]}, "costs must have a row and a column"),
        ({"costs": [[0, -1, 0], [1, 0, 1], [1, 1, 0]]}, "costs.0.1"),
        ({"points": "some"}, "points"),
        ({"n_features": 0}, "n_features"),
        ({"feature_names": ["a"]}, "a name for each feature"),
        ({"card": {}}, "a model card needs intended_use"),
        ({"created_utc": "yesterday"}, "created_utc"),
        ({"created_utc": "2026-11-21T10:00:00"}, "created_utc"),
        ({"entry_point": "os.system"}, "entry_point: Extra inputs"),
        ({"data": {"name": "x"}}, "data.fingerprint"),
    ],
)
def test_description_of_another_form(learner_bundle, edit, changes, reason):
    """Fault 67."""
    edit(learner_bundle, "info.json", **changes)
    with pytest.raises(BundleError, match=reason):
        load_bundle(learner_bundle)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "pickle"}, "kind|tag"),
        ({"backbone": "os.system"}, "got 'os.system'"),
        ({"backbone": "hf-hub:evil/model"}, "got 'hf-hub:evil/model'"),
        ({"backbone": "resnet18"}, "expected trunk.*|expected mean|expected .* of"),
        ({"head": "eval"}, "head: expected one of deep, dense, own"),
        ({"precision": "auto"}, "float32 or bfloat16, got precision 'auto'"),
        ({"views": "none"}, "views: expected one of"),
        ({"image_size": 10**9}, "image_size"),
    ],
)
def test_stage_of_another_form(network_bundle, edit, changes, reason):
    """Fault 67: names are looked up in the code and never imported."""
    record = json.loads((network_bundle / "screen.json").read_text())
    options = record["network"]["options"]
    for key, value in changes.items():
        (options if key in options else record)[key] = value
    edit(network_bundle, "screen.json", **record)
    with pytest.raises(BundleError, match=reason):
        load_bundle(network_bundle)


def test_number_of_features_of_another_table(learner_bundle, edit):
    edit(learner_bundle, "info.json", n_features=6)
    with pytest.raises(
        BundleError, match="inputs that the bundle can score, got Value"
    ):
        load_bundle(learner_bundle)


def test_scans_for_learners_and_tables_for_networks(
    learner_bundle, network_bundle, edit
):
    edit(learner_bundle, "info.json", n_features=None)
    edit(network_bundle, "info.json", n_features=5)
    for folder in (learner_bundle, network_bundle):
        with pytest.raises(BundleError, match="expected n_features for learners only"):
            load_bundle(folder)


def test_nothing_is_built_before_every_hash_was_checked(network_bundle, monkeypatch):
    path = network_bundle / "self-test.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(store, "unpack_stage", None)
    with pytest.raises(BundleError, match="expected SHA-256"):
        load_bundle(network_bundle)


LADDERS = {
    "steps": ({}, OrdinalClassifier),
    "one network that knows the order": ({"output": "ordered"}, OrdinalClassifier),
    "learner": ({}, lambda stage, **told: OrdinalClassifier(_on(stage), **told)),
    "stack": ({}, lambda stage, **told: _stacked(OrdinalClassifier(stage, **told))),
}


def _on(network):
    extractor = FeatureExtractor(network, kind="pooled", cv=2)
    return MetaLearner(extractor, "logistic", components=(None,), cv=2)


def _stacked(stage):
    return ProbabilityStack([("one", stage), ("two", stage)], combine="mean")


@pytest.mark.parametrize("name", LADDERS)
def test_ordered_refinement_scores_as_before(
    name, network, scans, labels, told, tmp_path
):
    options, made = LADDERS[name]
    order = ["healthy", "mild", "severe"]
    refine = made(network(**options), order=order)
    cascade = HierarchicalClassifier(
        network(), refine, ordered=True, refinement="ordered", cut_point="macro_recall"
    )
    cascade.set_params(cv=2).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade
    new = scans(5)
    np.testing.assert_array_equal(loaded.predict_proba(new), cascade.predict_proba(new))
    assert loaded.naming_.rungs.tolist() == cascade.naming_.rungs.tolist()
    assert loaded.predict(new).tolist() == cascade.predict(new).tolist()


def test_ordered_refinement_on_tables(rows, labels, told, tmp_path):
    cascade = HierarchicalClassifier(ordered=True, refinement="ordered")
    cascade.fit(rows(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    loaded = load_bundle(tmp_path / "b").cascade
    assert loaded.predict(rows(3)).tolist() == cascade.predict(rows(3)).tolist()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order": ["healthy", "mild"]}, "a rung for each step"),
        ({"order": ["healthy", "mild", "mild"]}, "a rung for each step"),
        ({"order": ["healthy", "mild", "other"]}, "classes among"),
        ({"rungs": []}, "rungs"),
    ],
)
def test_ladder_of_another_form(
    network, scans, labels, told, tmp_path, edit, changes, reason
):
    refine = OrdinalClassifier(network(), order=["healthy", "mild", "severe"])
    cascade = HierarchicalClassifier(network(), refine, refinement="ordered")
    cascade.set_params(ordered=True).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    record = json.loads((tmp_path / "b" / "refine.json").read_text())
    edit(tmp_path / "b", "refine.json", **record | changes)
    with pytest.raises(BundleError, match=reason):
        load_bundle(tmp_path / "b")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rungs": [0.5, 0.5]}, r"rungs must have one for each step"),
        ({"ordered": False}, r"labels must be ordered"),
    ],
)
def test_ladder_beside_other_labels_refused(
    network, scans, labels, told, tmp_path, edit, changes, reason
):
    refine = OrdinalClassifier(network(), order=["healthy", "mild", "severe"])
    cascade = HierarchicalClassifier(network(), refine, refinement="ordered")
    cascade.set_params(ordered=True).fit(scans(), labels)
    save_bundle(tmp_path / "b", cascade, told(cascade))
    info = json.loads((tmp_path / "b" / "info.json").read_text())
    edit(tmp_path / "b", "info.json", **info | changes)
    with pytest.raises(BundleError, match=reason):
        load_bundle(tmp_path / "b")


def test_weights_of_a_bundle_start_another_network(network_bundle) -> None:
    """The trunk comes along, tensor by tensor; a head does not."""
    path = trunk_file(network_bundle, "test_resnet")
    backbone = make_backbone("test_resnet", weights=str(path))
    whole = load_bundle(network_bundle).cascade.screen_.network_.featurizer
    expected = whole.trunk.state_dict()
    found = backbone.trunk.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    drawn = make_backbone("test_resnet", weights="none").trunk.state_dict()
    assert any(not torch.equal(found[name], drawn[name]) for name in found)


def test_weights_of_a_bundle_of_another_network_refused(network_bundle) -> None:
    with pytest.raises(InputError, match=r"whose screen is a resnet18, got one of"):
        trunk_file(network_bundle, "resnet18")


def test_weights_of_a_bundle_without_network_refused(learner_bundle) -> None:
    with pytest.raises(InputError, match=r"got one of no network"):
        trunk_file(learner_bundle, "resnet18")


def test_weights_of_a_changed_bundle_refused(network_bundle) -> None:
    path = trunk_file(network_bundle, "test_resnet")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError):
        trunk_file(network_bundle, "test_resnet")
