"""A disk that is full and a database that goes, in the midst of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from hierclf.web.audit import verify
from hierclf.web.database import Database, Unavailable, open_database
from hierclf.web.passwords import Hasher
from tests.web.conftest import Hours
from tests.web.relay import relayed
from tests.web.site import PNG, Site, make_site
from tests.web.ward import ABOUT

LARGE = PNG + bytes(3_000_000)
"""More than is held in memory while it comes."""


def _full(*_: object, **__: object) -> Any:
    raise OSError(28, "No space left on device", "/secret/place")


@pytest.fixture
def site(light: Database, tmp_path: Path, hours: Hours, hasher: Hasher) -> Site:
    made = make_site(light, tmp_path, hours, hasher, ABOUT)
    made.account("Ann")
    return made


def _studies(site: Site) -> int:
    """Count studies; each has its folder, and no folder is without one."""
    rows = site.services.studies.counts().total()
    folder = site.services.options.folder
    assert len(list((folder / "studies").iterdir())) == rows
    lines = site.services.audit.newest_first(1)
    assert [one.what for one in lines].count("upload") == rows
    assert verify(folder / "audit.jsonl") == len(lines)
    return rows


@pytest.mark.parametrize(
    "broken",
    [
        "tempfile.TemporaryFile",  # where a large form is kept while it comes
        "hierclf.web.uploads.tempfile.TemporaryDirectory",
        "hierclf.web.uploads.os.open",
        "hierclf.web.uploads.os.fsync",
        "hierclf.web.studies.os.replace",
        "hierclf.web.studies.sync_folder",
        "hierclf.web.audit.os.write",
        "hierclf.web.audit.os.open",
    ],
)
def test_a_disk_that_is_full(
    site: Site, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    browser = site.signed_in("Ann")
    token = site.token(browser_account(site))
    csrf = browser.token("/account")
    with monkeypatch.context() as patched:
        patched.setattr(broken, _full)
        page = browser.upload(content=LARGE, csrf=csrf)
        files = {"file": ("a.png", LARGE)}
        told = browser.client.post("/api/v1/studies", files=files, headers=token)
    assert (page.status_code, told.status_code) == (507, 507)
    assert "No room" in page.text
    assert told.json() == {
        "detail": "The server cannot keep it. Tell its administrator."
    }
    for answer in (page, told):
        assert "/secret/place" not in answer.text
    assert _studies(site) == 0
    assert browser.upload(content=LARGE).status_code == 303
    assert _studies(site) == 1


def browser_account(site: Site) -> str:
    [found] = site.services.accounts.list()
    return found.id


def test_a_database_whose_disk_is_full(site: Site) -> None:
    browser = site.signed_in("Ann")
    csrf = browser.token("/account")

    def limit(connection: Any, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    names = [f"{number}{'x' * 200}.png" for number in range(15)]
    engine = site.services.database.engine
    event.listen(engine, "connect", limit)
    statuses = [browser.upload(name, csrf=csrf).status_code for name in names]
    event.remove(engine, "connect", limit)
    assert set(statuses) == {303, 503}
    assert _studies_are_whole(site) == statuses.count(303)
    assert browser.upload().status_code == 303


def _studies_are_whole(site: Site) -> int:
    rows = site.services.studies.counts().total()
    folder = site.services.options.folder / "studies"
    assert len(list(folder.iterdir())) == rows
    return rows


@contextmanager
def _going(database: Database, number: int, go: Callable[[], None]) -> Iterator[None]:
    """Let something happen before the statement of a number, from 1."""
    left = [number]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            go()

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", count)


def test_a_database_that_goes_before_any_statement(
    url: str, tmp_path: Path, hours: Hours, hasher: Hasher
) -> None:
    """Of an upload and of a deletion: it is done, or it is not."""
    relay, near = relayed(url)
    database = open_database(near)
    site = make_site(database, tmp_path, hours, hasher, ABOUT)
    token = site.token(site.account("Ann"))
    client = site.browser().client
    place, files = "/api/v1/studies", {"file": ("a.png", PNG)}
    studies: list[str] = []
    statuses: list[int] = []
    while 201 not in statuses:
        with _going(database, len(statuses) + 1, relay.cut):
            answer = client.post(place, files=files, headers=token)
        statuses.append(answer.status_code)
        relay.cut()
        relay.mend()
        site.services.studies.sweep()
        hours.go(hours=2)
        studies += [answer.json()["id"]] if answer.status_code == 201 else []
        assert client.get(place, headers=token).json()["total"] == len(studies)
    assert set(statuses[:-1]) == {503}
    assert len(statuses) > 4
    assert _studies_are_whole(site) == 1
    statuses = []
    while 204 not in statuses:
        with _going(database, len(statuses) + 1, relay.cut):
            answer = client.delete(f"{place}/{studies[0]}", headers=token)
        statuses.append(answer.status_code)
        relay.cut()
        relay.mend()
        assert _studies_are_whole(site) == int(answer.status_code != 204)
    assert set(statuses[:-1]) == {503}
    database.close()
    relay.cut()


def test_a_commit_whose_answer_is_lost_leaves_a_whole_study(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = site.token(browser_account(site))
    client = site.browser().client
    flush = Session.flush
    opened = site.services.database.session

    @contextmanager
    def session() -> Iterator[Session]:
        with opened() as inner:
            yield inner
        if inner in added:
            raise Unavailable("database: the answer was lost")

    added: list[Session] = []

    def noted(self: Session, *told: Any) -> None:
        added.extend([self] if self.new else [])
        flush(self, *told)

    monkeypatch.setattr(Session, "flush", noted)
    monkeypatch.setattr(site.services.database, "session", session)
    send = {
        "files": {"file": ("a.png", PNG)},
        "headers": {**token, "idempotency-key": "1"},
    }
    assert client.post("/api/v1/studies", **send).status_code == 503
    assert _studies_are_whole(site) == 1
    again = client.post("/api/v1/studies", **send)
    assert again.status_code == 201
    assert _studies_are_whole(site) == 1


def test_a_deletion_that_cannot_be_written_down_is_not_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = site.token(browser_account(site))
    client = site.browser().client
    files = {"file": ("a.png", PNG)}
    place = "/api/v1/studies"
    study = client.post(place, files=files, headers=token).json()["id"]
    with monkeypatch.context() as patched:
        patched.setattr("hierclf.web.audit.os.write", _full)
        answer = client.delete(f"{place}/{study}", headers=token)
    assert answer.status_code == 507
    assert _studies(site) == 1
    assert client.delete(f"{place}/{study}", headers=token).status_code == 204
    assert _studies_are_whole(site) == 0
