from __future__ import annotations

import errno
import io
import os

import pytest

from hierclf.foundation.errors import ResourceError
from hierclf.scoring import journal
from hierclf.scoring.journal import Journal, open_journal, part_of
from hierclf.scoring.rows import to_csv

ROWS = [["a.png", "ok"], ["b\nc.png", "rejected"]]


class ReluctantFile(io.FileIO):
    """Takes seven bytes at a time, as a disk that is nearly full may."""

    def write(self, content) -> int:
        return super().write(content[:7])


def test_what_the_system_takes_in_parts_is_written_whole(tmp_path):
    with ReluctantFile(tmp_path / "rows.csv.part", "ab") as stream:
        Journal(stream, tmp_path / "rows.csv").append(ROWS)
    assert (tmp_path / "rows.csv.part").read_bytes() == to_csv(ROWS)


def test_rows_are_in_the_file_before_the_next_batch_is_scored(tmp_path):
    out = tmp_path / "rows.csv"
    with open_journal(out, ["path", "status"], 0) as opened:
        assert part_of(out).read_bytes() == b"path,status\r\n"
        opened.append(ROWS[:1])
        assert part_of(out).read_bytes() == b"path,status\r\na.png,ok\r\n"
        assert not out.exists()
        opened.finish()
        assert out.read_bytes() == b"path,status\r\na.png,ok\r\n"


def test_disk_that_turns_out_full_at_the_end(tmp_path, monkeypatch):
    """Fault 103: the file takes its final name only when the disk has it."""
    out = tmp_path / "rows.csv"

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(ResourceError, match="No space left on device"),
        open_journal(out, ["path"], 0) as opened,
    ):
        opened.finish()
    assert not out.exists()
    assert part_of(out).exists()


@pytest.mark.parametrize(("pause_s", "expected"), [(-1.0, 3), (3600.0, 0)])
def test_disk_is_waited_for_now_and_then(tmp_path, monkeypatch, pause_s, expected):
    calls = []
    monkeypatch.setattr(journal, "_SYNC_S", pause_s)
    monkeypatch.setattr(os, "fsync", calls.append)
    with open_journal(tmp_path / "rows.csv", ["path"], 5) as opened:
        for _ in range(3):
            opened.append(ROWS)
    assert len(calls) == expected


def test_folder_that_takes_no_file(tmp_path):
    """Fault 75."""
    (tmp_path / "rows.csv.part").mkdir()
    with pytest.raises(ResourceError, match=r"write .*rows\.csv\.part: the system"):
        open_journal(tmp_path / "rows.csv", ["path"], 0).__enter__()
