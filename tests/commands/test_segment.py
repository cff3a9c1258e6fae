"""From masks to a segmenter, and from a segmenter to every other command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hierclf.bundle.segmenter import load_segmenter
from hierclf.bundle.store import load_bundle
from hierclf.loading.scans import FrameReader
from hierclf.segmentation import masks
from tests.commands.conftest import NETWORK, command

UNET = (
    "--backbone", "test_resnet", "--weights", "none", "--image-size", 64,
    "--batch-size", 8, "--resamples", 200,
)  # fmt: skip
LABELS = (
    "--healthy", "healthy", "--ordered", "--stages", "stage1,stage2,stage3",
    "--resamples", 200,
)  # fmt: skip


@pytest.fixture(scope="module")
def lungs(cohort: Path) -> Path:
    """A segmenter of the phantoms, as far as it learns in a few seconds."""
    out = cohort.parent / "lungs"
    made = command("segment", "--data", cohort, "--out", out, "--epochs", 6, *UNET)
    assert made.returncode == 0, made.stderr
    assert re.search(r"^Dice 0\.\d{3} \[0\.\d{3}, .* held-out phantoms", made.stdout)
    return out


@pytest.fixture(scope="module")
def masked(cohort: Path, lungs: Path) -> Path:
    """A run of ``train`` on lungs alone, with the cache of the run without."""
    out = cohort.parent / "masked"
    made = command(
        "train", "--data", cohort, "--lungs", lungs, "--out", out,
        "--cache", cohort.parent / "cache", *LABELS, *NETWORK,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    page = (out / "report.html").read_text()
    assert "Lungs are cut out of all scans: Dice 0." in page
    assert "was trained on scans of this very set" in page
    return out


@pytest.mark.slow
def test_segmenter_is_complete(lungs: Path, cohort: Path) -> None:
    assert {path.name for path in lungs.iterdir()} == {
        "segmenter.json", "segmenter.safetensors", "segment.html", "dice.csv",
    }  # fmt: skip
    about = json.loads((lungs / "segmenter.json").read_text())
    table = pd.read_csv(lungs / "dice.csv")
    assert about["phantom"] is True
    assert about["n_held_out"] == len(table)
    assert about["dice"]["value"] == pytest.approx(table["dice"].mean(), abs=1e-6)
    assert about["dice_worst"] == pytest.approx(table["dice"].min(), abs=1e-6)
    assert about["dice"]["value"] > 0.8
    manifest = pd.read_csv(cohort / "manifest.csv", dtype=str)
    held = manifest["patient_id"].isin(table["patient_id"])
    assert int(held.sum()) == len(table)  # all scans of these patients, and no other
    page = (lungs / "segment.html").read_text()
    assert page.count("data:image/jpeg") == 9
    assert "PHANTOM" in page


@pytest.mark.slow
def test_dice_of_the_file_is_that_of_the_masks(lungs: Path, cohort: Path) -> None:
    """Computed again from the files, without the package's own figures."""
    segmenter = load_segmenter(lungs)
    table = pd.read_csv(lungs / "dice.csv").set_index("path")
    manifest = pd.read_csv(cohort / "manifest.csv", dtype=str).set_index("path")
    for path in table.index[:5]:
        truth = np.asarray(Image.open(cohort / manifest["lung_mask"][path])) > 127
        frame = np.asarray(Image.open(cohort / path)).astype(np.float32) / 255
        found = segmenter.lungs(frame).mask
        expected = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        assert table["dice"][path] == pytest.approx(expected, abs=1e-4)


def test_masks_from_a_folder(cohort: Path, tmp_path: Path) -> None:
    """Under the names of the scans, of other ending, of zeros and ones."""
    manifest = pd.read_csv(cohort / "manifest.csv", dtype=str).head(24)
    for row in manifest.itertuples():
        name = Path(row.path).relative_to("scans")
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(cohort / row.path, tmp_path / "scans" / name)
        mask = np.asarray(Image.open(cohort / row.lung_mask)) // 255
        place = (tmp_path / "masks" / name).with_suffix(".tif")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(place)
    ask = (
        "segment", "--data", tmp_path / "scans", "--masks", tmp_path / "masks",
        "--epochs", 1, "--pictured", 0, *UNET,
    )  # fmt: skip
    made = command(*ask, "--out", tmp_path / "a")
    assert made.returncode == 0, made.stderr
    assert "data:image" not in (tmp_path / "a" / "segment.html").read_text()
    again = command(*ask, "--out", tmp_path / "b")
    assert again.returncode == 0
    name = "segmenter.safetensors"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    place.unlink()
    lacking = command(*ask, "--out", tmp_path / "c")
    assert lacking.returncode == 2
    assert "expected one mask of this name" in lacking.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--image-size", 65), "image_size: expected a multiple of 32"),
        (("--backbone", "resnet19"), "backbone: expected one of"),
        (("--masks", "absent"), "masks: expected a folder, got 'absent'"),
    ],
)
def test_wrong_options_are_one_line(cohort, tmp_path, options, told) -> None:
    done = command(
        "segment", "--data", cohort, "--out", tmp_path / "x", *UNET, *options
    )
    assert done.returncode == 2
    assert told.lower() in done.stderr.lower()
    assert done.stderr.strip().count("\n") == 0 or "phantoms" in done.stderr
    assert not (tmp_path / "x").exists()


def test_data_without_masks_is_refused(cohort: Path, tmp_path: Path) -> None:
    done = command("segment", "--data", cohort / "scans", "--out", tmp_path / "x")
    assert done.returncode == 2
    assert "expected a manifest with a column lung_mask" in done.stderr


