"""Folders of phantoms: whole or not at all, the same bytes for the same seed."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from pydantic import ValidationError

import hierclf
from hierclf.foundation.errors import InputError, ResourceError
from hierclf.synthesis.cohort import COLUMNS, PhantomOptions, make_cohort
from hierclf.synthesis.roster import count_scans, make_roster
from hierclf.synthesis.scan import draw_scan

CASES, SIZE, SEED = 30, 64, 11


def _options(out: Path, **changes) -> PhantomOptions:
    values = {"cases": CASES, "size": SIZE, "seed": SEED, "workers": 1} | changes
    return PhantomOptions(out=out, **values)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    return make_cohort(_options(tmp_path_factory.mktemp("phantom") / "a"))


def test_the_same_seed_gives_the_same_bytes_with_any_workers(cohort, tmp_path) -> None:
    again = make_cohort(_options(tmp_path / "b", workers=2))
    assert _contents(again) == _contents(cohort)


def test_another_seed_gives_other_pictures(cohort, tmp_path) -> None:
    other = make_cohort(_options(tmp_path / "b", seed=SEED + 1))
    pictures = {v for k, v in _contents(cohort).items() if k.startswith("scans")}
    others = {v for k, v in _contents(other).items() if k.startswith("scans")}
    assert len(pictures) == len(others) == CASES
    assert not pictures & others


def test_the_manifest_lists_every_scan_once(cohort) -> None:
    rows = _rows(cohort)
    assert tuple(rows[0]) == COLUMNS
    found = {str(p.relative_to(cohort)) for p in cohort.glob("scans/*/*.png")}
    assert sorted(row["path"] for row in rows) == sorted(found)
    masks = {str(p.relative_to(cohort)) for p in cohort.glob("masks/*")}
    assert {row[c] for row in rows for c in ("lesion_mask", "lung_mask")} == masks
    assert len(masks) == 2 * CASES
    assert Counter(row["label"] for row in rows) == count_scans(CASES, balanced=False)


def test_class_folders_hold_scans_only(cohort) -> None:
    for row in _rows(cohort):
        assert Path(row["path"]).parts[:2] == ("scans", row["label"])
    assert {p.name for p in cohort.iterdir()} == {
        "scans",
        "masks",
        "manifest.csv",
        "cohort.json",
    }


def test_a_patient_has_one_label(cohort) -> None:
    labels: dict[str, set[str]] = {}
    for row in _rows(cohort):
        labels.setdefault(row["patient_id"], set()).add(row["label"])
    assert all(len(found) == 1 for found in labels.values())
    assert 1 < len(labels) < CASES


def test_files_are_the_drawings_of_the_roster(cohort) -> None:
    roster = make_roster(CASES, seed=SEED, balanced=False)
    for row, entry in zip(_rows(cohort), roster, strict=True):
        number = {"patient": entry.patient, "scan": entry.scan}
        drawing = draw_scan(entry.stage, seed=SEED, **number, size=SIZE)
        with Image.open(cohort / row["path"]) as picture:
            assert picture.mode == "L"
            gray = np.asarray(picture)
        np.testing.assert_allclose(gray, drawing.image * 255, atol=0.501)
        for column in ("lung_mask", "lesion_mask"):
            mask = np.asarray(Image.open(cohort / row[column]))
            assert np.array_equal(mask, getattr(drawing, column) * np.uint8(255))


def test_the_description_says_how_to_make_it_again(cohort) -> None:
    told = json.loads((cohort / "cohort.json").read_text())
    assert told["kind"] == "phantom"
    assert told["version"] == hierclf.__version__
    assert told["counts"] == count_scans(CASES, balanced=False)
    options = PhantomOptions(out="x", **told["options"])
    assert options == _options(Path("x"), workers=None)


def test_balanced_cohorts_have_equal_classes(tmp_path) -> None:
    folder = make_cohort(_options(tmp_path / "b", cases=12, balanced=True))
    assert set(Counter(row["label"] for row in _rows(folder)).values()) == {3}


def test_progress_sees_every_scan(tmp_path) -> None:
    seen: list[int] = []

    def note(numbers: Iterable[int]) -> Iterator[int]:
        assert len(numbers) == 8  # a bar needs to know the end
        for number in numbers:
            seen.append(number)
            yield number

    make_cohort(_options(tmp_path / "b", cases=8), progress=note)
    assert seen == list(range(8))


def _interrupt(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        if number == 3:
            raise KeyboardInterrupt
        yield number


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_leaves_nothing(tmp_path, workers: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_cohort(_options(tmp_path / "b", workers=workers), progress=_interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_old_folder(tmp_path) -> None:
    old = make_cohort(_options(tmp_path / "b", cases=8))
    before = _contents(old)
    with pytest.raises(KeyboardInterrupt):
        make_cohort(_options(tmp_path / "b", overwrite=True), progress=_interrupt)
    assert _contents(old) == before
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def _kill_workers(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        if number == 1:
            for child in psutil.Process().children():
                if "popen_loky" in " ".join(child.cmdline()):
                    child.kill()
        yield number


def test_a_killed_worker_is_told_in_one_line(tmp_path) -> None:
    options = _options(tmp_path / "b", cases=400, workers=2)
    with pytest.raises(ResourceError, match=r"2 workers .* one that died\. Free"):
        make_cohort(options, progress=_kill_workers)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused(cohort) -> None:
    before = _contents(cohort)
    with pytest.raises(InputError, match=r"expected a new folder.*--overwrite"):
        make_cohort(_options(cohort))
    assert _contents(cohort) == before


def test_an_existing_folder_is_replaced_when_asked(tmp_path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "stray.txt").write_text("old")
    with pytest.raises(InputError, match=r"a folder with cohort\.json to overwrite"):
        make_cohort(_options(tmp_path / "b", cases=8, overwrite=True))
    assert (tmp_path / "b" / "stray.txt").read_text() == "old"
    (tmp_path / "b" / "cohort.json").write_text("{}")
    folder = make_cohort(_options(tmp_path / "b", cases=8, overwrite=True))
    assert not (folder / "stray.txt").exists()
    assert len(_rows(folder)) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cases": 7}, r"cases\n.*greater than or equal to 8"),
        ({"size": 63}, r"size\n.*greater than or equal to 64"),
        ({"size": 4096}, r"size\n.*less than or equal to 2048"),
        ({"seed": -1}, r"seed\n.*greater than or equal to 0"),
        ({"workers": 0}, r"workers\n.*greater than or equal to 1"),
        ({"format": "jpeg"}, r"format\n.*'png' or 'dicom'"),
        ({"stages": 3}, r"stages\n.*Extra inputs are not permitted"),
    ],
)
def test_bad_options_are_refused(tmp_path, changes: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _options(tmp_path / "b", **changes)


def test_every_option_is_described() -> None:
    fields = PhantomOptions.model_fields
    assert all(field.description for field in fields.values())
    assert set(fields) == {
        *("out", "cases", "seed", "size", "balanced", "format"),
        *("overwrite", "workers"),
    }
