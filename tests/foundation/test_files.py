"""Files are written whole or not at all, and locks hold."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hierclf.foundation import files
from hierclf.foundation.errors import InputError, ResourceError


def test_write_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"b": 1, "a": [1.5]})
    files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 2}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults 101 and 103: a buffered write may fail only when it is flushed."""
    path = tmp_path / "a"
    files.write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match=r"No space left.*Free some space"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1, "a": 2}', "key 'a' stands twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"\xff\xfe", "expected valid JSON"),
        (b"{", "expected valid JSON"),
    ],
)
def test_read_json_refuses(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        files.read_json(path)


def test_read_json_refuses_a_large_file_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1, 2]")
    with pytest.raises(InputError, match="expected at most 3 bytes, got 6"):
        files.read_json(path, limit=3)


def test_nan_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})


def test_new_folder_appears_complete(tmp_path: Path) -> None:
    target = tmp_path / "run"
    with files.new_folder(target) as folder:
        (folder / "x").write_text("1")
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    with (
        pytest.raises(InputError, match="expected a new folder"),
        files.new_folder(target),
    ):
        pass
    with files.new_folder(target, overwrite=True) as folder:
        (folder / "y").write_text("2")
    assert [p.name for p in target.iterdir()] == ["y"]


def test_replaced_folder_is_there_at_every_moment(tmp_path: Path) -> None:
    """Fault 106: a reader never finds the name without a folder."""
    target = tmp_path / "run"
    gone, over = [], threading.Event()

    def watch() -> None:
        while not over.is_set():
            gone.append(not target.exists())

    with files.new_folder(target) as folder:
        (folder / "x").write_text("0")
    watcher = threading.Thread(target=watch)
    watcher.start()
    for turn in range(200):
        with files.new_folder(target, overwrite=True) as folder:
            (folder / "x").write_text(str(turn))
    over.set()
    watcher.join()
    assert len(gone) > 200
    assert not any(gone)
    assert (target / "x").read_text() == "199"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_folder_is_replaced_where_names_cannot_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    for text in ("1", "2"):
        with files.new_folder(tmp_path / "run", overwrite=True) as folder:
            (folder / "x").write_text(text)
    assert (tmp_path / "run" / "x").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with files.new_folder(tmp_path / "run") as folder:
            (folder / "x").write_text("1")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_lock_is_exclusive_and_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path;"
        "from hierclf.foundation.files import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ResourceError, match="lock held by"), files.locked(path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    for _ in range(100):
        try:
            with files.locked(path):
                break
        except ResourceError:
            time.sleep(0.01)
    else:
        pytest.fail("the lock outlived its process")


def test_who_comes_second_does_not_replace_the_first(tmp_path: Path) -> None:
    """Two at once, neither told to overwrite."""
    path = tmp_path / "run"
    second = files.new_folder(path)
    (second.__enter__() / "second").touch()
    with files.new_folder(path) as other:
        (other / "first").touch()
    with pytest.raises(InputError, match="expected a new folder"):
        second.__exit__(None, None, None)
    assert [item.name for item in path.iterdir()] == ["first"]
    assert [item.name for item in tmp_path.iterdir()] == ["run"]
