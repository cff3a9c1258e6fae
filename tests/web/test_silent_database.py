"""A database that takes connections and then says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hierclf.web import database as database_module
from hierclf.web.database import Database, Unavailable, open_database
from hierclf.web.passwords import Hasher
from tests.web.conftest import Hours
from tests.web.relay import Relay, relayed
from tests.web.site import PNG, make_site
from tests.web.ward import ABOUT

LONG_S = 60


@pytest.fixture
def wire(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Relay, Database]]:
    monkeypatch.setattr(database_module, "ANSWER_S", 1)
    monkeypatch.setattr(database_module, "_CONNECT_S", 2)
    relay, near = relayed(url)
    found = open_database(near)
    yield relay, found
    relay.release()
    found.close()
    relay.cut()


def ended(act: Callable[[], Any]) -> Any:
    """What comes of an act, unless it holds its thread for ever."""
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(act).result(LONG_S)
    finally:
        pool.shutdown(wait=False)


def ask(database: Database, *between: Callable[[], None]) -> int:
    with database.session() as session:
        for act in between:
            session.execute(text("SELECT 1"))
            act()
        return int(session.execute(text("SELECT 2")).scalar_one())


@pytest.mark.slow  # short waits, one after the other
def test_silence_ends_what_waits_for_it(wire: tuple[Relay, Database]) -> None:
    relay, database = wire
    with pytest.raises(Unavailable):  # within a transaction
        ended(lambda: ask(database, relay.hold))
    with pytest.raises(Unavailable):  # on a new connection
        ended(lambda: ask(database))
    assert ended(database.ping) is False
    relay.release()
    assert ended(lambda: ask(database)) == 2
    relay.hold()
    with pytest.raises(Unavailable):  # on a connection that rests in the pool
        ended(lambda: ask(database))
    relay.release()
    assert ended(lambda: ask(database)) == 2


@pytest.mark.slow  # as many again
def test_requests_are_answered_while_it_is_silent(
    wire: tuple[Relay, Database], tmp_path: Path, hours: Hours, hasher: Hasher
) -> None:
    relay, database = wire
    site = make_site(database, tmp_path, hours, hasher, ABOUT)
    token = site.token(site.account("Ann"))
    browser = site.signed_in("Ann")
    relay.hold()
    get = browser.get
    assert ended(lambda: get("/studies")).status_code == 503
    assert ended(lambda: get("/api/v1/me", headers=token)).status_code == 503
    assert ended(lambda: get("/ready")).status_code == 503
    files = {"file": ("a.png", PNG)}
    place = "/api/v1/studies"
    send = browser.client.post
    assert ended(lambda: send(place, files=files, headers=token)).status_code == 503
    relay.release()
    assert list((tmp_path / "studies").iterdir()) == []
    assert ended(lambda: get("/studies")).status_code == 200
    assert ended(lambda: send(place, files=files, headers=token)).status_code == 201


def test_a_statement_of_a_migration_may_take_its_time(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "ANSWER_S", 1)
    slow = {"postgresql": "SELECT pg_sleep(2)", "mysql": "SELECT SLEEP(2)"}
    kinds: list[str] = []

    def migrate(engine: Any) -> None:
        kinds.append(engine.dialect.name)
        told = slow.get(engine.dialect.name.replace("mariadb", "mysql"))
        if told is not None:
            with engine.connect() as connection:
                connection.execute(text(told))

    monkeypatch.setattr(database_module, "_migrate", migrate)
    open_database(url).close()
    assert len(kinds) == 1
