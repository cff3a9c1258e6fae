"""Exports compute what the bundle computes, or there is none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
import torch
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hierclf.bundle.store import load_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.exporting import package, parts
from hierclf.exporting.decision_graphs import DecisionGraph, LadderGraph
from hierclf.exporting.options import ExportOptions
from hierclf.exporting.package import export
from hierclf.exporting.parts import meta_parts
from hierclf.exporting.proof import prove, run_onnx
from hierclf.features.extractor import FeatureExtractor
from hierclf.foundation.errors import InputError
from hierclf.loading.scans import FrameReader
from hierclf.metalearners.learners import LEARNERS
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from tests.exporting.conftest import LABELS, draw_rows, draw_scans, learner, network


def ask(
    bundle: Path, out: Path, what: str, form: str = "onnx", **more: bool
) -> dict[str, float]:
    options = ExportOptions(bundle=bundle, out=out, what=what, format=form, **more)
    return export(options).differences


def on_frames(out: Path, scans, side: int = 73):
    """Run an exported graph on scans that it was not proved on."""
    reader = FrameReader(side)
    frames = np.stack([reader.frame_of(scan) for scan in scans])
    return run_onnx(next(out.glob("*.onnx")).read_bytes(), {"frames": frames})


@pytest.fixture(scope="module")
def networks(bundle):
    """Two networks on one trunk, calibrated."""
    cascade = calibrated("platt")
    return cascade, bundle(cascade)


def calibrated(method, **options):
    """A cascade whose scores are made probabilities."""
    cascade = HierarchicalClassifier(
        network(**options),
        network(**options),
        cut_point="macro_recall",
        points="all",
        adjustment=0.5,
        calibration=method,
        cv=3,
    ).fit(draw_scans(), LABELS)
    assert cascade.calibrators_[0].slope != 1
    assert cascade.calibrators_[1].slope != 1
    return cascade


@pytest.fixture(scope="module")
def learners(bundle):
    """A network, and a machine on its features."""
    cascade = HierarchicalClassifier(network(), learner("svm"), cut_point=0.6)
    cascade.fit(draw_scans(), LABELS)
    return cascade, bundle(cascade)


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_goes_round(name, n_classes, tmp_path):
    """As a graph, on rows that were not shown to the proof."""
    rng = np.random.default_rng(3)
    y = np.arange(160) % n_classes
    X = (rng.normal(size=(160, 9)) + 0.7 * y[:, None]).astype(np.float32)
    few = {"forest": (20,), "boosting": (20,)}
    grid = {"n_estimators": few[name]} if name in few else None
    stage = MetaLearner(None, name, components=(4, None), grid=grid, cv=2).fit(X, y)
    cascade = HierarchicalClassifier(stage, None)
    cascade.screen_, cascade.refine_, cascade.n_features_in_ = stage, None, 9
    new = rng.normal(size=(300, 9)).astype(np.float32)
    (part,) = meta_parts(cascade, "onnx")
    got = run_onnx(part.content, {"features": new})["probabilities"]
    np.testing.assert_allclose(got, stage.predict_proba(new), atol=1e-4)
    for form in ("skops", "joblib"):
        (part,) = meta_parts(cascade, form)
        got = part.run(part.content, {"features": new})["probabilities"]
        np.testing.assert_array_equal(got, stage.predict_proba(new))


@pytest.fixture(scope="module")
def exported(networks, tmp_path_factory):
    """The networks as one graph."""
    out = tmp_path_factory.mktemp("exported") / "e"
    ask(networks[1], out, "cascade")
    return out


@pytest.fixture(scope="module")
def exported_learners(learners, tmp_path_factory):
    """A network and a machine as one graph."""
    out = tmp_path_factory.mktemp("exported") / "l"
    ask(learners[1], out, "cascade")
    return out


@pytest.mark.parametrize(
    ("which", "where"),
    [
        ("networks", "exported"),
        pytest.param("learners", "exported_learners", marks=pytest.mark.slow),
    ],
)
def test_whole_cascade(which, where, request):
    cascade, _ = request.getfixturevalue(which)
    new = draw_scans(seed=8)
    got = on_frames(request.getfixturevalue(where), new)
    said = cascade.decide(new)
    np.testing.assert_allclose(got["screen_score"], said.screen_score, atol=1e-4)
    np.testing.assert_allclose(got["probabilities"], said.probabilities, atol=1e-4)
    assert got["decided"].tolist() == said.decided.tolist()
    assert len(set(got["decided"].tolist())) > 1


@pytest.mark.slow
def test_another_calibration_and_views_in_one_pass(bundle, tmp_path):
    """The graph repeats them, and decides as without; `networks` have the usual."""
    cascade = calibrated("temperature", views="tencrop_onepass")
    ask(bundle(cascade), tmp_path / "e", "cascade")
    new = draw_scans(seed=8)
    got, said = on_frames(tmp_path / "e", new), cascade.decide(new)
    np.testing.assert_allclose(got["probabilities"], said.probabilities, atol=1e-4)
    assert got["decided"].tolist() == said.decided.tolist()


@pytest.mark.slow
def test_isotonic_steps_have_no_graph(bundle, tmp_path):
    cascade = HierarchicalClassifier(
        network(), network(), calibration="isotonic", cv=3
    ).fit(draw_scans(), LABELS)
    with pytest.raises(InputError, match=r"got isotonic steps"):
        ask(bundle(cascade), tmp_path / "e", "cascade")
    assert not (tmp_path / "e").exists()


def test_trees_take_the_same_steps_as_in_python():
    """Where a sum is rounded otherwise, one in some ten thousand rows crosses one."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    X = rng.normal(size=(400, 200)) + 0.4 * y[:, None] * (np.arange(200) < 9)
    stage = MetaLearner(
        None, "boosting", components=(16,), grid={"n_estimators": (100,)}, cv=2
    ).fit((3 * X + 5).astype(np.float32), y)
    cascade = HierarchicalClassifier(stage, None)
    cascade.screen_, cascade.refine_ = stage, None
    (part,) = meta_parts(cascade, "onnx")
    new = np.random.default_rng(4).normal(size=(50_000, 200))
    rows = (3 * new + 5).astype(np.float32)
    got = run_onnx(part.content, {"features": rows})["probabilities"]
    np.testing.assert_allclose(got, stage.predict_proba(rows), atol=1e-5)


