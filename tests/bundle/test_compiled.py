from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from hierclf.bundle.compiled import from_plain, to_plain


@pytest.fixture
def tree(rows, labels):
    return DecisionTreeClassifier(random_state=0).fit(rows(), labels)


@pytest.fixture
def svc(rows, labels):
    return SVC().fit(rows(), labels)


@pytest.fixture
def neighbors(rows, labels):
    return KNeighborsClassifier(3, algorithm="kd_tree").fit(rows(), labels)


def _with_node(tree, field: str, place: int, value: int):
    """Take a tree apart, and write into its nodes as a file could have it."""
    plain = to_plain(tree)
    plain.tree_["nodes"][field][place] = value
    return plain


def test_what_was_fitted_predicts_the_same_again(tree, svc, neighbors, rows, labels):
    forest = RandomForestClassifier(4, random_state=0).fit(rows(), labels)
    for stage in (tree, svc, neighbors, forest, make_pipeline(forest)):
        expected = stage.predict_proba(rows(1)) if stage is not svc else None
        again = from_plain(to_plain(stage))
        assert again is not stage
        assert again.predict(rows(1)).tolist() == stage.predict(rows(1)).tolist()
        if expected is not None:
            np.testing.assert_array_equal(again.predict_proba(rows(1)), expected)


def test_nothing_compiled_is_left(tree, neighbors, rows, labels):
    forest = RandomForestClassifier(2, random_state=0).fit(rows(), labels)
    plain = to_plain([tree, forest, neighbors])
    assert isinstance(plain[0].tree_, dict)
    assert all(isinstance(part.tree_, dict) for part in plain[1].estimators_)
    assert plain[2]._tree is None
    assert tree.predict(rows()).tolist() == labels.tolist()  # the given one still can


def test_what_is_not_fitted_passes():
    pipeline = make_pipeline(DecisionTreeClassifier(), RandomForestClassifier())
    assert from_plain(to_plain(pipeline)).steps[0][0] == "decisiontreeclassifier"
    assert len(from_plain(to_plain([SVC(), KNeighborsClassifier()]))) == 2


@pytest.mark.parametrize(
    ("field", "place", "value", "rule"),
    [
        ("left_child", 0, 1_000_000, "children of a tree"),
        ("right_child", 0, 1_000_000, "children of a tree"),
        ("right_child", 0, 0, "children of a tree"),
        ("left_child", 0, -7, "children of a tree"),
        ("right_child", 0, -1, "children of a tree"),
        ("feature", 0, 5, "features of a tree"),
        ("feature", 0, -2, "features of a tree"),
        ("feature", 0, 2**40, "features of a tree"),
    ],
)
def test_tree_that_leads_out_of_its_memory(tree, field, place, value, rule):
    with pytest.raises(ValueError, match=rule):
        from_plain(_with_node(tree, field, place, value))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nodes", lambda array: array[:0]),
        ("nodes", lambda array: array.reshape(1, -1)),
        ("nodes", lambda array: np.zeros(len(array))),
        ("nodes", lambda array: np.array(3)),
        ("nodes", lambda _: "nodes"),
        ("values", lambda array: array[:-1]),
        ("values", lambda array: array[:, :, :-1]),
        ("values", lambda array: array[:, 0]),
        ("values", lambda array: array.astype(np.float32)),
        ("values", lambda array: array.tolist()),
    ],
)
def test_tree_whose_arrays_do_not_fit(tree, name, change):
    plain = to_plain(tree)
    plain.tree_[name] = change(plain.tree_[name])
    with pytest.raises((ValueError, TypeError), match=r"of a tree|unsized"):
        from_plain(plain)


@pytest.mark.parametrize("n_nodes", [10**9, -1, 2])
def test_number_of_nodes_that_a_tree_claims_does_not_count(tree, rows, n_nodes):
    plain = to_plain(tree)
    plain.tree_["node_count"] = n_nodes
    assert from_plain(plain).predict(rows()).tolist() == tree.predict(rows()).tolist()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tree: make_pipeline(StandardScaler(), tree),
        lambda tree: {"a": [("b", tree)]},
        lambda tree: np.array([tree, None], dtype=object),
    ],
)
def test_tree_is_found_wherever_it_is(tree, wrap):
    altered = _with_node(tree, "right_child", 0, 1_000_000)
    with pytest.raises(ValueError, match="children of a tree"):
        from_plain(wrap(altered))


def test_tree_inside_of_a_calibration(rows, labels):
    model = CalibratedClassifierCV(DecisionTreeClassifier(), cv=2, ensemble=True)
    plain = to_plain(model.fit(rows(), labels))
    plain.calibrated_classifiers_[1].estimator.tree_["nodes"]["feature"][0] = 5
    with pytest.raises(ValueError, match="features of a tree"):
        from_plain(plain)


@pytest.mark.parametrize("spoil", ["width", "type", "none"])
def test_forest_of_other_trees(rows, labels, spoil):
    forest = RandomForestClassifier(3, random_state=0).fit(rows(), labels)
    if spoil == "width":
        forest.estimators_[1] = DecisionTreeClassifier().fit(rows()[:, :2], labels)
    elif spoil == "type":
        forest.estimators_[1] = SVC().fit(rows(), labels)
    else:
        forest.estimators_ = []
    with pytest.raises(ValueError, match="of a forest"):
        from_plain(forest)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("support_vectors_", lambda array: array[:-1]),
        ("support_vectors_", lambda array: array[:, :-1]),
        ("support_", lambda array: array[:-1]),
        ("_dual_coef_", lambda array: array[:-1]),
        ("_dual_coef_", lambda array: array[:, :-1]),
        ("_intercept_", lambda array: array[:-1]),
        ("_n_support", lambda array: array + np.int32(1)),
        ("_n_support", lambda array: np.array([-1, array.sum() + 1, 0])),
        ("_probA", lambda array: np.zeros(2)),
        ("kernel", lambda _: "precomputed"),
        ("_sparse", lambda _: True),
        ("_impl", lambda _: "one_class"),
    ],
)
def test_svc_whose_arrays_do_not_fit(svc, name, change):
    setattr(svc, name, change(getattr(svc, name)))
    with pytest.raises(ValueError, match="SVC"):
        from_plain(svc)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_fit_X", np.zeros((18, 4))),
        ("_fit_X", np.zeros((17, 5))),
        ("_fit_X", np.zeros((18, 5), dtype=object)),
        ("_fit_X", None),
        ("n_samples_fit_", 10**6),
        ("_y", np.zeros(3, dtype=int)),
        ("effective_metric_", "haversine"),
    ],
)
def test_neighbors_whose_arrays_do_not_fit(neighbors, name, value):
    plain = to_plain(neighbors)
    setattr(plain, name, value)
    with pytest.raises(ValueError, match=r"point|metric"):
        from_plain(plain)
