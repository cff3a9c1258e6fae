"""The database: reached, brought along, and what is told when it is away."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.web.database import Database, Unavailable, open_database
from hierclf.web.tables import Base, Token


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


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def stop() -> None:
        with database.session() as session:
            session.execute(_account("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    with database.session() as session:
        assert session.execute(text("SELECT count(*) FROM accounts")).scalar() == 0


def _account(name: str) -> object:
    values = dict.fromkeys(("n_failed", "locked_until_ms", "created_ms"), 0)
    values |= dict.fromkeys(("is_admin", "is_disabled", "must_change"), False)
    told = {"id": name, "name": name, "folded": name, "password": "", "language": ""}
    return insert(Base.metadata.tables["accounts"]).values(**values, **told)


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
    failures: list[BaseException] = []

    def count() -> None:
        try:
            for _ in range(10):
                with database.session() as session:
                    asked = "UPDATE accounts SET n_failed = n_failed + 1"
                    session.execute(text(asked))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.session() as session:
        assert session.execute(text("SELECT n_failed FROM accounts")).scalar() == 40
    database.close()
