"""Guards on a small network: fitted, asked, saved, loaded, tampered with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import load, save
from sklearn.linear_model import LogisticRegression

from hierclf.bundle.description import describe
from hierclf.bundle.guard_files import GATE, REFERENCE
from hierclf.bundle.info import DataSummary
from hierclf.bundle.revise import with_cut_point
from hierclf.bundle.store import load_bundle, save_bundle
from hierclf.cascade.deferral import choose_deferral
from hierclf.cascade.guards import Guarded, Guards, fit_guards, guard_columns
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.foundation.errors import BundleError, InputError
from hierclf.foundation.files import sha256_bytes
from hierclf.loading.scans import FrameReader
from hierclf.problem.labels import Hierarchy
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

LABELS = ("healthy", "mild", "severe")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> pd.DataFrame:
    """90 pictures, dark above and bright below, of 45 patients."""
    folder, rng = tmp_path_factory.mktemp("scans"), np.random.default_rng(0)
    rows = []
    for k in range(90):
        label = LABELS[k // 2 % 3]
        down = np.linspace(0.1, 0.9, 70)[:, None] + 0.02 * rng.normal(size=(70, 70))
        pixels = down + 0.2 * LABELS.index(label) * rng.normal(size=(70, 70))
        gray = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        Image.fromarray(gray).save(folder / f"{k:02}.png")
        rows.append((str(folder / f"{k:02}.png"), f"{k:02}.png", label, f"p{k // 2}"))
    return pd.DataFrame(rows, columns=["path", "scan", "label", "patient_id"])


def _network(views: str, part: str = "head") -> NetworkClassifier:
    told = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 64,
        "views": views,
        "precision": "float32",
        "part": part,
    }
    epochs = {} if part == "head" else {"epochs": 1, "optimizer": "adamw"}
    return NetworkClassifier(NetworkOptions(**told | epochs), seed=1)


def _fit(manifest: pd.DataFrame, views: str = "tencrop", **options):
    cascade = HierarchicalClassifier(
        _network(views),
        _network(views),
        cut_point="macro_recall",
        calibration="platt",
        cv=3,
    )
    cascade.fit(manifest, manifest["label"].to_numpy())
    told = {"false_alarm": 0.05, "deferral": "coverage>=0.8", "seed": 0} | options
    return cascade, fit_guards(cascade, manifest, **told)


@pytest.fixture(scope="module")
def fitted(manifest):
    return _fit(manifest)


@pytest.fixture(scope="module")
def saved(fitted, manifest, tmp_path_factory) -> Path:
    cascade, guards = fitted
    data = DataSummary(
        name="tiny",
        fingerprint="0" * 64,
        n_scans=90,
        phantom=True,
        counts=dict.fromkeys(LABELS, 30),
    )
    info = describe(cascade, guards, data=data, seed=0, options={})
    folder = tmp_path_factory.mktemp("bundles") / "one"
    save_bundle(folder, cascade, info, guards)
    return folder


def _frames(manifest: pd.DataFrame) -> list[np.ndarray]:
    return list(FrameReader(73).read_all(manifest))


def test_altered_scans_are_out_of_scope_and_others_are_not(fitted, manifest):
    cascade, guards = fitted
    scans = _frames(manifest)
    said = guards.look(cascade, scans, cascade.decide(scans))
    assert (said.action == "out_of_scope").mean() <= 0.1
    assert ((said.scope > 0) == (said.action == "out_of_scope")).all()
    down = [scan[::-1].copy() for scan in scans]
    turned = guards.look(cascade, down, cascade.decide(down))
    assert (turned.action == "out_of_scope").mean() > 0.9
    noise = list(np.random.default_rng(0).random((8, 73, 73), dtype=np.float32))
    told = guards.look(cascade, noise, cascade.decide(noise))
    assert (told.action == "out_of_scope").all()


@pytest.mark.parametrize("views", ["whole", "center", "tencrop", "tencrop_onepass"])
def test_rows_on_disk_and_scans_in_memory_are_told_the_same(manifest, views):
    cascade, guards = _fit(manifest, views, deferral="none")
    some = manifest.iloc[:10]
    scans = list(FrameReader(cascade.screen_.frame_side).read_all(some))
    on_disk = guards.look(cascade, some, cascade.decide(some))
    in_memory = guards.look(cascade, scans, cascade.decide(scans))
    np.testing.assert_allclose(on_disk.scope, in_memory.scope, atol=1e-5)
    assert guards.columns == ("action", "scope")


def test_the_reference_is_what_was_held_out(fitted, manifest):
    cascade, guards = fitted
    held, told = cascade.held_out_, guards.reference
    np.testing.assert_array_equal(told.truth, held.truth)
    np.testing.assert_array_equal(told.screen_score, held.screen_score)
    patients = manifest["patient_id"].to_numpy()[held.rows]
    pairs = set(zip(patients, told.patients.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 45
    assert told.projections.shape == (90, len(guards.gate.variances))
    said = told.decide(cascade.cut_point_)
    # the choice was made on these very decisions
    healthy = told.truth == 0
    assert (said.decided[healthy] == 0).mean() == pytest.approx(
        cascade.choice_.specificity
    )


def test_columns_say_what_the_sets_hold(fitted, manifest):
    cascade, guards = fitted
    said = guards.look(cascade, manifest, cascade.decide(manifest))
    columns = guard_columns(said, cascade.hierarchy_)
    assert tuple(columns) == guards.columns
    for text, one in zip(columns["label_set"], said.sets, strict=True):
        assert text.split("|") == (
            [label for label, held in zip(LABELS, one, strict=True) if held] or [""]
        )


def test_a_bundle_keeps_its_guards(saved, fitted, manifest):
    cascade, guards = fitted
    loaded = load_bundle(saved)
    assert loaded.guards.deferral == guards.deferral
    before = guards.look(cascade, manifest, cascade.decide(manifest))
    after = loaded.guarded(manifest, loaded.cascade.decide(manifest))
    np.testing.assert_array_equal(before.action, after.action)
    np.testing.assert_array_equal(before.scope, after.scope)
    np.testing.assert_array_equal(before.confidence, after.confidence)
    for name, array in vars(guards.reference).items():
        found = getattr(loaded.guards.reference, name)
        np.testing.assert_allclose(found, array, rtol=1e-6, atol=1e-5)


def test_another_cut_point_gets_another_deferral(saved, tmp_path):
    old = load_bundle(saved)
    with_cut_point(saved, tmp_path / "new", threshold=1.0, choice=None, reason="test")
    new = load_bundle(tmp_path / "new")
    rule, reference = old.guards.deferral.rule, old.guards.reference
    assert new.guards.deferral == choose_deferral(rule, reference, 1.0)
    assert new.guards.deferral != old.guards.deferral


def test_guards_can_be_left_out(manifest):
    _, guards = _fit(manifest, "center", false_alarm=0.0, deferral="none")
    assert not guards.active
    assert guards.columns == ()
    assert guards.reference.projections.shape == (90, 0)
    few = manifest.iloc[:36]
    assert _fit(few, "center", deferral="none")[1].gate is None  # 18 patients


def test_a_deferral_needs_scans_that_were_held_out(manifest):
    cascade = HierarchicalClassifier(_network("center"), _network("center"))
    cascade.fit(manifest, manifest["label"].to_numpy())
    told = {"false_alarm": 0.01, "seed": 0}
    assert fit_guards(cascade, manifest, deferral="none", **told) == Guards()
    with pytest.raises(InputError, match=r"defer: expected scans that were held out"):
        fit_guards(cascade, manifest, deferral="error<=0.1", **told)


def test_a_network_that_learned_is_watched_on_its_validation_part(manifest):
    pair = [(np.arange(40), np.arange(40, 90))]
    cascade = HierarchicalClassifier(
        _network("center", "all"),
        _network("center", "all"),
        cut_point="youden",
        cv=pair,
    )
    cascade.fit(manifest, manifest["label"].to_numpy())
    guards = fit_guards(cascade, manifest, false_alarm=0.05, deferral="none", seed=0)
    assert len(guards.reference.scope) == 50
    said = guards.look(cascade, manifest, cascade.decide(manifest))
    assert (said.action == "out_of_scope")[40:].mean() <= 0.1


def test_learners_on_tables_have_no_gate():
    rng = np.random.default_rng(0)
    y = np.repeat(LABELS, 40)
    X = pd.DataFrame(rng.normal(size=(120, 4)) + np.repeat([0, 1, 2], 40)[:, None])
    cascade = HierarchicalClassifier(
        LogisticRegression(), LogisticRegression(), cut_point="youden", cv=3
    ).fit(X.to_numpy(), y)
    rows = pd.DataFrame({"patient_id": np.arange(120)})
    guards = fit_guards(cascade, rows, false_alarm=0.01, deferral="error<=0.3", seed=0)
    assert guards.gate is None
    assert guards.columns == ("action", "confidence")


def _rewrite(folder: Path, name: str, content: bytes) -> None:
    """Put another content into a bundle, its hash mended."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    told = {"size": len(content), "sha256": sha256_bytes(content)}
    manifest["files"][name] |= told
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (REFERENCE, {"truth": np.full(90, 3)}, r"truth within 0\.\.2"),
        (REFERENCE, {"refined": np.zeros(90, int)}, r"refined within 1\.\.2"),
        (REFERENCE, {"patients": np.full(90, -1)}, r"patients within 0\.\.89"),
        (REFERENCE, {"screen_score": np.full(90, 1.5)}, r"screen_score within"),
        (REFERENCE, {"screen_score": np.full(90, np.nan)}, r"finite numbers"),
        (REFERENCE, {"truth": np.zeros(90)}, r"of one length and kind"),
        (REFERENCE, {"scope": np.zeros((4, 2))}, r"of one length and kind"),
        (REFERENCE, {"truth": np.array(3)}, r"of one length and kind"),
        (
            REFERENCE,
            {"projections": np.array(1, np.float32)},
            r"of one length and kind",
        ),
        (REFERENCE, {"conditional": np.zeros((90, 2))}, r"2 shares that sum to 1"),
        (REFERENCE, {"scope": np.zeros((90, 1))}, r"columns of projections and scope"),
        (
            REFERENCE,
            {"projections": np.zeros((90, 3), np.float32)},
            r"columns of projections and scope",
        ),
        (GATE, {"variances": np.array(1.0)}, r"of shape"),
        (GATE, {"components": np.zeros((0, 32)), "variances": np.zeros(0)}, r"shape"),
        (REFERENCE, {"more": np.zeros(1)}, r"expected the arrays"),
        (GATE, {"mean": np.zeros(3)}, r"mean of shape"),
        (GATE, {"spread": np.zeros(32)}, r"positive spreads|spread of shape"),
        (GATE, {"weights": np.full(32, np.inf)}, r"finite numbers"),
    ],
)
def test_guards_that_are_none_are_refused(saved, tmp_path, name, change, message):
    folder = Path(shutil.copytree(saved, tmp_path / "bad"))
    arrays = load((folder / name).read_bytes())
    _rewrite(folder, name, save(arrays | change))
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calibrators": [None, None]}, r"calibrators must be there"),
        ({"calibration": "none"}, r"calibrators must be there"),
        ({"calibration": "temperature"}, r"calibrators must fit"),
        ({"gate": {"thresholds": [0.0, 1.0]}}, r"thresholds"),
        ({"gate": {"false_alarm": 2}}, r"false_alarm"),
        ({"deferral": {"quantiles": []}}, r"a quantile for each label"),
        ({"deferral": {"quantiles": [0.5]}}, r"a quantile for each label"),
    ],
)
def test_descriptions_of_guards_that_are_none(saved, tmp_path, changes, message):
    folder = Path(shutil.copytree(saved, tmp_path / "bad"))
    told = json.loads((folder / "info.json").read_text())
    for name, value in changes.items():
        told[name] = told[name] | value if isinstance(value, dict) else value
    _rewrite(folder, "info.json", json.dumps(told).encode())
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


