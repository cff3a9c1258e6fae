"""``hierclf check``: planted faults are found, and none is made up."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from hierclf.measuring.checks import quick_findings
from tests.commands.conftest import Done, command

LABELS = ("healthy", "stage1", "stage2", "stage3")


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hierclf.checking.shortcuts._TREES", 10)


def check(data: Path, out: Path, *more: object) -> tuple[Done, list[dict]]:
    done = command(
        "check", "--data", data, "--out", out, "--no-image", "--resamples", 100, *more
    )
    listed = json.loads((out / "findings.json").read_text()) if out.exists() else []
    return done, listed


def table_of(cohort: Path) -> list[dict[str, str]]:
    """Rows of a manifest; masks are left out."""
    with (cohort / "manifest.csv").open(newline="") as stream:
        return [
            {name: row[name] for name in ("path", "label", "patient_id")}
            for row in csv.DictReader(stream)
        ]


def write(folder: Path, table: list[dict[str, str]]) -> None:
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


@pytest.fixture
def copy(cohort: Path, tmp_path: Path) -> Path:
    """The phantoms, to be spoiled."""
    folder = tmp_path / "set"
    shutil.copytree(cohort / "scans", folder / "scans")
    shutil.copy(cohort / "cohort.json", folder)
    return folder


def test_a_clean_cohort_has_no_fault_and_twice_is_the_same(
    cohort: Path, tmp_path: Path
) -> None:
    done, listed = check(cohort, tmp_path / "a")
    assert done.returncode == 0, done.stderr
    assert {one["severity"] for one in listed} <= {"remark"}
    assert "cohort (phantom): 90 scans" in done.stdout
    page = (tmp_path / "a" / "check.html").read_text()
    assert "PHANTOM" in page
    assert "://" not in page
    again, _ = check(cohort, tmp_path / "a")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    check(cohort, tmp_path / "b")
    for name in ("findings.json", "check.json"):
        one, other = (tmp_path / place / name for place in "ab")
        assert one.read_bytes() == other.read_bytes()


def gray(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def save(path: Path, array: np.ndarray, **options: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(array)).save(path, **options)


def doubled(array: np.ndarray) -> np.ndarray:
    return array.repeat(2, axis=0).repeat(2, axis=1)


COPIES: dict[str, Callable[[Path, Path], None]] = {
    "copied.png": lambda a, b: save(b, gray(a)),
    "compressed.jpg": lambda a, b: save(b, gray(a), quality=50),
    "mirrored.png": lambda a, b: save(b, gray(a)[:, ::-1]),
    "inverted.png": lambda a, b: save(b, 255 - gray(a)),
    "cropped.png": lambda a, b: save(b, doubled(gray(a)[1:-1, 1:-1])),
}


def test_planted_faults_are_all_found(copy: Path, cohort: Path, tmp_path: Path) -> None:
    table = table_of(cohort)
    for number, row in enumerate(table):
        row["split"] = "test" if int(row["patient_id"][1:]) % 4 == 0 else "train"
        row["kv"] = str(100 + number % 3)
    own = [row for row in table if row["split"] == "train"]
    first = {row["patient_id"]: row for row in reversed(own)}
    taken = list(first.values())
    planted = {}
    for (name, change), row in zip(COPIES.items(), taken, strict=False):
        change(copy / row["path"], copy / name)
        # another patient, another split
        planted[name] = row["path"]
        table.append(row | {"path": name, "patient_id": f"X{name}", "split": "test"})
    rest = taken[len(COPIES) :]
    other = next(one for one in LABELS if one != rest[0]["label"])
    save(copy / "relabelled.png", gray(copy / rest[0]["path"]))
    table.append(rest[0] | {"path": "relabelled.png", "label": other})
    table.append(rest[1] | {"path": "moved.png", "split": "test"})
    save(copy / "moved.png", 255 - gray(copy / rest[2]["path"])[::-1] // 2)
    save(copy / "blank.png", np.zeros((64, 64), dtype=np.uint8))
    save(copy / "tiny.png", gray(copy / rest[3]["path"])[:12, :12])
    content = (copy / rest[4]["path"]).read_bytes()
    (copy / "cut.png").write_bytes(content[: len(content) // 2])
    for name in ("blank.png", "tiny.png", "cut.png"):
        table.append(rest[5] | {"path": name})
    table.append(rest[5] | {"path": "gone.png"})
    write(copy, table)
    done, listed = check(copy, tmp_path / "out")
    assert done.returncode == 3, done.stderr
    by_code: dict[str, list[set[str]]] = {}
    for one in listed:
        by_code.setdefault(one["code"], []).append(set(one["scans"]))
    for name, original in planted.items():
        assert any({name, original} <= one for one in by_code["straddle"]), name
    twins = {"relabelled.png", rest[0]["path"]}
    assert any(twins <= one for one in by_code["conflict"])
    assert any("moved.png" in scans for scans in by_code["straddle"])
    assert by_code["blank"] == [{"blank.png"}]
    assert by_code["tiny"] == [{"tiny.png"}]
    assert by_code["unreadable"] == [{"cut.png"}]
    assert by_code["manifest"] == [{"gone.png"}]
    assert "shortcut" not in {o["code"] for o in listed if o["severity"] == "severe"}
    page = (tmp_path / "out" / "check.html").read_text()
    assert page.count("data:image/png") >= 2 * len(planted)


@pytest.mark.parametrize("kind", ["mark", "size", "column"])
def test_a_planted_shortcut_is_severe(
    kind: str, copy: Path, cohort: Path, tmp_path: Path
) -> None:
    table = table_of(cohort)
    for number, row in enumerate(table):
        sick = row["label"] != "healthy"
        row["label"] = "sick" if sick else "healthy"
        pixels = gray(copy / row["path"]).copy()
        if kind == "mark" and sick:
            pixels[2:8, 2:8] = 255
        if kind == "size":
            side = 64 + number % 5 + 3 * sick
            pixels = np.asarray(Image.fromarray(pixels).resize((side, 64)))
        row["scanner"] = f"room {int(sick) if kind == 'column' else number % 2}"
        save(copy / row["path"], pixels)
    write(copy, table)
    done, listed = check(copy, tmp_path / "out")
    assert done.returncode == 3
    severe = [one for one in listed if one["severity"] == "severe"]
    assert {one["code"] for one in severe} == {"shortcut"}
    word = {"mark": "The outermost", "size": "width alone", "column": "scanner"}[kind]
    assert any(word in one["message"] for one in severe)
    if kind == "column":
        done, listed = check(copy, tmp_path / "told", "--may-tell", "scanner")
        assert done.returncode == 0
        assert "may tell" in (tmp_path / "told" / "check.html").read_text()
        done, _ = check(copy, tmp_path / "wrong", "--may-tell", "scaner")
        assert done.returncode == 2
        assert "Did you mean 'scanner'?" in done.stderr


def test_a_name_from_the_data_is_escaped(
    copy: Path, cohort: Path, tmp_path: Path
) -> None:
    table = table_of(cohort)[:30]
    evil = "<script>alert(1)</script>"
    for row in table[:3]:
        row["patient_id"] = evil
    save(copy / "a&b.png", gray(copy / table[0]["path"]))
    table.append(table[0] | {"path": "a&b.png"})
    write(copy, table)
    done, _ = check(copy, tmp_path / "out")
    assert done.returncode in {0, 3}
    page = (tmp_path / "out" / "check.html").read_text()
    assert evil not in page
    assert "a&amp;b.png" in page


def test_an_inverted_scan_is_named(copy: Path, cohort: Path, tmp_path: Path) -> None:
    table = table_of(cohort)
    for row in table[:2]:
        save(copy / row["path"], 255 - gray(copy / row["path"]))
    write(copy, table)
    done, listed = check(copy, tmp_path / "out")
    (found,) = [one for one in listed if one["code"] == "inverted"]
    assert found["scans"] == [row["path"] for row in table[:2]]
    assert "warning inverted: 2 scans look inverted beside the others" in done.stdout


def test_nothing_to_look_at_is_told(tmp_path: Path) -> None:
    save(tmp_path / "set" / "x" / "a.png", np.zeros((64, 64), dtype=np.uint8))
    done, _ = check(tmp_path / "set", tmp_path / "out")
    assert done.returncode == 2
    assert "E_BLANK" in done.stderr
    assert not (tmp_path / "out").exists()


def test_training_prints_what_costs_nothing(copy: Path, cohort: Path) -> None:
    table = table_of(cohort)
    for number, row in enumerate(table):
        sick = row["label"] != "healthy"
        row["scan"], row["path"] = row["path"], str(copy / row["path"])
        array = gray(Path(row["path"]))
        side = 64 + number % 5 + 6 * sick
        save(Path(row["path"]), np.asarray(Image.fromarray(array).resize((side, 64))))
        row["label"] = "sick" if sick else "healthy"
    found = quick_findings(pd.DataFrame(table), has_patients=True, seed=0)
    assert [(one.code, one.severity) for one in found] == [("shortcut", "severe")]
    clean = table_of(cohort)
    for row in clean:
        row["scan"], row["path"] = row["path"], str(cohort / row["path"])
    assert quick_findings(pd.DataFrame(clean), has_patients=True, seed=0) == ()


def test_dicom_is_told_by_its_header_and_no_patient_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    made = command(
        "phantom", "--out", folder, "--cases", 24, "--size", 64, "--format", "dicom",
        "--balanced",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    table = table_of(folder)
    dataset = pydicom.dcmread(folder / table[0]["path"])
    dataset.PatientName, dataset.BurnedInAnnotation = "Doe^Jane", "YES"
    dataset.PixelData = bytes(255 - np.frombuffer(dataset.PixelData, np.uint8))
    dataset.save_as(folder / "again.dcm")
    table.append(table[0] | {"path": "again.dcm"})
    write(folder, table)
    _, listed = check(folder, tmp_path / "out")
    by_code = {one["code"]: one for one in listed}
    assert by_code["burned_in"]["scans"] == ["again.dcm"]
    assert {"again.dcm", table[0]["path"]} <= set(by_code["duplicate"]["scans"])
    page = (tmp_path / "out" / "check.html").read_text()
    assert "modality" in page
    assert "Doe^Jane" not in page + json.dumps(listed)
