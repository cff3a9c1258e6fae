"""Rows of the papers, run."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments import run
from experiments.papers.paper import NAMES, PHANTOM, load
from experiments.papers.plans import Told
from experiments.papers.records import (
    Record,
    chosen_options,
    read_records,
    results_folder,
    unusual,
    write_record,
)
from experiments.papers.sets import name_of
from hierclf.config.commands import TrainOptions
from hierclf.foundation.errors import InputError


def folders(root: Path, *labels: str) -> Path:
    rng = np.random.default_rng(0)
    for label in labels:
        (root / label).mkdir(parents=True)
        frame = rng.integers(255, size=(40, 40), dtype=np.uint8)
        cv2.imwrite(str(root / label / f"{label}.png"), frame)
    return root


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (("kl0", "kl1", "kl2", "kl3", "kl4"), "knee_oa"),
        (("NORMAL", "PNEUMONIA"), "kermany (folders)"),
        (("CT_COVID", "CT_NonCOVID"), "covid_ct (folders)"),
        (("COVID", "non-COVID"), "sars_cov2_ct (folders)"),
        (("covid", "non_covid"), "sars_cov2_ct"),
    ],
)
def test_sets_are_known_by_their_labels(tmp_path, labels, name) -> None:
    assert name_of(folders(tmp_path / "whatever", *labels)) == name


def test_a_set_of_patients_is_another(tmp_path) -> None:
    root = folders(tmp_path / "scans", "covid", "non_covid")
    rows = ["path,label,patient_id"]
    rows += [f"{label}/{label}.png,{label},{label}" for label in ("covid", "non_covid")]
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    assert name_of(root) == "covid_ct"


def test_a_strange_set_is_refused(tmp_path) -> None:
    with pytest.raises(
        InputError, match=r"expected a set with one of these labels: .*"
    ):
        name_of(folders(tmp_path / "pets", "cat", "dog"))


@pytest.mark.parametrize("name", ["kermany", "knee_oa", "covid_ct", "sars_cov2_ct"])
def test_the_real_sets(real_data: Path, name: str) -> None:
    assert name_of(real_data / name) == name


def test_options_are_kept_without_places(tmp_path) -> None:
    options = TrainOptions.model_validate(
        {
            "data": tmp_path,
            "out": tmp_path / "run",
            "healthy": "normal",
            "network": {"views": "whole"},
        }
    )
    assert chosen_options(options) == {
        "healthy": "normal",
        "network": {"views": "whole"},
    }
    assert unusual({"a": {"b": 1}}, {"a": {"b": 1}}) == {}


@pytest.mark.slow
def test_rows_of_one_fit_share_it(tmp_path, capsys) -> None:
    told = Told(tmp_path / "work", data={}, smoke=True)
    rows = ("plain_at_0.50", "plain_tuned")
    choice = run.Choice(("cascade",), rows, ("lite0",))
    assert run.run_paper("he_2019", told, tmp_path / "out", choice) == []
    found = {record.row: record for record in read_records(tmp_path / "out")}
    assert set(found) == set(rows)
    assert len(list((tmp_path / "work" / "runs").iterdir())) == 1
    one = found["plain_tuned"]
    assert one.file == "cascade.plain_tuned.phantom.lite0.smoke.json"
    assert one.phantom
    assert one.n_scans == 120
    assert one.figures["cut_point"]["value"] is not None
    found_out, found_err = capsys.readouterr()
    assert "SMOKE cascade/plain_tuned: no ImageNet weights of densenet121" in found_out
    assert "SMOKE he_2019: tiny phantoms, one epoch" in found_out
    assert f"SMOKE he_2019 {one.file}: " in found_out
    assert "macro recall" in found_err
    lines = [*found_out.splitlines(), *found_err.splitlines()]
    assert [line for line in lines if not line.startswith("SMOKE ")] == []
    again = Record.model_validate_json(one.model_dump_json())
    assert again == one


def test_older_records_of_other_scans_are_told_in_one_line(
    tmp_path, monkeypatch, capsys
) -> None:
    """Those of other sets, and of scans that another row reads otherwise, are not."""
    (kept, *_) = read_records(results_folder("sood_2020"))
    write_record(tmp_path, kept.model_copy(update={"fingerprint": "e" * 64}))
    drawn = {"data": PHANTOM, "phantom": True}
    for seed in (0, 1):
        told = {"fingerprint": str(seed), "row": f"vgg{16 + 3 * seed}", **drawn}
        write_record(tmp_path, kept.model_copy(update=told))
    made = kept.model_copy(update={"row": "vgg19"})
    monkeypatch.setattr(run, "_record", lambda *_: made)
    choice = run.Choice((), ("vgg19",), ("lite0",))
    told = Told(tmp_path, data={"covid_ct": tmp_path})
    assert run.run_paper("sood_2020", told, tmp_path, choice) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("covid_ct: expected one set of scans, got 2: ")
    assert "eeeeeeeeeeee of 1 records" in line


def test_a_row_that_fails_is_told_and_the_others_run(tmp_path, monkeypatch) -> None:
    def fail(*told: object) -> None:
        raise InputError("scans: expected some, got none. Add scans.")

    monkeypatch.setattr(run, "_record", fail)
    told = Told(tmp_path, data={}, smoke=True)
    failed = run.run_paper("sood_2020", told, tmp_path, run.Choice())
    assert len(failed) == len(load("sood_2020").rows["networks"])
    assert failed[0].startswith("sood_2020 networks/vgg16, phantom, scratch: scans:")


def test_an_unknown_table(tmp_path) -> None:
    choice = run.Choice(("flot",))
    with pytest.raises(InputError, match=r"Did you mean 'flat'\?"):
        run.run_paper("he_2019", Told(tmp_path, data={}), tmp_path, choice)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_smoke(name, tmp_path, monkeypatch) -> None:
    """Every row on the phantom; all papers together take minutes on two cores."""
    told = ["run", name, "--smoke", "--work", tmp_path / "work", "--out", tmp_path]
    monkeypatch.setattr(sys, "argv", [str(word) for word in told])
    run.main()
    records = read_records(tmp_path / name)
    experiment = load(name)
    found = {(one.table, one.row) for one in records}
    assert found == {(t, row) for t, rows in experiment.rows.items() for row in rows}
    for one in records:
        assert one.smoke
        figures = experiment.figures(one.table, one.row).values()
        assert set(figures) <= set(one.figures), (one.table, one.row)
