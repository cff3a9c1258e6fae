"""The database: reached, brought to the version of this program, and asked.

SQLAlchemy and Alembic rather than SQL of our own: three servers speak it differently,
and an installation must come from any version to this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from hierclf.foundation.errors import HierclfError, InputError, ResourceError
from hierclf.web.postgresql import Impatient

_MIGRATIONS = Path(__file__).with_name("migrations")
ANSWER_S = 15
"""Seconds in which a server says something, or it is away."""
_CONNECT_S = 5
_BUSY_MS = 5000
_PAUSE_S = 0.5
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite",
}


class Unavailable(HierclfError):  # noqa: N818 - it is a state and may pass
    """The database does not answer, or is busy; it may again in a moment."""

    exit_code = 5


class Database:
    """A pool of connections.

    Parameters
    ----------
    url : str
        As SQLAlchemy reads it: ``sqlite:///file``, ``postgresql://user@host/name``,
        ``mysql://...`` or ``mariadb://...``. It is never told to anybody.

    Raises
    ------
    InputError
        If it is no URL of one of these.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(_parse(url), ANSWER_S)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a transaction.

        Yields
        ------
        session : sqlalchemy.orm.Session
            Committed at the end of the block; rolled back where that raises.

        Raises
        ------
        Unavailable
            If the database is away, silent, full, or locked for too long.
        """
        try:
            with (
                Session(self.engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except (DBAPIError, PoolTimeout) as error:
            if _is_ours(error):
                raise
            raise Unavailable(
                f"database: expected an answer, got {type(error).__name__}. Try again "
                "in a moment."
            ) from error

    def ping(self) -> bool:
        """Tell whether it answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _is_ours(error: Exception) -> bool:
    """Tell whether an error is of the statement, such as a name that is taken."""
    return type(error).__name__ in {"IntegrityError", "DataError", "ProgrammingError"}


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in _DRIVERS:
        raise InputError(
            "database: expected a URL of sqlite, postgresql, mysql or mariadb, got "
            "another text. Write it like postgresql://user:password@host/name."
        )
    if "+" in parsed.drivername:
        return parsed
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _engine(url: URL, answer_s: int | None) -> Engine:
    """Make a pool; a server that is silent for `answer_s` is away, never if None."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    told = {"connect_timeout": str(_CONNECT_S)}
    postgres = url.get_backend_name() == "postgresql"
    if not postgres:
        told["charset"] = "utf8mb4"
        if answer_s is not None:
            told |= dict.fromkeys(("read_timeout", "write_timeout"), str(answer_s))
    known = {name: value for name, value in told.items() if name not in url.query}
    engine = create_engine(
        url.update_query_dict(known),
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=16,
        pool_timeout=_CONNECT_S,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
    )
    if postgres and answer_s is not None:
        event.listen(engine, "do_connect", _connect_within(answer_s))
    return engine


def _connect_within(answer_s: int) -> Callable[..., Impatient]:
    """Connect to PostgreSQL so that its silence is borne for so long."""

    def connect(_: object, __: object, told: Any, named: Any) -> Impatient:
        connection = Impatient.connect(*told, **named)
        connection.answer_s = answer_s
        return connection

    return connect


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun below
    connection.create_function("lower", 1, str.lower, deterministic=True)  # É, too
    for told in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {told}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the lock at once: a reader that becomes a writer may not wait for it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def open_database(url: str, *, wait_s: float = 10.0) -> Database:
    """Reach a database and bring its tables to the version of this program.

    Parameters
    ----------
    url : str
        See `Database`.
    wait_s : float, default=10
        Seconds to wait for a server that is about to start.

    Returns
    -------
    database : Database
        With the tables of this version.

    Raises
    ------
    InputError
        If the URL is none, or the tables are of a newer program.
    ResourceError
        If it cannot be reached, or its tables cannot be brought along.
    """
    database = Database(url)
    over = time.monotonic() + wait_s
    while not database.ping():
        if time.monotonic() >= over:
            database.close()
            raise ResourceError(
                f"database: expected an answer within {wait_s:g} s, got none. Start "
                "it, or check its URL and password."
            )
        time.sleep(_PAUSE_S)
    migrating = _engine(_parse(url), None)  # a large table may take its time
    try:
        _migrate(migrating)
    except BaseException:
        database.close()
        raise
    finally:
        migrating.dispose()
    return database


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {
        one.revision for one in ScriptDirectory.from_config(config).walk_revisions()
    }
    try:
        with engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if found is not None and found not in known:
                raise InputError(
                    "database: expected tables that this version knows, got those of "
                    f"a newer one ({found}). Install the newer program again."
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise ResourceError(
            "database: expected to bring its tables to this version, got "
            f"{type(error).__name__}. Restore the backup made before the update, or "
            "take an empty database; a half-done change must not be used."
        ) from error
