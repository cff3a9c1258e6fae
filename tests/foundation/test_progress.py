"""A bar on a terminal, lines in a log, nothing for what is short."""

from __future__ import annotations

import io
import sys

import pytest

from hierclf.foundation import progress
from hierclf.foundation.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Log = pytest.CaptureFixture[str]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET_S", 1e-9)


def test_short_work_leaves_no_line_in_a_log(capsys: Log) -> None:
    assert list(Progress(range(500), desc="reading", unit="scan")) == list(range(500))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("impatient")
def test_long_work_writes_lines_and_returns_no_carriage(capsys: Log) -> None:
    for _ in Progress(range(3), desc="reading", unit="scan"):
        pass
    told = capsys.readouterr().err
    assert "\r" not in told
    assert told.splitlines()[-1].startswith("reading: 3 of 3,")
    assert all(line.startswith("reading: ") for line in told.splitlines())


@pytest.mark.usefixtures("impatient")
def test_work_of_unknown_length_is_counted(capsys: Log) -> None:
    with Progress(desc="score", unit="scan", initial=5) as bar:
        bar.update(4)
        Progress.write("said between", file=sys.stderr)
    told = capsys.readouterr().err
    assert "score: 9, " in told
    assert " of " not in told
    assert "\nsaid between\n" in told


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    place = _Terminal()
    monkeypatch.setattr(sys, "stderr", place)
    list(Progress(range(3), desc="reading", unit="scan"))
    assert "\rreading: 100%" in place.getvalue()


def test_without_standard_error_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert list(Progress(range(3))) == [0, 1, 2]


class _Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("impatient")
def test_a_log_that_cannot_be_written_stops_no_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", _Full())
    assert list(Progress(range(3))) == [0, 1, 2]
