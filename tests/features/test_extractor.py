"""Features of scans: what they are, and that no label gets into them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from hierclf.data.inner_folds import inner_folds
from hierclf.features import extractor as module
from hierclf.features.extractor import KINDS, FeatureExtractor
from hierclf.features.regions import flattened, main_regions
from hierclf.foundation.errors import InputError
from hierclf.networks.activation_maps import channel_weights
from hierclf.training.estimator import NetworkClassifier

WIDTHS = {"pooled": 512, "gradcam": 512, "scda": 1024, "scda_flat": 512}


@pytest.fixture(scope="session")
def network(options, scans):
    return NetworkClassifier(options, seed=1).fit(scans, scans["label"])


def given(network, kind, **changes):
    return FeatureExtractor(FrozenEstimator(network), kind=kind, **changes)


@pytest.mark.parametrize(
    ("kind", "views"),
    [*((kind, None) for kind in KINDS), *((k, "tencrop") for k in list(KINDS)[:3])],
)
def test_one_row_a_scan(kind, views, network, scans):
    table = given(network, kind, views=views).fit(scans, None).transform(scans[:7])
    assert table.shape == (7, WIDTHS[kind])
    assert table.dtype == np.float32
    assert np.ptp(table) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_scans_do_not_change_each_other(kind, network, scans, monkeypatch):
    extractor = given(network, kind).fit(scans)
    whole = extractor.transform(scans)
    monkeypatch.setattr(module, "_SCANS_AT_ONCE", 7)
    np.testing.assert_allclose(extractor.transform(scans), whole, atol=1e-5)
    order = np.random.default_rng(0).permutation(len(scans))
    shuffled = extractor.transform(scans.iloc[order])
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5)


def test_pooled_is_what_the_head_sees(network, scans):
    table = given(network, "pooled").fit(scans).transform(scans)
    np.testing.assert_allclose(table, network.trunk_.features(scans)[:, 0], atol=1e-6)


def test_views_are_averaged(network, scans):
    for kind in ("pooled", "gradcam"):
        ten = given(network, kind, views="tencrop").fit(scans)
        maps = network.look(views="tencrop", output="maps").features(scans)
        means = maps.mean(axis=(1, 3, 4))
        if kind == "gradcam":
            shares = network.network_.head(torch.from_numpy(maps.mean(axis=(3, 4))))
            said = torch.softmax(shares, dim=2).mean(dim=1).argmax(dim=1)
            area = maps.shape[3] * maps.shape[4]
            weights = network.network_.head.weight.detach()[said] / area
            means = means * weights.numpy()
        np.testing.assert_allclose(ten.transform(scans), means, atol=1e-5)


def test_cells_are_those_of_the_predicted_class(network, scans):
    maps = network.look(output="maps").features(scans)[:, 0]
    targets = torch.from_numpy(network.predict_proba(scans).argmax(axis=1))
    weights = channel_weights(network.network_, torch.from_numpy(maps), targets)
    weighed = maps * weights.numpy()[:, :, None, None]
    expected = flattened(weighed, main_regions(weighed.sum(axis=1)))
    table = given(network, "scda_flat").fit(scans).transform(scans)
    np.testing.assert_allclose(table, expected, atol=1e-6)


def test_labels_change_features_only_on_purpose(network, scans):
    """The true-label variant is another thing, and only asked for by name."""
    extractor = given(network, "gradcam").fit(scans, scans["label"])
    wrong = np.roll(scans["label"].to_numpy(), 2)
    plain = extractor.transform(scans)
    swapped = scans.assign(label=wrong)
    np.testing.assert_array_equal(extractor.transform(swapped), plain)
    leaked = extractor.transform(scans, leaking_labels=wrong)
    assert not np.allclose(leaked, plain)
    predicted = network.predict(scans)
    same = extractor.transform(scans, leaking_labels=predicted)
    np.testing.assert_array_equal(same, plain)


def test_fit_transform_asks_networks_of_other_patients(options, scans, monkeypatch):
    asked = []
    predict, fit = NetworkClassifier.predict, NetworkClassifier.fit

    def spy_fit(self, X, y, *args, **more):
        self.patients = set(X["patient_id"])
        return fit(self, X, y, *args, **more)

    def spy_predict(self, X):
        asked.append((self.patients, X["patient_id"]))
        return predict(self, X)

    monkeypatch.setattr(NetworkClassifier, "fit", spy_fit)
    monkeypatch.setattr(NetworkClassifier, "predict", spy_predict)
    network = NetworkClassifier(options, seed=1)
    extractor = FeatureExtractor(network, kind="gradcam", cv=3)
    extractor.fit_transform(scans, scans["label"].to_numpy())
    assert len(asked) == 3
    assert sum(len(patients) for _, patients in asked) == len(scans)
    for known, patients in asked:
        assert not known & set(patients)


def test_fit_transform_puts_the_classes_in_their_rows(options, scans):
    """As if each fold's predictions were handed to transform.

    Labels without meaning: a network says of scans that it knows what it says of no
    others.
    """
    patients = scans["patient_id"].to_numpy()
    names, places = np.unique(patients, return_inverse=True)
    drawn = np.random.default_rng(4).choice(["a", "b", "c"], size=len(names))
    labels = drawn[places]
    network = NetworkClassifier(options, seed=1)
    extractor = FeatureExtractor(network, kind="scda", cv=3)
    table = extractor.fit_transform(scans, labels)
    predicted = labels.copy()
    for train, test in inner_folds(labels, patients, n_folds=3, seed=0):
        other = clone(network).fit(scans.iloc[train], labels[train])
        predicted[test] = other.predict(scans.iloc[test])
    expected = extractor.transform(scans, leaking_labels=predicted)
    np.testing.assert_array_equal(table, expected)
    assert not np.allclose(table, extractor.transform(scans))


def test_pooled_features_fit_nothing(options, scans, monkeypatch):
    monkeypatch.delattr(NetworkClassifier, "fit")
    extractor = FeatureExtractor(NetworkClassifier(options, seed=1))
    table = extractor.fit_transform(scans)
    assert extractor.network_ is None
    assert table.shape == (60, 512)


def test_features_are_computed_once(options, scans, monkeypatch):
    """A second extractor on the same network and views runs no network."""
    network = NetworkClassifier(options, seed=8)
    first = FeatureExtractor(network, kind="scda").fit(scans, scans["label"])
    table = first.transform(scans)
    trunk = type(first.trunk_)
    monkeypatch.delattr(trunk, "_compute")
    again = FeatureExtractor(network, kind="scda").fit(scans, scans["label"])
    np.testing.assert_array_equal(again.transform(scans), table)


def test_feature_that_is_not_finite_names_the_scan(network, scans, monkeypatch):
    extractor = given(network, "pooled").fit(scans)
    features = extractor.trunk_.features(scans).copy()
    features[[4, 9], 0, 3] = np.nan, np.inf
    monkeypatch.setattr(type(extractor.trunk_), "features", lambda self, X: features)
    with pytest.raises(InputError, match=r"(?s)004\.png: expected finite.*009\.png"):
        extractor.transform(scans)


def test_one_view_of_cells_by_default(options):
    """Cells of ten crops have no common place."""
    ten = options.model_copy(update={"views": "tencrop"})
    whole = options.model_copy(update={"views": "whole"})
    pixels = [np.eye(40, dtype=np.float32) * k / 3 for k in range(4)]
    for chosen, views in ((ten, "center"), (whole, "whole"), (options, "center")):
        network = NetworkClassifier(chosen).fit(pixels, [0, 1, 0, 1])
        flat = given(network, "scda_flat").fit(pixels)
        assert flat.trunk_.options.views == views
        assert given(network, "scda").fit(pixels).trunk_.options.views == chosen.views


def test_scans_in_memory(network, scans):
    import cv2

    pixels = [cv2.imread(p, cv2.IMREAD_GRAYSCALE) / np.float32(255) for p in scans.path]
    table = given(network, "scda").fit(pixels).transform(pixels)
    expected = given(network, "scda").fit(scans).transform(scans)
    np.testing.assert_allclose(table, expected, atol=1e-4)


def test_refusals(options, scans, network):
    with pytest.raises(InputError, match="expected a single view for 'scda_flat'"):
        given(network, "scda_flat", views="tencrop").fit(scans)
    with pytest.raises(InputError, match="Did you mean 'scda'"):
        FeatureExtractor(kind="sdca").fit(scans)
    with pytest.raises(InputError, match="expected labels to fit"):
        FeatureExtractor(NetworkClassifier(options), kind="scda").fit(scans)


def test_patients_beside_the_scans_reach_its_folds(options, monkeypatch):
    """Fifty scans of ten patients, whom only ``groups`` tells apart."""
    seen = []
    plain = module.inner_folds

    def spy(labels, patients, **told):
        seen.append(patients)
        return plain(labels, patients, **told)

    monkeypatch.setattr(module, "inner_folds", spy)
    rng = np.random.default_rng(0)
    pixels = [rng.random((40, 40), dtype=np.float32) for _ in range(50)]
    people = np.repeat(np.arange(10), 5)
    features = FeatureExtractor(NetworkClassifier(options), kind="gradcam", cv=2)
    features.fit_transform(pixels, people % 2, groups=people)
    np.testing.assert_array_equal(seen[0], people)


def test_classes_of_many_scans_stay_with_them(network, scans, monkeypatch):
    """Scans are weighed in pieces."""
    model = FeatureExtractor(FrozenEstimator(network), kind="gradcam").fit(scans)
    told = network.classes_[np.arange(len(scans)) % 2]
    whole = model.of_classes(scans, told)
    monkeypatch.setattr(module, "_SCANS_AT_ONCE", 7)
    np.testing.assert_allclose(model.of_classes(scans, told), whole, atol=1e-6)


@pytest.mark.parametrize("strange", [-1, 0.5, "zzz"])
def test_class_that_the_network_does_not_know(strange, network, scans):
    model = FeatureExtractor(FrozenEstimator(network), kind="gradcam").fit(scans)
    with pytest.raises(InputError, match="labels: expected some of"):
        model.of_classes(scans, [strange] * len(scans))


@pytest.mark.parametrize("kind", ["gradcam", "scda", "scda_flat"])
def test_a_few_maps_at_a_time_give_the_same_numbers(kind, network, scans, monkeypatch):
    """Half precision too, as trunks in bfloat16 keep their maps."""
    extractor = given(network, kind, views="center").fit(scans)
    maps = extractor.trunk_.features(scans).astype(np.float16)
    monkeypatch.setattr(
        extractor.trunk_, "features", lambda X: maps[scans.index.get_indexer(X.index)]
    )
    whole = extractor.transform(scans)
    seen = maps[:, 0].astype(np.float32)
    make = KINDS[kind]
    assert make is not None
    weights = extractor.class_weights(seen[:, None])[:, 0]
    np.testing.assert_array_equal(whole, make(seen, weights))
    for name, size in (("_MAPS_AT_ONCE", 1), ("_SCANS_AT_ONCE", 5)):
        monkeypatch.setattr(module, name, size)
        np.testing.assert_array_equal(extractor.transform(scans), whole)
