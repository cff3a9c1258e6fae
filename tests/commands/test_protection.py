"""What a command must not destroy, mix up or measure on its own training scans."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierclf.bundle.store import load_bundle
from hierclf.results.run import read_results
from tests.commands.conftest import NETWORK, command

QUICK = ("--resamples", 100, "--no-baselines", *NETWORK)


def _content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def copied(cohort: Path, tmp_path: Path) -> Path:
    """The cohort as a folder without a manifest that one may write into."""
    shutil.copytree(cohort, tmp_path / "copied")
    return tmp_path / "copied"


@pytest.mark.parametrize("verb", ["evaluate", "sweep"])
@pytest.mark.parametrize("place", ["data", "above", "bundle", "in_bundle", "run"])
def test_overwrite_spares_what_is_no_result_of_the_command(
    verb: str, place: str, copied: Path, trained: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "run"
    shutil.copytree(trained, run)
    places = {
        "data": copied, "above": copied.parent, "bundle": run / "bundle",
        "in_bundle": run / "bundle" / "x", "run": run,
    }  # fmt: skip
    before = _content(tmp_path)
    done = command(
        verb, "--bundle", run / "bundle", "--data", copied, "--overwrite",
        "--out", places[place],
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    assert _content(tmp_path) == before


@pytest.mark.parametrize(
    "wrong",
    [
        ("--healthy", "helthy"),
        ("--healthy", "healthy", "--name-rule", "("),
        ("--healthy", "healthy", "--costs", "1,2"),
        ("--healthy", "healthy", "--costs", "nan,1,1"),
        ("--healthy", "healthy", "--penalty", "inf"),
        ("--healthy", "healthy", "--splits", "no_such.csv"),
        ("--healthy", "healthy", "--outer-folds", "1"),
    ],
)
def test_wrong_option_leaves_the_old_run_and_no_new_one(
    wrong: tuple[str, ...], trained: Path, cohort: Path, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(trained, old)
    before = _content(old)
    for out in (old, new):
        done = command("train", "--data", cohort, "--overwrite", "--out", out, *wrong)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
    assert _content(old) == before
    assert not new.exists()


@pytest.mark.slow
def test_resume_refuses_other_scans(copied: Path, tmp_path: Path) -> None:
    arguments = ("train", "--data", copied, "--healthy", "healthy", *QUICK)
    arguments += ("--cache", tmp_path / "cache", "--out", tmp_path / "run")
    assert command(*arguments).returncode == 0
    again = command(*arguments, "--resume")
    assert again.returncode == 0, again.stderr
    manifest = pd.read_csv(copied / "manifest.csv", dtype=str)
    manifest.iloc[3:].to_csv(copied / "manifest.csv", index=False)
    before = _content(tmp_path / "run")
    done = command(*arguments, "--resume")
    assert done.returncode == 2
    assert "that the run began with" in done.stderr
    assert _content(tmp_path / "run") == before


@pytest.mark.slow
def test_overwrite_leaves_nothing_of_the_old_run(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "checkpoints").mkdir(exist_ok=True)
    (tmp_path / "run" / "checkpoints" / "old.safetensors").write_bytes(b"old")
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", *QUICK, "--overwrite",
        "--cache", tmp_path / "cache", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "run").rglob("old.safetensors"))
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["options"]["costs"] == "none"


def test_sweep_looks_at_both_targets_first(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    done = command(
        "sweep", "--bundle", trained / "bundle", "--data", cohort,
        "--out", tmp_path / "s", "--write-bundle", taken,
    )  # fmt: skip
    assert done.returncode == 2
    assert "taken: expected a new folder" in done.stderr
    assert not (tmp_path / "s").exists()


def test_validation_part_of_a_splits_file_is_used(cohort: Path, tmp_path: Path) -> None:
    manifest = pd.read_csv(cohort / "manifest.csv", dtype=str)
    patients = sorted(manifest["patient_id"].unique())
    kinds = {p: ("val", "test", "train")[min(i % 5, 2)] for i, p in enumerate(patients)}
    splits = manifest[["path", "patient_id", "label"]].assign(
        split=manifest["patient_id"].map(kinds)
    )
    splits.to_csv(tmp_path / "splits.csv", index=False)
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--folds", 0, *QUICK,
        "--splits", tmp_path / "splits.csv", "--cache", tmp_path / "cache",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path / "run")
    assert results.cut_point is not None
    assert results.cut_point.n_scans == (splits["split"] == "val").sum()
    assert results.protocol.startswith("the given test split")
    info = load_bundle(tmp_path / "run" / "bundle").info
    fitted = splits[splits["split"] != "test"]
    assert info.data.n_scans == len(fitted)
    assert info.data.n_patients == fitted["patient_id"].nunique()
    assert dict(info.data.counts) == fitted["label"].value_counts().to_dict()


@pytest.mark.parametrize("kind", ["patient_id", "label"])
def test_equal_files_of_two_patients_or_labels_are_refused(
    kind: str, copied: Path, tmp_path: Path
) -> None:
    manifest = pd.read_csv(copied / "manifest.csv", dtype=str)
    labels = manifest["label"]
    twin = manifest[labels == labels[0]].iloc[-1].copy()
    shutil.copy(copied / manifest["path"][0], copied / "scans" / "twin.png")
    twin["path"] = "scans/twin.png"
    if kind == "label":
        twin["patient_id"] = manifest["patient_id"][0]
        twin["label"] = sorted(set(labels) - {labels[0]})[0]
    rows = pd.concat([manifest, twin.to_frame().T])
    rows.to_csv(copied / "manifest.csv", index=False)
    done = command(
        "train", "--data", copied, "--healthy", "healthy", *QUICK,
        "--cache", tmp_path / "cache", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 2
    assert f"twin.png: expected the {kind}" in done.stderr
    assert manifest["path"][0] in done.stderr


def test_an_equal_file_of_one_patient_and_label_is_told(
    copied: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = pd.read_csv(copied / "manifest.csv", dtype=str)
    shutil.copy(copied / manifest["path"][0], copied / "scans" / "twin.png")
    twin = manifest.iloc[[0]].assign(path="scans/twin.png")
    pd.concat([manifest, twin]).to_csv(copied / "manifest.csv", index=False)
    done = command(
        "train", "--data", copied, "--healthy", "healthy", *QUICK,
        "--cache", tmp_path / "cache", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 scan is a copy of another file." in caplog.text


def test_training_scans_are_recognized(
    trained: Path, cohort: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    some = splits.groupby(["label", "split"]).head(2).drop(columns="split")
    folder = tmp_path / "other"
    (folder / "scans").mkdir(parents=True)
    for number, path in enumerate(some["path"]):  # other names, the same files
        shutil.copy(cohort / path, folder / "scans" / f"{number}.png")
    some = some.assign(path=[f"scans/{k}.png" for k in range(len(some))])
    some.to_csv(folder / "manifest.csv", index=False)
    done = command(
        "evaluate", "--bundle", trained / "bundle", "--data", folder,
        "--resamples", 100, "--cache", tmp_path / "cache", "--out", tmp_path / "e",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = f"8 of these {len(some)} scans were in the training of the bundle"
    assert told in caplog.text
    results = read_results(tmp_path / "e")
    assert any(told in remark for remark in results.data.remarks)
    assert told in results.protocol  # which stands in the first lines of the page
    caplog.clear()
    swept = command(
        "sweep", "--bundle", trained / "bundle", "--data", folder,
        "--cache", tmp_path / "cache", "--out", tmp_path / "s",
    )  # fmt: skip
    assert swept.returncode == 0, swept.stderr
    assert told in caplog.text


def test_test_part_of_a_run_is_evaluated_by_its_splits(
    trained: Path, cohort: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = ("evaluate", "--bundle", trained / "bundle", "--data", cohort)
    arguments += ("--resamples", 100, "--cache", tmp_path / "cache", "--split", "test")
    done = command(*arguments, "--out", tmp_path / "e")
    assert done.returncode == 2
    assert "Pass --splits with the splits.csv of a run" in done.stderr
    splits = ("--splits", trained / "splits.csv")
    done = command(*arguments, *splits, "--out", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    n_tested = len(pd.read_csv(tmp_path / "e" / "predictions.csv"))
    told = f"0 of these {n_tested} scans were in the training of the bundle."
    assert told in caplog.text
    assert told in read_results(tmp_path / "e").data.remarks
    tables = [pd.read_csv(f / "predictions.csv") for f in (trained, tmp_path / "e")]
    assert tables[1]["path"].tolist() == tables[0]["path"].tolist()
    for column in ("screen_score", "predicted"):
        assert tables[1][column].tolist() == tables[0][column].tolist()
    told = (tmp_path / "e" / "report.html").read_text()
    assert "chosen by macro_recall on training scans when the bundle was made" in told


def test_folder_of_a_run_is_no_bundle(trained: Path, tmp_path: Path) -> None:
    done = command(
        "score", "--bundle", trained, "--input", tmp_path, "--out", tmp_path / "s.csv"
    )
    assert done.returncode == 4
    assert f"Name {trained / 'bundle'} instead" in done.stderr


def test_given_splits_are_those_of_the_shown_set(
    trained: Path, copied: Path, tmp_path: Path
) -> None:
    manifest = pd.read_csv(copied / "manifest.csv", dtype=str)
    few = manifest.groupby("label").head(6)
    few.to_csv(copied / "few.csv", index=False)
    number = manifest.groupby("patient_id").ngroup() % 2
    shown = manifest.assign(split=np.where(number == 0, "test", "train"))
    shown.to_csv(copied / "manifest.csv", index=False)
    done = command(
        "sweep", "--bundle", trained / "bundle", "--calibrate-with", copied / "few.csv",
        "--data", copied / "manifest.csv", "--split", "test", "--resamples", 100,
        "--cache", tmp_path / "cache", "--out", tmp_path / "s",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "s" / "sweep.json").read_text())
    assert told["cut_point"]["n_scans"] == len(few)


@pytest.mark.slow
def test_scan_that_broke_since_its_splits_were_written(
    copied: Path, tmp_path: Path
) -> None:
    arguments = ("train", "--data", copied, "--healthy", "healthy", *QUICK)
    arguments += ("--cache", tmp_path / "cache")
    assert command(*arguments, "--out", tmp_path / "1").returncode == 0
    broken = pd.read_csv(tmp_path / "1" / "splits.csv")["path"][0]
    (copied / broken).write_bytes(b"")
    for before, name in ("12", "23"):
        done = command(
            *arguments, "--splits", tmp_path / before / "splits.csv",
            "--unreadable", "skip", "--out", tmp_path / name,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads((tmp_path / name / "results.json").read_text())["data"]
        assert told["n_scans"] == len(pd.read_csv(copied / "manifest.csv")) - 1
    tables = [(tmp_path / name / "splits.csv").read_bytes() for name in "123"]
    assert len(set(tables)) == 1