@pytest.fixture(
    scope="module",
    params=[
        "logistic",
        *(pytest.param(how, marks=pytest.mark.slow) for how in ("mean", "geometric")),
    ],
)
def stacked(request, bundle):
    """Two networks and a learner, put together in each way."""
    members = [("a", network()), ("b", network(image_size=64)), ("c", learner("svm"))]
    members[1][1].set_params(seed=5)
    stage = ProbabilityStack(members, combine=request.param, cv=2)
    cascade = HierarchicalClassifier(stage, stage, cut_point=0.6)
    cascade.fit(draw_scans(), LABELS)
    return cascade, bundle(cascade), request.param


@pytest.mark.slow
def test_stack_as_a_graph(stacked, tmp_path):
    cascade, folder, _ = stacked
    ask(folder, tmp_path / "out", "cascade")
    scans = draw_scans(seed=4)
    got, expected = on_frames(tmp_path / "out", scans), cascade.decide(scans)
    np.testing.assert_allclose(got["probabilities"], expected.probabilities, atol=1e-4)
    assert got["decided"].tolist() == expected.decided.tolist()
    text = (tmp_path / "out" / "README.md").read_text()
    assert "The screen combines `screen-0` (a), `screen-1` (b), `screen-2` (c)" in text


@pytest.mark.slow
def test_parts_of_a_stack_make_the_whole(stacked, tmp_path):
    """Networks, the learner on one, and the combination, one after the other."""
    cascade, folder, combine = stacked
    ask(folder, tmp_path / "net", "network")
    names = {path.name for path in (tmp_path / "net").glob("*.onnx")}
    assert names == {f"{s}-{n}.onnx" for s in ("screen", "refine") for n in range(3)}
    ask(folder, tmp_path / "meta", "meta")
    names = {path.name for path in (tmp_path / "meta").glob("screen*.onnx")}
    learned = {"screen.onnx"} if combine == "logistic" else set()
    assert names == {"screen-2.onnx"} | learned
    scans, reader = draw_scans(seed=4), FrameReader(73)
    frames = np.stack([reader.frame_of(scan) for scan in scans])

    def run(part, **inputs):
        return run_onnx((tmp_path / part).read_bytes(), inputs)

    told = [
        run(f"net/screen-{n}.onnx", frames=frames)["probabilities"] for n in range(2)
    ]
    seen = run("net/screen-2.onnx", frames=frames)["features"]
    told.append(run("meta/screen-2.onnx", features=seen)["probabilities"])
    if combine == "mean":
        found = np.mean(told, axis=0)
    elif combine == "geometric":
        found = np.exp(np.log(np.maximum(told, 1e-6)).mean(axis=0))
        found /= found.sum(axis=1, keepdims=True)
    else:
        logs = np.hstack(np.log(np.maximum(told, 1e-6)))
        found = run("meta/screen.onnx", features=logs)["probabilities"]
    expected = cascade.screen_.predict_proba(scans)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["skops", "joblib"])
