"""Data sets whose labels and patients stand in folders, names and headers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from hierclf.data.dataset import DataOptions, Dataset, read_dataset
from hierclf.foundation.errors import InputError

KERMANY_RULE = (
    r"(?P<patient_id>person\d+|(?:NORMAL2-)?IM-\d+)(?:_(?P<label>bacteria|virus))?"
)


def touch(root: Path, *scans: str) -> None:
    for scan in scans:
        (root / scan).parent.mkdir(parents=True, exist_ok=True)
        (root / scan).touch()


def save(root: Path, text: str, *scans: str) -> Path:
    touch(root, *scans)
    path = root / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def read(data: Path, **options: object) -> Dataset:
    return read_dataset(DataOptions.model_validate({"data": data, **options}))


def refusal(data: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(data, **options)
    return str(caught.value)


def test_class_folders(tmp_path: Path) -> None:
    touch(tmp_path, "Sick/a.png", "WELL/b.png", "notes.txt")
    dataset = read(tmp_path)
    assert dataset.manifest["label"].tolist() == ["sick", "well"]
    assert not dataset.has_patients
    assert dataset.manifest["patient_id"].tolist() == ["Sick/a.png", "WELL/b.png"]
    assert [remark.split(":")[0].split(" and")[0] for remark in dataset.remarks] == [
        "1 file is no scan", "NO PATIENT IDS",
    ]  # fmt: skip


def test_a_scan_outside_of_class_folders_has_no_label(tmp_path: Path) -> None:
    touch(tmp_path, "sick/a.png", "b.png")
    assert refusal(tmp_path).startswith("scan 'b.png': expected a label, got ''.")


def test_a_class_folder_that_is_taken_for_the_data_is_told_once(tmp_path: Path) -> None:
    touch(tmp_path, "sick/a.png", "sick/b.png", "well/c.png")
    message = refusal(tmp_path / "sick")
    assert message.startswith(
        "scan 'a.png': expected a label, got none for all 2 scans."
    )
    assert message.count("Point --data at the folder that holds the class folders") == 1


def test_kermany_by_one_rule_for_its_file_names(
    tmp_path: Path, real_data: Path
) -> None:
    """The rule finds bacteria and virus; NORMAL is left to the folder's name."""
    given = read(real_data / "kermany").manifest.set_index("scan")
    touch(tmp_path, *given.index)
    dataset = read(tmp_path, name_rule=KERMANY_RULE)
    found = dataset.manifest.set_index("scan").loc[given.index]
    assert len(found) == len(dataset.manifest) == 5216
    assert found["label"].tolist() == given["label"].tolist()
    pairs = set(zip(found["patient_id"], given["patient_id"], strict=True))
    assert len(pairs) == given["patient_id"].nunique() == len({a for a, _ in pairs})
    assert dataset.has_patients
    assert dataset.remarks == (
        "name_rule found the label of 3875 of 5216 scans; the others have that of "
        "their folder or row.",
    )


def test_a_rule_overrides_where_it_finds_a_label(tmp_path: Path) -> None:
    text = "path,label\nx_KL4.png,Old\ny.png,Old\n"
    path = save(tmp_path, text, "x_KL4.png", "y.png")
    frame = read(path, name_rule="(?P<label>KL[0-4])").manifest
    assert frame["label"].tolist() == ["kl4", "Old"]


def test_a_rule_can_replace_the_column(tmp_path: Path) -> None:
    path = save(tmp_path, "path\np1_kl4.png\n", "p1_kl4.png")
    dataset = read(path, name_rule="(?P<patient_id>p[0-9])_(?P<label>kl[0-4])")
    row = dataset.manifest.iloc[0]
    assert (row["label"], row["patient_id"]) == ("kl4", "p1")
    assert dataset.remarks == ()


def test_a_rule_that_finds_no_label_at_all_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "sick/a.png", "well/b.png")
    message = refusal(tmp_path, name_rule="(?P<label>virsu)")
    assert message.startswith("name_rule: expected to find a label in some file name")
    options = DataOptions(data=tmp_path, name_rule="(?P<label>virsu)")
    labels = read_dataset(options, needs_labels=False).manifest["label"]
    assert labels.tolist() == ["sick", "well"]


def test_a_dicom_tree_has_its_patients_from_the_headers(tmp_path: Path) -> None:
    for name, source in (("ct/1.dcm", "CT_small.dcm"), ("mr/2", "MR_small.dcm")):
        (tmp_path / name).parent.mkdir()
        shutil.copyfile(str(get_testdata_file(source)), tmp_path / name)
    dataset = read(tmp_path)
    assert dataset.manifest["patient_id"].tolist() == ["1CT1", "4MR1"]
    assert dataset.manifest["label"].tolist() == ["ct", "mr"]
    assert dataset.has_patients


def test_names_that_are_no_utf8_pass_through(tmp_path: Path) -> None:
    """Faults 40 and 46: the whole way, with a fingerprint."""
    name = os.fsdecode(b"x/caf\xe9 \n.png")
    touch(tmp_path, name)
    dataset = read(tmp_path)
    assert dataset.manifest["scan"].tolist() == [name]
    assert Path(dataset.manifest["path"][0]).is_file()
    assert len(dataset.fingerprint) == 64
