"""Segmenters on disk, by themselves and in bundles; and what is refused."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hierclf.bundle.segmenter import (
    ABOUT,
    WEIGHTS,
    load_segmenter,
    pack_segmenter,
    pack_weights,
)
from hierclf.bundle.store import load_bundle, read_info, save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.evaluation.intervals import Estimate
from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import preparation_of, unprepared
from hierclf.foundation.errors import BundleError, InputError
from hierclf.foundation.files import sha256_bytes
from hierclf.loading.scans import FrameReader
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.networks.unet import make_unet
from hierclf.segmentation.about import SegmenterAbout
from hierclf.segmentation.options import UNetOptions
from hierclf.segmentation.segmenter import Segmenter


def make_segmenter(seed: int = 0) -> Segmenter:
    """A U-Net with random weights that takes some half of noise for lung."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = make_unet("test_resnet", weights="none").eval()
        head = network.get_parameter("network.segmentation_head.0.bias")
        drawn = np.random.default_rng(0).random((8, 55, 65), dtype=np.float32)
        noise = np.stack([FrameReader(32).frame_of(scan) for scan in drawn])
        head -= network(torch.from_numpy(noise)[:, None]).median()
    about = SegmenterAbout(
        created_utc=datetime(2026, 1, 2, tzinfo=UTC),
        versions={},
        options=UNetOptions(backbone="test_resnet", weights="none", image_size=32),
        seed=seed,
        weights=sha256_bytes(pack_weights(network)),
        data="tiny",
        fingerprint="0" * 64,
        phantom=True,
        n_scans=8,
        n_patients=4,
        n_held_out=2,
        n_patients_held_out=2,
        losses=(0.5,),
        dice=Estimate(value=0.9, low=0.8, high=0.95, method="bootstrap"),
        dice_worst=0.8,
        dice_median=0.9,
        n_whole=0,
    )
    return Segmenter(network, 32, about)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return make_segmenter()


@pytest.fixture(scope="module")
def lungs_cascade(segmenter, network, scans, labels) -> HierarchicalClassifier:
    stages = (network(1), CostWeighted(network(2), {"mild": 1, "severe": 3}))
    for stage in (stages[0], stages[1].estimator):
        stage.preparation = segmenter
    return HierarchicalClassifier(*stages, cut_point=0.4).fit(scans(), labels)


@pytest.fixture(scope="module")
def _saved_lungs(lungs_cascade, told, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lungs") / "bundle"
    save_bundle(folder, lungs_cascade, told(lungs_cascade))
    return folder


@pytest.fixture
def folder(segmenter, tmp_path) -> Path:
    for name, content in pack_segmenter(segmenter).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def bundle(_saved_lungs, tmp_path) -> Path:
    return Path(shutil.copytree(_saved_lungs, tmp_path / "bundle"))


def test_segmenter_comes_back(folder: Path, segmenter: Segmenter, scans) -> None:
    again = load_segmenter(folder)
    assert again.digest == segmenter.digest
    assert again.about == segmenter.about
    for scan in scans()[:3]:
        frame = np.ascontiguousarray(scan[:40, :40])
        np.testing.assert_array_equal(again(frame), segmenter(frame))


def test_pages_beside_it_are_not_looked_at(folder: Path) -> None:
    (folder / "segment.html").write_text("<p>")
    load_segmenter(folder)


def _edit(path: Path, **changes) -> None:
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format_version": 2}, r"expected format version 1 or older, got 2"),
        ({"weights": "0" * 64}, r"segmenter\.safetensors: expected SHA-256 0{16}"),
        ({"extra": 1}, r"expected the fields of its format, got .*extra"),
        ({"n_scans": "8"}, r"expected the fields of its format, got .*n_scans"),
    ],
)
def test_changed_description_is_refused(folder: Path, changes, told) -> None:
    _edit(folder / ABOUT, **changes)
    with pytest.raises(BundleError, match=told):
        load_segmenter(folder)


def test_another_network_is_refused(folder: Path) -> None:
    told = json.loads((folder / ABOUT).read_text())
    told["options"]["backbone"] = "test_efficientnet"
    (folder / ABOUT).write_text(json.dumps(told))
    with pytest.raises(BundleError, match=r"expected a network that its weights fit"):
        load_segmenter(folder)


def test_changed_byte_is_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=r"expected SHA-256"):
        load_segmenter(folder)


def test_weights_that_are_no_numbers_are_refused(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["mean"].fill_(float("nan"))
    save_file(tensors, folder / WEIGHTS)
    _edit(folder / ABOUT, weights=sha256_bytes((folder / WEIGHTS).read_bytes()))
    with pytest.raises(BundleError, match=r"expected finite weights"):
        load_segmenter(folder)


@pytest.mark.parametrize("name", [ABOUT, WEIGHTS])
def test_missing_file_and_link_are_refused(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "elsewhere")
    with pytest.raises(BundleError, match=r"expected a segmenter with"):
        load_segmenter(folder)
    (folder / name).symlink_to(folder / "elsewhere")
    with pytest.raises(BundleError, match=r"expected a segmenter with"):
        load_segmenter(folder)


def test_unknown_segmenter_is_not_packed(segmenter: Segmenter) -> None:
    bare = Segmenter(segmenter.network, 32)
    with pytest.raises(InputError, match=r"expected one with what is known of it"):
        pack_segmenter(bare)


def test_bundle_scores_the_same_again(lungs_cascade, bundle: Path, scans) -> None:
    loaded = load_bundle(bundle)
    assert loaded.lungs is not None
    assert loaded.lungs.digest == preparation_of(lungs_cascade.screen_).digest
    new = scans(5)
    expected, got = lungs_cascade.decide(new), loaded.cascade.decide(new)
    np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=1e-12)
    assert preparation_of(loaded.cascade.refine_) is loaded.lungs


