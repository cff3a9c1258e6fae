"""A network as a classifier over a manifest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import InputError, ScanError
from hierclf.inference.views import Views
from hierclf.loading.scans import FrameReader
from hierclf.networks.network import Featurizer
from hierclf.training import estimator
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions
from hierclf.training.state import put_together, take_apart
from hierclf.training.trunks import backbone_of
from hierclf.transforms.augment import AugmentOptions

TINY = NetworkOptions(
    backbone="test_resnet",
    weights="none",
    image_size=32,
    views="whole",
    precision="float32",
)
WHOLE = TINY.model_copy(
    update={
        "part": "all",
        "epochs": 6,
        "batch_size": 12,
        "learning_rate": 3e-3,
        "augment": AugmentOptions(crop=0.9, horizontal_flip=False),
    }
)


def _with(options: NetworkOptions, **changes: object) -> NetworkOptions:
    return options.model_copy(update=changes)


@pytest.mark.parametrize("views", ["whole", "center", "tencrop", "tencrop_onepass"])
def test_frozen_trunk_learns(scans: pd.DataFrame, views: str) -> None:
    stage = NetworkClassifier(_with(TINY, views=views, penalty=0.01))
    stage.fit(scans, scans["label"])
    ten = views.startswith("tencrop")
    if ten:  # half of its views are mirrored, and left is not right
        dark = stage.predict(scans) == "dark"
        assert (dark == (scans["label"] == "dark")).mean() > 0.9
    else:
        assert stage.score(scans, scans["label"]) > 0.9
    table = stage.predict_proba(scans)
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-12)
    assert stage.predict_views(scans).shape == (60, 10 if ten else 1, 3)


def test_three_crops_ask_the_head_that_ten_have_taught(scans: pd.DataFrame) -> None:
    ten, three = (  # small weights: digits of features count for less
        NetworkClassifier(_with(TINY, views=views, penalty=1.0))
        for views in ("tencrop", "threecrop")
    )
    for stage in (ten, three):
        stage.fit(scans, scans["label"])
    heads = [stage.network_.head.state_dict() for stage in (ten, three)]
    assert all(torch.equal(one, heads[1][name]) for name, one in heads[0].items())
    said = three.predict_views(scans)
    assert said.shape[1] == 3
    center, *corners = 4, 5, 8
    views = ten.predict_views(scans)
    np.testing.assert_allclose(said, views[:, [center, *corners]], atol=1e-6)
    for other in set(range(10)) - {center, *corners}:
        for place in range(3):
            assert np.abs(said[:, place] - views[:, other]).max() > 1e-3
    assert three.resolved_options().views == "threecrop"


@pytest.mark.parametrize(
    ("views", "ridge", "other"),
    [
        ("whole", 0.3, 0.1),
        ("center", 0.3, 0.1),
        ("tencrop_onepass", 0.3, 0.1),
        ("tencrop", 0.1, 0.3),
        ("threecrop", 0.1, 0.3),
    ],
)
def test_a_penalty_that_is_not_given_follows_the_views(
    scans: pd.DataFrame, views: str, ridge: float, other: float
) -> None:
    found = []
    for penalty in (None, ridge, other):
        stage = NetworkClassifier(_with(TINY, views=views, penalty=penalty))
        found.append(stage.fit(scans, scans["label"]).predict_proba(scans))
        assert stage.resolved_options().penalty == (penalty or ridge)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_a_network_in_one_pass_learns_from_windows_of_whole_frames(
    scans: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    forward = Featurizer.maps

    def maps(self: Featurizer, images: torch.Tensor) -> torch.Tensor:
        seen.append(images.shape[-1])
        return forward(self, images)

    drawn = Views.drawn
    sizes = []

    def draw(self: Views, *told: object, **named: int) -> torch.Tensor:
        windows = drawn(self, *told, **named)
        sizes.append(len(windows))
        return windows

    monkeypatch.setattr(Featurizer, "maps", maps)
    monkeypatch.setattr(Views, "drawn", draw)
    options = _with(WHOLE, views="tencrop_onepass", image_size=56, epochs=12)
    stage = NetworkClassifier(options)
    stage.fit(scans, scans["label"])
    assert set(seen) == {64}
    dark = stage.predict(scans) == "dark"
    assert (dark == (scans["label"] == "dark")).mean() > 0.9
    assert stage.network_.drawn_window is None
    assert sum(sizes) == 60 * options.epochs


def test_whole_network_learns_and_repeats(scans: pd.DataFrame) -> None:
    first = NetworkClassifier(WHOLE, seed=3).fit(scans, scans["label"])
    assert first.score(scans, scans["label"]) > 0.9
    assert [e.epoch for e in first.history_] == [0, 1, 2, 3, 4, 5]
    assert first.history_[-1].train_loss < first.history_[0].train_loss
    torch.rand(7)  # the state of torch's own generator must not matter
    second = clone(first).fit(scans, scans["label"])
    np.testing.assert_array_equal(
        first.predict_proba(scans), second.predict_proba(scans)
    )
    other = NetworkClassifier(WHOLE, seed=4).fit(scans, scans["label"])
    assert np.abs(other.predict_proba(scans) - first.predict_proba(scans)).max() > 1e-3


def test_head_begins_at_its_optimum_on_the_frozen_trunk(scans: pd.DataFrame) -> None:
    """With steps of almost nothing, the fit of a frozen trunk is what comes out."""
    changes = {"learning_rate": 1e-9, "epochs": 1, "weight_decay": 0.0}
    still = _with(WHOLE, start="probe", augment=AugmentOptions(), **changes)
    probed = NetworkClassifier(still, seed=3).fit(scans, scans["label"])
    frozen = NetworkClassifier(_with(still, part="head", start="random"), seed=3)
    frozen.set_params(options=_with(frozen.options, optimizer="auto"))
    frozen.fit(scans, scans["label"])
    found, expected = probed.network_.head.weight, frozen.network_.head.weight
    ten = NetworkClassifier(_with(still, views="tencrop"))
    assert ten.resolved_options().penalty == 0.3  # the probe sees one view
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    random = NetworkClassifier(_with(still, start="random"), seed=3)
    random.fit(scans, scans["label"])
    assert not torch.allclose(random.network_.head.weight, expected, atol=1e-3)


@pytest.mark.parametrize("frozen_norm", [True, False])
def test_training_goes_on_from_the_probe_where_batch_norm_is_kept(
    scans: pd.DataFrame, frozen_norm: bool
) -> None:
    """The first epoch's loss is the probe's, unless BatchNorm looks at batches."""
    still = _with(
        WHOLE,
        start="probe",
        frozen_norm=frozen_norm,
        views="whole",
        balance=1.0,
        augment=AugmentOptions(crop=1.0, horizontal_flip=False),
        learning_rate=1e-9,
        weight_decay=0.0,
        epochs=1,
    )
    stage = NetworkClassifier(still, seed=3).fit(scans, scans["label"])
    said = stage.predict_proba(scans)
    places = np.searchsorted(stage.classes_, scans["label"])
    loss = -np.log(said[np.arange(len(places)), places]).mean()
    fresh = backbone_of(still.backbone, still.weights, None, 3).trunk
    trunk = stage.network_.featurizer.trunk
    kept = all(
        torch.equal(found, expected)
        for (name, found), expected in zip(
            trunk.named_buffers(), fresh.buffers(), strict=True
        )
        if name.endswith(("running_mean", "running_var"))
    )
    assert kept == frozen_norm
    if frozen_norm:
        assert stage.history_[0].train_loss == pytest.approx(loss, rel=1e-3)
        learning = [name for name, one in trunk.named_parameters() if one.requires_grad]
        assert any("bn" in name for name in learning)


def test_ladder_on_a_frozen_trunk(scans: pd.DataFrame) -> None:
    ordered = _with(TINY, output="ordered", penalty=0.01)
    stage = NetworkClassifier(ordered).fit(scans, scans["label"])
    assert stage.knows_order
    assert stage.history_ == []
    assert stage.score(scans, scans["label"]) > 0.8
    np.testing.assert_allclose(stage.predict_proba(scans).sum(axis=1), 1, atol=1e-9)


def test_dense_head_on_a_frozen_trunk(scans: pd.DataFrame) -> None:
    options = _with(TINY, head="dense", epochs=15, learning_rate=3e-3, dropout=0.1)
    stage = NetworkClassifier(options).fit(scans, scans["label"])
    assert stage.score(scans, scans["label"]) > 0.9
    assert len(stage.history_) == 15


def test_scans_in_memory_score_as_on_disk(scans: pd.DataFrame) -> None:
    stage = NetworkClassifier(TINY).fit(scans, scans["label"])
    from hierclf.data.pixels import read_scan

    pixels = [read_scan(Path(path)).pixels for path in scans["path"]]
    np.testing.assert_array_equal(
        stage.predict_proba(scans), stage.predict_proba(pixels)
    )
    whole = NetworkClassifier(_with(WHOLE, epochs=1)).fit(scans, scans["label"])
    np.testing.assert_array_equal(
        whole.predict_proba(scans), whole.predict_proba(pixels)
    )


def test_cache_changes_no_score(scans: pd.DataFrame, tmp_path: Path) -> None:
    for options in (TINY, _with(WHOLE, epochs=1)):
        tables = [
            NetworkClassifier(options, cache=folder)
            .fit(scans, scans["label"])
            .predict_proba(scans)
            for folder in (None, tmp_path / "cache", tmp_path / "cache")
        ]
        np.testing.assert_array_equal(tables[0], tables[1])
        np.testing.assert_array_equal(tables[0], tables[2])
    assert any((tmp_path / "cache").rglob("*"))


def test_scikit_learn_slices_the_manifest(scans: pd.DataFrame) -> None:
    answers = cross_val_predict(
        NetworkClassifier(_with(TINY, penalty=0.01)),
        scans,
        scans["label"],
        groups=scans["patient_id"],
        cv=StratifiedGroupKFold(3),
    )
    assert (answers == scans["label"]).mean() > 0.7


def test_sample_weight_moves_the_decision(scans: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(60) < 0.4, "dark", scans["label"])
    heavy = np.where(noisy == "dark", 20.0, 1.0)
    plain = NetworkClassifier(TINY).fit(scans, noisy)
    weighted = NetworkClassifier(TINY).fit(scans, noisy, sample_weight=heavy)
    found = [(stage.predict(scans) == "dark").sum() for stage in (plain, weighted)]
    assert found[0] < found[1]


def test_rare_class_is_found_with_balance(scans: pd.DataFrame) -> None:
    rare = np.r_[np.flatnonzero(scans["label"] != "left"), 2, 3]
    some = scans.iloc[rare]
    rng = np.random.default_rng(1)
    labels = some["label"].to_numpy().copy()
    flips = rng.random(len(labels)) < 0.3
    labels[flips & (labels != "left")] = "right"
    means = []
    for balance in (1.0, 0.0):
        stage = NetworkClassifier(_with(TINY, balance=balance)).fit(some, labels)
        column = list(stage.classes_).index("left")
        means.append(stage.predict_proba(some)[:, column].mean())
    assert means[0] < means[1]


def test_class_balanced_weights_are_those_of_the_formula(scans: pd.DataFrame) -> None:
    rare = np.r_[np.flatnonzero(scans["label"] != "left"), 2, 3]
    some, plain = scans.iloc[rare], _with(TINY, balance=1.0)
    labels = some["label"].to_numpy()
    weighted = NetworkClassifier(_with(plain, class_weights="class_balanced"))
    table = weighted.fit(some, labels).predict_proba(some)
    counts = {label: int((labels == label).sum()) for label in np.unique(labels)}
    by_hand = np.array([(1 - 0.999) / (1 - 0.999 ** counts[x]) for x in labels])
    expected = NetworkClassifier(plain).fit(some, labels, sample_weight=by_hand)
    np.testing.assert_allclose(table, expected.predict_proba(some), atol=1e-5)
    unweighted = NetworkClassifier(plain).fit(some, labels).predict_proba(some)
    assert table[-2:, 1].mean() > unweighted[-2:, 1].mean()


def test_early_stopping_keeps_the_best_weights(scans: pd.DataFrame) -> None:
    options = _with(WHOLE, epochs=12, patience=2, learning_rate=2e-2)
    stage = NetworkClassifier(options, seed=1).fit(scans, scans["label"])
    losses = [
        e.validation_loss for e in stage.history_ if e.validation_loss is not None
    ]
    assert len(losses) == len(stage.history_)
    best = int(np.argmin(losses))
    assert len(losses) == 12 or best == len(losses) - 1 - 2


def test_validation_scans_are_not_learned_from(scans: pd.DataFrame) -> None:
    train, held = scans.iloc[:40], scans.iloc[40:]
    options = _with(WHOLE, epochs=2, patience=5)
    wrong = np.roll(held["label"].to_numpy(), 1)
    tables = [
        NetworkClassifier(options)
        .fit(train, train["label"], validation=(held, labels))
        .history_[0]
        .train_loss
        for labels in (held["label"], wrong)
    ]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_interrupted_training_goes_on_to_the_same_weights(
    scans: pd.DataFrame, tmp_path: Path
) -> None:
    """Fault 104: kill -9 after some epochs, then the same fit again."""
    scans.to_csv(tmp_path / "m.csv", index=False)
    code = """
