"""The audit log and its chain."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.web import audit
from hierclf.web.audit import AuditLog, verify
from tests.web.conftest import Hours


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def log(path: Path, hours: Hours) -> AuditLog:
    found = AuditLog(path, hours)
    for number in range(5):
        found.write("Ann", "upload", study=f"s{number}", size=number)
        hours.go(seconds=1)
    return found


def test_lines_follow_from_each_other(log: AuditLog, path: Path) -> None:
    assert verify(path) == 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    newest = log.newest_first(1, size=2)
    assert [one.number for one in newest] == [5, 4]
    assert newest[0].facts == {"study": "s4", "size": 4}
    assert newest[0].time_utc == "2027-01-15T08:00:04.000+00:00"
    assert [one.number for one in log.newest_first(3, size=2)] == [1]
    assert log.newest_first(4, size=2) == []


def test_no_log_has_no_lines(path: Path) -> None:
    assert AuditLog(path).newest_first(1) == []
    with pytest.raises(ResourceError):
        verify(path)


def test_pages_of_a_long_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in blocks that end within lines, it is the same."""
    log = AuditLog(path)
    for number in range(30):
        log.write("Ann", "upload", text="x" * number)
    shown = []
    for size in (100, 1 << 20):
        monkeypatch.setattr(audit, "_TAIL", size)
        shown.append([log.newest_first(page, size=7) for page in range(1, 7)])
    assert shown[0] == shown[1]
    numbers = [one.number for page in shown[0] for one in page]
    assert numbers == list(range(30, 0, -1))
    assert [len(page) for page in shown[0]] == [7, 7, 7, 7, 2, 0]


def test_a_damaged_log_is_still_shown(log: AuditLog, path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{}\n", b"\xff\n", lines[3], lines[4][:9]]))
    told = [(one.number, one.what) for one in log.newest_first(1)]
    damaged = (0, "damaged line")
    assert told == [(4, "upload"), damaged, damaged, (1, "upload")]


def test_no_value_makes_a_line_too_long_to_go_on(log: AuditLog, path: Path) -> None:
    log.write("\x01" * 100_000, "\x01" * 100_000, place="\x01" * 100_000)
    log.write("Ann", "upload")
    assert verify(path) == 7
    assert log.newest_first(1)[1].who == "\x01" * 200


def _changed(lines: list[bytes]) -> list[bytes]:
    told = json.loads(lines[2])
    told["who"] = "Bob"
    return [*lines[:2], json.dumps(told).encode() + b"\n", *lines[3:]]


def _with_its_own_hash(lines: list[bytes]) -> list[bytes]:
    """Somebody who knows how it is made changes one line."""
    told = json.loads(lines[2])
    told["who"] = "Bob"
    del told["hash"]
    before = told.pop("before")
    return [*lines[:2], audit._sealed(told, before), *lines[3:]]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_changed, 3),
        (_with_its_own_hash, 4),
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: [*lines, b"{}\n"], 6),
        (lambda lines: [*lines, b"[]\n"], 6),
        (lambda lines: [*lines, b"\xff\n"], 6),
        (lambda lines: [*lines[:-1], lines[-1].rstrip(b"\n")], 5),
    ],
)
def test_what_breaks_the_chain(log: AuditLog, path: Path, spoil, line: int) -> None:
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(InputError, match=rf"audit\.jsonl, line {line}: expected"):
        verify(path)


def test_nothing_is_written_behind_half_a_line(log: AuditLog, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ResourceError, match="expected a whole last line"):
        log.write("Ann", "upload")


def test_values_cannot_make_lines(log: AuditLog, path: Path) -> None:
    log.write("Ann\n{}", "sign-in\r\n", place="\u2028\x00é")
    assert len(path.read_bytes().splitlines()) == 6
    assert len(path.read_text().splitlines()) == 6
    assert verify(path) == 6
    assert log.newest_first(1)[0].who == "Ann\n{}"


def test_a_full_disk_leaves_whole_lines(
    log: AuditLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(audit.os, "write", lambda file, line: write(file, line[:7]))
    with pytest.raises(ResourceError):
        log.write("Ann", "upload")
    monkeypatch.undo()
    assert verify(path) == 5
    log.write("Ann", "upload")
    assert verify(path) == 6


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError):
        AuditLog(tmp_path / "nowhere" / "audit.jsonl").write("Ann", "upload")


def _write_some(path: Path) -> None:
    log = AuditLog(path)
    for number in range(20):
        log.write("Ann", "upload", number=number)


def test_two_processes_write_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_some, args=(path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert verify(path) == 40
