"""Every command on the phantom, as a user calls it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from hierclf.bundle.store import load_bundle, read_info
from hierclf.foundation.errors import ResourceError
from hierclf.results.run import RunResults
from hierclf.training.checkpoint import Checkpoint
from tests.commands.conftest import NETWORK, command


def test_run_folder_is_complete(trained: Path, cohort: Path) -> None:
    found = {path.name for path in trained.iterdir()}
    assert found >= {
        "plan.json", "splits.csv", "sweep.csv", "predictions.csv", "results.json",
        "report.html", "figures", "bundle",
    }  # fmt: skip
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    assert splits.columns.tolist() == ["path", "patient_id", "label", "split"]
    assert len(splits) == 90
    sides = splits.groupby("patient_id")["split"].nunique()
    assert (sides == 1).all()
    assert len(pd.read_csv(trained / "sweep.csv")) == 19


def test_results_are_those_of_the_predictions(trained: Path) -> None:
    """Recomputed with scikit-learn from predictions.csv."""
    results = RunResults.from_json((trained / "results.json").read_text())
    table = pd.read_csv(trained / "predictions.csv", dtype={"label": str})
    assert results.data.phantom
    recall = recall_score(table["label"], table["predicted"], average="macro")
    main = results.models["cascade"].metrics["macro_recall"]
    assert main.value == pytest.approx(recall)
    for name in ("flat", "flat balanced", "flat prior-corrected", "cascade at 0.50"):
        recall = recall_score(table["label"], table[name], average="macro")
        found = results.models[name].metrics["macro_recall"].value
        assert found == pytest.approx(recall)
    pairs = {(d.model, d.baseline) for d in results.differences}
    assert pairs == {("cascade", name) for name in results.models if name != "cascade"}
    ill = table["predicted"] != "healthy"
    assert (ill == (table["screen_score"] >= results.threshold)).all()
    assert "was chosen together with the cut point" in results.refinement
    assert "(stage3)" in results.refinement  # the weights by recall
    assert results.refinement in (trained / "report.html").read_text()
    shares = table[[c for c in table if c.startswith("p_")]].sum(axis=1)
    np.testing.assert_allclose(shares, 1, atol=1e-6)


def test_tested_patients_were_not_fitted_on(trained: Path) -> None:
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    table = pd.read_csv(trained / "predictions.csv", dtype=str)
    tested = set(splits.loc[splits["split"] == "test", "path"])
    assert set(table["path"]) == tested
    results = RunResults.from_json((trained / "results.json").read_text())
    assert results.cut_point is not None
    assert results.cut_point.n_scans == 90 - len(tested)


def test_report_says_phantom(trained: Path) -> None:
    text = (trained / "report.html").read_text().lower()
    assert text.count("phantom") > 5


def test_same_seed_same_result(trained: Path, cohort: Path, tmp_path: Path) -> None:
    again = command(
        "train", "--data", cohort, "--healthy", "healthy", "--ordered",
        "--stages", "stage1,stage2,stage3", "--costs", "recall", "--resamples", 200,
        "--cache", tmp_path / "cache", "--out", tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    for name in ("predictions.csv", "splits.csv", "sweep.csv"):
        assert (trained / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


@pytest.mark.slow
def test_outer_folds_predict_every_scan(cohort: Path, tmp_path: Path) -> None:
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--outer-folds", 3,
        "--resamples", 200, "--cache", tmp_path / "cache", "--out", tmp_path / "run",
        "--cut-point", "sensitivity>=0.8", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert len(table) == 90
    assert sorted(table["fold"].unique()) == [0, 1, 2]
    assert table.groupby("patient_id")["fold"].nunique().max() == 1


@pytest.mark.slow
def test_splits_and_weights_of_a_run_are_taken_and_not_named(
    cohort: Path, tmp_path: Path
) -> None:
    arguments = (
        "train", "--data", cohort, "--healthy", "healthy", "--no-baselines",
        "--resamples", 200, "--cache", tmp_path / "cache", *NETWORK,
    )  # fmt: skip
    first, second = tmp_path / "1", tmp_path / "2"
    done = command(*arguments, "--seed", 1, "--test-part", 0.4, "--out", first)
    assert done.returncode == 0, done.stderr
    splits = first / "splits.csv"
    done = command(
        *arguments, "--seed", 2, "--splits", splits, "--refine.weights",
        first / "bundle", "--out", second,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (second / "splits.csv").read_bytes() == splits.read_bytes()
    tables = [pd.read_csv(run / "predictions.csv") for run in (first, second)]
    assert tables[0]["path"].tolist() == tables[1]["path"].tolist()
    assert read_info(second / "bundle").options["refine"] == {"weights": "file"}
    for path in (second / "bundle").iterdir():
        assert bytes(tmp_path) not in path.read_bytes(), path.name


@pytest.mark.slow
def test_whole_network_with_validation_part(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        "train", "--data", cohort, "--healthy", "healthy", "--part", "all",
        "--epochs", 2, "--resamples", 200, "--cache", tmp_path / "cache",
        "--out", tmp_path / "run", "--no-baselines", *NETWORK,
    )  # fmt: skip
    with monkeypatch.context() as full:
        full.setattr("hierclf.jobs.train.write_report", _full_disk)
        assert command(*arguments).returncode != 0
    results = RunResults.from_json((tmp_path / "run" / "results.json").read_text())
    assert set(results.histories) == {"screen", "refine"}
    assert results.cut_point is not None
    assert "validation part" in results.cut_point.how
    before = (tmp_path / "run" / "predictions.csv").read_bytes()
    states = sorted((tmp_path / "run" / "checkpoints").glob("*.safetensors"))
    assert len(states) == 2  # screen and refinement
    epochs = []
    load = Checkpoint.load

    def watched(self, *told):
        history, best = load(self, *told)
        epochs.append(len(history))
        return history, best

    with monkeypatch.context() as seen:
        seen.setattr(Checkpoint, "load", watched)
        resumed = command(*arguments, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert epochs == [2, 2]  # nothing was left to learn
    assert not (tmp_path / "run" / "checkpoints").exists()
    left = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert left[tmp_path / "run" / "predictions.csv"] == before
    once_more = command(*arguments, "--resume")
    assert once_more.returncode == 0, once_more.stderr
    assert once_more.stdout == resumed.stdout
    assert {p: p.read_bytes() for p in left} == left


def _full_disk(*_: object) -> None:
    raise ResourceError("write report.html: expected room on the disk, got none.")


def test_sweep_changes_no_bundle(trained: Path, cohort: Path, tmp_path: Path) -> None:
    bundle = trained / "bundle"
    before = {p.name: p.read_bytes() for p in bundle.iterdir()}
    done = command(
        "sweep", "--bundle", bundle, "--data", cohort, "--out", tmp_path / "s",
        "--rule", "sensitivity>=0.9", "--resamples", 200, "--cache", tmp_path / "c",
        "--write-bundle", tmp_path / "new",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in bundle.iterdir()} == before
    told = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert (
        load_bundle(tmp_path / "new").info.cut_point == told["cut_point"]["threshold"]
    )
    assert len(pd.read_csv(tmp_path / "s" / "sweep.csv")) == 19


@pytest.mark.slow
def test_few_labelled_scans_choose_for_others(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    manifest = pd.read_csv(cohort / "manifest.csv")
    few = cohort / "few.csv"
    manifest.iloc[::4].to_csv(few, index=False)
    done = command(
        "sweep", "--bundle", trained / "bundle", "--data", cohort, "--resamples", 200,
        "--calibrate-with", few, "--out", tmp_path / "s", "--cache", tmp_path / "c",
    )  # fmt: skip
    few.unlink()
    assert done.returncode == 0, done.stderr
    assert "at the chosen cut point" in done.stdout
    told = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert told["cut_point"]["n_scans"] == len(manifest.iloc[::4])


def test_evaluate_repeats_the_bundles_scores(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "evaluate", "--bundle", trained / "bundle", "--data", cohort,
        "--resamples", 200, "--out", tmp_path / "e", "--cache", tmp_path / "c",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    old = pd.read_csv(trained / "predictions.csv").set_index("path")
    new = pd.read_csv(tmp_path / "e" / "predictions.csv").set_index("path")
    shared = new.loc[old.index]
    np.testing.assert_allclose(old["screen_score"], shared["screen_score"], atol=1e-6)
    assert (old["predicted"] == shared["predicted"]).all()
    results = RunResults.from_json((tmp_path / "e" / "results.json").read_text())
    assert any("no evidence" in remark for remark in results.data.remarks)


def test_score_gives_one_row_each(trained: Path, cohort: Path, tmp_path: Path) -> None:
    scans = tmp_path / "in"
    scans.mkdir()
    old = pd.read_csv(trained / "predictions.csv").set_index("path")
    for number, name in enumerate(old.index[:6]):
        (scans / f"{number}.png").write_bytes((cohort / name).read_bytes())
    (scans / "9 broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = tmp_path / "scores.csv"
    done = command("score", "--bundle", trained / "bundle", "--input", scans,
                   "--out", out)  # fmt: skip
    assert done.returncode == 3, done.stderr
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [*(f"{i}.png" for i in range(6)),
                                             "9 broken.png"]  # fmt: skip
    for row, name in zip(rows[:6], old.index[:6], strict=True):
        assert float(row["screen_score"]) == pytest.approx(
            old["screen_score"][name], abs=1e-5
        )
        assert row["label"] == old["predicted"][name]
    assert done.stdout.startswith("6 scans scored, 1 without a score")
    (scans / "9 broken.png").unlink()
    for number in range(1, 6):
        (scans / f"{number}.png").unlink()
    one = command("score", "--bundle", trained / "bundle", "--input", scans,
                  "--out", tmp_path / "one.csv")  # fmt: skip
    assert one.stdout.startswith("1 scan scored, 0 without a score")
    assert rows[6]["status"] == "rejected"
    assert rows[6]["screen_score"] == rows[6]["p_healthy"] == ""


def test_old_spelling_of_a_command(tmp_path: Path) -> None:
    """``python -m hierclf.phantom`` is ``hierclf phantom``."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "hierclf.phantom", "--out", str(tmp_path / "c"),
         "--cases", "8", "--size", "64"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c" / "manifest.csv").exists()
