"""The records that are kept, and the page that is made of them."""

from __future__ import annotations

import re

import pytest

from experiments.compare import LEGEND, best, claimed, table_of
from experiments.papers.paper import NAMES, PHANTOM, load
from experiments.papers.records import read_records, results_folder


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_has_a_line_and_a_record(name: str) -> None:
    experiment, records = load(name), read_records(results_folder(name))
    text = table_of(experiment, records)
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
        found = best([one for one in records if (one.table, one.row) == (table, row)])
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
        experiment, records = load(name), read_records(results_folder(name))
        for record in records:
            if record.phantom:
                text = table_of(experiment, [record])
                assert "phantom" in text
                assert ("smoke run" in text) == record.smoke
    assert "nothing about patients" in " ".join(LEGEND.split())
