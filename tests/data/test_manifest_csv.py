"""The manifest: columns, paths, masks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hierclf.data.manifest_csv import read_manifest
from hierclf.data.source import Source
from hierclf.foundation.errors import InputError

OURS = {name: name for name in ("path", "label", "patient_id", "split")}


def make(root: Path, text: str | bytes, *scans: str) -> Path:
    for scan in scans:
        (root / scan).parent.mkdir(parents=True, exist_ok=True)
        (root / scan).touch()
    path = root / "manifest.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(
    manifest: Path, *, required: Sequence[str] = ("path", "label"), **names: str
) -> Source:
    return read_manifest(manifest, {**OURS, **names}, required=required)


def troubles(manifest: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(manifest).refuse_troubles()
    return str(caught.value)


def test_paths_are_made_absolute_and_scans_normal(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    text = f"path,label\n./a//b.png,x\na/../c.png,x\n{root}/d.png,y\n"
    source = read(make(tmp_path, text, "a/b.png", "c.png", "d.png"))
    assert source.troubles == []
    assert source.frame["scan"].tolist() == ["a/b.png", "c.png", "d.png"]
    assert source.frame["path"].tolist() == [
        f"{root}/{scan}" for scan in ("a/b.png", "c.png", "d.png")
    ]
    assert source.root == root


def test_cells_stay_text_and_other_columns_are_kept(tmp_path: Path) -> None:
    text = "path,label,patient_id,age,site\na.png, 1 ,007 ,063,\n"
    frame = read(make(tmp_path, text, "a.png")).frame
    assert frame["patient_id"].tolist() == ["007"]
    assert frame["label"].tolist() == ["1"]
    assert frame[["age", "site"]].to_numpy().tolist() == [["063", ""]]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    text = "file;grade;label;who;scan\na.png;2;sick;p1;77\n"
    names = {"path": "file", "label": "grade", "patient_id": "who"}
    source = read(make(tmp_path, text, "a.png"), **names)
    row = source.frame.iloc[0].to_dict()
    assert (row["label"], row["patient_id"], row["scan"]) == ("2", "p1", "a.png")
    assert [remark.split(" was")[0] for remark in source.remarks] == [
        "manifest.csv: column 'label'",
        "manifest.csv: column 'scan'",
    ]


def test_names_may_be_exchanged(tmp_path: Path) -> None:
    path = make(tmp_path, "label,path\na.png,x\n", "a.png")
    frame = read(path, path="label", label="path").frame
    assert (frame["scan"].tolist(), frame["label"].tolist()) == (["a.png"], ["x"])


def test_missing_columns_are_all_named_with_the_nearest(tmp_path: Path) -> None:
    """Fault 49: a missing column."""
    path = make(tmp_path, "path,lable\na.png,x\n", "a.png")
    with pytest.raises(InputError) as caught:
        read(path, required=("path", "label", "split"))
    assert str(caught.value) == (
        "manifest.csv, row 1: expected a column 'label' for the label, got none. "
        "Did you mean 'lable'? manifest.csv, row 1: expected a column 'split' for the "
        "split, got none. Known: lable, path."
    )


def test_one_column_cannot_serve_twice(tmp_path: Path) -> None:
    path = make(tmp_path, "path,label\na.png,x\n", "a.png")
    with pytest.raises(InputError, match=r"a different one for each .*got path, path"):
        read(path, label="path")


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    """Fault 48: nothing to read."""
    with pytest.raises(InputError, match="at least one row below the header, got none"):
        read(make(tmp_path, "path,label\n"))


def test_paths_outside_the_root_are_refused(tmp_path: Path) -> None:
    """Fault 51: traversal, absolute paths and links out of the folder."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").touch()
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "a.png").touch()
    (root / "link.png").symlink_to("../secret.png")
    (root / "dir").symlink_to(tmp_path / "root-2")
    bad = ["../secret.png", "x/../../secret.png", "/etc/passwd", "link.png"]
    bad += ["dir/a.png", f"{tmp_path}/root-2/a.png", "."]
    path = make(root, "path,label\n" + "".join(f"{p},x\n" for p in bad), "ok.png")
    found = read(path).troubles
    assert [row for row, _ in found] == list(range(2, 2 + len(bad)))
    for (row, message), cell in zip(found, bad, strict=True):
        assert message.startswith(
            f"manifest.csv, row {row}: expected a path below the folder of the "
            f"manifest, got {cell!r}."
        )


