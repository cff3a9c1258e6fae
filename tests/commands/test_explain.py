"""The verb that explains, on the phantom."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from hierclf.bundle.store import load_bundle
from tests.commands.conftest import NETWORK, command


@pytest.fixture
def blank_pictures() -> None:
    """Not here, where the bytes of pictures are compared."""


@pytest.fixture(scope="module")
def explained(trained: Path, cohort: Path) -> Path:
    out = cohort.parent / "explained"
    made = command(
        "explain", "--bundle", trained / "bundle", "--input", cohort, "--out", out,
        "--limit", 16, "--channels", 2, "--curves", 2, "--random-networks", 1,
        "--resamples", 100,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "16 scans explained (phantom)" in made.stdout
    return out


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "explanations.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_decisions_are_those_that_are_scored(
    explained, trained, cohort, tmp_path
) -> None:
    scored = command(
        "score", "--bundle", trained / "bundle", "--input", cohort / "scans",
        "--out", tmp_path / "scores.csv",
    )  # fmt: skip
    assert scored.returncode == 0
    table = pd.read_csv(tmp_path / "scores.csv", dtype={"sha256": str})
    table = table.set_index("sha256")
    rows = rows_of(explained)
    assert len(rows) == 16
    for row in rows:
        told = table.loc[row["sha256"]]
        assert (row["decision"], row["label"]) == (told["decision"], told["label"])
        assert float(row["screen_score"]) == pytest.approx(
            told["screen_score"], abs=1e-6
        )
        assert float(row["probability"]) == pytest.approx(
            told[f"p_{row['label']}"], abs=1e-6
        )


def test_the_stage_that_decided_is_asked(explained) -> None:
    rows = rows_of(explained)
    assert {row["decision"] for row in rows} == {"healthy", "diseased"}
    for row in rows:
        if row["decision"] == "healthy":
            assert (row["stage"], row["asked"]) == ("screen", "diseased")
            assert row["stage_score"] == row["screen_score"]
        else:
            assert (row["stage"], row["asked"]) == ("refine", row["label"])
            expected = float(row["probability"]) / float(row["screen_score"])
            assert float(row["stage_score"]) == pytest.approx(expected, rel=1e-6)


def test_pictures_are_there_and_boxes_lie_in_the_scan(explained) -> None:
    results = json.loads((explained / "explanations.json").read_text())
    assert results["phantom"]
    assert results["name"].endswith("(phantom)")
    for row in results["rows"]:
        folder = explained / row["folder"]
        assert {path.name for path in folder.iterdir()} == {
            "overlay.png", "contour.png", "boxes.png", "side-by-side.png",
            "channels.png",
        }  # fmt: skip
        for path in folder.iterdir():
            assert cv2.imread(str(path)) is not None
        assert (row["height"], row["width"]) == (64, 64)
        for box in row["boxes"]:
            assert 0 <= box["left"] < box["right"] <= 64
            assert 0 <= box["top"] < box["bottom"] <= 64
            assert 0 < box["energy"] <= 1
        if row["peak"]:
            assert all(0 <= at < 64 for at in row["peak"])


def test_page_says_what_a_map_is_not(explained) -> None:
    page = (explained / "explain.html").read_text()
    assert "where the model found\nevidence, not where disease is" in page
    assert page.count("PHANTOM") > 16
    assert "another patient" in page
    assert "random weights" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert page.count("data:image/jpeg") == 16
    assert (explained / "figures" / "curves-screen.png").is_file()


def test_figures_are_those_of_the_scans(explained, cohort) -> None:
    """Chance is recomputed from the masks, and its mean over scans."""
    results = json.loads((explained / "explanations.json").read_text())
    masks = pd.read_csv(cohort / "manifest.csv").head(16)["lesion_mask"]
    lesions = [cv2.imread(str(cohort / mask), 0) > 127 for mask in masks]
    shares = [float(lesion.mean()) for lesion in lesions if lesion.any()]
    found = {
        (one["stage"], one["map"], one["method"]): one
        for one in results["localization"]
        if not one["group"]
    }
    chance = found["screen", "chance", ""]
    assert chance["n_scans"] == len(shares)
    assert chance["figures"]["energy"]["value"] == pytest.approx(np.mean(shares))
    for method in ("gradcam", "gradcam++", "scda"):
        own = found["screen", method, method]["figures"]["energy"]["value"]
        gain = chance["gains"][f"{method}: energy"]["value"]
        assert gain == pytest.approx(own - np.mean(shares))
        assert ("screen", "another patient's map", method) in found
        assert ("screen", "random weights", method) in found
    assert {one["map"] for one in results["curves"]} >= {"gradcam", "random order"}


def test_twice_the_same(explained, trained, cohort, tmp_path) -> None:
    again = command(
        "explain", "--bundle", trained / "bundle", "--input", cohort, "--out",
        tmp_path / "again", "--limit", 16, "--channels", 2, "--curves", 2,
        "--random-networks", 1, "--resamples", 100,
    )  # fmt: skip
    assert again.returncode == 0
    names = [path.relative_to(explained) for path in explained.rglob("*.*")]
    assert len(names) > 80
    for name in names:
        if (explained / name).is_file():
            assert (explained / name).read_bytes() == (
                tmp_path / "again" / name
            ).read_bytes(), name


def test_a_folder_with_what_is_no_scan(trained, cohort, tmp_path) -> None:
    """A row for each; names, masks and patients are not needed."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    scans = pd.read_csv(cohort / "manifest.csv")["path"].head(3)
    for number, scan in enumerate(scans):
        shutil.copy(cohort / scan, folder / f"=a, {number}.png")
    (folder / "broken.png").write_bytes((cohort / scans[0]).read_bytes()[:900])
    (folder / "empty.png").write_bytes(b"")
    wide = cv2.resize(cv2.imread(str(cohort / scans[0]), 0), (300, 90))
    cv2.imwrite(str(folder / "wide.png"), wide)
    out = tmp_path / "out"
    made = command(
        "explain", "--bundle", trained / "bundle", "--input", folder, "--out", out,
        "--method", "scda",
    )  # fmt: skip
    assert made.returncode == 3, made.stderr
    assert (
        "4 scans explained, 2 without a map (E_EMPTY 1, E_TRUNCATED 1)" in made.stdout
    )
    rows = {row["scan"].lstrip("'"): row for row in rows_of(out)}
    assert len(rows) == 6
    assert rows["broken.png"]["status"] == "rejected"
    assert rows["empty.png"]["code"] == "E_EMPTY"
    wide_row = rows["wide.png"]
    assert (wide_row["height"], wide_row["width"]) == ("90", "300")
    rights = [
        int(box.split()[2]) for box in wide_row["boxes"].split(";") if box.strip()
    ]
    assert all(right <= 300 for right in rights)
    page = (out / "explain.html").read_text()
    assert "Do the maps find the lesions?" not in page
    assert "E_TRUNCATED" in page


