"""Rows that are different fits share none, and networks that come first know nobody."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments import run
from experiments.papers import fits, literal, plans, segmenting
from experiments.papers.fits import Facts, fit
from experiments.papers.paper import PHANTOM, Experiment, Row, load
from experiments.papers.plans import Told, folder_of, make_phantoms, options_of
from hierclf.config.commands import TrainOptions
from hierclf.config.segmenting import SegmentOptions
from hierclf.synthesis.cohort import PhantomOptions


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[Path, int]:
    """Seeds of the cohorts that would have been drawn, by their folders."""
    seeds: dict[Path, int] = {}

    def draw(options: PhantomOptions) -> Path:
        options.out.mkdir(parents=True)
        seeds[options.out] = options.seed
        return options.out

    monkeypatch.setattr(plans, "make_cohort", draw)
    return seeds


def all_rows(experiment: Experiment) -> dict[str, Row]:
    return {
        f"{table}/{name}": row
        for table, rows in experiment.rows.items()
        for name, row in rows.items()
    }


def test_other_phantoms_have_another_seed_and_folder(tmp_path, drawn) -> None:
    row = load("wu_2020").row("lungs_only/resnet18")
    told = Told(tmp_path, data={}, seed=3)
    places = [make_phantoms(row, told, other=other) for other in (False, True)]
    assert places[0] != places[1]
    assert drawn[places[0]] != drawn[places[1]]


def test_lungs_are_learned_on_other_phantoms(tmp_path, drawn, monkeypatch) -> None:
    seen: list[Path] = []

    def segment(options: SegmentOptions) -> None:
        seen.append(options.data)

    monkeypatch.setattr(segmenting, "segment", segment)
    row = load("wu_2020").row("lungs_only/resnet18")
    told = Told(tmp_path, data={}, smoke=True)
    segmenting.segmenter(row, told)
    assert len(seen) == 1
    assert seen[0] in drawn
    assert seen[0] != folder_of(row, PHANTOM, told)


def test_a_network_that_comes_first_knows_no_tested_patient(
    tmp_path, drawn, monkeypatch
) -> None:
    seen: list[TrainOptions] = []

    def make(row: Row, options: TrainOptions) -> Facts:
        seen.append(options)
        return fits._NOTHING

    monkeypatch.setattr(fits, "_MAKERS", {"job": make})
    experiment = load("shen_2022")
    row = experiment.row("4-3/sequential_resnet50")
    told = Told(tmp_path, data={}, smoke=True)
    fit(row, all_rows(experiment), "scratch", PHANTOM, told)
    before, after = seen
    assert drawn[before.data] != drawn[after.data]
    assert after.network.weights == str(before.out / "bundle")


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("he_2019", "cascade_scda/flat_true_class", "cascade_scda/flat_known_network"),
        ("he_2019", "scda/lr_literal", "scda/lr_inverse"),
        ("wu_2020", "whole_image/resnet18", "lungs_only/resnet18"),
        ("he_2019", "cascade/plain_tuned", "cascade/costs_tuned"),
    ],
)
def test_other_rows_are_other_fits(name, first, second, tmp_path) -> None:
    experiment, told = load(name), Told(tmp_path, data={})
    keys = set()
    for place in (first, second):
        row = experiment.row(place)
        keys.add(fits._key(row, options_of(row, "lite0", PHANTOM, told)))
    assert len(keys) == 2


def test_a_row_takes_only_sets_that_answer_its_question(tmp_path) -> None:
    row = load("li_2023").row("types/resnet34")
    names = ("kermany", "kermany (folders)", "covid_ct", "knee_oa")
    told = Told(tmp_path, data=dict.fromkeys(names, tmp_path))
    assert run._sets(row, told) == ["kermany", "kermany (folders)"]
    graded = row.model_copy(update={"task": "grades"})
    assert run._sets(graded, told) == []
    small = Told(tmp_path, data=told.data, smoke=True)
    assert run._sets(row, small) == [PHANTOM]


@pytest.mark.parametrize(
    ("place", "whole"),
    [
        ("cascade/plain_at_0.50", True),
        ("flat/vgg16", False),
        ("cascade_scda/svm", False),
    ],
)
def test_a_cut_point_belongs_to_a_cascade(place, whole) -> None:
    assert run._is_cascade(load("he_2019").row(place)) is whole


def test_a_record_has_the_plain_name_of_its_set(tmp_path, monkeypatch) -> None:
    row = load("li_2023").row("binary/tree")
    told = Told(tmp_path, data={"kermany (folders)": tmp_path})
    options = options_of(row, "published", "kermany (folders)", told)
    facts = fits._NOTHING.model_copy(update={"n_scans": 4, "fingerprint": "f"})

    def found(*_: object) -> fits.Fitted:
        return fits.Fitted(tmp_path, options, facts)

    monkeypatch.setattr(run, "fit", found)
    kept = run._record(
        load("li_2023"), "binary", "tree", "published", "kermany (folders)", told
    )
    assert kept.data == "kermany"


def test_literal_learners_see_features_of_unseen_scans(monkeypatch) -> None:
    class StoppedError(Exception):
        pass

    def extractor(network: object, *, kind: str, cv: int, seed: int) -> None:
        raise StoppedError(cv)

    monkeypatch.setattr(literal, "FeatureExtractor", extractor)

    manifest = pd.DataFrame({"label": ["a", "b"]})
    with pytest.raises(StoppedError, match="4"):
        literal.literal_system(
            manifest, None, [([0], [1])], kind="scda", learner="lr",
            components=2, cv=4, seed=0,
        )  # fmt: skip


def test_a_fit_of_another_process_is_not_taken(tmp_path, monkeypatch) -> None:
    """It may be of other code, or of scans that have changed since."""
    experiment, made = load("li_2023"), []

    def count(row: Row, options: TrainOptions) -> Facts:
        made.append(options.out)
        return fits._NOTHING

    monkeypatch.setattr(fits, "_MAKERS", {"parameters": count})
    monkeypatch.setattr(fits, "_MADE", {})
    rows = all_rows(experiment)
    (row,) = (one for one in rows.values() if one.by == "parameters")
    for _ in range(2):
        fit(row, rows, "published", PHANTOM, Told(tmp_path, data={}, smoke=True))
    assert len(made) == 1
    monkeypatch.setattr(fits, "_MADE", {})
    fit(row, rows, "published", PHANTOM, Told(tmp_path, data={}, smoke=True))
    assert made == [made[0]] * 2


@pytest.mark.parametrize("name", ["sars_cov2_ct", "sars_cov2_ct (folders)"])
def test_the_first_set_is_found_however_it_lies(tmp_path, name) -> None:
    row = load("shen_2022").row("4-3/sequential_resnet50")
    sets = {"covid_ct": tmp_path / "a", name: tmp_path / "b"}
    assert fits._first_data(row, Told(tmp_path, data=sets)) == name


@pytest.mark.slow
def test_a_flat_classifier_alone_says_what_it_says_beside_a_cascade(tmp_path) -> None:
    """Rows that read it alone are not made to wait for a cascade."""
    experiment = load("he_2019")
    row = experiment.row("scda/lr")
    assert row.by == "flat"
    told = Told(tmp_path, data={}, smoke=True)
    alone = fit(row, all_rows(experiment), "lite0", PHANTOM, told)
    whole = row.model_copy(update={"by": "job"})
    beside = fit(whole, all_rows(experiment), "lite0", PHANTOM, told)
    columns = ["patient_id", "label", "flat"]
    said, other = (
        pd.read_csv(one.folder / "predictions.csv", dtype=str)[columns]
        for one in (alone, beside)
    )
    assert said["flat"].nunique() > 1
    pd.testing.assert_frame_equal(said, other)
    assert alone.facts.fingerprint == beside.facts.fingerprint
    assert alone.facts.labels == beside.facts.labels
    assert alone.options.model_dump(exclude={"out"}) == (
        beside.options.model_dump(exclude={"out"})
    )
