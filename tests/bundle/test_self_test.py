from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.numpy import load, load_file, save_file

from hierclf.bundle import self_test
from hierclf.bundle.self_test import (
    SELF_TEST,
    TOLERANCE,
    check_self_test,
    make_self_test,
    probe_rows,
    probe_scans,
)
from hierclf.bundle.store import load_bundle
from hierclf.foundation.errors import BundleError, InputError


def test_inputs_follow_a_formula():
    first, again = probe_scans(), probe_scans()
    np.testing.assert_array_equal(first, again)
    assert first.shape == (12, 64, 96)
    assert len({scan.tobytes() for scan in first}) == 12
    assert probe_rows(3).shape == (12, 3)
    assert np.abs(probe_rows(50)).max() <= 2


def test_least_certain_inputs_are_kept(network_cascade, told):
    content = make_self_test(network_cascade, told(network_cascade), rows=False)
    stored = load(content)
    scores = network_cascade.decide(list(probe_scans().astype(np.float32) / 255))
    doubt = np.abs(scores.screen_score - 0.5)
    kept = [scan.tobytes() for scan in stored["inputs"]]
    left = [
        d for s, d in zip(probe_scans(), doubt, strict=True) if s.tobytes() not in kept
    ]
    assert len(kept) == 4
    assert np.abs(1 - stored["probabilities"][:, 0] - 0.5).max() <= min(left)


def test_cascade_passes_its_own_test(network_cascade, learner_cascade, told):
    for cascade, rows in ((network_cascade, False), (learner_cascade, True)):
        content = make_self_test(cascade, told(cascade), rows=rows)
        check_self_test(content, cascade, told(cascade), 0.0)


def test_signed_change_of_a_weight_is_noticed(network_bundle, resign):
    """The hashes fit; the scores do not."""
    [path] = network_bundle.glob("trunk-*")
    tensors = load_file(path)
    name = next(n for n, t in tensors.items() if n.endswith("weight") and t.ndim == 4)
    tensors[name] = tensors[name] * 1.5
    save_file(tensors, path)
    resign(network_bundle)
    with pytest.raises(
        BundleError, match=r"within 0\.001 of the stored ones, got a dif"
    ):
        load_bundle(network_bundle)


@pytest.mark.parametrize(("shift", "refused"), [(0.9, False), (1.2, True)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_tolerance_is_that_of_the_precision(
    network_cascade, told, shift, refused, precision, tmp_path
):
    content = make_self_test(network_cascade, told(network_cascade), rows=False)
    stored = load(content)
    stored["probabilities"][0, 0] += shift * TOLERANCE[precision]
    save_file(stored, tmp_path / "t")
    arguments = (tmp_path / "t").read_bytes(), network_cascade, told(network_cascade)
    if refused:
        with pytest.raises(BundleError, match="probabilities within"):
            check_self_test(*arguments, TOLERANCE[precision])
    else:
        check_self_test(*arguments, TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_loading_uses_the_tolerance_of_the_stages(
    network, scans, labels, told, precision, resign, tmp_path
):
    from hierclf.bundle.store import save_bundle
    from hierclf.cascade.hierarchical import HierarchicalClassifier

    stages = network(precision=precision), network()
    cascade = HierarchicalClassifier(*stages).fit(scans(), labels)
    folder = tmp_path / "b"
    save_bundle(folder, cascade, told(cascade))
    stored = load_file(folder / SELF_TEST)
    stored["probabilities"][0, 0] += 0.5 * TOLERANCE["bfloat16"]
    save_file(stored, folder / SELF_TEST)
    resign(folder)
    if precision == "float32":
        with pytest.raises(BundleError, match=r"within 0\.001"):
            load_bundle(folder)
    else:
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"probabilities": np.full((4, 3), np.nan)}, "a difference of nan"),
        ({"probabilities": np.zeros((4, 2))}, r"scores of shape \(4, 3\)"),
        ({"inputs": np.zeros((0, 5)), "probabilities": np.zeros((0, 3))}, "got ValueE"),
        ({"inputs": np.full((4, 5), np.inf)}, "got ValueError"),
        ({"inputs": np.zeros((4, 6))}, "got ValueError"),
    ],
)
def test_test_of_another_form(learner_bundle, resign, changes, reason):
    path = learner_bundle / SELF_TEST
    save_file({**load_file(path), **changes}, path)
    resign(learner_bundle)
    with pytest.raises(BundleError, match=f"{SELF_TEST}: expected .*{reason}"):
        load_bundle(learner_bundle)


def test_test_that_is_empty(learner_bundle, resign):
    path = learner_bundle / SELF_TEST
    save_file({"x": np.zeros(1)}, path)
    resign(learner_bundle)
    with pytest.raises(
        BundleError, match="inputs that the bundle can score, got KeyErr"
    ):
        load_bundle(learner_bundle)


def test_scores_that_are_not_finite_are_not_saved(network, scans, labels, told):
    from hierclf.cascade.hierarchical import HierarchicalClassifier

    cascade = HierarchicalClassifier(network(), network()).fit(scans(), labels)
    with torch.no_grad():
        cascade.screen_.network_.head.weight.fill_(3e38)
    with pytest.raises(InputError, match="expected finite scores, got NaN"):
        make_self_test(cascade, told(cascade), rows=False)


@pytest.mark.parametrize(
    ("made_by", "tolerance", "moved", "outcome"),
    [
        ("openvino", 0.05, 0.2, "warned"),
        ("openvino", 0.05, 0.04, "taken"),
        ("openvino", 0.05, 0.6, "refused"),
        ("eager", 0.05, 0.2, "refused"),
        ("openvino", 1e-3, 0.2, "refused"),
    ],
)
def test_another_runtime_is_coarse_in_bfloat16_alone(
    network_cascade, told, monkeypatch, caplog, made_by, tolerance, moved, outcome
):
    info = told(network_cascade)
    info = info.model_copy(update={"versions": info.versions | {"runtime": made_by}})
    content = self_test.make_self_test(network_cascade, info, rows=False)
    decide = self_test._decide

    def other(*args):
        said = decide(*args)
        table = said.probabilities.copy()
        table[0, 0] += moved
        return dataclasses.replace(said, probabilities=table)

    monkeypatch.setattr(self_test, "_decide", other)
    if outcome == "refused":
        with pytest.raises(BundleError, match="a difference of"):
            self_test.check_self_test(content, network_cascade, info, tolerance)
        return
    self_test.check_self_test(content, network_cascade, info, tolerance)
    assert ("bfloat16 is coarse" in caplog.text) == (outcome == "warned")


def test_a_bundle_names_its_runtime(network_cascade, told):
    assert told(network_cascade).versions["runtime"] == "eager"
