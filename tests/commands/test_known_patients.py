"""Scans of patients whom a bundle was trained on are told, in other files too."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hierclf.assembly.scans import RunData
from hierclf.assembly.trained import bundle_remarks, training_patients
from hierclf.bundle.store import load_bundle
from hierclf.data.dataset import DataOptions, fingerprint_of, read_dataset
from hierclf.results.run import read_results
from tests.commands.conftest import command


@pytest.fixture
def of_known_patients(trained: Path, cohort: Path, tmp_path: Path) -> Path:
    """Scans that no training saw, eight of sixteen under patients who were in one."""
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    tested = splits[splits["split"] == "test"].groupby("label").head(4)
    patients = splits.loc[splits["split"] == "train", "patient_id"].unique()
    names = [patients[k // 2] if k % 2 else f"new {k // 2}" for k in range(len(tested))]
    folder = tmp_path / "later"
    folder.mkdir()
    for number, path in enumerate(tested["path"]):
        shutil.copy(cohort / path, folder / f"{number}.png")
    paths = [f"{number}.png" for number in range(len(tested))]
    later = tested.assign(path=paths, patient_id=names).drop(columns="split")
    later.to_csv(folder / "manifest.csv", index=False)
    assert len(later) == 16
    return folder


def _remarks(bundle: Path, data: Path, out: Path) -> list[str]:
    done = command(
        "evaluate", "--bundle", bundle, "--data", data, "--resamples", 100,
        "--cache", out.parent / "cache", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [one for one in read_results(out).data.remarks if "the bundle" in one]


def test_other_scans_of_training_patients_are_recognized(
    trained: Path, of_known_patients: Path, tmp_path: Path
) -> None:
    """By the splits of the run that lie beside the bundle."""
    told = _remarks(trained / "bundle", of_known_patients, tmp_path / "a")
    assert told == [
        "0 of these 16 scans were in the training of the bundle.",
        "8 other scans have the patient_id of somebody who was in the training of the "
        "bundle: if this is the same person, figures on them are no evidence for new "
        "patients.",
    ]


@pytest.mark.parametrize("alone", [False, True])
def test_scans_beside_one_of_the_training_are_of_its_patient(
    trained: Path, cohort: Path, of_known_patients: Path, tmp_path: Path, alone: bool
) -> None:
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    path = splits.loc[splits["split"] == "train", "path"].iloc[0]
    shutil.copy(cohort / path, of_known_patients / "0.png")
    manifest = of_known_patients / "manifest.csv"
    table = pd.read_csv(manifest, dtype=str)
    table["patient_id"] = [f"new {number // 2}" for number in range(len(table))]
    if not alone:
        table.loc[:1, "patient_id"] = splits.loc[splits["path"] == path].iloc[0, 1]
    table.to_csv(manifest, index=False)
    bundle = tmp_path / "moved" / "bundle" if alone else trained / "bundle"
    if alone:
        shutil.copytree(trained / "bundle", bundle)
    first, second = _remarks(bundle, of_known_patients, tmp_path / "a")
    assert first.startswith("1 of these 16 scans was in the training of the bundle: ")
    assert second.startswith("1 other scan has the patient_id of somebody who was in")


def test_of_scans_without_patients_nothing_is_said_of_patients(
    trained: Path, of_known_patients: Path, tmp_path: Path
) -> None:
    manifest = of_known_patients / "manifest.csv"
    table = pd.read_csv(manifest, dtype=str).drop(columns="patient_id")
    table.to_csv(manifest, index=False)
    bundle = tmp_path / "moved" / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    told = _remarks(bundle, of_known_patients, tmp_path / "a")
    assert told == ["0 of these 16 scans were in the training of the bundle."]


@pytest.mark.parametrize("given", [False, True])
def test_training_patients_are_those_of_the_splits(
    trained: Path, tmp_path: Path, given: bool
) -> None:
    """Also where scans were left out since, and where the splits were given."""
    bundle = load_bundle(trained / "bundle")
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    expected = set(splits.loc[splits["split"] == "train", "patient_id"])
    data = bundle.info.data.model_copy(update={"n_scans": bundle.info.data.n_scans - 1})
    if given:
        frame = splits.rename(columns={"path": "scan"})
        data = data.model_copy(update={"fingerprint": fingerprint_of(frame)})
    bundle = replace(bundle, info=bundle.info.model_copy(update={"data": data}))
    assert training_patients(bundle) == expected
    assert training_patients(replace(bundle, folder=None)) is None


@pytest.mark.parametrize(("n_patients", "phantom"), [(None, False), (9, True)])
def test_of_a_bundle_without_patients_nothing_is_said_of_patients(
    trained: Path, of_known_patients: Path, n_patients: int | None, phantom: bool
) -> None:
    """Phantoms are none: two cohorts number theirs alike."""
    bundle = load_bundle(trained / "bundle")
    data = bundle.info.data.model_copy(update={"n_patients": n_patients})
    bundle = replace(bundle, info=bundle.info.model_copy(update={"data": data}))
    dataset = read_dataset(DataOptions(data=of_known_patients))
    assert dataset.has_patients
    scans = RunData(dataset, (), phantom, ("0" * 16,) * 16, 16)
    told = bundle_remarks(bundle, scans)
    assert told == ("0 of these 16 scans were in the training of the bundle.",)


@pytest.mark.parametrize("beside", [None, "other run", "no table", "no columns"])
def test_a_bundle_alone_knows_no_patients(
    trained: Path, of_known_patients: Path, tmp_path: Path, beside: str | None
) -> None:
    bundle = tmp_path / "moved" / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    splits = pd.read_csv(trained / "splits.csv", dtype=str)
    if beside == "other run":
        splits[1:].to_csv(bundle.parent / "splits.csv", index=False)
    elif beside == "no table":
        (bundle.parent / "splits.csv").write_bytes(b"\xff\x00")
    elif beside == "no columns":
        splits[["path"]].to_csv(bundle.parent / "splits.csv", index=False)
    told = _remarks(bundle, of_known_patients, tmp_path / "a")
    assert len(told) == 2
    assert told[1].startswith("No splits.csv of its run lies beside the bundle")
    assert told[1].endswith("in its training is not known.")
