"""Folders that a killed process began, and that another one is making."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.folders import made_once
from experiments.papers import plans
from experiments.papers.paper import load
from experiments.papers.plans import Told, folder_of, make_phantoms
from hierclf.foundation.errors import ResourceError
from hierclf.foundation.files import new_folder

_DRAWING = """
import sys, time
from pathlib import Path
from experiments.folders import made_once
from hierclf.foundation.files import new_folder
path = Path(sys.argv[1])
with made_once(path) as missing, new_folder(path) as place:
    (place / "half").touch()
    print(missing, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def drawing(tmp_path: Path):
    """Somebody who is making a folder, and has half of it."""
    told = [sys.executable, "-c", _DRAWING, str(tmp_path / "cohort-1")]
    with subprocess.Popen(told, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        yield other
        other.kill()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir())


def test_what_a_killed_process_left_is_removed(tmp_path: Path, drawing) -> None:
    (left,) = names(tmp_path)
    assert left.startswith(".cohort-1-")
    (tmp_path / ".cohort-1-0-elsewhere").mkdir()  # of a folder called cohort-1-0
    os.kill(drawing.pid, signal.SIGKILL)
    drawing.wait()
    assert left in names(tmp_path)
    with made_once(tmp_path / "cohort-1") as missing:
        assert missing
        with new_folder(tmp_path / "cohort-1") as place:
            (place / "whole").touch()
    assert names(tmp_path) == [".cohort-1-0-elsewhere", "cohort-1"]
    with made_once(tmp_path / "cohort-1") as missing:
        assert not missing


def test_what_another_process_is_making_stays(tmp_path: Path, drawing) -> None:
    before = names(tmp_path)
    with (
        pytest.raises(ResourceError, match="held by another process"),
        made_once(tmp_path / "cohort-1"),
    ):
        time.sleep(0)
    assert names(tmp_path) == before


def test_phantoms_are_drawn_so(tmp_path: Path, monkeypatch) -> None:
    row = load("wu_2020").row("whole_image/resnet18")
    told = Told(tmp_path, data={}, smoke=True)
    folder = folder_of(row, "phantom", told)
    left = tmp_path / f".{folder.name}-abcd_123"
    left.mkdir()
    monkeypatch.setattr(plans, "make_cohort", lambda options: options.out.mkdir())
    assert make_phantoms(row, told) == folder
    assert names(tmp_path) == [folder.name]
