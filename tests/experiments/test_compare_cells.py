"""Cells of the page of claims: what is real, what stands in, what is a smoke run."""

from __future__ import annotations

import pytest

from experiments.compare import best, summary, table_of
from experiments.papers.figures import Figure
from experiments.papers.paper import load
from experiments.papers.records import Record

FIGURES: dict[str, Figure] = {
    key: {"value": 0.5, "low": 0.25, "high": 0.75}
    for key in ("accuracy", "precision", "recall", "f1")
}


def record(**changes: object) -> Record:
    told = {
        "paper": "wu_2020", "table": "whole_image", "row": "resnet18",
        "variant": "lite0", "smoke": False, "data": "phantom", "fingerprint": "f",
        "phantom": True, "n_scans": 9, "n_patients": 9, "protocol": "held out",
        "commit": "c", "seed": 0, "versions": {}, "options": {}, "seconds": 1.0,
        "figures": FIGURES,
    }  # fmt: skip
    return Record.model_validate(told | changes)


REAL = {"phantom": False, "data": "covid_ct"}


def cells_of(*records: Record) -> list[list[str]]:
    text = table_of(load("wu_2020"), list(records))
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    return [one for one in lines if one[:3] == ["whole_image", "resnet18", "accuracy"]]


def test_percent_and_the_bounds_in_their_order() -> None:
    (cells,) = cells_of(record())
    assert cells[3:] == [
        "83.75", "50.0 [25.0, 75.0]", "phantom, 9 scans", "lite0",
    ]  # fmt: skip


def test_other_scans_than_those_of_the_source_are_told() -> None:
    (cells,) = cells_of(record(**REAL))
    assert cells[5] == "covid_ct (stand-in), 9 scans"


def test_where_a_part_is_tested_its_size_is_told() -> None:
    (cells,) = cells_of(record(**REAL, figures=FIGURES | {"n_tested": {"value": 4}}))
    assert cells[5] == "covid_ct (stand-in), 4 tested of 9 scans"
    (cells,) = cells_of(record(**REAL, figures=FIGURES | {"n_tested": {"value": 9}}))
    assert cells[5] == "covid_ct (stand-in), 9 scans"


def test_a_smoke_run_is_in_brackets_and_only_where_it_is_alone() -> None:
    (cells,) = cells_of(record(smoke=True))
    assert cells[4:] == [
        "(50.0 [25.0, 75.0])", "phantom, smoke run", "lite0, cut down",
    ]  # fmt: skip
    (cells,) = cells_of(record(smoke=True), record())
    assert cells[6] == "lite0"


def test_real_scans_go_first() -> None:
    real, drawn = record(**REAL), record()
    assert best([drawn, real]) == [real, drawn]
    assert best([record(smoke=True), drawn]) == [drawn]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"smoke": True}, "a smoke run"),
        ({}, "phantoms"),
        (REAL, "other real scans"),
    ],
)
def test_what_stands_beside_the_claims(changes, kind) -> None:
    experiment = load("wu_2020")
    assert f"{kind} 4" in summary(experiment, [record(**changes)])
    assert "nothing 21" in summary(experiment, [record(**changes)])


def test_a_count_and_the_sources_own_scans() -> None:
    own = record(
        **REAL, paper="sood_2020", table="networks", row="vgg16",
    )  # fmt: skip
    assert "real scans 4" in summary(load("sood_2020"), [own])
    bare = record(paper="li_2023", table="parameters", row="small_cnn", data="none")
    assert "a count 2" in summary(load("li_2023"), [bare])
