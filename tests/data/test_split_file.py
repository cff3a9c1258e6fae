"""The file of the splits: written, read back, verified."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.split import read_splits, straddling_patients, write_splits
from hierclf.foundation.errors import InputError


def manifest_of(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["scan", "patient_id", "label"], dtype=object)


FILE_TEXT = st.binary(max_size=9).map(
    lambda content: content.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)


@settings(deadline=None)
@given(
    st.dictionaries(FILE_TEXT.map("x{}".format), st.tuples(FILE_TEXT, FILE_TEXT)),
    st.randoms(use_true_random=False),
)
def test_splits_are_read_back(rows: dict[str, tuple[str, str]], rng: Any) -> None:
    """Law: write then read gives the same, in whatever order the rows are asked."""
    frame = manifest_of([(scan, *cells) for scan, cells in rows.items()])
    split_of = {who: rng.choice(["train", "val", "test"]) for who, _ in rows.values()}
    split = [split_of[who] for who in frame["patient_id"]]
    order = rng.sample(range(len(rows)), len(rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "splits.csv"
        write_splits(path, frame, split)
        found = read_splits(path, frame.iloc[order])
    assert found.tolist() == [split[i] for i in order]


FRAME = manifest_of([("a", "p1", "x"), ("b", "p2", "y"), ("c", "p2", "y")])
HEAD = "path,patient_id,label,split\n"
ROWS = ["a,p1,x,train\n", "b,p2,y,test\n", "c,p2,y,test\n"]


def test_the_file_is_a_plain_table_that_serves_as_a_manifest(tmp_path: Path) -> None:
    write_splits(tmp_path / "manifest.csv", FRAME, ["train", "test", "test"])
    text = (tmp_path / "manifest.csv").read_bytes().decode()
    assert text == (HEAD + "".join(ROWS)).replace("\n", "\r\n")
    for scan in "abc":
        (tmp_path / scan).touch()
    again = read_dataset(DataOptions(data=tmp_path)).manifest
    assert again["split"].tolist() == ["train", "test", "test"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + ROWS[0] + ROWS[1], r"expected a row for 'c', got none"),
        (
            HEAD + "".join([*ROWS, "d,p1,x,test\n"]),
            r"row 5: .*of the manifest, got 'd'",
        ),
        (HEAD + "".join([*ROWS, ROWS[0]]), r"row 5: expected each scan once, got 'a'"),
        (
            HEAD + "".join([*ROWS[:2], "c,p3,y,test\n"]),
            r"row 4: expected patient and label \['p2', 'y'\] for 'c', got \['p3'",
        ),
        (HEAD + "".join([*ROWS[:2], "c,p2,z,test\n"]), r"row 4: .*got \['p2', 'z'\]"),
        (
            HEAD + "".join(["a,p1,x,tset\n", *ROWS[1:]]),
            r"row 2: expected one of train, val, test for 'a', got 'tset'",
        ),
        (HEAD + "".join(["a,p1,x\n", *ROWS[1:]]), r"row 2: expected 4 cells"),
        (
            HEAD + "".join([*ROWS[:2], "c,p2,y,val\n"]),
            r"splits.csv: expected patient 'p2' in one split, got test and val\.",
        ),
        ("path,patient_id,split\n", r"expected the columns .* none called 'label'"),
    ],
)
def test_splits_of_another_manifest_or_edited_ones_are_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    """Fault 52: also a patient who was moved by hand to two sides."""
    path = tmp_path / "splits.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_splits(path, FRAME)


def test_only_whole_patients_are_written_unless_allowed(tmp_path: Path) -> None:
    """Fault 52: leakage is refused before it is on the disk."""
    path = tmp_path / "splits.csv"
    split = ["train", "train", "test"]
    with pytest.raises(InputError, match="expected patient 'p2' in one split, got te"):
        write_splits(path, FRAME, split)
    assert not path.exists()
    write_splits(path, FRAME, split, allow_straddling=True)
    with pytest.raises(InputError, match="expected patient 'p2' in one split"):
        read_splits(path, FRAME)
    assert read_splits(path, FRAME, allow_straddling=True).tolist() == split


def test_only_known_splits_are_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="and so on, got 'folder1'"):
        write_splits(tmp_path / "splits.csv", FRAME, ["train", "folder1", "test"])


def test_folds_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    write_splits(path, FRAME, ["fold0", "fold12", "fold12"])
    assert read_splits(path, FRAME).tolist() == ["fold0", "fold12", "fold12"]


def test_straddling_patients_are_named_with_their_splits() -> None:
    found = straddling_patients(list("abcab"), ["t", "t", "t", "v", "t"])
    assert found == {"a": ["t", "v"]}
