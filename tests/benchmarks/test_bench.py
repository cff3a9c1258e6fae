"""The pieces of a benchmark run; its reference is the same model as ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import material, scaling
from benchmarks.agreement import compared
from benchmarks.cascades import (
    REFERENCE,
    Sizes,
    equal_labels,
    summary,
    write_material,
)
from benchmarks.contenders import Contender, beginning, interleave, run
from benchmarks.epochs import summary as summary_of_epochs
from benchmarks.machine import describe_machine, file_name, matmul_peak
from benchmarks.material import (
    Kind,
    fit_cascade,
    look_by,
    read_scans,
    write_bundle,
    write_plain,
)
from benchmarks.ours import compute_alone, measure, read_alone
from benchmarks.reference import Folder, load, score, ten_crops
from benchmarks.table import markdown
from benchmarks.targets import targets
from benchmarks.work import flops_of, work_of
from hierclf.bundle.store import load_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.pixels import read_scan
from hierclf.inference.frozen import FrozenTrunk
from hierclf.scoring.options import ScoreOptions

TINY = Kind("test_resnet", shared=False)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    """Pictures that are frames already: nobody resizes them, or rounds."""
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(0)
    for number in range(8):
        label = ("healthy", *material.STAGES)[number % 4]
        pixels = rng.integers(0, 120, (128, 128)).astype(np.uint8)
        pixels[:, : 32 * (number % 4)] += 100
        Image.fromarray(pixels).save(folder / f"{label}-{number}.png")
    return folder


@pytest.fixture(scope="module")
def cascade(frames, tmp_path_factory) -> HierarchicalClassifier:
    paths = sorted(frames.iterdir())
    scans = [read_scan(path).pixels for path in paths]
    labels = np.array([path.name.partition("-")[0] for path in paths])
    place = tmp_path_factory.mktemp("weights")
    weights = material.write_weights(TINY, place, scans)
    tiny = {"precision": "float32", "image_size": 112}
    return fit_cascade(TINY, weights, scans, labels, **tiny)


def test_reference_is_the_same_model(cascade, frames, tmp_path):
    """Exact views in float32: the same probabilities, and so the same labels."""
    write_plain(tmp_path, TINY, cascade)
    plain, about = load(tmp_path)
    labels, tables = score(plain, Folder(frames, ten_crops(about)), n_workers=0)
    names = sorted(labels)
    scans = [read_scan(frames / name).pixels for name in names]
    exact = look_by(cascade, views="tencrop")
    found = exact.decide(scans)
    expected = np.array([tables[name] for name in names])
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)
    assert exact.predict(scans).tolist() == [labels[name] for name in names]
    assert len(set(labels.values())) == 4, "all labels occur"


def test_stages_are_two_networks(cascade):
    trunks = [stage.trunk_.digest for stage in (cascade.screen_, cascade.refine_)]
    assert trunks[0] != trunks[1]


def test_ours_is_timed_as_it_scores(cascade, frames, tmp_path):
    bundle = write_bundle(
        tmp_path / "bundle", look_by(cascade, views="tencrop_onepass"), 8
    )
    out = tmp_path / "scores.csv"
    found = measure(ScoreOptions(bundle=bundle, input=frames, out=out), frames)
    assert (found.n, len(found.labels)) == (8, 8)
    assert 0 < found.more["computing share"] <= 1


def test_scans_are_computed_and_not_recalled(cascade, frames, tmp_path, monkeypatch):
    bundle = write_bundle(
        tmp_path / "bundle", look_by(cascade, views="tencrop_onepass"), 8
    )
    computed = []
    plain = FrozenTrunk._compute
    monkeypatch.setattr(
        FrozenTrunk,
        "_compute",
        lambda trunk, frames: computed.append(len(frames)) or plain(trunk, frames),
    )
    loaded = load_bundle(bundle)
    readings = read_alone(loaded, frames)[1]
    compute_alone(loaded, readings, 8)
    computed.clear()
    loaded.cascade.decide([one.pixels for one in readings])
    compute_alone(loaded, readings, 8)
    assert sum(computed) == 2 * 2 * 8, "by both networks, each time"


def test_work_is_counted_by_networks_and_passes(cascade):
    exact = work_of(look_by(cascade, views="tencrop"))
    once = work_of(look_by(cascade, views="tencrop_onepass"))
    assert (exact.views, exact.passes) == (once.views, 20) == (20, 20)
    assert once.passes == 4
    assert once.gflop < exact.gflop / 3


def test_operations_of_a_convolution():
    """3 x 3 of 3 channels to 8, at 10 x 10 places: a product and a sum each."""
    assert flops_of(torch.nn.Conv2d(3, 8, 3), 12) == 2 * 27 * 8 * 100


def test_a_process_is_run_and_one_that_fails_says_why(tmp_path):
    told = 'print("noise"); print(\'{"n": 2, "seconds": 4.0, "peak_kb": 7}\')'
    found = run(Contender("ok", "none", ("-c", told)), tmp_path, tmp_path)
    assert (found["n"], found["memory_kb"] >= 7) == (2, True)
    with pytest.raises(RuntimeError, match=r"none, bad: .*no luck"):
        run(Contender("bad", "none", ("-c", "exit('no luck')")), tmp_path, tmp_path)


def test_what_is_not_installed_is_said():
    one = Contender("a", "x", (), package="no_such_package")
    assert not one.is_there()
    assert Contender("a", "x", (), package="json").is_there()
    assert not Contender("a", "x", (), python="/none", package="json").is_there()
    assert summary(one, [], {})["absent"] == "not installed"


def test_rounds_alternate():
    both = [Contender("a", "x", ()), Contender("b", "x", ())]
    order = [(number, one.name) for number, one in interleave(both, 2)]
    assert order == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_frames_are_compared_with_plain_pytorch_on_frames():
    """Else a ratio would hold what reading and resizing of large scans takes."""
    one = Contender("frames, ours", "x", (), scans="frames")
    known = {"round": 0, "more": {}, "memory_kb": 1, "n": 4, "labels": {"a": "y"}}
    runs = [known | {"contender": one.key, "seconds": 1.0}]
    runs += [known | {"contender": f"x, {REFERENCE}", "seconds": 8.0}]
    assert summary(one, runs, {})["ratio"] is None
    assert summary(one, runs, {})["equal_labels"] is None
    framed = f"x, frames, {REFERENCE}"
    runs += [known | {"contender": framed, "seconds": 3.0}]
    assert summary(one, runs, {})["ratio"]["median"] == 3
    assert summary(one, runs, {})["equal_labels"] == {"n": 1, "equal": 1}


def test_labels_are_compared_where_both_scored():
    own = {0: {"labels": {"a": "x", "b": "y"}}, 1: {"labels": {"c": "x"}}}
    base = {0: {"labels": {"a": "x", "b": "z", "d": "x"}}}
    assert equal_labels(own, base) == {"n": 2, "equal": 1}
    assert equal_labels(own, {}) is None


def test_slow_ones_get_some_of_the_scans(tmp_path, monkeypatch):
    monkeypatch.setattr(material, "SIZE", (70, 60))
    monkeypatch.setattr(material, "_phantom", lambda *_: np.zeros((320, 320), "f4"))
    write_material(tmp_path, Sizes(("x",), rounds=2, few=2, many=6))
    many = {path.name for path in (tmp_path / "many-1").iterdir()}
    few = {path.name for path in (tmp_path / "few-1").iterdir()}
    assert (len(many), len(few), few <= many) == (6, 2, True)
    assert not many & {path.name for path in (tmp_path / "many-0").iterdir()}
    assert many == {path.name for path in (tmp_path / "small-1").iterdir()}
    assert read_scans(tmp_path / "small-1")[0][0].shape == (224, 224)
    assert read_scans(tmp_path / "frames-1")[0][0].shape == (256, 256)


def test_costs_at_small_sizes():
    assert scaling.power([10, 100], [1, 100]) == pytest.approx(2)
    cases = scaling.by_cases([200, 400])
    assert {"n", "grid, s", "all, s"} < set(cases["points"][0])
    classes = scaling.by_classes([2, 3], n_features=4)
    assert [point["classes"] for point in classes["points"]] == [2, 3]
    fits = scaling.by_rows_and_columns([(100, 4), (200, 4)], ["tree"])
    assert set(scaling.learner_powers(fits)) == {"tree: in n at d = 4"}


def _row(
    name: str, speed: float, equal: int = 200, scans: str = ""
) -> dict[str, object]:
    rates = {"images_per_s": {"median": speed}, "ratio": {"median": speed}}
    told = {"equal_labels": {"n": 200, "equal": equal}}
    told["more"] = {"computing share": 0.9}
    name = f"{beginning(scans)}hierclf, {name}"
    return {"network": "densenet121", "name": name, **rates, **told}


def test_targets_are_of_the_fastest_and_of_what_was_measured():
    rows = [_row("one pass, slow", 11), _row("one pass, fast", 12)]
    rows += [_row("three crops, fast", 11.9)]
    rows += [_row("exact, eager", 4), _row("exact, float32, eager", 5)]
    rows += [_row("exact, float32, eager", 3, equal=198, scans="frames")]
    rows += [{"network": "densenet121", "name": "hierclf, exact, x", "absent": "no"}]
    found = targets(rows)
    met = [one["met"] for one in found]
    assert met == [True, False, *[True] * 2, *[False] * 3, True, False, False]
    assert found[0]["by"] == "densenet121, hierclf, one pass, fast"
    assert found[4]["found"] == pytest.approx(0.99)
    assert found[5]["found"] is None


def test_table_and_file(monkeypatch):
    monkeypatch.setattr("benchmarks.machine._SIDE", {"cpu": 16, "cuda": 16})
    peak, machine = matmul_peak(), describe_machine()
    assert set(peak) == {"float32", "bfloat16"}
    assert file_name(machine).endswith("-cores.json")
    known = {"n": 4, "seconds": 2.0, "labels": {}, "more": {}, "memory_kb": 5000}
    work = {"views": 20, "gflop": 2.0, "precision": "float32"}
    one = Contender("ours", "x", (), work=work)
    row = summary(one, [{"round": 0, "contender": one.key, **known}], {"float32": 8.0})
    assert (row["crops_per_s"], row["share_of_peak"]) == (40.0, 0.5)
    absent = summary(Contender("b", "x", ()), [], {})
    found = {"machine": machine, "load": {"before": [1.0], "after": [2.0]}}
    found["cascades"] = {"peak_gflops": peak, "contenders": [row, absent]}
    found["cascades"]["targets"] = targets([row, absent])
    found["scaling"] = {"by cases": scaling.by_cases([100])}
    text = markdown(json.loads(json.dumps(found)))
    assert "| x | ours | 2.00 (2.00-2.00) |" in text
    assert "| x | b | not installed |" in text


@pytest.mark.slow
def test_whole_run(monkeypatch, tmp_path, capsys):
    """A network of a kind that takes seconds, by the command."""
    from benchmarks import __main__ as command

    monkeypatch.setitem(material.KINDS, "test_resnet", TINY)
    out = tmp_path / "results.json"
    told = ["benchmarks", "--networks", "test_resnet", "--runtimes", "eager"]
    told += ["--rounds", "1", "--few", "2", "--many", "4", "--without-scaling"]
    monkeypatch.setattr(sys, "argv", [*told, "--out", str(out)])
    command.main()
    rows = json.loads(out.read_text())["cascades"]["contenders"]
    exact = next(row for row in rows if row["name"] == "hierclf, exact, eager")
    assert exact["equal_labels"]["n"] == 2
    assert "times plain PyTorch" in capsys.readouterr().out


def test_ways_are_compared_with_the_one_that_the_model_was_fitted_by():
    near = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.4, 0.6]])
    moved = near + np.array([[0.0], [0.1], [0.0], [-0.2]])
    said = {"a": (np.array([0, 2, 2, 1]), near), "b": (np.array([0, 1, 2, 0]), moved)}
    found = compared(said, "a", truth=np.array([0, 2, 2, 1]))
    assert found["a"]["equal_labels"] == found["a"]["macro_recall"] == 1
    assert found["b"]["equal_labels"] == 0.5
    assert found["b"]["equal_screen"] == 0.75
    assert found["b"]["macro_recall"] == 0.5
    assert found["b"]["moved_median"] == pytest.approx(0.05)
    assert found["b"]["moved_most"] == pytest.approx(0.2)


def test_epochs_are_compared_with_the_plain_loop_of_the_same_round():
    def run_of(name, number, seconds):
        told = {"scans": "small", "name": f"{name}, float32", "round": number}
        return told | {"n": 12, "seconds": seconds, "more": {"first epoch, s": 6.0}}

    runs = [run_of("plain PyTorch", 0, 4.0), run_of("hierclf", 0, 2.0)]
    runs += [run_of("hierclf", 1, 3.0), run_of("plain PyTorch", 1, 3.0)]
    plain, ours = summary_of_epochs(runs)
    assert ours["images_per_s"] == {"median": 5.0, "least": 4.0, "greatest": 6.0}
    assert ours["ratio"] == {"median": 1.5, "least": 1.0, "greatest": 2.0}
    assert ours["first_epoch"] == {"median": 2.5, "least": 2.0, "greatest": 3.0}
    assert plain["ratio"]["least"] == plain["ratio"]["greatest"] == 1
