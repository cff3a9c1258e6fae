"""Learners on features, and a choice among candidates, as a user asks for them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from hierclf.bundle.store import load_bundle
from hierclf.features.readers import readers_of
from hierclf.foundation.errors import InputError
from hierclf.metalearners.search import MetaLearner
from hierclf.results.run import RunResults
from hierclf.training.estimator import NetworkClassifier
from tests.commands.conftest import NETWORK, command

CANDIDATES = "network,pooled+logistic@8,network/scda+tree@4"


@pytest.fixture(scope="module")
def chosen(cohort: Path) -> Path:
    """A run that chose among three."""
    out = cohort.parent / "chosen"
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--candidates", CANDIDATES,
        "--folds", 2, "--no-baselines", "--resamples", 200, "--out", out,
        "--cache", cohort.parent / "cache", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_all_candidates_are_reported(chosen: Path) -> None:
    results = RunResults.from_json((chosen / "results.json").read_text())
    names = CANDIDATES.split(",")
    assert list(results.selection) == names
    values = {name: found.value for name, found in results.selection.items()}
    assert results.selected == max(names, key=lambda name: values[name])
    cut = results.cut_point
    assert cut is not None
    assert values[results.selected] == pytest.approx(cut.macro_recall[cut.index])
    assert all(f.low < f.value < f.high for f in results.selection.values())
    assert set(results.models) == {
        *(f"cascade, {name}" for name in names), "cascade at 0.50", "cascade",
    }  # fmt: skip
    table = pd.read_csv(chosen / "predictions.csv")
    assert (table["predicted"] == table[f"cascade, {results.selected}"]).all()
    for name in names:
        recall = recall_score(
            table["label"], table[f"cascade, {name}"], average="macro"
        )
        found = results.models[f"cascade, {name}"].metrics["macro_recall"].value
        assert found == pytest.approx(recall)
    page = (chosen / "report.html").read_text()
    assert "Choice of the model" in page
    assert f"The cascade is <em>{results.selected}</em>, chosen of 3" in page
    has_region = any((chosen / "figures").glob("region-*"))
    assert ("whoever gets this" in page) == (has_region or bool(results.mistakes))
    assert all(name in page for name in names)


@pytest.mark.slow
def test_bundle_holds_the_chosen(chosen: Path) -> None:
    results = RunResults.from_json((chosen / "results.json").read_text())
    cascade = load_bundle(chosen / "bundle").cascade
    kinds = {
        "network": (NetworkClassifier, NetworkClassifier),
        "pooled+logistic@8": (MetaLearner, MetaLearner),
        "network/scda+tree@4": (NetworkClassifier, MetaLearner),
    }
    expected = kinds[results.selected]
    assert (type(cascade.screen_), type(cascade.refine_)) == expected
    assert cascade.cut_point_ == results.threshold


def check_scores(run: Path, scans: Path, out: Path) -> None:
    """Score a folder: what the run predicted must come out again."""
    done = command("score", "--bundle", run / "bundle", "--input", scans, "--out", out)
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    scores = {Path(row["path"]).name: float(row["screen_score"]) for row in rows}
    table = pd.read_csv(run / "predictions.csv")
    for path, score in zip(table["path"], table["screen_score"], strict=True):
        assert scores[Path(path).name] == pytest.approx(score, abs=1e-4)


@pytest.mark.slow
def test_learner_from_scans_to_scores(cohort: Path, tmp_path: Path) -> None:
    """One model for each stage; evaluate, sweep and score take its bundle."""
    run = tmp_path / "run"
    common = ("--cache", cohort.parent / "cache", "--resamples", 200)
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--model", "pooled+svm@8",
        "--refine.model", "scda+logistic@8", "--costs", "recall", "--folds", 2,
        "--out", run, *common, *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = RunResults.from_json((run / "results.json").read_text())
    assert results.stages["screen"].startswith("svm on pooled features: 8 components")
    assert results.stages["refine"].startswith("logistic on scda features")
    assert results.stages["screen"] in (run / "report.html").read_text()
    assert "stage3" in results.refinement
    assert set(results.features) == {"screen", "refine"}
    assert set(results.features["refine"].codes) <= {1, 2, 3}
    assert {path.name for path in (run / "figures").glob("features-*")} >= {
        f"features-{stage}-{name}.png"
        for stage in ("screen", "refine")
        for name in ("pca", "tsne", "tsne-3d", "variance", "learning")
    }
    shown = sorted(path.name for path in (run / "figures").glob("region-*"))
    assert shown == [f"region-{n}-refine.png" for n in (1, 2, 3)]
    assert "whoever gets this\nreport sees them" in (run / "report.html").read_text()
    data = ("--bundle", run / "bundle", "--data", cohort, *common)
    splits = ("--splits", run / "splits.csv", "--split", "test")
    done = command("evaluate", *data, *splits, "--out", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    again = RunResults.from_json((tmp_path / "e" / "results.json").read_text())
    one, two = (
        r.models[r.main].metrics["macro_recall"].value for r in (results, again)
    )
    assert one == pytest.approx(two)
    done = command("sweep", *data, *splits, "--out", tmp_path / "s")
    assert done.returncode == 0, done.stderr
    check_scores(run, cohort / "scans", tmp_path / "scores.csv")


@pytest.mark.slow
def test_features_of_two_networks(cohort: Path, tmp_path: Path) -> None:
    """Set side by side, in the bundle too."""
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--out", tmp_path / "run",
        "--model", "pooled+logistic@8", "--also", "resnet18", "--folds", 2,
        "--no-baselines", "--resamples", 200, "--cache", tmp_path / "cache", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    screen = load_bundle(tmp_path / "run" / "bundle").cascade.screen_
    backbones = [r.given_network().options.backbone for r in readers_of(screen)]
    assert backbones == ["test_resnet", "resnet18"]
    results = RunResults.from_json((tmp_path / "run" / "results.json").read_text())
    assert results.features["screen"].n_features == screen.learner_[0].n_features_in_


@pytest.mark.slow
def test_stack_of_two_networks(cohort: Path, tmp_path: Path) -> None:
    """Of networks in the screen, of learners on them in the refinement."""
    run = tmp_path / "run"
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--out", run,
        "--also", "resnet18@96", "--combine", "logistic", "--costs", "recall",
        "--refine.model", "pooled+logistic@8", "--refine.combine", "geometric",
        "--folds", 2, "--resamples", 200, "--cache", tmp_path / "cache", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cascade = load_bundle(run / "bundle").cascade
    for stage, member in zip(
        (cascade.screen_, cascade.refine_),
        (NetworkClassifier, MetaLearner),
        strict=True,
    ):
        assert [name for name, _ in stage.members] == ["test_resnet", "resnet18@96"]
        sides = [reader.frame_side for reader in readers_of(stage)]
        assert sides[0] < sides[1]
        assert all(isinstance(one, member) for one in stage.members_)
    assert (cascade.screen_.combiner_ is None, cascade.refine_.combine) == (
        False,
        "geometric",
    )
    results = RunResults.from_json((run / "results.json").read_text())
    assert results.stages["screen"].startswith("logistic regression on held-out log")
    assert "resnet18@96: logistic on pooled features" in results.stages["refine"]
    assert set(results.features) == {"refine-test_resnet", "refine-resnet18@96"}
    tested = pd.read_csv(run / "predictions.csv")
    scans = tested.assign(path=[str(cohort / path) for path in tested["path"]])
    pairs = zip(cascade.screen_.members, cascade.screen_.members_, strict=True)
    for (name, _), member in pairs:
        alone = member.predict_proba(scans)[:, 1]
        found = results.members[name].metrics["screen_auc"].value
        expected = roc_auc_score(tested["label"] != "healthy", alone)
        assert found == pytest.approx(expected)
    assert list(results.members) == ["test_resnet", "resnet18@96"]
    check_scores(run, cohort / "scans", tmp_path / "scores.csv")


@pytest.mark.slow
def test_stack_of_networks_that_are_trained_whole(cohort: Path, tmp_path: Path) -> None:
    """Combined on the validation part: each is trained once."""
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--out", tmp_path / "run",
        "--also", "resnet18", "--combine", "logistic", "--part", "all", "--epochs", 1,
        "--folds", 0, "--no-baselines", "--resamples", 200, *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cascade = load_bundle(tmp_path / "run" / "bundle").cascade
    histories = [len(one.history_) for one in cascade.screen_.members_]
    assert histories == [1, 1]
    assert cascade.screen_.combiner_.coef_.shape == (1, 4)


@pytest.mark.slow
def test_second_fit_touches_no_network(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, the same cache: features are read and nothing is computed."""
    from hierclf.inference import frozen, shared
    from hierclf.training import trunks

    arguments = (
        "train", "--data", cohort, "--healthy", "healthy", "--model", "scda+tree@4",
        "--folds", 2, "--no-baselines", "--resamples", 200, *NETWORK,
        "--cache", tmp_path / "cache", "--pictured", 0,
    )  # fmt: skip
    done = command(*arguments, "--out", tmp_path / "1")
    assert done.returncode == 0, done.stderr
    trunks._trunk.cache_clear()
    shared._RECENT.clear()
    shared._TRUNKS.clear()

    def refuse(*_: object) -> None:
        raise AssertionError("a network was asked")

    monkeypatch.setattr(frozen.FrozenTrunk, "_compute", refuse)
    monkeypatch.setattr("hierclf.bundle.store.make_self_test", lambda *_, **__: b"")
    done = command(*arguments, "--out", tmp_path / "2")
    assert done.returncode == 0, done.stderr
    one, two = (tmp_path / run / "predictions.csv" for run in "12")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "pooled+svn"), "Did you mean 'svm'"),
        (("--refine.model", "poled+svm"), "Did you mean 'pooled'"),
        (("--model", "scda+svm", "--part", "all"), "expected part head"),
        (("--candidates", "network,scda+svn"), "Did you mean 'svm'"),
        (("--candidates", "network,network"), "expected each once"),
        (("--candidates", ","), "expected names separated by commas"),
        (("--candidates", "network", "--cut-point", "0.5"), "expected a rule"),
        (("--candidates", "network", "--screen.model", "network"), "screen/refine"),
        (("--model", "pooled+knn", "--costs", "recall"), "takes weights, got 'knn'"),
        (("--also", "resnet18"), "expected a learner beside it"),
        (("--combine", "mean"), "expected several networks for 'mean'"),
        (("--also", "test_resnet", "--combine", "mean"), "got 'test_resnet@32' again"),
        (("--also", "resnet18@7", "--combine", "mean"), "also: expected a size"),
        (("--also", "resnet18@", "--combine", "mean"), "also: expected a size"),
        (
            (
                "--also",
                ",".join(f"resnet18@{n}" for n in range(40, 48)),
                "--combine",
                "mean",
            ),
            "at most 8 networks in all, got 9",
        ),
        (
            ("--candidates", "network,pooled+svm", "--model", "pooled+tree"),
            "expected no model beside them",
        ),
        (
            (
                "--also",
                "resnet18",
                "--combine",
                "mean",
                "--model",
                "pooled+knn",
                "--costs",
                "recall",
            ),
            "takes weights, got 'knn'",
        ),
        (("--model", "pooled+svm", "--also", "resnet19"), "Did you mean 'resnet18'"),
        (("--model", "pooled+svm", "--costs", "0,1,2;1,0,1;2,1,0"), "got a matrix"),
    ],
)
def test_wrong_models_are_refused_at_once(
    arguments: tuple[str, ...], told: str, cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--out", tmp_path / "run",
        *NETWORK, *arguments,
    )  # fmt: skip
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") <= 2
    assert not (tmp_path / "run").exists()


def test_plan_tells_the_models_before_a_scan_is_read(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InputError("no scan is read here")

    monkeypatch.setattr("hierclf.jobs.train.load_scans", refuse)
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--candidates", CANDIDATES,
        "--out", tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert "no scan is read here" in done.stderr
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["options"]["candidates"] == CANDIDATES.split(",")
