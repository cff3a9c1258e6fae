"""The records that are kept, and the page that is made of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from experiments.compare import LEGEND, claimed, table_of
from experiments.papers import records
from experiments.papers.paper import NAMES, PHANTOM, load
from experiments.papers.records import (
    Record,
    chosen_options,
    commit,
    read_records,
    results_folder,
    write_record,
)
from experiments.papers.standing import best
from hierclf.config.commands import TrainOptions
from hierclf.foundation.errors import InputError


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_has_a_line_and_a_record(name: str) -> None:
    experiment, kept = load(name), read_records(results_folder(name))
    text = table_of(experiment, kept)
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    for table, row, word, key, claim in experiment.paper.claims():
        mine = [
            cells
            for cells in lines
            if cells[0] == f"| {table}"
            and cells[1].split(" (")[0] == row
            and cells[2] == word
        ]
        assert mine, (table, row, word)
        told = experiment.paper.tables[table]
        assert all(cells[3] == claimed(told, claim) for cells in mine)
        rows = [one for one in kept if (one.table, one.row) == (table, row)]
        found = best(experiment, rows)
        assert found, f"no record of {table}/{row}"
        assert all(key in one.figures for one in found)
        assert len(mine) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_records_say_what_they_are(name: str) -> None:
    for record in read_records(results_folder(name)):
        assert record.paper == name
        assert record.phantom == (record.data == PHANTOM)
        assert record.phantom or not record.smoke
        assert record.versions["torch"]
        assert not re.search(
            r"(^|[^.\w])/(work|home|root|tmp)/", record.model_dump_json()
        )


def test_phantoms_are_called_phantoms() -> None:
    for name in NAMES:
        experiment, kept = load(name), read_records(results_folder(name))
        for record in kept:
            if record.phantom:
                text = table_of(experiment, [record])
                assert "phantom" in text
                assert ("smoke run" in text) == record.smoke
    assert "nothing about patients" in " ".join(LEGEND.split())


def record(**changes) -> Record:
    told = {
        "paper": "p", "table": "t", "row": "r", "variant": "lite0", "smoke": False,
        "data": "d", "fingerprint": "f", "phantom": False, "n_scans": 2,
        "n_patients": 2, "protocol": "held out", "commit": "c", "seed": 0,
        "versions": {}, "options": {}, "seconds": 1.0, "figures": {},
    }  # fmt: skip
    return Record.model_validate(told | changes)


def test_a_smoke_run_takes_no_place_of_a_record(tmp_path: Path) -> None:
    kept, smoke = record(), record(smoke=True, seconds=2.0)
    paths = {write_record(tmp_path, one) for one in (kept, smoke)}
    assert {path.name for path in paths} == {
        "t.r.d.lite0.json",
        "t.r.d.lite0.smoke.json",
    }
    assert read_records(tmp_path) == [kept, smoke]


def test_another_seed_takes_no_place_of_a_record(tmp_path: Path) -> None:
    kept, other = record(), record(seed=7, smoke=True)
    paths = [write_record(tmp_path, one).name for one in (kept, other)]
    assert paths == ["t.r.d.lite0.json", "t.r.d.lite0.seed7.smoke.json"]
    assert read_records(tmp_path) == [kept, other]
    (tmp_path / paths[1]).rename(tmp_path / "t.r.d.lite0.seed8.smoke.json")
    with pytest.raises(InputError, match=r"got t\.r\.d\.lite0\.seed7\.smoke\.json"):
        read_records(tmp_path)


def test_places_of_a_machine_are_not_kept() -> None:
    told = {"data": "a/b", "out": "c/d", "healthy": "fine", "lungs": "e/f"}
    told |= {"cache": "g/h", "splits": "i/j", "threads": 3, "seed": 4}
    options = TrainOptions.model_validate(told)
    assert chosen_options(options) == {"healthy": "fine", "seed": 4}


def test_a_commit_says_whether_files_differ(tmp_path: Path, monkeypatch) -> None:
    def git(*told: str) -> None:
        own = ("-c", "user.name=n", "-c", "user.email=e@x", "-C", str(tmp_path))
        subprocess.run(["git", *own, *told], check=True, capture_output=True)  # noqa: S607

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "a")
    monkeypatch.setattr(records, "HERE", tmp_path)
    clean = commit()
    assert re.fullmatch("[0-9a-f]{7,40}", clean)
    (tmp_path / "a").write_text("2")
    assert commit() == f"{clean}-dirty"


def test_what_was_changed_while_it_ran_did_not_make_it(monkeypatch) -> None:
    said = iter(["before", "after"])
    monkeypatch.setattr(records, "commit", lambda: next(said))
    records.made_by.cache_clear()
    assert [records.made_by(), records.made_by()] == ["before", "before"]
    records.made_by.cache_clear()