def test_combination_in_other_forms(form, stacked, tmp_path):
    _, folder, combine = stacked
    ask(folder, tmp_path / "out", "meta", form)
    names = {path.name for path in (tmp_path / "out").glob(f"*.{form}")}
    assert (f"screen.{form}" in names) == (combine == "logistic")
    text = (tmp_path / "out" / "README.md").read_text()
    assert ("the combination alone" in text) == (combine == "logistic")


@pytest.mark.slow
def test_networks_and_learners_apart_make_the_whole(learners, tmp_path):
    cascade, folder = learners
    new = draw_scans(seed=8)
    ask(folder, tmp_path / "n", "network")
    names = sorted(path.name for path in (tmp_path / "n").glob("*.onnx"))
    assert names == ["refine.onnx", "screen.onnx"]
    frames = np.stack([FrameReader(73).frame_of(scan) for scan in new])
    graph = (tmp_path / "n" / "refine.onnx").read_bytes()
    table = run_onnx(graph, {"frames": frames})["features"]
    ask(folder, tmp_path / "m", "meta")
    graph = (tmp_path / "m" / "refine.onnx").read_bytes()
    got = run_onnx(graph, {"features": table})["probabilities"]
    np.testing.assert_allclose(got, cascade.refine_.predict_proba(new), atol=1e-4)


@pytest.fixture(scope="module")
def halves(bundle):
    """What was trained in bfloat16."""
    half = {"precision": "bfloat16"}
    cascade = HierarchicalClassifier(network(**half), learner("tree", **half))
    return bundle(cascade.fit(draw_scans(), LABELS))


@pytest.mark.parametrize("what", ["cascade", "network"])
def test_half_precision_has_no_equal_graph(what, halves, tmp_path):
    with pytest.raises(InputError, match=r"move by up to .* pass --single-precision"):
        ask(halves, tmp_path / "e", what)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_half_precision_is_exported_in_single_where_that_is_said(halves, tmp_path):
    """The page tells how far scores moved."""
    for what in ("cascade", "network"):
        options = ExportOptions(
            bundle=halves, out=tmp_path / what, what=what, single_precision=True
        )
        found = export(options)
        assert 0 < found.moved < 0.5
        assert all(moved < 1e-4 for moved in found.differences.values())
        text = (tmp_path / what / "README.md").read_text()
        assert "computes in float32, the bundle in bfloat16" in text
        told = json.loads((tmp_path / what / "export.json").read_text())
        assert told["moved_by_precision"] == found.moved
    scans = draw_scans(seed=4)
    got = on_frames(tmp_path / "cascade", scans)["probabilities"]
    told = load_bundle(halves).cascade.decide(scans).probabilities
    assert np.abs(got - told).max() > 1e-4


def test_learners_and_joblib_keep_half_precision(halves, tmp_path):
    """Tables have no networks, and joblib holds those of the bundle."""
    ask(halves, tmp_path / "m", "meta")
    ask(halves, tmp_path / "j", "cascade", "joblib")
    loaded, scans = joblib.load(tmp_path / "j" / "cascade.joblib"), draw_scans(seed=4)
    expected = load_bundle(halves).cascade.decide(scans).probabilities
    np.testing.assert_allclose(loaded.decide(scans).probabilities, expected, atol=1e-6)


