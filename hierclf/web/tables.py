"""Tables of accounts, sessions, tokens and studies.

Times are whole milliseconds since 1970, UTC: three servers store dates in three ways,
and whole numbers in one. Of session cookies and tokens only the SHA-256 is kept.
Text is compared letter by letter on every server; MySQL would take u for ü, k for K.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
ID = 36
DIGEST = 64
LONG = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
"""TEXT of MySQL ends at 64 kB."""
SERVER = {
    f"{server}_{what}": told
    for server in ("mysql", "mariadb")
    for what, told in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
    )
}
"""How MySQL and MariaDB make a table, whatever their defaults."""
_OWNER = "accounts.id"


class Base(DeclarativeBase):
    """Parent of all tables; constraints are named alike on every server."""

    metadata = MetaData(naming_convention=_NAMES)
    __table_args__: Any = SERVER


class Account(Base):
    """Who may sign in."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    folded: Mapped[str] = mapped_column(String(128), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    is_admin: Mapped[bool]
    is_disabled: Mapped[bool]
    must_change: Mapped[bool]
    n_failed: Mapped[int]
    locked_until_ms: Mapped[int] = mapped_column(BigInteger)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[str] = mapped_column(String(5))


class Session(Base):
    """A browser that is signed in."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(DIGEST), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(ID), ForeignKey(_OWNER, ondelete="CASCADE"), index=True
    )
    csrf: Mapped[str] = mapped_column(String(64))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    seen_ms: Mapped[int] = mapped_column(BigInteger)


class Token(Base):
    """A key to the API."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(ID), ForeignKey(_OWNER, ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(DIGEST), unique=True)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    used_ms: Mapped[int] = mapped_column(BigInteger)


class Study(Base):
    """An upload, its place in the queue, and what came of it."""

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("account_id", "request_key"),
        Index(None, "account_id", "created_ms"),
        Index(None, "status", "created_ms"),
        SERVER,
    )

    id: Mapped[str] = mapped_column(String(ID), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        String(ID), ForeignKey(_OWNER, ondelete="CASCADE")
    )
    batch: Mapped[str] = mapped_column(String(ID))
    request_key: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(DIGEST))
    status: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(String(500))
    attempts: Mapped[int]
    created_ms: Mapped[int] = mapped_column(BigInteger)
    started_ms: Mapped[int] = mapped_column(BigInteger)
    finished_ms: Mapped[int] = mapped_column(BigInteger)
    decision: Mapped[str] = mapped_column(String(10))
    label: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    screen_score: Mapped[float | None] = mapped_column(Double)
    bundle: Mapped[str] = mapped_column(String(DIGEST))
    result: Mapped[str] = mapped_column(LONG)
