"""Cells of the page of claims: what is real, what stands in, what is a smoke run."""

from __future__ import annotations

import pytest

from experiments.compare import heads, summary, table_of
from experiments.papers.figures import Figure
from experiments.papers.paper import NAMES, load
from experiments.papers.records import Record, read_records, results_folder
from experiments.papers.sets import DISEASES, TASKS, plain
from experiments.papers.standing import best, disagreeing, run_of

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
WU = load("wu_2020")


def cells_of(*records: Record, row: str = "resnet18") -> list[list[str]]:
    text = table_of(WU, list(records))
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    return [one for one in lines if one[:3] == ["whole_image", row, "accuracy"]]


def test_percent_and_the_bounds_in_their_order() -> None:
    (cells,) = cells_of(record())
    assert cells[3:] == [
        "83.75", "50.0 [25.0, 75.0]", "-", "phantom, 9 scans", "lite0", "1",
    ]  # fmt: skip


def test_other_scans_than_those_of_the_source_are_told() -> None:
    (cells,) = cells_of(record(**REAL))
    assert cells[6] == "covid_ct (other scans of the disease), 9 scans"
    (cells,) = cells_of(record(phantom=False, data="knee_oa"))
    assert cells[6] == "knee_oa (another disease), 9 scans"


def test_where_a_part_is_tested_its_size_is_told() -> None:
    told = "covid_ct (other scans of the disease), "
    (cells,) = cells_of(record(**REAL, figures=FIGURES | {"n_tested": {"value": 4}}))
    assert cells[6] == f"{told}4 tested of 9 scans"
    (cells,) = cells_of(record(**REAL, figures=FIGURES | {"n_tested": {"value": 9}}))
    assert cells[6] == f"{told}9 scans"


def test_a_smoke_run_has_no_figures_and_stands_only_where_it_is_alone() -> None:
    (cells,) = cells_of(record(smoke=True))
    assert cells[4:] == [
        "ran", "-", "phantom, smoke run", "lite0, cut down", "1",
    ]  # fmt: skip
    (cells,) = cells_of(record(smoke=True, figures={}))
    assert cells[4] == "ran, undefined"
    (cells,) = cells_of(record(smoke=True), record())
    assert cells[7] == "lite0"


def test_a_figure_that_another_row_has_from_the_same_run_is_marked() -> None:
    first, second = record(row="densenet121"), record()
    assert run_of(WU, first) == run_of(WU, second)
    (cells,) = cells_of(first, second)
    assert cells[8] == "1, as whole_image/densenet121"
    (cells,) = cells_of(first, second, row="densenet121")
    assert cells[8] == "1"
    other = record(options={"reads": "flat"})  # another model of the same run
    assert cells_of(first, other)[0][8] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"smoke": True},
        {"fingerprint": "g"},
        {"options": {"folds": 3}},
        {"table": "segmentation", "row": "lungs"},
    ],
)
def test_other_runs_are_told_apart(changes) -> None:
    assert run_of(WU, record(**changes)) != run_of(WU, record())


def test_what_says_most_goes_first() -> None:
    real, drawn = record(**REAL), record()
    knee = record(phantom=False, data="knee_oa")
    assert best(WU, [drawn, knee, real]) == [real, knee, drawn]
    assert best(WU, [record(smoke=True), drawn]) == [drawn]
    sood, own = load("sood_2020"), {**REAL, "table": "networks", "row": "vgg16"}
    told = [record(**own, variant=one) for one in ("lite0", "scratch", "published")]
    assert [one.variant for one in best(sood, told)] == [
        "published", "lite0", "scratch",
    ]  # fmt: skip


def test_seeds_of_a_row_have_a_line_each() -> None:
    first, second = cells_of(record(seed=3), record())
    assert (first[7], second[7]) == ("lite0", "lite0, seed 3")
    assert (first[8], second[8]) == ("1", "2")