def test_absent_files_and_empty_paths_are_troubles(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder").mkdir()
    text = "path,label\ngone.png,x\n ,x\npipe.png,x\nfolder,x\na\\b.png,x\n"
    message = troubles(make(tmp_path, text, "a/b.png"))
    assert "row 2: expected a file, got none at 'gone.png'." in message
    assert "row 3: expected a path, got ''." in message
    assert "row 4: expected a file, got none at 'pipe.png'." in message
    assert "row 5: expected a file, got none at 'folder'." in message
    assert r"row 6: expected a file, got none at 'a\\b.png'." in message


def test_a_path_that_no_file_can_have_is_a_trouble(tmp_path: Path) -> None:
    path = make(tmp_path, f"path,label\n{'x' * 300}.png,y\n{'a/' * 3000}b.png,y\n")
    assert [row for row, _ in read(path).troubles] == [2, 3]


def test_duplicated_rows_and_conflicting_labels_are_refused(tmp_path: Path) -> None:
    """Fault 54: the same file twice, also under another name."""
    (tmp_path / "alias.png").symlink_to("a.png")
    text = "path,label\na.png,x\nb.png,x\n./a.png,x\na.png,y\nalias.png,x\n"
    message = troubles(make(tmp_path, text, "a.png", "b.png"))
    assert "row 4: expected each scan once, got './a.png' as in row 2." in message
    assert (
        "row 5: expected one label for 'a.png', got 'y' here and 'x' in row 2."
        in message
    )
    assert "row 6: expected each scan once, got 'alias.png' as in row 2." in message
    assert "row 3" not in message


def test_masks_are_made_absolute_and_checked(tmp_path: Path) -> None:
    text = "path,label,lesion_mask,lung_mask\na.png,x,m/a.png,\nb.png,x,,../b.png\n"
    source = read(make(tmp_path, text, "a.png", "b.png", "m/a.png"))
    root = tmp_path.resolve()
    assert source.frame["lesion_mask"].tolist() == [f"{root}/m/a.png", ""]
    assert source.frame["lung_mask"][2] == ""
    [(row, message)] = source.troubles
    assert row == 3
    assert message.startswith("manifest.csv, row 3: lung_mask: expected a path below")


def test_names_that_are_no_utf8_are_found_but_other_text_must_be(
    tmp_path: Path,
) -> None:
    """Faults 40 and 46: bytes of another encoding."""
    name = os.fsdecode(b"caf\xe9.png")
    content = b"path,label,patient_id,site\ncaf\xe9.png,x,M\xfcller,Z\xc3\xbcrich\n"
    source = read(make(tmp_path, content, name))
    assert source.frame["scan"].tolist() == [name]
    [(row, message)] = source.troubles
    assert (row, message) == (
        2,
        "manifest.csv, row 2: expected text in UTF-8, got 'M\\udcfcller' as "
        "patient_id. Save the file as 'CSV UTF-8'.",
    )


def test_odd_names_are_found(tmp_path: Path) -> None:
    """Fault 46: spaces, a line end, '-', a formula, 255 bytes."""
    names = [" a b .png", "two\nlines.png", "-rf.png", "=cmd.png", "x" * 251 + ".png"]
    rows = "".join(f'"{name}",x\n' for name in names)
    source = read(make(tmp_path, f"path,label\n{rows}", *names))
    assert source.troubles == []
    assert source.frame["scan"].tolist() == names
    assert source.frame.index.tolist() == [2, 3, 4, 5, 6]