import sys, torch, pandas as pd
from pathlib import Path
sys.path.insert(0, sys.argv[2])
torch.set_num_threads(1)
from test_estimator import WHOLE
from hierclf.training.estimator import NetworkClassifier
m = pd.read_csv(sys.argv[1])
NetworkClassifier(WHOLE, checkpoints=Path(sys.argv[3])).fit(m, m["label"])
"""
    states = tmp_path / "states"
    command = [sys.executable, "-c", code, str(tmp_path / "m.csv")]
    command += [str(Path(__file__).parent), str(states)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while process.poll() is None and not list(states.glob("*.safetensors")):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        resumed = NetworkClassifier(WHOLE, checkpoints=states)
        table = resumed.fit(scans, scans["label"]).predict_proba(scans)
        whole = NetworkClassifier(WHOLE).fit(scans, scans["label"])
        np.testing.assert_array_equal(table, whole.predict_proba(scans))
        assert resumed.history_ == whole.history_
    finally:
        torch.set_num_threads(threads)


def test_checkpoint_of_another_fit_is_left_alone(
    scans: pd.DataFrame, tmp_path: Path
) -> None:
    options = _with(WHOLE, epochs=1)
    NetworkClassifier(options, checkpoints=tmp_path).fit(scans, scans["label"])
    NetworkClassifier(options, checkpoints=tmp_path, seed=9).fit(scans, scans["label"])
    NetworkClassifier(options, checkpoints=tmp_path).fit(
        scans[:40], scans["label"][:40]
    )
    assert len(list(tmp_path.iterdir())) == 3


def test_damaged_checkpoint_starts_again(
    scans: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = _with(WHOLE, epochs=1)
    stage = NetworkClassifier(options, checkpoints=tmp_path)
    table = stage.fit(scans, scans["label"]).predict_proba(scans)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    again = clone(stage).fit(scans, scans["label"]).predict_proba(scans)
    np.testing.assert_array_equal(table, again)
    assert "starting again" in caplog.text


@pytest.mark.parametrize("options", [TINY, _with(WHOLE, epochs=1)])
def test_unreadable_scan_is_named(
    scans: pd.DataFrame, options: NetworkOptions, tmp_path: Path
) -> None:
    broken = scans.copy()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    broken.loc[7, ["path", "scan"]] = [str(bad), "bad.png"]
    stage = NetworkClassifier(options)
    errors = stage.try_read(broken)
    assert {k: e.code for k, e in errors.items()} == {7: "E_EMPTY"}
    with pytest.raises((InputError, ScanError)):
        stage.fit(broken, broken["label"])
    fitted = NetworkClassifier(options).fit(scans, scans["label"])
    with pytest.raises(InputError, match=r"bad\.png: E_EMPTY"):
        fitted.predict_proba(broken)


def test_one_class_refused(scans: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="at least two classes"):
        NetworkClassifier(TINY).fit(scans, ["a"] * 60)


@pytest.mark.parametrize("options", [TINY, _with(WHOLE, epochs=1)])
def test_taken_apart_and_put_together(
    scans: pd.DataFrame, options: NetworkOptions
) -> None:
    stage = NetworkClassifier(options).fit(scans, scans["label"])
    again = put_together(take_apart(stage))
    np.testing.assert_array_equal(
        stage.predict_proba(scans), again.predict_proba(scans)
    )
    assert again.classes_.tolist() == stage.classes_.tolist()


def test_tensors_of_another_network_refused(scans: pd.DataFrame) -> None:
    state = take_apart(NetworkClassifier(TINY).fit(scans, scans["label"]))
    del state.head["bias"]
    with pytest.raises(InputError, match=r"head: expected (bias|the tensors)"):
        put_together(state)


def test_both_stages_compute_features_once(
    scans: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hierclf.inference.frozen import FrozenTrunk

    options = _with(TINY, image_size=48)
    computed = []
    compute = FrozenTrunk._compute
    monkeypatch.setattr(
        FrozenTrunk,
        "_compute",
        lambda self, frames: computed.append(len(frames)) or compute(self, frames),
    )
    NetworkClassifier(options).fit(scans, scans["label"] == "dark").predict(scans)
    NetworkClassifier(options).fit(scans, scans["label"]).predict(scans)
    assert sum(computed) == len(scans)


def test_checkpoint_of_other_pixels_or_of_another_exam_is_not_taken_up(
    scans: pd.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(Path(scans["path"][0]).parent, folder)
    mine = scans.assign(path=[str(folder / name) for name in scans["scan"]])
    half, exam = mine.iloc[:40], mine.iloc[40:]

    def states() -> int:
        return len(list((tmp_path / "states").glob("*.safetensors")))

    def fit(held: pd.DataFrame) -> None:
        stage = NetworkClassifier(
            _with(WHOLE, epochs=1), checkpoints=tmp_path / "states"
        )
        stage.fit(half, half["label"], validation=(held, held["label"]))

    fit(exam)
    fit(exam)
    assert states() == 1
    fit(exam.iloc[:10])
    assert states() == 2
    path = Path(half["path"].iloc[0])
    path.write_bytes(Path(half["path"].iloc[7]).read_bytes())
    fit(exam)
    assert states() == 3


def test_costs_by_label_fit_a_fold_without_one_of_them(scans: pd.DataFrame) -> None:
    names = ["left", "dark", "right", "gone"]
    table = pd.DataFrame(
        [[0, 1, 2, 9], [3, 0, 4, 9], [5, 6, 0, 9], [9, 9, 9, 0]], names, names
    )
    options = _with(TINY, loss="cross_entropy_cost")
    named = NetworkClassifier(options, costs=table).fit(scans, scans["label"])
    by_hand = [[0, 3, 4], [1, 0, 2], [6, 5, 0]]  # dark, left, right
    sorted_ = NetworkClassifier(options, costs=by_hand).fit(scans, scans["label"])
    np.testing.assert_allclose(
        named.predict_proba(scans), sorted_.predict_proba(scans), atol=1e-6
    )
    with pytest.raises(InputError, match="got none for 'right'"):
        NetworkClassifier(options, costs=table.drop(index="right")).fit(
            scans, scans["label"]
        )


def test_patience_with_a_class_of_one_patient(scans: pd.DataFrame) -> None:
    rare = np.r_[np.flatnonzero(scans["label"] != "left"), 2, 3]  # one patient's
    some = scans.iloc[rare]
    options = _with(TINY, head="dense", patience=1, epochs=2)
    stage = NetworkClassifier(options).fit(some, some["label"])
    assert {"dark", "right"} <= set(stage.classes_)


def test_array_that_is_filled_anew_is_another_scan(scans):
    """What was computed of scans in memory is told by their content."""
    pixels = [np.full((40, 40), k / 4, dtype=np.float32) for k in range(4)]
    options = NetworkOptions(
        backbone="resnet18", weights="none", image_size=32, views="center",
        precision="float32",
    )  # fmt: skip
    stage = NetworkClassifier(options).fit(pixels, [0, 0, 1, 1])
    buffer = np.eye(40, dtype=np.float32)
    first = stage.predict_proba([buffer])
    buffer[:] = 0.7
    second = stage.predict_proba([buffer])
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(second, stage.predict_proba([buffer.copy()]))


@pytest.mark.parametrize("wrapped", [False, True])
def test_patients_of_scans_in_memory_reach_early_stopping(monkeypatch, wrapped):
    """Who is told beside the scans is not on both sides of the validation part."""
    seen = []
    plain = estimator.hold_out

    def spy(labels, patients, **told):
        train, held = plain(labels, patients, **told)
        seen.append((set(patients[train]), set(patients[held])))
        return train, held

    monkeypatch.setattr(estimator, "hold_out", spy)
    rng = np.random.default_rng(0)
    pixels = [rng.random((40, 40), dtype=np.float32) for _ in range(24)]
    labels, people = np.arange(24) % 2, np.arange(24) % 8 // 2 * 2 + np.arange(24) % 2
    options = _with(TINY, head="dense", patience=1, epochs=2)
    stage = NetworkClassifier(options)
    if wrapped:
        stage = FeatureExtractor(stage, kind="gradcam", cv=2)
        stage.fit_transform(pixels, labels, groups=people)
    else:
        stage.fit(pixels, labels, groups=people)
    assert len(seen) == (3 if wrapped else 1)
    for train, held in seen:
        assert held
        assert train
        assert not train & held


@pytest.mark.parametrize(
    ("weights", "got"),
    [
        (np.ones(3), "shape"),
        ([1.0] * 59 + [np.nan], "nan"),
        ([1.0] * 59 + [-1.0], "-1.0"),
        ([0.0] * 60, "only 0"),
    ],
)
def test_weights_that_are_none_are_refused(scans, weights, got):
    assert len(scans) == 60
    with pytest.raises(InputError, match=f"sample_weight: expected.*{got}"):
        NetworkClassifier(TINY).fit(scans, scans["label"], sample_weight=weights)


def test_a_network_that_learned_says_what_its_layers_compute(
    scans: pd.DataFrame,
) -> None:
    options = _with(WHOLE, views="center", precision="float32", epochs=1)
    stage = NetworkClassifier(options).fit(scans, scans["label"])
    side = stage.frame_side
    frames = np.stack([FrameReader(side).read(path) for path in scans["path"][:5]])
    start = round((side - options.image_size) / 2)
    crop = slice(start, start + options.image_size)
    crops = torch.from_numpy(frames[:, crop, crop])[:, None]
    with torch.inference_mode():
        expected = torch.softmax(stage.network_(crops), dim=1)
    found = stage.predict_proba(scans.iloc[:5])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert any(one.requires_grad for one in stage.network_.parameters())
