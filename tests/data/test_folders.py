"""Listing scans, and what the folders above them say."""

from __future__ import annotations

import inspect
import logging
import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.data.folders import (
    is_dicom_name,
    list_scans,
    read_folders,
    remark_on_links,
)
from hierclf.foundation.errors import InputError, ResourceError, ScanError

MARKED = b"\0" * 128 + b"DICM"
ODD_NAMES = [
    "a name with spaces .png",
    "two\nlines.png",
    "-rf.png",
    "=cmd|' \\C calc'!A0.png",
    "\u202egnp.exe.png",
    "x" * 251 + ".png",
    os.fsdecode(b"caf\xe9\xff.png"),
]


def touch(root: Path, *names: str, content: bytes = b"") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def names_of(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in list_scans(root)]


def test_scans_are_found_by_extension_in_any_case(tmp_path: Path) -> None:
    kept = ["a.PNG", "b.jpg", "c.JpEg", "d.tif", "e.TIFF", "f.dcm", "g.Dicom"]
    touch(tmp_path, *kept, "readme.txt", "scores.csv", "h.png.bak", "i.gif", "j.png.gz")
    assert names_of(tmp_path) == kept


def test_names_without_extension_are_decided_by_the_dicom_mark(tmp_path: Path) -> None:
    """A UID ends in a number, which is no extension."""
    touch(tmp_path, "IM0001", "1.2.840.113619.2.55", content=MARKED + b"more")
    touch(tmp_path, "README", "1.2.3", content=b"DICM")
    touch(tmp_path, "LICENSE", content=b"x" * 500)
    touch(tmp_path, "notes.txt", content=MARKED)
    assert names_of(tmp_path) == ["1.2.840.113619.2.55", "IM0001"]


def test_hidden_files_and_dicomdir_are_passed_over(tmp_path: Path) -> None:
    """Fault 41: DICOMDIR in the folder."""
    touch(tmp_path, "._a.png", ".cache/a.png", "a/.b.png")
    touch(tmp_path, "DICOMDIR", "a/dicomdir", content=MARKED)
    touch(tmp_path, "a/b.png")
    assert names_of(tmp_path) == ["a/b.png"]


def test_links_and_special_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 43: loops, links out of the folder, pipes, devices, sockets."""
    caplog.set_level(logging.INFO, "hierclf")
    root = tmp_path / "in"
    touch(tmp_path, "in/real.png", "out/secret.png", "in-house.png")
    (root / "loop").symlink_to(root)
    (root / "self.png").symlink_to("self.png")
    (root / "gone.png").symlink_to("nowhere.png")
    (root / "outside.png").symlink_to(tmp_path / "out" / "secret.png")
    (root / "beside.png").symlink_to(tmp_path / "in-house.png")
    (root / "folder").symlink_to(tmp_path / "out")
    (root / "zero.png").symlink_to("/dev/zero")
    (root / "inside.png").symlink_to("real.png")
    os.mkfifo(root / "pipe.png")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)  # a socket's address is limited to about 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        assert names_of(root) == ["inside.png", "real.png"]
        assert remark_on_links(root).startswith("4 symbolic links lead out of")
        assert set(caplog.messages) == {"first link: 'beside.png'"}
        remarks = read_folders(root).remarks
    assert remark_on_links(root) in remarks


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.png")
    (tmp_path / "link").symlink_to("real")
    assert list(list_scans(tmp_path / "link")) == [tmp_path / "link" / "a.png"]


def test_odd_names_are_listed_as_they_are(tmp_path: Path) -> None:
    """Faults 40 and 46: spaces, line ends, '-', '=cmd', no UTF-8, 255 bytes."""
    touch(tmp_path, *ODD_NAMES)
    assert names_of(tmp_path) == sorted(ODD_NAMES)
    assert all(path.is_file() for path in list_scans(tmp_path))


def test_listing_begins_before_all_folders_are_visited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 47: a large tree streams; each folder is listed when its turn comes."""
    touch(tmp_path, *(f"{i}/{j}.png" for i in range(5) for j in range(2)))
    listed: list[str] = []
    scandir = os.scandir

    def spy(folder: str) -> os._ScandirIterator[str]:
        listed.append(os.path.basename(os.path.normpath(folder)))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", spy)
    scans = list_scans(tmp_path)
    assert listed == []
    next(scans)
    next(scans)
    assert listed == [tmp_path.name, "0"]
    assert len(list(scans)) == 8
    assert len(listed) == 6