def test_frames_as_the_page_prepares_them(exported, tmp_path):
    """Of a color picture that grows, and of a gray one that shrinks."""
    text = (exported / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    told: dict[str, object] = {}
    exec(code, told)  # noqa: S102
    rng = np.random.default_rng(0)
    for name, shape in (
        ("a.png", (30, 50, 3)),
        ("b.png", (200, 150)),
        ("c.png", (40, 300)),
    ):
        Image.fromarray(rng.integers(256, size=shape, dtype=np.uint8)).save(
            tmp_path / name
        )
        got = told["frame_of"](str(tmp_path / name), 73)
        expected = FrameReader(73).read(str(tmp_path / name))
        np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.slow
def test_networks_that_look_at_different_sizes(bundle, tmp_path):
    """One graph with an input for each size."""
    members = [("a", network()), ("b", network(image_size=96, seed=5))]
    stage = ProbabilityStack(members, combine="geometric")
    cascade = HierarchicalClassifier(stage, learner("svm", image_size=96))
    folder = bundle(cascade.fit(draw_scans(), LABELS))
    ask(folder, tmp_path / "e", "cascade")
    scans = draw_scans(seed=4)
    frames = {
        f"frames_{side}": np.stack([FrameReader(side).frame_of(one) for one in scans])
        for side in (73, 110)
    }
    got = run_onnx((tmp_path / "e" / "cascade.onnx").read_bytes(), frames)
    expected = cascade.decide(scans)
    np.testing.assert_allclose(got["probabilities"], expected.probabilities, atol=1e-4)
    assert run_snippet(tmp_path / "e")


@pytest.mark.slow
@pytest.mark.parametrize("more", ["costs", "adjustment", "two labels", "constant"])
def test_decisions_of_every_kind(more, bundle, tmp_path):
    labels, kinds = LABELS.copy(), {}
    if more == "costs":
        kinds["costs"] = [[0, 1, 1], [1, 0, 9], [1, 1, 0]]
    elif more == "adjustment":
        labels[1:22:3] = "severe"
        kinds["adjustment"] = 1.5
    elif more == "two labels":
        labels[labels == "severe"] = "mild"
    cascade = HierarchicalClassifier(network(), network(), **kinds)
    cascade.fit(draw_scans(), labels)
    if more == "constant":
        cascade.refine_ = DummyClassifier().fit([[0]], ["severe"])
    ask(bundle(cascade), tmp_path / "e", "cascade")
    new = draw_scans(seed=8)
    got, said = on_frames(tmp_path / "e", new), cascade.decide(new)
    np.testing.assert_allclose(got["probabilities"], said.probabilities, atol=1e-4)
    assert got["decided"].tolist() == said.decided.tolist()


def ladder(which: str):
    """A refinement that climbs, made of what it may be made of."""
    order = ["healthy", "mild", "severe"]
    if which == "knows the order":
        return OrdinalClassifier(network(output="ordered", seed=3), order=order)
    if which == "learner":
        return OrdinalClassifier(learner(), order=order)
    steps = OrdinalClassifier(network(), order=order)
    if which == "steps":
        return steps
    return ProbabilityStack([("a", steps), ("b", steps)], combine="mean")


@pytest.mark.slow
@pytest.mark.parametrize("which", ["steps", "knows the order", "learner", "stack"])
def test_ordered_refinement_as_a_graph(which, bundle, tmp_path):
    cascade = HierarchicalClassifier(
        network(), ladder(which), ordered=True, refinement="ordered", cut_point=0.4
    )
    cascade.fit(draw_scans(), LABELS)
    new = draw_scans(seed=8)
    above = cascade.decide(new).probabilities[:, 2]
    rungs = np.array([np.median(above)])  # so that some climb and some do not
    cascade.naming_ = replace(cascade.naming_, rungs=rungs)
    ask(bundle(cascade), tmp_path / "e", "cascade")
    got, said = on_frames(tmp_path / "e", new), cascade.decide(new)
    np.testing.assert_allclose(got["probabilities"], said.probabilities, atol=1e-4)
    assert got["decided"].tolist() == said.decided.tolist()
    assert {1, 2} <= set(said.decided.tolist())


def test_graph_of_a_ladder_whose_steps_contradict_each_other():
    rng = np.random.default_rng(0)
    told = rng.random((50, 4))
    model = OrdinalClassifier(order=list("dbeca"))
    model.order_, model.classes_ = tuple("dbeca"), np.array(list("abcde"))
    model.rungs_ = tuple(_Says(column) for column in told.T)
    inputs = [torch.tensor(rung.predict_proba(None)) for rung in model.rungs_]
    found = LadderGraph(model)(torch.cat(inputs, dim=1)).numpy()
    np.testing.assert_allclose(found, model.predict_proba([[0]] * 50), atol=1e-12)


class _Says:
    def __init__(self, above):
        self.table = np.column_stack([1 - above, above])

    def predict_proba(self, X):
        return self.table


@pytest.mark.parametrize("form", ["onnx", "skops", "joblib"])
def test_cascade_on_tables(form, bundle, tmp_path):
    stages = make_pipeline(StandardScaler(), LogisticRegression()), LogisticRegression()
    cascade = HierarchicalClassifier(*stages).fit(draw_rows(), LABELS)
    ask(bundle(cascade), tmp_path / "e", "cascade", form)
    new = draw_rows(seed=4, n_rows=90).astype(np.float32)
    said = cascade.decide(new)
    (path,) = (tmp_path / "e").glob("cascade.*")
    if form == "onnx":
        got = run_onnx(path.read_bytes(), {"features": new})["probabilities"]
    elif form == "skops":
        trusted = skops.io.get_untrusted_types(file=path)
        got = skops.io.load(path, trusted=trusted).decide(new).probabilities
    else:
        got = joblib.load(path).decide(new).probabilities
    np.testing.assert_allclose(got, said.probabilities, atol=1e-4)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize(
    "inner",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(5, random_state=0),
        SVC(),
    ],
    ids=["logistic", "pipeline", "forest", "machine"],
)
def test_calibrators_of_others_are_right_or_refused(method, inner, bundle, tmp_path):
    """Whatever skl2onnx makes of them, no wrong number leaves the house."""
    model = CalibratedClassifierCV(inner, method=method, cv=2)
    rows, labels = draw_rows(n_rows=90), np.tile(LABELS, 3)
    cascade = HierarchicalClassifier(model, LogisticRegression()).fit(rows, labels)
    folder, new = bundle(cascade), draw_rows(seed=4, n_rows=90).astype(np.float32)
    try:
        ask(folder, tmp_path / "e", "cascade")
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert refused.startswith("export")
        assert not (tmp_path / "e").exists()
        return
    graph = (tmp_path / "e" / "cascade.onnx").read_bytes()
    got = run_onnx(graph, {"features": new})["probabilities"]
    np.testing.assert_allclose(got, cascade.decide(new).probabilities, atol=1e-3)


