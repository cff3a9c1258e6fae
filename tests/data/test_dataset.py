"""The one entry: from a folder or a manifest to checked rows."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pydantic
import pytest

from hierclf.data.dataset import (
    DataOptions,
    Dataset,
    read_dataset,
    survey_dataset,
)
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


# -- options


def test_every_option_says_what_it_is() -> None:
    for name, entry in DataOptions.model_fields.items():
        assert entry.description, name
        assert entry.description.endswith("."), name


def test_unknown_options_are_refused_and_known_ones_cannot_be_changed() -> None:
    with pytest.raises(pydantic.ValidationError, match="extra_forbidden"):
        DataOptions.model_validate({"data": "x", "labels": "y"})
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        DataOptions(data=Path("x")).path_column = "y"  # type: ignore[misc]


# -- manifests


@pytest.mark.parametrize("name", ["kermany", "covid_ct", "knee_oa", "sars_cov2_ct"])
def test_real_manifests_are_read_as_pandas_reads_them(
    real_data: Path, name: str
) -> None:
    expected = pd.read_csv(real_data / name / "manifest.csv", dtype=object)
    dataset = read(real_data / name)
    frame = dataset.manifest
    assert frame["scan"].tolist() == expected["path"].tolist()
    assert frame["label"].tolist() == expected["label"].tolist()
    assert dataset.has_patients == ("patient_id" in expected)
    patients = expected["patient_id" if dataset.has_patients else "path"]
    assert frame["patient_id"].tolist() == patients.tolist()
    assert all(map(os.path.isfile, frame["path"]))
    assert list(frame)[4:] == [*expected.columns.difference(frame.columns[:4])]
    assert len(dataset.remarks) == (0 if dataset.has_patients else 1)


def test_columns_come_in_one_order_and_rows_in_that_of_the_file(tmp_path: Path) -> None:
    text = (
        "site,split,patient_id,lung_mask,label,path,age\n"
        "7,TEST,2,,b,b.png,\n9,Training,1,m.png,a,a.png,\n"
    )
    path = save(tmp_path, text, "a.png", "b.png", "m.png")
    dataset = read(path)
    frame = dataset.manifest
    assert list(frame) == [
        "path", "scan", "label", "patient_id", "split", "lung_mask", "site", "age",
    ]  # fmt: skip
    assert frame.index.tolist() == [0, 1]
    assert frame["scan"].tolist() == ["b.png", "a.png"]
    assert frame["split"].tolist() == ["test", "train"]
    assert set(map(str, frame.dtypes)) == {"object"}
    assert dataset.root == tmp_path.resolve()
    pd.testing.assert_frame_equal(frame, read(tmp_path).manifest)


def test_all_troubles_of_a_file_are_in_one_message_in_order(tmp_path: Path) -> None:
    """Fault 49: NaN labels and their like, with the rows of a spreadsheet."""
    text = (
        "path,label,patient_id,split\n"
        "a.png,NaN,p1,train\n"
        "b.png,x,,train\n"
        "\n"
        "c.png,x,p3,tset\n"
        "../d.png,x,p4,test\n"
        "e.png,,p5,test\n"
    )
    message = refusal(save(tmp_path, text, "a.png", "b.png", "c.png", "e.png"))
    rows = [
        "manifest.csv, row 2: expected a label, got 'NaN'.",
        "manifest.csv, row 3: expected a patient_id, got ''.",
        "manifest.csv, row 5: expected the split train, val or test, got 'tset'.",
        "manifest.csv, row 6: expected a path below the folder of the manifest",
        "manifest.csv, row 7: expected a label, got ''.",
    ]
    places = [message.index(row) for row in rows]
    assert places == sorted(places)
    assert message.count("expected") == len(rows)
    assert "\n" not in message


def test_five_troubles_are_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    rows = "".join(f"{i}.png,\n" for i in range(8))
    text = f"path,label\n{rows}8.png,sick\n"
    message = refusal(save(tmp_path, text, *(f"{i}.png" for i in range(9))))
    assert message.count("expected a label") == 5
    assert message.endswith("(and 3 more of this kind)")


def test_labels_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    """Fault 49: an unknown label is most often a misspelt one."""
    text = "path,label\na.png,Normal\nb.png,normal\nc.png,Normal\n"
    message = refusal(save(tmp_path, text, "a.png", "b.png", "c.png"))
    assert message.startswith(
        "manifest.csv, row 3: expected one spelling of a label, got 'normal' beside "
        "'Normal'."
    )
    assert message.count("expected") == 1


@pytest.mark.parametrize("label", ["a\tb", "a\u200bb", "caf\udce9", "a\xa0b"])
def test_labels_are_printable(tmp_path: Path, label: str) -> None:
    """Fault 40: odd characters."""
    folder = tmp_path / label
    folder.mkdir()
    (folder / "a.png").touch()
    message = refusal(tmp_path, patient_from="none")
    assert "expected a label of printable UTF-8 text, got" in message
    assert message.isprintable()


def test_columns_asked_for_by_name_must_be_there(tmp_path: Path) -> None:
    path = save(tmp_path, "path,label\na.png,x\n", "a.png")
    assert "expected a column 'file' for the path" in refusal(path, path_column="file")
    assert "expected a column 'part' for the split" in refusal(
        path, split_column="part"
    )
    assert "expected a column 'who' for the patient_id" in refusal(
        path, patient_column="who"
    )
    assert "expected a column 'patient_id' for the patient_id" in refusal(
        path, patient_from="manifest"
    )


def test_without_need_labels_may_be_absent(tmp_path: Path) -> None:
    path = save(tmp_path, "path\na.png\n", "a.png")
    options = DataOptions(data=path)
    dataset = read_dataset(options, needs_labels=False)
    assert dataset.manifest["label"].tolist() == [""]
    with pytest.raises(InputError, match="expected a column 'label' for the label"):
        read_dataset(options)


# -- splits


def test_a_patient_in_two_given_splits_is_refused(tmp_path: Path) -> None:
    """Fault 52: leakage, unless it is allowed by name."""
    text = (
        "path,label,patient_id,split\n"
        "a.png,x,p1,train\nb.png,x,p2,train\nc.png,y,p2,test\nd.png,y,p3,val\n"
    )
    path = save(tmp_path, text, "a.png", "b.png", "c.png", "d.png")
    assert refusal(path) == (
        "manifest.csv, row 3: expected patient 'p2' in one split, got test and train. "
        "Move all scans of the patient to one, or pass --allow-straddling."
    )
    dataset = read(path, allow_straddling=True)
    assert dataset.manifest["split"].tolist() == ["train", "train", "test", "val"]
    assert dataset.remarks[0].startswith("1 patient sits in more than one given split")


def test_rows_without_patient_or_split_are_no_leak(tmp_path: Path) -> None:
    text = (
        "path,label,patient_id,split\n"
        "a.png,x,,train\nb.png,x,,test\nc.png,y,p2,?\nd.png,y,p2,test\n"
    )
    message = refusal(save(tmp_path, text, "a.png", "b.png", "c.png", "d.png"))
    assert message.count("expected") == 3
    assert "in one split" not in message


def test_split_folders_are_checked_for_leaks_too(tmp_path: Path) -> None:
    touch(tmp_path, "train/x/p1_a.png", "test/x/p1_b.png", "test/y/p2_c.png")
    message = refusal(tmp_path, name_rule="(?P<patient_id>p[0-9])_")
    assert message.startswith(
        "scan 'test/x/p1_b.png': expected patient 'p1' in one split, got test and train"
    )


@pytest.mark.parametrize("name", ["none", "scan.png"])
def test_what_is_neither_folder_nor_manifest_is_refused(
    tmp_path: Path, name: str
) -> None:
    touch(tmp_path, "scan.png")
    message = refusal(tmp_path / name)
    assert message.startswith("data: expected a folder or a .csv file, got '")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """Fault 48: nothing to read, whether labels are needed or not."""
    with pytest.raises(InputError, match="expected at least one scan"):
        read_dataset(DataOptions(data=tmp_path), needs_labels=False)


# -- fingerprint


def test_the_fingerprint_is_of_rows_and_not_of_order_or_pixels(tmp_path: Path) -> None:
    head, rows = "path,label,patient_id,split,age\n", ["a.png,x,1,train,5\n"]
    rows.append("b.png,y,2,test,6\n")
    before = read(save(tmp_path, head + "".join(rows), "a.png", "b.png")).fingerprint
    (tmp_path / "a.png").write_bytes(b"other pixels")
    turned = head.replace("age", "years") + "".join(reversed(rows))
    assert read(save(tmp_path, turned)).fingerprint == before


@pytest.mark.parametrize(
    "row", ["c.png,x,1,train", "a.png,z,1,train", "a.png,x,3,train", "a.png,x,1,val"]
)
def test_the_fingerprint_changes_with_each_of_the_four(
    tmp_path: Path, row: str
) -> None:
    head = "path,label,patient_id,split\nb.png,y,2,test\n"
    path = save(tmp_path, f"{head}a.png,x,1,train\n", "a.png", "b.png", "c.png")
    before = read(path).fingerprint
    assert read(save(tmp_path, f"{head}{row}\n")).fingerprint != before


def test_a_survey_tells_what_reading_refuses(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png", "c.png", "d.png")
    rows = ["a.png,x,p1,train", "b.png,,p2,train", "gone.png,x,p3,test"]
    rows += ["c.png,y,p1,test", "d.png,y,,test", "a.png,y,p4,test"]
    text = "\n".join(["path,label,patient_id,split", *rows])
    (tmp_path / "manifest.csv").write_text(text)
    dataset, troubles = survey_dataset(DataOptions(data=tmp_path))
    assert dataset.manifest["scan"].tolist() == ["a.png", "c.png"]
    assert dataset.manifest["patient_id"].tolist() == ["p1", "p1"]
    assert dataset.manifest["split"].tolist() == ["train", "test"]
    assert sorted(troubles) == ["a.png", "b.png", "d.png", "gone.png"]
    assert "expected one label for 'a.png', got 'y'" in troubles["a.png"][0]
    with pytest.raises(InputError, match=r"row 3: expected a label"):
        read_dataset(DataOptions(data=tmp_path))


def test_a_survey_of_a_good_set_is_the_set(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.png", "y/b.png")
    dataset, troubles = survey_dataset(DataOptions(data=tmp_path))
    known = read_dataset(DataOptions(data=tmp_path))
    assert troubles == {}
    assert dataset.manifest.equals(known.manifest)
    assert dataset.fingerprint == known.fingerprint
