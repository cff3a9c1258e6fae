"""What train and evaluate report beside the table of models."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from hierclf.bundle.store import load_bundle, read_info
from hierclf.results.run import RunResults, read_results
from tests.commands.conftest import command


@pytest.fixture(scope="module")
def cohort_with_sexes(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort with two more columns and a scan that cannot be read."""
    folder = tmp_path_factory.mktemp("sexes") / "cohort"
    shutil.copytree(cohort, folder)
    table = pd.read_csv(folder / "manifest.csv", dtype=str)
    order = table["patient_id"].rank(method="dense").astype(int)
    table["sex"] = np.where(order % 3 == 0, "male", "female")
    table["age"] = (20 + order % 50).astype(str)
    table.to_csv(folder / "manifest.csv", index=False)
    (folder / table["path"][0]).write_bytes(b"no scan")
    return folder


@pytest.fixture(scope="module")
def evaluated(trained: Path, cohort_with_sexes: Path) -> Path:
    out = cohort_with_sexes.parent / "evaluated"
    done = command(
        "evaluate", "--bundle", trained / "bundle", "--data", cohort_with_sexes,
        "--subgroups", "sex,age:20", "--pictured", 2, "--unreadable", "skip",
        "--resamples", 100, "--cache", cohort_with_sexes.parent / "cache", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def rows_of(folder: Path, cohort: Path) -> pd.DataFrame:
    told = pd.read_csv(folder / "predictions.csv", dtype={"patient_id": str})
    known = pd.read_csv(cohort / "manifest.csv", dtype=str)[["path", "sex", "age"]]
    return told.merge(known, on="path", validate="one_to_one")


def test_subgroups_are_those_of_the_predictions(
    evaluated: Path, cohort_with_sexes: Path
) -> None:
    rows = rows_of(evaluated, cohort_with_sexes)
    by_sex, by_age = read_results(evaluated).subgroups
    assert (by_sex.column, by_age.column) == ("sex", "age")
    assert [group.value for group in by_sex.groups] == ["female", "male"]
    assert [group.value for group in by_age.groups] == [
        "20 to 39",
        "40 to 59",
        "60 to 79",
    ]
    for group in by_sex.groups:
        mine = rows[rows["sex"] == group.value]
        sick = mine["label"] != "healthy"
        assert group.n_scans == len(mine)
        assert group.n_patients == mine["patient_id"].nunique()
        assert group.n_diseased == sick.sum()
        called = mine["predicted"] != "healthy"
        found = group.metrics["sensitivity"].value
        assert found == pytest.approx(recall_score(sick, called))
        if "screen_auc" in group.metrics:
            area = roc_auc_score(sick, mine["screen_score"])
            assert group.metrics["screen_auc"].value == pytest.approx(area)
    page = (evaluated / "report.html").read_text()
    assert "By age." in page


def test_the_flow_counts_what_was_left_out(
    evaluated: Path, cohort_with_sexes: Path
) -> None:
    data = read_results(evaluated).data
    table = pd.read_csv(cohort_with_sexes / "manifest.csv", dtype=str)
    assert data.n_found == len(table) == data.n_scans + 1
    assert data.n_patients_found == table["patient_id"].nunique()
    assert data.reasons == {"E_FORMAT": 1}
    (part,) = data.parts.values()
    assert part.n_scans == data.n_scans
    assert part.n_diseased == (table["label"][1:] != "healthy").sum()


def test_parts_of_a_run_follow_its_splits(trained: Path) -> None:
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    parts = read_results(trained).data.parts
    assert list(parts) == ["train", "test"]
    for name, part in parts.items():
        mine = splits[splits["split"] == name]
        assert part.n_scans == len(mine)
        assert part.n_patients == mine["patient_id"].nunique()
        assert part.n_diseased == (mine["label"] != "healthy").sum()


def test_splits_that_are_not_asked_for_are_set_aside(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "evaluate", "--bundle", trained / "bundle", "--data", cohort,
        "--resamples", 100, "--splits", trained / "splits.csv", "--split", "test",
        "--cache", cohort.parent / "cache", "--out", tmp_path / "out", "--pictured", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path / "out")
    assert results.data.n_set_aside == 90 - results.data.n_scans
    assert results.data.n_found == 90
    page = (tmp_path / "out" / "report.html").read_text()
    assert "image/jpeg" not in page
    assert results.mistakes == ()


def test_mistakes_are_mistakes(evaluated: Path, cohort_with_sexes: Path) -> None:
    rows = rows_of(evaluated, cohort_with_sexes).set_index("path")
    results = read_results(evaluated)
    assert results.mistakes
    for one in results.mistakes:
        row = rows.loc[one.scan]
        assert (row["label"], row["predicted"]) == (one.label, one.predicted)
        assert one.label != one.predicted
        assert row["screen_score"] == pytest.approx(one.screen_score)
    kinds = [one.kind for one in results.mistakes]
    assert max(map(kinds.count, kinds)) <= 2
    page = (evaluated / "report.html").read_text()
    # each scan, and the map beside it
    assert page.count("data:image/jpeg") == 2 * len(results.mistakes)


def test_card_has_the_figures_of_the_run(trained: Path) -> None:
    results = read_results(trained)
    card = (trained / "bundle" / "model_card.md").read_text()
    for heading in (
        "Intended use", "Users", "Out of scope", "Decision", "Training data",
        "Performance", "Subgroups", "Limits", "Version and date",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in card
    best = results.models["cascade"].metrics["macro_recall"]
    assert f"| Macro recall | {100 * best.value:.1f} % |" in card
    assert card.count("Synthetic scans") == 2
    info = read_info(trained / "bundle")
    assert info.card["performance"] in card
    assert f"{info.created_utc:%Y-%m-%d}" in card
    assert results.digests == {"bundle": load_bundle(trained / "bundle").digest}


def test_card_of_a_changed_cut_point_says_so(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "sweep", "--bundle", trained / "bundle", "--data", cohort, "--resamples", 100,
        "--rule", "sensitivity>=0.5", "--write-bundle", tmp_path / "new",
        "--cache", cohort.parent / "cache", "--out", tmp_path / "sweep",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "new" / "model_card.md").read_text()
    old = (trained / "bundle" / "model_card.md").read_text()
    words = "## Performance\n\nThe cut point was changed after these figures"
    assert words in card
    assert words not in old


def test_times_and_curves_are_written(evaluated: Path, trained: Path) -> None:
    assert set(read_results(evaluated).seconds) == {"reading", "deciding", "intervals"}
    results: RunResults = read_results(trained)
    assert "intervals" in results.seconds
    curves = results.curves
    assert curves is not None
    rows = pd.read_csv(trained / "predictions.csv")
    sick, called = rows["label"] != "healthy", rows["screen_score"] >= 0.5
    hits, alarms = (sick & called).mean(), (~sick & called).mean()
    place = curves.net_benefit.thresholds.index(0.5)
    assert curves.net_benefit.model[place] == pytest.approx(hits - alarms)


def test_a_column_that_is_not_there_is_refused_first(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    for verb in (
        ("train", "--healthy", "healthy"),
        ("evaluate", "--bundle", trained / "bundle"),
    ):
        done = command(
            *verb, "--data", cohort, "--subgroups", "sex", "--out", tmp_path / "out"
        )
        assert done.returncode == 2
        assert "subgroups: expected a further column" in done.stderr
        assert not (tmp_path / "out").exists()
