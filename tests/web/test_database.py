"""The database: reached, brought along, and what is told when it is away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Insert, event, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.web.database import Database, Unavailable, open_database
from hierclf.web.tables import Base, Token
from tests.web.conftest import at_once
from tests.web.relay import relayed


def test_migrations_make_the_tables_of_the_program(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_opening_again_changes_nothing(url: str) -> None:
    first = open_database(url)
    with first.session() as session:
        session.execute(text("UPDATE accounts SET name = 'x'"))
    open_database(url).close()
    first.close()


def test_tables_of_a_newer_program_are_refused(url: str) -> None:
    found = open_database(url)
    with found.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    found.close()
    with pytest.raises(InputError, match=r"those of a newer one \(9999\)"):
        open_database(url)


def test_a_half_done_change_is_undone_or_refused(url: str) -> None:
    database = Database(url)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE studies (id INTEGER)"))
    for _ in range(2):  # MySQL keeps what was made before; it is not gone on with
        with pytest.raises(ResourceError, match="a half-done change must not be used"):
            open_database(url)
    if database.engine.dialect.name not in {"mysql", "mariadb"}:
        assert inspect(database.engine).get_table_names() == ["studies"]
    database.close()


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def stop() -> None:
        with database.session() as session:
            session.execute(_account("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    with database.session() as session:
        assert session.execute(text("SELECT count(*) FROM accounts")).scalar() == 0


def _account(name: str) -> Insert:
    values = dict.fromkeys(("n_failed", "locked_until_ms", "created_ms"), 0)
    values |= dict.fromkeys(("is_admin", "is_disabled", "must_change"), False)
    told = {"id": name, "name": name, "folded": name, "password": "", "language": ""}
    return insert(Base.metadata.tables["accounts"]).values(**values, **told)


def _add(database: Database, *steps: Insert | Callable[[], None]) -> None:
    """Add rows in one transaction, and do other things between them."""
    with database.session() as session:
        for step in steps:
            if callable(step):
                step()
            else:
                session.execute(step)


def test_a_name_that_is_taken_is_no_outage(database: Database) -> None:
    with database.session() as session:
        session.execute(_account("a"))
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(_account("a"))


def test_what_belongs_to_nobody_is_refused_and_goes_with_its_owner(
    database: Database,
) -> None:
    token = {"id": "t", "account_id": "a", "name": "", "digest": "d"}
    token |= {"created_ms": 0, "used_ms": 0}
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(insert(Token).values(**token))
    with database.session() as session:
        session.execute(_account("a"))
        session.execute(insert(Token).values(**token))
    with database.session() as session:
        session.execute(text("DELETE FROM accounts"))
        assert session.scalars(select(Token)).all() == []


def test_text_of_every_script_is_kept(database: Database) -> None:
    name = "王秀英 Ångström 🩻"
    with database.session() as session:
        session.execute(_account(name))
    with database.session() as session:
        assert session.execute(text("SELECT name FROM accounts")).scalar() == name


@pytest.mark.parametrize("told", ["", "nonsense", "oracle://host/name", "redis://host"])
def test_other_urls_are_refused_without_telling_them(told: str) -> None:
    with pytest.raises(InputError, match="expected a URL of sqlite") as error:
        Database(told)
    assert not told or told not in str(error.value)


@pytest.mark.parametrize(
    "told", ["postgresql://u:hidden@127.0.0.1:1/x", "mysql://u:hidden@127.0.0.1:1/x"]
)
def test_a_server_that_is_away(told: str) -> None:
    with pytest.raises(ResourceError, match="within 0 s, got none") as error:
        open_database(told, wait_s=0)
    assert "hidden" not in str(error.value)
    database = Database(told)
    assert not database.ping()
    with pytest.raises(Unavailable) as away, database.session() as session:
        session.execute(text("SELECT 1"))
    assert "hidden" not in str(away.value)
    database.close()


def test_a_lock_that_is_held_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hierclf.web.database._BUSY_MS", 100)
    path = tmp_path / "test.db"
    database = open_database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable), database.session() as session:
        session.execute(text("SELECT 1"))
    other.execute("ROLLBACK")
    other.close()
    with database.session() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    database.close()


def test_writers_wait_for_each_other(url: str) -> None:
    """Read and write in one transaction, from several threads: nothing is lost."""
    database = open_database(url)
    with database.session() as session:
        session.execute(_account("a"))

    def count(_: int) -> None:
        for _ in range(10):
            with database.session() as session:
                session.execute(text("UPDATE accounts SET n_failed = n_failed + 1"))

    assert at_once(4, count) == [None] * 4
    with database.session() as session:
        assert session.execute(text("SELECT n_failed FROM accounts")).scalar() == 40
    database.close()


def test_a_full_disk_leaves_a_whole_database(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    database = open_database(f"sqlite:///{path}")
    with database.session() as session:
        session.execute(_account("kept"))

    def limit(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(database.engine, "connect", limit)
    rows = [_account(f"lost {number}") for number in range(1000)]
    with pytest.raises(Unavailable):
        _add(database, *rows)
    event.remove(database.engine, "connect", limit)
    with database.session() as session:
        assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert session.execute(text("SELECT name FROM accounts")).all() == [("kept",)]
        session.execute(_account("room again"))
    database.close()


def test_a_server_that_goes_and_comes_back(url: str) -> None:
    """What was begun leaves nothing; the first request after its return is served."""
    relay, near = relayed(url)
    database = open_database(near)
    with pytest.raises(Unavailable):
        _add(database, _account("half"), relay.cut, _account("more"))
    with pytest.raises(Unavailable), database.session() as session:
        session.execute(_account("away"))
    assert not database.ping()
    relay.mend()
    with database.session() as session:
        session.execute(_account("back"))
        assert session.execute(text("SELECT name FROM accounts")).all() == [("back",)]
    relay.cut()  # while nobody asks: who comes next sees nothing of it
    relay.mend()
    _add(database, _account("next"))
    database.close()
    relay.cut()
