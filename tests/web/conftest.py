"""Databases to try things on, and what a server is made of."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, delete, text
from sqlalchemy.pool import NullPool

from hierclf.web.accounts import Accounts
from hierclf.web.database import Database, open_database
from hierclf.web.passwords import Hasher
from hierclf.web.studies import Studies
from hierclf.web.tables import Base
from hierclf.web.throttle import Throttle

SERVERS = {
    "postgresql": ("postgresql+psycopg://postgres@127.0.0.1:5432/postgres", 5432),
    "mariadb": ("mariadb+pymysql://root@127.0.0.1:3306/mysql", 3306),
}
"""Servers of a development machine, by name: URL and port. The environment's
HIERCLF_TEST_POSTGRESQL and HIERCLF_TEST_MARIADB name others."""


class Hours:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def go(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        self.now += round(1000 * (seconds + 60 * minutes + 3600 * hours))


@pytest.fixture
def hours() -> Hours:
    return Hours()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def _empty(kind: str) -> Iterator[str]:
    """Make a database on a server; gives its URL."""
    server, port = SERVERS[kind]
    told = os.environ.get(f"HIERCLF_TEST_{kind.upper()}")
    if told is None and not _listens(port):
        pytest.skip(f"no {kind} listens on port {port} of this machine")
    server, name = told or server, f"hierclf_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        worst = " CHARACTER SET latin1" if kind == "mariadb" else ""  # tables say more
        connection.execute(text(f"CREATE DATABASE {name}{worst}"))
    yield f"{server.rpartition('/')[0]}/{name}"
    with engine.connect() as connection:
        force = " WITH (FORCE)" if kind == "postgresql" else ""
        connection.execute(text(f"DROP DATABASE {name}{force}"))


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    with _empty(request.param) as found:
        yield found


@pytest.fixture(scope="session")
def opened() -> Iterator[Callable[[str], Database]]:
    """Databases with tables on servers, each made once for all tests."""
    with ExitStack() as stack:

        @cache
        def make(kind: str) -> Database:
            found = open_database(stack.enter_context(_empty(kind)))
            stack.callback(found.close)
            return found

        yield make


@pytest.fixture(params=["sqlite", *SERVERS])
def database(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    opened: Callable[[str], Database],
) -> Iterator[Database]:
    """A database with its tables, and nothing in them, on each server."""
    if request.param == "sqlite":
        found = open_database(f"sqlite:///{tmp_path / 'test.db'}")
        yield found
        found.close()
        return
    found = opened(request.param)
    yield found
    with found.session() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Database]:
    """A database with its tables, for what does not depend on the server."""
    found = open_database(f"sqlite:///{tmp_path / 'light.db'}")
    yield found
    found.close()


@pytest.fixture(scope="session")
def hasher() -> Hasher:
    """A hasher that takes no time."""
    return Hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(database: Database, hours: Hours, hasher: Hasher) -> Accounts:
    return make_accounts(database, hours, hasher)


def make_accounts(database: Database, hours: Hours, hasher: Hasher) -> Accounts:
    throttle = Throttle(most=1000)
    return Accounts(database, clock=hours, throttle=throttle, hasher=hasher)


def at_once(number: int, act: Callable[[int], object]) -> list[object]:
    """Do something in so many threads at the same time; gives what came of each."""
    found: list[object] = [None] * number
    start = threading.Barrier(number)

    def run(place: int) -> None:
        start.wait()
        try:
            found[place] = act(place)
        except Exception as error:  # noqa: BLE001 - told to the test
            found[place] = error

    threads = [threading.Thread(target=run, args=(one,)) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "studies"
    place.mkdir()
    return place


@pytest.fixture
def studies(database: Database, folder: Path, hours: Hours) -> Studies:
    return Studies(database, folder, clock=hours)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cascade of two tiny networks."""
    from tests.scoring.conftest import save_tiny  # torch: not before it is needed

    return save_tiny(tmp_path_factory.mktemp("bundles") / "tiny")