def counted(name: str, *records: Record) -> dict[str, str]:
    text = [heads().splitlines()[0], summary(load(name), list(records))]
    head, line = ([one.strip() for one in row.split("|")[1:-1]] for row in text)
    return dict(zip(head, line, strict=True))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"smoke": True}, "smoke run alone"),
        ({}, "phantoms"),
        (REAL, "other scans of the disease"),
        ({"phantom": False, "data": "kermany"}, "another disease"),
    ],
)
def test_what_stands_beside_the_claims(changes, kind) -> None:
    found = counted("wu_2020", record(**changes))
    assert found == dict.fromkeys(found, "-") | {
        "paper": "wu_2020", "figures claimed": "25", kind: "4 (1)",
        "not run": "21", "distinct runs": "1",
    }  # fmt: skip


def test_claims_of_one_run_are_no_several_runs() -> None:
    rows = [record(row=row) for row in WU.paper.tables["whole_image"].rows]
    found = counted("wu_2020", *rows)
    assert (found["phantoms"], found["distinct runs"]) == ("12 (1)", "1")
    rows[0] = record(row="densenet121", options={"folds": 3})
    assert counted("wu_2020", *rows)["phantoms"] == "12 (2)"


def test_a_count_and_the_sources_own_scans() -> None:
    own = {**REAL, "paper": "sood_2020", "table": "networks", "row": "vgg16"}
    found = counted("sood_2020", record(**own))
    assert found["source's set, stand-in network"] == "4 (1)"
    found = counted("sood_2020", record(**own, variant="published"))
    assert found["source's set, as published"] == "4 (1)"
    bare = record(paper="li_2023", table="parameters", row="small_cnn", data="none")
    assert counted("li_2023", bare)["a count without scans"] == "2 (1)"


@pytest.mark.parametrize("name", NAMES)
def test_sets_of_a_source_are_of_its_disease(name: str) -> None:
    source = load(name).paper.data
    assert all(DISEASES[one] == source.disease for one in source.own)
    assert set(DISEASES) == {plain(one) for one in TASKS} - {"phantom"}


def test_hosmer_lemeshow_has_its_p_and_a_caution() -> None:
    sood, place = load("sood_2020"), {"table": "networks", "row": "vgg19"}
    for p, told in ((0.00002, "p < 0.001"), (0.25, "p = 0.250")):
        kept = FIGURES | {"chi_square": {"value": 30.5}, "chi_square_p": {"value": p}}
        text = table_of(sood, [record(**REAL, **place, figures=kept)])
        assert f"| 30.5, {told} |" in text
    assert "of many scans it rejects any tiny miscalibration" in text
    assert "Hosmer" not in table_of(WU, [])


def test_records_of_two_sets_under_one_name_are_told_in_one_line() -> None:
    sood = load("sood_2020")
    here = {"table": "networks", "row": "vgg16", **REAL}
    records = [record(**here), record(**here), record(**here, fingerprint="g" * 64)]
    (line,) = disagreeing([(sood, records)])
    assert line == (
        "covid_ct: expected one set of scans, got 2: f of 2 records, gggggggggggg of "
        "1 records. Run the rows of all but one again."
    )


def test_scans_that_are_read_in_another_way_are_another_set() -> None:
    sliced = {"fingerprint": "g", "options": {"patient_from": "none"}}
    here = {"table": "networks", "row": "vgg16", **REAL}
    sood = load("sood_2020")
    assert disagreeing([(sood, [record(**here), record(**here, **sliced)])]) == []
    drawn = [record(), record(seed=1, fingerprint="g")]
    drawn += [record(smoke=True, fingerprint="h")]
    assert disagreeing([(WU, drawn)]) == []
    assert len(disagreeing([(WU, [record(), record(fingerprint="g")])])) == 1


def test_the_kept_records_agree_about_their_sets() -> None:
    found = [(load(name), read_records(results_folder(name))) for name in NAMES]
    assert disagreeing(found) == []