def test_guards_need_the_scans_that_they_were_fitted_on(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "bad"))
    (folder / REFERENCE).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"][REFERENCE]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"beside a gate or a deferral"):
        load_bundle(folder)


def test_what_is_no_number_is_out_of_scope(fitted, manifest):
    cascade, guards = fitted
    broken = replace(guards.gate, mean=np.full_like(guards.gate.mean, np.nan))
    said = cascade.decide(manifest)
    told = replace(guards, gate=broken, _readers=[]).look(cascade, manifest, said)
    assert (told.action == "out_of_scope").all()


def test_a_gate_without_its_file_is_refused(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "bad"))
    (folder / GATE).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"][GATE]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"beside the gate that info.json names"):
        load_bundle(folder)


def test_the_model_card_tells_of_the_guards(saved, fitted):
    _, guards = fitted
    card = " ".join((saved / "model_card.md").read_text().split())
    assert "calibrated (platt) on held-out training scans" in card
    assert "of scans like them 0.05 may be, by mistake" in card
    share = f"{guards.deferral.passed:.3f} of the held-out training scans passed"
    assert f"by the rule coverage>=0.8: {share}" in card


def test_a_label_with_a_bar_does_not_look_like_two():
    hierarchy = Hierarchy("healthy", ("a|b", "c"))
    sets = np.array([[False, True, True]])
    said = Guarded(np.array(["reader"]), None, np.array([0.5]), sets)
    assert guard_columns(said, hierarchy)["label_set"].tolist() == ["a/b|c"]
