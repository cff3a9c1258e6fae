"""Every figure that a source claims is there, once, and has a row that is run."""

from __future__ import annotations

from collections import Counter

import pytest

from experiments.papers.figures import CUT_POINTS
from experiments.papers.paper import NAMES, PHANTOM, load, merge
from experiments.papers.plans import Told, missing_weights, options_of, variants_of
from experiments.papers.sets import TASKS, plain
from hierclf.foundation.errors import InputError
from tests.experiments.claimed import N_FIGURES, TRANSCRIBED, numbers


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_the_source(name: str) -> None:
    claims = list(load(name).paper.claims())
    found = [(table, float(c)) for table, *_, c in claims if not isinstance(c, str)]
    wanted = [
        (table, value)
        for table, text in TRANSCRIBED[name].items()
        for value in numbers(text)
    ]
    assert Counter(found) == Counter(wanted)
    assert len(found) == N_FIGURES[name]


@pytest.mark.parametrize("name", NAMES)
def test_figures_stand_in_the_order_of_their_rows(name: str) -> None:
    claims = list(load(name).paper.claims())
    for table, text in TRANSCRIBED[name].items():
        mine = [c for place, *_, c in claims if place == table]
        assert [c for c in mine if not isinstance(c, str)] == numbers(text)


def test_sweep_names_its_cut_points() -> None:
    figures = load("he_2019").paper.tables["sweep"].figures
    assert list(figures.values()) == [f"sweep_{cut:.2f}" for cut in CUT_POINTS]
    assert list(figures) == [f"at {cut:.2f}" for cut in CUT_POINTS]


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_options(name: str, smoke: bool, tmp_path) -> None:
    data = dict.fromkeys(TASKS, tmp_path)
    told = Told(tmp_path, data=data, smoke=smoke)
    for rows in load(name).rows.values():
        for row in rows.values():
            assert variants_of(row, told)
            sets = [s for s in TASKS if plain(s) in (PHANTOM, *row.data)]
            for data_name in sets:
                if row.task in TASKS[data_name]:
                    for variant in ("published", *row.variants):
                        options_of(row, variant, data_name, told)


@pytest.mark.parametrize("name", NAMES)
def test_stand_ins_need_no_weights(name: str, tmp_path) -> None:
    told = Told(tmp_path, data={})
    for rows in load(name).rows.values():
        for row in rows.values():
            for variant in row.variants:
                options = options_of(row, variant, PHANTOM, told)
                assert not missing_weights(options, told)


def test_weights_in_a_folder_are_taken(tmp_path) -> None:
    row = load("he_2019").row("flat/vgg16")
    assert variants_of(row, Told(tmp_path, data={})) == ("lite0", "scratch")
    (tmp_path / "vgg16-397923af.pth").touch()
    told = Told(tmp_path, data={}, weights_dir=tmp_path)
    assert variants_of(row, told) == ("published",)
    options = options_of(row, "published", PHANTOM, told)
    assert options.network.weights_dir == tmp_path
    assert options.network.image_size == 600


def test_a_set_that_cannot_be_asked(tmp_path) -> None:
    row = load("he_2019").row("flat/vgg16")
    with pytest.raises(
        InputError, match=r"asked for grades: phantom, knee_oa; got cov"
    ):
        options_of(row, "lite0", "covid_ct", Told(tmp_path, data={}))


def test_merging_keeps_what_is_not_named() -> None:
    below = {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}
    assert merge(below, {"a": {"c": {"f": 3}}}, {"e": [2]}) == {
        "a": {"b": 1, "c": {"d": 2, "f": 3}},
        "e": [2],
    }
    assert below["a"] == {"b": 1, "c": {"d": 2}}


def test_an_unknown_key_is_refused(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "sood_2020"
    folder.mkdir()
    (folder / "paper.yml").write_text("citation: nobody\nsource: none\n")
    monkeypatch.setattr("experiments.papers.paper.HERE", tmp_path)
    with pytest.raises(InputError, match=r"paper, \w+: expected another value"):
        load("sood_2020")