@pytest.mark.parametrize(
    "what",
    [
        *(pytest.param(w, marks=pytest.mark.slow) for w in ("cascade", "network")),
        "meta",
    ],
)
def test_wrong_graph_is_not_written(what, learners, tmp_path, monkeypatch):
    """One number off, and nothing is left."""
    run = run_onnx

    def spoiled(content, inputs):
        found = dict(run(content, inputs))
        name = (
            "features"
            if what == "network" and "features" in found
            else ("probabilities")
        )
        found[name] = found[name] + 2e-4 * max(1.0, np.abs(found[name]).max())
        return found

    monkeypatch.setattr(parts, "run_onnx", spoiled)
    with pytest.raises(InputError, match=r"within 0.0001 of the original.*Nothing was"):
        ask(learners[1], tmp_path / "e", what)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_another_decision_is_not_written(networks, tmp_path, monkeypatch):
    run = run_onnx

    def spoiled(content, inputs):
        found = dict(run(content, inputs))
        return {**found, "decided": 2 - found["decided"]}

    monkeypatch.setattr(parts, "run_onnx", spoiled)
    with pytest.raises(InputError, match="the decisions in decided"):
        ask(networks[1], tmp_path / "e", "cascade")
    assert not any(tmp_path.iterdir())


def test_a_failure_while_writing_leaves_nothing(learners, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "write_json", full)
    with pytest.raises(Exception, match="space"):
        ask(learners[1], tmp_path / "e", "meta")
    assert not any(tmp_path.iterdir())