def test_an_old_folder_is_kept_unless_asked(
    explained, trained, cohort, tmp_path
) -> None:
    told = ("explain", "--bundle", trained / "bundle", "--input", cohort)
    made = command(*told, "--out", explained)
    assert made.returncode == 2
    assert "expected a new folder" in made.stderr
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    made = command(*told, "--out", other, "--overwrite")
    assert made.returncode == 2
    assert "explanations.json" in made.stderr
    assert (other / "thesis.txt").exists()


def test_a_wrong_mask_is_told(trained, cohort, tmp_path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    scan = pd.read_csv(cohort / "manifest.csv")["path"].iloc[0]
    shutil.copy(cohort / scan, folder / "a.png")
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[3:9, 3:9] = 255
    cv2.imwrite(str(folder / "m.png"), mask)
    (folder / "manifest.csv").write_text("path,lesion_mask\na.png,m.png\n")
    made = command(
        "explain", "--bundle", trained / "bundle", "--input", folder / "manifest.csv",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert made.returncode == 3
    (row,) = rows_of(tmp_path / "out")
    assert (
        "mask: expected the shape (64, 64) of the scan, got (32, 32)" in row["message"]
    )


@pytest.mark.slow
def test_a_refinement_without_slope_leaves_the_map_of_the_screen(
    cohort, tmp_path
) -> None:
    made = command(
        "train", "--data", cohort, "--healthy", "healthy", "--stages",
        "stage1,stage2,stage3", "--screen.model", "network", "--refine.model",
        "pooled+tree", "--cut-point", 0.5, "--folds", 0, "--no-baselines",
        "--resamples", 100, "--cache", cohort.parent / "cache", "--out",
        tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    bundle = tmp_path / "run" / "bundle"
    assert load_bundle(bundle).cascade.refine_.learner == "tree"
    made = command(
        "explain", "--bundle", bundle, "--input", cohort, "--out", tmp_path / "out",
        "--limit", 6, "--random-networks", 0, "--resamples", 100,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert {row["stage"] for row in rows_of(tmp_path / "out")} == {"screen"}
    page = (tmp_path / "out" / "explain.html").read_text()
    assert "The refinement cannot be shown" in page


@pytest.mark.slow
def test_a_screen_without_slope_is_refused(cohort, tmp_path) -> None:
    made = command(
        "train", "--data", cohort, "--healthy", "healthy", "--stages",
        "stage1,stage2,stage3", "--model", "pooled+tree", "--cut-point", 0.5,
        "--folds", 0, "--no-baselines", "--resamples", 100, "--cache",
        cohort.parent / "cache", "--out", tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    made = command(
        "explain", "--bundle", tmp_path / "run" / "bundle", "--input", cohort,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert made.returncode == 2
    assert "a slope (logistic, svm, linear_svm), got 'tree'" in made.stderr
    assert not (tmp_path / "out").exists()
