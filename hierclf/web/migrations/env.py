"""How Alembic reaches the database: by the connection that it is given."""

from __future__ import annotations

from typing import Any

from alembic import context

from hierclf.web.tables import Base


def migrate(connection: Any) -> None:
    """Bring the tables along, within the transaction of the connection.

    MySQL commits each change of a table by itself.
    """
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=connection.dialect.name != "mysql",
    )
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # when Alembic runs this file
    migrate(context.config.attributes["connection"])
