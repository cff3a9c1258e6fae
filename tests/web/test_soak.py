"""What is measured while a server is soaked, and that the soak finds what is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import soak
from benchmarks.footprint import footprint, kept, slope

HOLDER = """
import subprocess, sys, threading
opened = [open(sys.argv[1] + str(one), "w") for one in range(20)]
threading.Thread(target=threading.Event().wait, daemon=True).start()
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
print("here", flush=True)
sys.stdin.read()
"""


def test_all_that_a_process_and_those_below_it_hold(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, f"{tmp_path}/"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = footprint(process.pid)
        process.communicate(b"")
    assert found["server"]["rss"] >= found["server"]["pss"] > 1000
    assert found["server"]["files"] >= 20 + 3
    assert found["server"]["threads"] == 2
    assert (found["worker"]["processes"], found["all"]["processes"]) == (1, 2)
    assert found["all"]["rss"] == found["server"]["rss"] + found["worker"]["rss"]


def test_what_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "original").write_bytes(bytes(1000))
    with sqlite3.connect(tmp_path / "hierclf.db") as database:
        database.execute("CREATE TABLE studies (status TEXT)")
        database.execute("INSERT INTO studies VALUES ('done'), ('done'), ('queued')")
    database.close()
    found = kept(tmp_path)
    assert found["files"] == 2
    assert found["bytes"] == 1000 + (tmp_path / "hierclf.db").stat().st_size
    assert found["studies"] == {"done": 2, "queued": 1}


def test_a_rise_is_told_by_the_hour_and_without_the_first_minutes() -> None:
    def held(second: int) -> dict[str, Any]:
        size = 9_000_000 if second < 300 else 1000 + second
        return {"second": second, "held": {"all": {"rss": size, "pss": 7}}}

    found = soak.rises([held(one) for one in range(0, 1200, 15)], 300)
    assert found["all"]["rss an hour"] == pytest.approx(3600)
    assert found["all"]["pss an hour"] == pytest.approx(0)
    assert slope([0, 1], [0, 1]) is None


def test_a_sample_that_fails_ends_the_soak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = iter([{}])
    monkeypatch.setattr(soak, "sample", lambda *_: next(samples))
    running: Any = SimpleNamespace(pid=1, state=tmp_path)
    traffic: Any = SimpleNamespace(once=lambda: 200)
    told = {"seconds": 60, "every_s": 0.01, "threads": 2, "pause_s": 0.01}
    with pytest.raises(StopIteration):
        soak.run(running, traffic, **told)


def test_a_study_that_is_gone_or_never_done_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"a": "done", "b": "rejected", "c": "queued"}

    def get(place: str) -> Any:
        state = states.get(place.rpartition("/")[2])
        told = {"status": state}
        return SimpleNamespace(status_code=200 if state else 404, json=lambda: told)

    monkeypatch.setattr(soak, "_DRAIN_S", 0)
    monkeypatch.setattr(soak, "kept", lambda _: {"studies": {"queued": 1}})
    running: Any = SimpleNamespace(client=SimpleNamespace(get=get), state=tmp_path)
    traffic: Any = SimpleNamespace(studies=set("abcd"), n_accepted=5, n_deleted=1)
    found = soak.outcome(running, traffic)
    assert found == {
        "accepted": 5,
        "deleted": 1,
        "lost": 2,
        "done": 1,
        "rejected": 1,
        "error": 0,
    }


@pytest.mark.slow
def test_a_short_soak_finds_every_request_answered(
    bundle: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    for number in range(3):
        pixels = rng.integers(0, 256, (64, 64)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    told = {"seconds": 8, "every_s": 1.0, "threads": 4, "pause_s": 0.05}
    found = soak.soak(bundle, sorted(tmp_path.glob("*.png")), after_s=2, **told)
    acts = set(found["by_act"])
    assert acts >= {
        "scan 201",
        "broken 201",
        "text_as_png 422",
        "too_large 413",
        "too_large_in_parts 413",
        "wrong_token 401",
        "unknown 404",
        "others 404",
        "export 200",
        "page 200",
        "study 200",
        "listed 200",
        "wrong_password 403",
        "delete 204",
    }
    assert not acts & {f"trick {status}" for status in (200, 500)}
    assert found["defects"] == 0
    assert found["studies"]["lost"] == 0
    assert found["studies"]["done"] > 0
    assert {"server", "worker", "decoder", "all"} <= set(found["series"][-1]["held"])
