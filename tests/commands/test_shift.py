"""``hierclf shift`` on phantoms: a ward that fits, and one whose scans are altered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from hierclf.bundle.store import load_bundle
from tests.commands.conftest import command


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans of another cohort, in one folder, without labels."""
    folder = tmp_path_factory.mktemp("shift")
    made = command("phantom", "--out", folder / "c", "--cases", 60, "--size", 64,
                   "--balanced", "--seed", 5)  # fmt: skip
    assert made.returncode == 0, made.stderr
    plain = folder / "ward"
    plain.mkdir()
    for number, path in enumerate(sorted((folder / "c" / "scans").rglob("*.png"))):
        shutil.copy(path, plain / f"{number:03d}.png")
    shutil.copy(folder / "c" / "cohort.json", plain)
    return plain


def look(trained: Path, ward: Path, out: Path, *more: object) -> tuple[int, str, str]:
    done = command(
        "shift", "--bundle", trained / "bundle", "--data", ward, "--out", out,
        "--resamples", 100, "--cache", out.parent / "cache", *more,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_ward_that_fits_is_estimated_and_moves_nothing_by_itself(
    trained: Path, ward: Path, tmp_path: Path
) -> None:
    before = {p.name: p.read_bytes() for p in (trained / "bundle").iterdir()}
    new = tmp_path / "new"
    code, said, told = look(
        trained, ward, tmp_path / "s", "--miss-cost", 40, "--write-bundle", new
    )
    assert code == 0, said + told
    assert {p.name: p.read_bytes() for p in (trained / "bundle").iterdir()} == before
    results = json.loads((tmp_path / "s" / "shift.json").read_text())
    assert results["reasons"] == []
    assert results["known_prevalence"] is None
    assert results["phantom"]
    assert said.startswith("not refused (phantom): no change was seen on 60 scans")
    assert "diseased (phantom): " in said
    first = results["moves"][0]
    assert first["moved"]["threshold"] < first["fixed"]["threshold"]
    info = load_bundle(new).info
    assert info.cut_point == first["moved"]["threshold"]
    assert info.choice is None
    assert "without labels" in info.revisions[-1].reason
    page = (tmp_path / "s" / "shift.html").read_text()
    assert "PHANTOM" in page
    assert "http" not in page.replace("http-equiv", "").replace("www.w3.org", "")


def test_an_altered_ward_is_refused(trained: Path, ward: Path, tmp_path: Path) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(ward, altered)
    for path in altered.glob("*.png"):
        scan = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), (scan.max() - scan).astype(scan.dtype))
    new = tmp_path / "new"
    code, said, _ = look(trained, altered, tmp_path / "s", "--write-bundle", new)
    assert code == 3
    assert said.startswith("refused (phantom): ")
    assert "sweep --calibrate-with" in said
    assert not new.exists()
    results = json.loads((tmp_path / "s" / "shift.json").read_text())
    assert results["prevalence"] is None
    assert results["moves"] == []
    assert [row["n_scans"] for row in results["settled"]] == [20, 50, 100]


def test_labels_are_read_but_change_no_estimate(
    trained: Path, ward: Path, tmp_path: Path
) -> None:
    labelled = ward.parent / "c"
    code, _, told = look(trained, labelled, tmp_path / "s", "--rule", "youden",
                         "--write-bundle", tmp_path / "new")  # fmt: skip
    assert code == 0, told
    results = json.loads((tmp_path / "s" / "shift.json").read_text())
    assert results["known_prevalence"] == pytest.approx(0.75, abs=0.1)
    assert {one["position"] for one in results["by_label"]} == {0, 1, 2, 3}
    assert not (tmp_path / "new").exists()  # Youden's index does not move
    first = results["moves"][0]
    assert first["moved"]["threshold"] == first["fixed"]["threshold"]


def test_one_part_of_a_run_is_a_ward(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    splits = pd.read_csv(trained / "splits.csv", dtype=str)["split"]
    given = ("--splits", trained / "splits.csv", "--split", "test")
    code, _, told = look(trained, cohort, tmp_path / "s", *given)
    assert code in {0, 3}, told
    results = json.loads((tmp_path / "s" / "shift.json").read_text())
    assert results["n_scans"] == (splits == "test").sum() < len(splits)
    code, _, told = look(trained, cohort, tmp_path / "t", "--split", "test")
    assert code == 2
    assert "Pass --splits with the splits.csv of a run" in told


def test_a_few_scans_are_refused_and_none_is_an_error(
    trained: Path, ward: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(ward.glob("*.png"))[:5]:
        shutil.copy(path, few)
    code, said, _ = look(trained, few, tmp_path / "s")
    assert code == 3
    assert "There are 5 scans" in said
    (tmp_path / "none").mkdir()
    code, _, told = look(trained, tmp_path / "none", tmp_path / "t")
    assert code == 2
    assert "expected at least one scan" in told
    code, _, told = look(trained, ward, tmp_path / "s")
    assert code == 2
    assert "--overwrite" in told
    code, _, told = look(trained, ward, tmp_path / "t", "--rule", "acuracy")
    assert code == 2
    assert told.count("\n") == 1
    assert "expected one of macro_recall" in told


def test_same_seed_same_numbers(trained: Path, ward: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        code, _, told = look(trained, ward, tmp_path / name, "--seed", 3)
        assert code == 0, told
        texts.append((tmp_path / name / "shift.json").read_bytes())
    assert texts[0] == texts[1]
    assert np.isfinite(json.loads(texts[0])["prevalence"]["value"])