def test_a_deep_tree_is_no_recursion(tmp_path: Path) -> None:
    deep = "d/" * 300 + "x.png"
    touch(tmp_path, deep)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = names_of(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert found == [deep]


def test_a_folder_that_cannot_be_listed_stops_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.png", "closed/b.png")
    scandir = os.scandir

    def refuse(folder: str) -> os._ScandirIterator[str]:
        if "closed" in folder:
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ResourceError, match=r"list .*closed.*'Permission denied'"):
        list(list_scans(tmp_path))


def test_a_file_that_cannot_be_opened_is_left_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "IM1")

    def refuse(path: Path) -> None:
        raise ScanError("E_PERM", "expected a file that may be read, got none.")

    monkeypatch.setattr("hierclf.data.folders.open_regular", refuse)
    assert names_of(tmp_path) == ["IM1"]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    for path in (tmp_path / "a.png", tmp_path / "none"):
        with pytest.raises(InputError, match="expected a folder of scans, got none"):
            list(list_scans(path))


PARTS = st.text("aB0-. _!é", min_size=1, max_size=3).filter(lambda t: t[0] != ".")


@settings(deadline=None)
@given(st.sets(st.lists(PARTS, min_size=1, max_size=3).map(tuple), max_size=12))
def test_the_order_is_that_of_the_relative_names(tree: set[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        touch(root, *("/".join([*parts[:-1], f"{parts[-1]}.png"]) for parts in tree))
        found = names_of(root)
        everything = {p.relative_to(root).as_posix() for p in root.rglob("*.png")}
    assert found == sorted(everything)
    assert len(found) == len(tree)


def test_is_dicom_name() -> None:
    names = ["a.dcm", "a.DICOM", "1.2.3", "IM1", "a.png", "a.JPG", "a.tiff"]
    assert [is_dicom_name(name) for name in names] == [True] * 4 + [False] * 3


def test_class_folders_give_labels_in_lower_case(tmp_path: Path) -> None:
    touch(tmp_path, "NORMAL/a.png", "Stage 1/p1/s1/b.png", "loose.png")
    frame = read_folders(tmp_path).frame
    assert dict(zip(frame["scan"], frame["label"], strict=True)) == {
        "NORMAL/a.png": "normal",
        "Stage 1/p1/s1/b.png": "stage 1",
        "loose.png": "",
    }
    assert frame["path"].tolist() == [str(tmp_path / scan) for scan in frame["scan"]]
    assert "split" not in frame


def test_split_folders_above_class_folders_are_kept(tmp_path: Path) -> None:
    scans = ["Train/SICK/a.png", "valid/sick/b.png", "testing/well/x/c.png"]
    touch(tmp_path, *scans, "train/loose.png")
    frame = read_folders(tmp_path).frame.set_index("scan")
    assert frame.loc[scans, "split"].tolist() == ["train", "val", "test"]
    assert frame.loc[scans, "label"].tolist() == ["sick", "sick", "well"]
    assert frame.loc["train/loose.png", "label"] == ""


def test_class_folders_beside_split_folders_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/sick/a.png", "well/b.png", "empty/readme.txt")
    rule = "expected either class folders or train.*got 'train' beside 'well'"
    with pytest.raises(InputError, match=rule):
        read_folders(tmp_path)


def test_what_is_left_out_is_counted_and_named_on_the_terminal_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Remarks go on into the card of a bundle, and a path may name a patient."""
    caplog.set_level(logging.INFO, "hierclf")
    touch(tmp_path, "train/sick/a.png", "jane/readme.txt", "notes.md")
    source = read_folders(tmp_path)
    assert source.frame["split"].tolist() == ["train"]
    assert source.remarks == ["2 files are no scans and were left out."]
    assert caplog.messages == ["first file left out: 'jane/readme.txt'"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """Fault 48: nothing to read."""
    touch(tmp_path, "a/readme.txt")
    with pytest.raises(InputError, match=r"expected at least one scan .*got 1 other"):
        read_folders(tmp_path)


def test_a_link_to_a_listed_scan_is_a_trouble(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", ".store/2", "b/other.png")
    (tmp_path / "b" / "again.png").symlink_to("../a/1.png")
    (tmp_path / "b" / "kept.png").symlink_to("../.store/2")
    (tmp_path / "b" / "twice.png").symlink_to("../.store/2")
    with pytest.raises(InputError) as caught:
        read_folders(tmp_path).refuse_troubles()
    assert str(caught.value) == (
        "scan 'b/again.png': expected each file once, got the same as 'a/1.png'. "
        "Remove the link. scan 'b/twice.png': expected each file once, got the same as "
        "'b/kept.png'. Remove the link."
    )