@pytest.mark.slow
def test_scores_are_equal_everywhere(masked: Path, cohort: Path, tmp_path) -> None:
    """`train`, `score`, `evaluate` and Python look at the same lungs."""
    table = pd.read_csv(masked / "predictions.csv").set_index("path")
    bundle = load_bundle(masked / "bundle")
    scans = [FrameReader(37).read(str(cohort / path)) for path in table.index]
    told = bundle.cascade.decide(scans)
    np.testing.assert_allclose(told.screen_score, table["screen_score"], atol=1e-9)
    rows = pd.DataFrame({"path": [str(cohort / path) for path in table.index]})
    told = bundle.cascade.decide(rows)
    np.testing.assert_allclose(told.screen_score, table["screen_score"], atol=1e-9)

    done = command(
        "score", "--bundle", masked / "bundle", "--input", cohort / "scans",
        "--out", tmp_path / "scores.csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(tmp_path / "scores.csv")
    scores["path"] = "scans/" + scores["path"]
    both = scores.set_index("path").loc[table.index]
    np.testing.assert_allclose(both["screen_score"], table["screen_score"], atol=1e-8)
    assert set(scores["lungs_found"]) <= {"yes", "no"}
    assert (both["lungs_found"] == table["lungs_found"]).all()
    n_whole = int((scores["lungs_found"] == "no").sum())
    assert (f"no lungs found in {n_whole}" in done.stdout) == (n_whole > 0)

    done = command(
        "evaluate", "--bundle", masked / "bundle", "--data", cohort, "--out",
        tmp_path / "evaluation", "--splits", masked / "splits.csv", "--split", "test",
        "--cache", tmp_path / "cache", "--resamples", 200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = pd.read_csv(tmp_path / "evaluation" / "predictions.csv").set_index("path")
    seen = seen.loc[table.index]
    np.testing.assert_allclose(seen["screen_score"], table["screen_score"], atol=1e-9)


@pytest.mark.slow
def test_on_and_off_have_the_same_folds(masked: Path, trained: Path) -> None:
    """And one cache between them, which makes no score of one that of the other."""
    splits = [(run / "splits.csv").read_bytes() for run in (masked, trained)]
    assert splits[0] == splits[1]
    on, off = (pd.read_csv(run / "predictions.csv") for run in (masked, trained))
    assert on["path"].tolist() == off["path"].tolist()
    assert "lungs_found" not in off
    assert not np.allclose(on["screen_score"], off["screen_score"])


@pytest.mark.slow
def test_other_commands_cut_out_lungs_too(
    masked: Path,
    trained: Path,
    cohort: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundle = masked / "bundle"
    told = ("--cache", tmp_path / "cache", "--resamples", 200)
    for verb in ("sweep", "shift"):
        done = command(
            verb, "--bundle", bundle, "--data", cohort, "--out", tmp_path / verb, *told
        )
        assert done.returncode in (0, 3), done.stderr
        assert "Lungs are cut out of all scans" in caplog.text
        caplog.clear()
    done = command(
        "explain", "--bundle", bundle, "--input", cohort, "--limit", 3, "--curves", 1,
        "--random-networks", 1, "--out", tmp_path / "maps", "--resamples", 200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = command("export", "--bundle", bundle, "--out", tmp_path / "export")
    assert done.returncode == 2
    assert "expected a bundle that sees whole frames" in done.stderr
    done = command(
        "evaluate", "--bundle", bundle, "--bundle", trained / "bundle",
        "--data", cohort, "--splits", masked / "splits.csv", "--split", "test", "--out",
        tmp_path / "both", *told,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "lungs cut out" in (tmp_path / "both" / "report.html").read_text()


@pytest.mark.slow
def test_folds_learners_and_training_work_on_lungs(
    lungs: Path, cohort: Path, tmp_path: Path
) -> None:
    common = ("--data", cohort, "--lungs", lungs, *LABELS, *NETWORK)
    cache = ("--cache", tmp_path / "cache")
    done = command(
        "train", *common, *cache, "--out", tmp_path / "a", "--outer-folds", 2,
        "--candidates", "network,pooled+logistic",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = command(
        "train", *common, *cache, "--out", tmp_path / "b", "--part", "all",
        "--epochs", 1, "--folds", 0, "--no-baselines",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for run in ("a", "b"):
        assert load_bundle(tmp_path / run / "bundle").lungs is not None


@pytest.mark.slow
def test_check_names_scans_without_lungs(
    lungs: Path, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = (
        "check", "--data", cohort, "--no-image", "--lungs", lungs, "--resamples", 200,
        "--cache", tmp_path / "cache",
    )  # fmt: skip
    command(*ask, "--out", tmp_path / "a")
    told = json.loads((tmp_path / "a" / "findings.json").read_text())
    assert "lungs" not in {one["code"] for one in told}
    monkeypatch.setattr(masks, "LEAST_SHARE", 0.99)
    command(*ask[:-1], tmp_path / "other", "--out", tmp_path / "b")
    told = json.loads((tmp_path / "b" / "findings.json").read_text())
    [finding] = [one for one in told if one["code"] == "lungs"]
    assert len(finding["scans"]) == 90


@pytest.mark.slow
def test_a_bundle_with_lungs_is_no_segmenter_to_overwrite(
    cohort: Path, masked: Path
) -> None:
    bundle = masked / "bundle"
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    done = command(
        "segment", "--data", cohort, "--out", bundle, "--overwrite", "--epochs", 1,
        *UNET,
    )  # fmt: skip
    assert done.returncode == 2
    assert "segment.html" in done.stderr
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
