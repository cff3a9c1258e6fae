"""What the commands of the experiments refuse, in one line, before they train."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments import compare, run
from experiments.ordered import __main__ as ordered
from experiments.papers import records as kept
from experiments.papers.records import read_records, results_folder
from experiments.papers.sets import name_of
from hierclf.foundation.errors import InputError
from hierclf.synthesis.cohort import PhantomOptions, make_cohort


def ask(monkeypatch: pytest.MonkeyPatch, module, *told: object) -> int:
    monkeypatch.setattr(sys, "argv", ["x", *map(str, told)])
    with pytest.raises(SystemExit) as ended:
        module.main()
    return int(str(ended.value.code))


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "sood_2020"
    folder.mkdir()
    for path in results_folder("sood_2020").glob("*.json"):
        shutil.copy(path, folder)
    return folder


def test_phantoms_under_other_labels_are_no_real_set(tmp_path: Path) -> None:
    make_cohort(PhantomOptions(out=tmp_path / "ph", cases=12, size=64))
    manifest = tmp_path / "ph" / "manifest.csv"
    text = manifest.read_text().replace(",healthy,", ",non_covid,")
    for stage in ("stage1", "stage2", "stage3"):
        text = text.replace(f",{stage},", ",covid,")
    manifest.write_text(text)
    with pytest.raises(InputError, match="got phantoms with other labels"):
        name_of(tmp_path / "ph")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"phantom": false', '"phantom": true', "phantom is True of data"),
        ('"variant": ', '"other": 1, "variant": ', "other"),
        ('"seed": 0', '"seed": ', "expected a record"),
        ('"seed": 0', '"seed": 4', "got networks.resnet34.covid_ct.lite0.seed4.json"),
        ('"commit": "3574a04"', '"commit": ""', "commit"),
    ],
)
def test_a_record_that_is_none_is_named(records, old, new, said, monkeypatch, capsys):
    path = sorted(records.glob("*.json"))[0]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert ask(monkeypatch, compare, "sood_2020", "--results", records.parent) == 2
    found = capsys.readouterr().err
    assert said in found
    assert str(path) in found
    assert found.count("\n") == 1


def test_a_record_under_another_name_or_paper(records, monkeypatch, capsys) -> None:
    path = sorted(records.glob("*.json"))[0]
    path.rename(records / "again.json")
    with pytest.raises(InputError, match=f"got {path.name}"):
        read_records(records)
    (records / "again.json").rename(path)
    records.rename(records.parent / "li_2023")
    assert ask(monkeypatch, compare, "li_2023", "--results", records.parent) == 2
    assert "expected a row of li_2023, got sood_2020" in capsys.readouterr().err


def test_results_that_are_not_there(tmp_path, monkeypatch, capsys) -> None:
    where = tmp_path / "nowhere"
    assert ask(monkeypatch, compare, "--results", where) == 2
    assert "expected a folder, got none" in capsys.readouterr().err


def test_nothing_to_run_is_no_success(tmp_path, monkeypatch, capsys) -> None:
    told = ("sood_2020", "--smoke", "--row", "nonsuch", "--out", tmp_path)
    assert ask(monkeypatch, run, *told, "--work", tmp_path / "work") == 2
    assert "expected rows" in capsys.readouterr().err


def test_records_that_cannot_be_written_are_told_first(tmp_path, monkeypatch, capsys):
    (tmp_path / "sood_2020").touch()
    told = ("sood_2020", "--smoke", "--out", tmp_path, "--work", tmp_path / "work")
    assert ask(monkeypatch, run, *told) == 2
    assert "File exists" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_two_sets_of_one_name_are_run_apart(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(run, "name_of", lambda folder: folder.name)
    monkeypatch.chdir(tmp_path)
    told = ("li_2023", "--data", "kermany", "kermany (folders)")
    assert ask(monkeypatch, run, *told) == 2
    assert "expected one kermany, got two" in capsys.readouterr().err


def test_ordered_figures_are_not_kept_without_a_commit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kept, "_git", lambda *_: "")
    monkeypatch.setattr(ordered, "pair", lambda *_: pytest.fail("it was trained"))
    kept.made_by.cache_clear()
    assert ask(monkeypatch, ordered, "--out", tmp_path, "--cases", 8) == 2
    kept.made_by.cache_clear()
    assert "commit: expected a checkout of git" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ordered_rows_name_their_commit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kept, "commit", lambda: "abc")
    monkeypatch.setattr(ordered, "train", lambda _: None)
    kept.made_by.cache_clear()
    estimate = SimpleNamespace(model_dump=lambda: {"value": 0, "low": 0, "high": 0})
    data = SimpleNamespace(name="n", phantom=True, fingerprint="f", n_scans=1)
    both = SimpleNamespace(
        results={"ordered": SimpleNamespace(versions={}, data=data)},
        figures=lambda _: dict.fromkeys(ordered.SHOWN, estimate),
        gains=[],
    )
    monkeypatch.setattr(ordered, "beside", lambda *_, **__: both)
    row = ordered.pair(tmp_path, {"healthy": "h"}, tmp_path, {"seed": 0})
    kept.made_by.cache_clear()
    assert row["commit"] == "abc"
