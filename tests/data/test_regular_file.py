"""Files that are gone, forbidden, changing, or no files at all."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import numpy as np
import pytest

from hierclf.data import regular_file
from hierclf.data.dicom import dicom_patient_id
from hierclf.data.pixels import ReadLimits, read_scan
from hierclf.foundation.errors import ResourceError, ScanError

GRAY = np.random.default_rng(5).integers(0, 256, (24, 40), dtype=np.uint8)


@pytest.fixture
def scan(encode, tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(encode(GRAY, "PNG"))
    return path


def fails(path, code, match):
    for read in (read_scan, dicom_patient_id):
        with pytest.raises(ScanError, match=match) as caught:
            read(path)
        assert caught.value.code == code
        assert str(path.parent) not in str(caught.value)


def test_folder(tmp_path):
    """Fault 43: a folder."""
    fails(tmp_path, "E_NOT_REGULAR", "got a folder, pipe or device")


def test_pipe_without_writer(tmp_path):
    """Fault 43: opening a FIFO does not wait for somebody to write."""
    path = tmp_path / "scan.png"
    os.mkfifo(path)
    fails(path, "E_NOT_REGULAR", "got a folder, pipe or device")


def test_device():
    """Fault 43: a device without end."""
    fails(Path("/dev/zero"), "E_NOT_REGULAR", "got a folder, pipe or device")


def test_socket():
    """Fault 43: a socket."""
    folder = Path(tempfile.mkdtemp())  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        fails(folder / "s", "E_NOT_REGULAR", "got 'No such device or address'")
    shutil.rmtree(folder)


def test_link_loop(tmp_path):
    """Fault 43: symbolic links in a circle."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    fails(tmp_path / "a", "E_NOT_REGULAR", "symbolic links")


def test_links(scan, tmp_path):
    """A link to a scan is read; one to a device is refused; one to nothing is gone."""
    (tmp_path / "link").symlink_to(scan)
    assert read_scan(tmp_path / "link").sha256 == read_scan(scan).sha256
    (tmp_path / "zero").symlink_to("/dev/zero")
    fails(tmp_path / "zero", "E_NOT_REGULAR", "device")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    fails(tmp_path / "dangling", "E_GONE", "No such file")


def test_forbidden(encode):
    """Fault 44: a file that may not be read, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    path = folder / "scan.png"
    path.write_bytes(encode(GRAY, "PNG"))
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        fails(path, "E_PERM", "got 'Permission denied'")
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name", ["absent", "n" * 300, "nul\0", "\ud800", "scan.png/below"]
)
def test_gone(scan, name):
    """Fault 45: deleted, or a name that no file can have."""
    fails(scan.parent / name, "E_GONE", "expected a")


@pytest.mark.parametrize("change", ["longer", "shorter", "same length"])
def test_changed_while_read(scan, monkeypatch, change):
    """Fault 45: a file that is written while it is read."""
    look, looks = os.fstat, []

    def look_and_write(descriptor):
        looks.append(descriptor)
        if len(looks) == 2:  # when its size is asked, before it is read
            state = look(descriptor)
            content = scan.read_bytes()
            new = {"longer": content + b"xy", "shorter": content[:-1]}
            scan.write_bytes(new.get(change, content[:-1] + b"x"))
            later = int(change == "same length")  # else only the length tells
            os.utime(scan, ns=(0, state.st_mtime_ns + later))
            return state
        return look(descriptor)

    monkeypatch.setattr(regular_file.os, "fstat", look_and_write)
    with pytest.raises(
        ScanError, match="got one that changed while it was read"
    ) as caught:
        read_scan(scan)
    assert caught.value.code == "E_CHANGED"


def test_replaced_after_opening(scan, encode, monkeypatch):
    """Fault 45: what is hashed is what was decoded, not what lies there now."""
    before = read_scan(scan)
    look = os.fstat

    def look_and_replace(descriptor):
        other = scan.with_name("other")
        other.write_bytes(encode(255 - GRAY, "PNG"))
        other.replace(scan)
        return look(descriptor)

    monkeypatch.setattr(regular_file.os, "fstat", look_and_replace)
    meanwhile = read_scan(scan)
    monkeypatch.undo()
    assert meanwhile.sha256 == before.sha256
    np.testing.assert_array_equal(meanwhile.pixels, before.pixels)
    assert read_scan(scan).sha256 != before.sha256


def test_size_is_checked_before_reading(tmp_path):
    """A sparse file of a terabyte costs nothing."""
    path = tmp_path / "huge.png"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ScanError, match="got 1099511627776") as caught:
        read_scan(path)
    assert caught.value.code == "E_TOO_LARGE"


def test_no_more_files(scan, monkeypatch):
    """Too many open files is no fault of this one: the run must stop."""

    def full(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(regular_file.os, "open", full)
    with pytest.raises(ResourceError, match="Too many open files"):
        read_scan(scan)


def test_bad_disk(scan, monkeypatch):
    """A disk that fails while reading."""

    class Broken:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.stream.close()

        def __init__(self):
            self.stream = scan.open("rb")
            self.fileno = self.stream.fileno

        def read(self, *_):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(regular_file, "open_regular", lambda _: Broken())
    with pytest.raises(ScanError, match="got 'Input/output error'") as caught:
        regular_file.read_once(scan, ReadLimits())
    assert caught.value.code == "E_PERM"


def test_nothing_stays_open(scan, tmp_path):
    """Neither success nor refusal leaks a file descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read_scan(scan)
        fails(tmp_path, "E_NOT_REGULAR", "folder")
    assert len(os.listdir("/proc/self/fd")) == before