def run_snippet(out: Path, more: str = "") -> str:
    text = (out / "README.md").read_text()
    *_, code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(code.strip().splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", code + more], cwd=out, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_snippet_needs_onnxruntime_alone(exported):
    check = "\nimport sys\nprint({'torch', 'sklearn', 'hierclf'} & set(sys.modules))"
    lines = run_snippet(exported, check).splitlines()
    assert lines[-1] == "set()"
    assert [line.split()[0] for line in lines[:-1]] == [
        "screen_score", "probabilities", "decided",
    ]  # fmt: skip
    assert all(float(line.split()[-1]) < 1e-4 for line in lines[:-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "form"),
    [
        ("meta", "onnx"),
        ("meta", "skops"),
        ("meta", "joblib"),
        pytest.param("cascade", "joblib", marks=pytest.mark.slow),
    ],
)
def test_snippets_of_other_forms(what, form, learners, tmp_path):
    ask(learners[1], tmp_path / "e", what, form)
    assert run_snippet(tmp_path / "e")
    text = (tmp_path / "e" / "README.md").read_text()
    assert ("runs whatever code is in it" in text) == (form == "joblib")
    assert "phantoms" in text


def test_what_is_known_of_an_export(networks, exported):
    cascade, _ = networks
    told = json.loads((exported / "export.json").read_text())
    assert told["labels"] == ["healthy", "mild", "severe"]
    assert told["cut_point"] == cascade.cut_point_
    assert told["phantom"]
    file = told["files"]["cascade.onnx"]
    assert file["inputs"] == {"frames": [73, 73]}
    assert file["n_examples"] == 12
    example = np.load(exported / "cascade-example.npz")
    assert example["input_frames"].shape == (12, 73, 73)


def test_no_scan_is_in_an_export(networks, bundle, tmp_path):
    """What a trunk remembers of the scans that it has seen stays behind."""
    cascade, folder = networks
    cascade.decide(draw_scans(seed=77))
    ask(folder, tmp_path / "e", "cascade", "joblib")
    loaded = joblib.load(tmp_path / "e" / "cascade.joblib")
    memory = loaded.screen_.trunk_._memory
    assert memory.last == {}
    assert not memory.by_file


@pytest.mark.slow
def test_refusals(networks, learners, bundle, tmp_path):
    with pytest.raises(InputError, match="expected a bundle with learners"):
        ask(networks[1], tmp_path / "e", "meta")
    for out in (networks[1], networks[1] / "sub", networks[1].parent):
        with pytest.raises(InputError, match="expected a folder apart from the bundle"):
            ask(networks[1], out, "network")
    assert load_bundle(networks[1]).digest
    with pytest.raises(InputError, match="expected a cascade on tables for skops"):
        ask(learners[1], tmp_path / "e", "cascade", "skops")
    rows = HierarchicalClassifier().fit(draw_rows(), LABELS)
    with pytest.raises(InputError, match="expected a bundle with networks"):
        ask(bundle(rows), tmp_path / "e", "network")
    with pytest.raises(ValueError, match="expected onnx for a network"):
        ask(networks[1], tmp_path / "e", "network", "joblib")
    regions = HierarchicalClassifier(network(), learner(kind="scda"))
    folder = bundle(regions.fit(draw_scans(), LABELS))
    with pytest.raises(InputError, match="'scda' features, which are cut out"):
        ask(folder, tmp_path / "e", "cascade")
    ask(folder, tmp_path / "m", "meta")
    with pytest.raises(InputError, match="expected a new folder"):
        ask(folder, tmp_path / "m", "meta")
    pair = [
        ("a", FeatureExtractor(network())),
        ("b", FeatureExtractor(network(image_size=96))),
    ]
    stage = MetaLearner(FeatureUnion(pair), "logistic", components=(4,), cv=2)
    folder = bundle(HierarchicalClassifier(stage, stage).fit(draw_scans(), LABELS))
    with pytest.raises(InputError, match=r"frames of one size, got \[73, 110\]"):
        ask(folder, tmp_path / "e", "cascade")
    ask(folder, tmp_path / "n", "meta")
    assert not (tmp_path / "e").exists()


def test_what_is_no_number_proves_nothing(learners, monkeypatch):
    (part,) = meta_parts(learners[0], "onnx")

    def nothing(_, inputs):
        return {"probabilities": np.full((len(inputs["features"]), 2), np.nan)}

    with pytest.raises(InputError, match=r"within 0\.0001 of the original"):
        prove(replace(part, run=nothing))


def test_score_at_the_cut_point_is_diseased():
    cascade = HierarchicalClassifier(network(), network(), cut_point=0.6)
    graph = DecisionGraph(cascade.fit(draw_scans(), LABELS))
    score = torch.tensor([[0.4, 0.6], [0.41, 0.59]], dtype=torch.float32)
    graph.cut_point = float(score[0, 1])
    _, _, decided = graph(score, torch.full((2, 2), 0.5))
    assert (decided > 0).tolist() == [True, False]
