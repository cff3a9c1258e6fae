"""Tokens of the API: keys that belong to an account."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import delete, func, select

from hierclf.foundation.errors import InputError
from hierclf.web.account_rows import AccountRow, check_name, digest_of, plain
from hierclf.web.clock import Clock
from hierclf.web.database import Database
from hierclf.web.tables import Account, Token

_MOST_TOKENS = 20
_USED_MS = 10_000
"""A token's last use is written down no more often."""


@dataclass(frozen=True)
class TokenRow:
    """A token of the API as it is told; the token itself is shown once."""

    id: str
    name: str
    created_ms: int
    used_ms: int


class Tokens:
    """All tokens.

    Parameters
    ----------
    database : Database
        Where they are.
    clock : callable
        Milliseconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def make(self, account_id: str, name: str) -> tuple[TokenRow, str]:
        """Make a token of the API; only its digest is kept.

        Raises
        ------
        InputError
            If the name is none, or there are too many.
        """
        check_name(name)
        key = f"hierclf_{secrets.token_urlsafe(32)}"
        row = Token(
            id=str(uuid4()),
            account_id=account_id,
            name=name,
            digest=digest_of(key),
            created_ms=self._clock(),
            used_ms=0,
        )
        own = Token.account_id == account_id
        with self._database.session() as session:
            count = session.scalar(select(func.count()).select_from(Token).where(own))
            if (count or 0) >= _MOST_TOKENS:
                raise InputError(
                    f"token: expected at most {_MOST_TOKENS}, got one more. Delete one."
                )
            session.add(row)
            return _plain_token(row), key

    def owner(self, key: str) -> AccountRow | None:
        """Say whose token it is; None where nobody's, or a disabled account's."""
        with self._database.session() as session:
            asked = select(Token).where(Token.digest == digest_of(key))
            found = session.scalars(asked).first()
            account = session.get(Account, found.account_id) if found else None
            if found is None or account is None or account.is_disabled:
                return None
            now = self._clock()
            if abs(now - found.used_ms) >= _USED_MS:
                found.used_ms = now
            return plain(account)

    def list(self, account_id: str) -> tuple[TokenRow, ...]:
        """Tell the tokens of an account, the newest first."""
        asked = select(Token).where(Token.account_id == account_id)
        with self._database.session() as session:
            found = session.scalars(asked.order_by(Token.created_ms.desc(), Token.id))
            return tuple(map(_plain_token, found))

    def drop(self, account_id: str, token: str) -> None:
        """Delete a token of an account."""
        asked = (Token.account_id == account_id, Token.id == token)
        with self._database.session() as session:
            session.execute(delete(Token).where(*asked))


def _plain_token(row: Token) -> TokenRow:
    told = {name: getattr(row, name) for name in TokenRow.__dataclass_fields__}
    return TokenRow(**told)
