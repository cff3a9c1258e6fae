"""Accounts, sessions, tokens and studies."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0001"
down_revision = None

_ID, _DIGEST, _TIME = sa.String(36), sa.String(64), sa.BigInteger()
_LONG = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
_SERVER: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id"],
        ["accounts.id"],
        name=f"fk_{table}_account_id",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    """Make the tables."""
    _accounts()
    _sessions()
    _tokens()
    _studies()


def _accounts() -> None:
    op.create_table(
        "accounts",
        _column("id", _ID),
        _column("name", sa.String(64)),
        _column("folded", sa.String(128)),
        _column("password", sa.String(200)),
        _column("is_admin", sa.Boolean()),
        _column("is_disabled", sa.Boolean()),
        _column("must_change", sa.Boolean()),
        _column("n_failed", sa.Integer()),
        _column("locked_until_ms", _TIME),
        _column("created_ms", _TIME),
        _column("language", sa.String(5)),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("folded", name="uq_accounts_folded"),
        **_SERVER,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _column("digest", _DIGEST),
        _column("account_id", _ID),
        _column("csrf", sa.String(64)),
        _column("created_ms", _TIME),
        _column("seen_ms", _TIME),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        _owner("sessions"),
        **_SERVER,
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        _column("id", _ID),
        _column("account_id", _ID),
        _column("name", sa.String(64)),
        _column("digest", _DIGEST),
        _column("created_ms", _TIME),
        _column("used_ms", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        _owner("tokens"),
        **_SERVER,
    )
    op.create_index("ix_tokens_account_id", "tokens", ["account_id"])


def _studies() -> None:
    op.create_table(
        "studies",
        _column("id", _ID),
        _column("account_id", _ID),
        _column("batch", _ID),
        _column("request_key", _DIGEST, nullable=True),
        _column("name", sa.String(255)),
        _column("size", sa.BigInteger()),
        _column("sha256", _DIGEST),
        _column("status", sa.String(10)),
        _column("code", sa.String(32)),
        _column("message", sa.String(500)),
        _column("attempts", sa.Integer()),
        _column("created_ms", _TIME),
        _column("started_ms", _TIME),
        _column("finished_ms", _TIME),
        _column("decision", sa.String(10)),
        _column("label", sa.String(100)),
        _column("action", sa.String(20)),
        _column("screen_score", sa.Double(), nullable=True),
        _column("bundle", _DIGEST),
        _column("result", _LONG),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint(
            "account_id", "request_key", name="uq_studies_account_id_request_key"
        ),
        _owner("studies"),
        **_SERVER,
    )
    for column in ("account_id", "status"):
        name = f"ix_studies_{column}_created_ms"
        op.create_index(name, "studies", [column, "created_ms"])
