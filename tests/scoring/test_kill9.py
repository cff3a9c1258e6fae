"""What the benchmarks of scale do, made small."""

from __future__ import annotations

import pytest

from benchmarks import kill9, scale


@pytest.mark.slow
def test_five_kills_of_the_command(bundle, scans, tmp_path, scan):
    """Fault 105, by time: also while it starts and ends; 50 are a benchmark."""
    for number in range(120):
        scan(scans / f"many/{number}.png", number + 20)
    (scans / "many" / "broken.png").write_bytes(b"")
    whole = tmp_path / "whole.csv"
    expected, seconds = kill9.whole(kill9.command(bundle, scans, whole), whole)
    assert expected.count(b"\n") == 137  # a header, and a name with a line end
    out = tmp_path / "killed.csv"
    told = kill9.command(bundle, scans, out)
    found = kill9.kill_often(told, out, expected, seconds, n_kills=5)
    assert found["kills"] == 5


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("k.csv", b"a\r\nb\r\n", "a torn file"),
        ("k.csv.part", b"a\r\nx", "other bytes than without"),
        ("k.csv.part", b"a\r\nb\r\nb\r\n", "other bytes than without"),
    ],
)
def test_what_a_kill_must_not_leave_is_noticed(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AssertionError, match=words):
        kill9.compare(tmp_path / "k.csv", b"a\r\nb\r\nc\r\n")


def test_half_a_row_may_be_left(tmp_path):
    assert kill9.compare(tmp_path / "k.csv", b"a\r\nb\r\n") == b""
    (tmp_path / "k.csv.part").write_bytes(b"a\r\nb")
    assert kill9.compare(tmp_path / "k.csv", b"a\r\nb\r\n") == b"a\r\nb"


def test_rows_of_a_growing_file_are_counted_once(tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(b"path\n1\n2")
    rows = scale._Rows(path)
    assert rows.count() == 1
    path.write_bytes(b"path\n1\n2\n3\n")
    assert rows.count() == 3
    path.unlink()
    assert rows.count() == 3


def test_pictures_differ(tmp_path):
    scale.draw_scans(tmp_path, 30)
    assert len({path.read_bytes() for path in tmp_path.rglob("*.png")}) == 30
