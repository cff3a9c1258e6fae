"""A worker is kept alive, in processes of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hierclf.foundation.files import sha256_file
from hierclf.web.database import open_database
from hierclf.web.studies import Studies
from hierclf.web.supervisor import Supervisor, make_supervisor
from tests.web.children import ABOUT, dying, obedient, refusing, stubborn
from tests.web.conftest import Hours, make_accounts


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def supervised() -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(target: Any, told: Any) -> Supervisor:
        made.append(Supervisor(target, told))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop(5)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_calls_its_worker(supervised, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    supervisor = supervised(obedient, str(calls))
    assert supervisor.wait(60) == ABOUT
    assert supervisor.ready
    supervisor.wake()
    until(lambda: calls.exists() and calls.read_text() == "x")
    pid = supervisor.pid
    supervisor.stop(10)
    assert not alive(pid)
    assert not supervisor.ready
    supervisor.wake()  # nobody is there, and nothing happens


def test_a_killed_worker_is_followed_by_another(supervised, tmp_path: Path) -> None:
    supervisor = supervised(obedient, str(tmp_path / "calls"))
    supervisor.wait(60)
    first = supervisor.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.ready and supervisor.pid != first)
    supervisor.wake()
    until((tmp_path / "calls").exists)


def test_a_worker_that_dies_before_a_word_is_tried_again(
    supervised, tmp_path: Path
) -> None:
    supervisor = supervised(dying, str(tmp_path / "begun"))
    assert supervisor.wait(60) == ABOUT
    assert (tmp_path / "begun").read_text() == "xxx"


def test_a_refused_bundle_is_told_once(supervised) -> None:
    supervisor = supervised(refusing, None)
    assert supervisor.wait(60) is None
    assert supervisor.trouble == "bundle: refused"
    assert not supervisor.ready


def test_a_worker_that_does_not_end_is_killed(supervised) -> None:
    supervisor = supervised(stubborn, None)
    supervisor.wait(60)
    pid = supervisor.pid
    supervisor.stop(0.2)
    assert not alive(pid)


@pytest.mark.slow
def test_no_accepted_study_is_lost_when_workers_are_killed(
    bundle: Path, tmp_path: Path, hours: Hours, hasher
) -> None:
    """Real workers, killed again and again while they work."""
    from tests.web.test_worker import picture, upload

    state = tmp_path / "state"
    (state / "studies").mkdir(parents=True)
    url = f"sqlite:///{state / 'hierclf.db'}"
    database = open_database(url)
    ann = make_accounts(database, hours, hasher).create("Ann")[0].id
    studies = Studies(database, state / "studies", clock=hours)
    paths = [picture(tmp_path / f"{seed}.png", seed) for seed in range(24)]
    rows = {upload(studies, ann, p, state / "studies").id: p for p in paths}
    supervisor = make_supervisor(bundle=bundle, url=url, state=state, threads=1)
    supervisor.start()
    try:
        for n_done in (1, 9):
            until(lambda n=n_done: studies.counts()["done"] >= n, 120)
            os.kill(supervisor.pid, signal.SIGKILL)
        until(lambda: studies.counts()["done"] == len(rows), 180)
    finally:
        supervisor.stop(10)
    for study, path in rows.items():
        row = studies.get(ann, study)
        assert row is not None
        assert row.result["sha256"] == sha256_file(path)
    database.close()