def test_masks_matter_to_scores(lungs_cascade, scans) -> None:
    bare = unprepared(lungs_cascade.screen_)
    new = scans(5)
    assert not np.allclose(
        bare.predict_proba(new), lungs_cascade.screen_.predict_proba(new)
    )


def test_card_tells_of_lungs(bundle: Path) -> None:
    assert read_info(bundle).lungs.dice.value == 0.9
    card = (bundle / "model_card.md").read_text()
    assert "Lungs are cut out first" in card
    assert "Dice 0.900 [0.800, 0.950] on 2 held-out phantoms of tiny" in card
    assert "synthetic: look at its masks" in card


def test_bundle_without_its_segmenter_is_refused(bundle: Path, resign) -> None:
    (bundle / WEIGHTS).unlink()
    with pytest.raises(BundleError, match=r"segmenter\.safetensors: expected the file"):
        load_bundle(bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    del manifest["files"][WEIGHTS]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    resign(bundle)
    with pytest.raises(BundleError, match=r"info\.json: expected lungs beside"):
        load_bundle(bundle)


def test_segmenter_that_info_does_not_name_is_refused(bundle: Path, resign) -> None:
    _edit(bundle / "info.json", lungs=None)
    resign(bundle)
    with pytest.raises(BundleError, match=r"info\.json: expected lungs beside"):
        load_bundle(bundle)


def test_another_segmenter_is_refused(bundle: Path, resign) -> None:
    for name, content in pack_segmenter(make_segmenter(1)).items():
        (bundle / name).write_bytes(content)
    resign(bundle)
    with pytest.raises(BundleError, match=r"info\.json: expected lungs as segmenter"):
        load_bundle(bundle)


def test_signed_change_of_the_segmenter_is_noticed(bundle: Path, resign) -> None:
    """The hashes fit; what it finds does not."""
    tensors = load_file(bundle / WEIGHTS)
    name = next(n for n in tensors if n.endswith("segmentation_head.0.bias"))
    tensors[name] = tensors[name] + 0.5
    save_file(tensors, bundle / WEIGHTS)
    digest = sha256_bytes((bundle / WEIGHTS).read_bytes())
    _edit(bundle / ABOUT, weights=digest)
    info = json.loads((bundle / "info.json").read_text())
    info["lungs"]["weights"] = digest
    (bundle / "info.json").write_text(json.dumps(info))
    resign(bundle)
    with pytest.raises(BundleError, match=r"within 0\.001 of the stored ones"):
        load_bundle(bundle)


def test_two_preparations_are_refused(network, scans, labels, told) -> None:
    stages = network(1), network(2)
    stages[0].preparation = make_segmenter(0)
    cascade = HierarchicalClassifier(*stages, cut_point=0.4).fit(scans(), labels)
    with pytest.raises(InputError, match=r"expected one preparation of frames"):
        told(cascade)


def _kinds(network, segmenter):
    def prepared(**options):
        stage = network(1, **options)
        stage.preparation = segmenter
        return stage

    def learner(kind):
        return MetaLearner(FeatureExtractor(prepared(), kind=kind, cv=2), "logistic")

    return {
        "network": prepared,
        "trained": lambda: prepared(part="all"),
        "pooled": lambda: learner("pooled"),
        "scda": lambda: learner("scda"),
        "ladder": lambda: OrdinalClassifier(prepared(), order=["low", "mid", "high"]),
        "stack": lambda: ProbabilityStack(
            [("a", prepared()), ("b", prepared(image_size=96))], combine="mean", cv=2
        ),
    }


KINDS = ("network", "trained", "pooled", "scda", "ladder", "stack")


@pytest.mark.parametrize("kind", KINDS)
def test_unprepared_stage_takes_prepared_frames(
    kind: str, network, segmenter, scans, labels
) -> None:
    stage = _kinds(network, segmenter)[kind]()
    names = {"healthy": "low", "mild": "mid", "severe": "high"}
    stage.fit(scans(), np.array([names[label] for label in labels]))
    bare = unprepared(stage)
    assert preparation_of(stage) is segmenter
    assert preparation_of(bare) is None
    side = 73 if kind != "stack" else 110
    frames = [np.ascontiguousarray(s[:40, :40]) for s in scans(4)]
    if kind == "stack":  # two sides: what one reader sees is not what the other does
        assert not np.allclose(bare.predict_proba(frames), stage.predict_proba(frames))
        return
    prepared = [FrameReader(side, preparation=segmenter).frame_of(f) for f in frames]
    np.testing.assert_allclose(
        bare.predict_proba(prepared), stage.predict_proba(frames), atol=1e-12
    )


def test_what_is_known_of_other_weights_is_not_packed(segmenter: Segmenter) -> None:
    other = make_segmenter(seed=1).network
    mixed = Segmenter(other, segmenter.image_size, segmenter.about)
    with pytest.raises(InputError, match="expected one with what is known of it"):
        pack_segmenter(mixed)


@pytest.mark.parametrize("name", [ABOUT, WEIGHTS])
def test_file_that_is_too_large_is_not_read(folder: Path, name, monkeypatch) -> None:
    least = {".json": 2**30, ".safetensors": 2**30, Path(name).suffix: 10}
    monkeypatch.setattr("hierclf.bundle.segmenter.LARGEST", least)
    with pytest.raises(BundleError, match=f"{name}: expected at most 10 bytes"):
        load_segmenter(folder)
