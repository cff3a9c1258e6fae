"""Tokens of the API."""

from __future__ import annotations

import pytest

from hierclf.foundation.errors import InputError
from hierclf.web.accounts import Accounts
from hierclf.web.database import Database
from hierclf.web.tables import Account, Token
from hierclf.web.tokens import Tokens
from tests.web.conftest import Hours


@pytest.fixture
def tokens(database: Database, hours: Hours) -> Tokens:
    return Tokens(database, clock=hours)


def test_a_token_opens_its_account(
    tokens: Tokens, accounts: Accounts, database: Database, hours: Hours
) -> None:
    ann, bob = (accounts.create(name)[0] for name in ("Ann", "Bob"))
    row, key = tokens.make(ann.id, "script")
    hours.go(seconds=1)
    later, other = tokens.make(bob.id, "script")
    assert tokens.owner(key) == ann
    assert tokens.owner(other) == bob
    assert tokens.owner(key[:-1]) is None
    assert tokens.owner("") is None
    with database.session() as session:
        kept = [one.digest for one in session.query(Token)]
    assert key not in kept
    assert all(tokens.owner(digest) is None for digest in kept)
    [told] = tokens.list(ann.id)
    assert (told.id, told.name, told.used_ms) == (row.id, "script", hours())
    tokens.drop(bob.id, row.id)  # it is not his
    assert tokens.owner(key) == ann
    tokens.drop(ann.id, row.id)
    assert tokens.owner(key) is None
    assert tokens.list(bob.id)[0].id == later.id


def test_a_token_that_was_left_to_a_disabled_account_opens_nothing(
    tokens: Tokens, accounts: Accounts, database: Database
) -> None:
    ann = accounts.create("Ann")[0]
    _, key = tokens.make(ann.id, "script")
    with database.session() as session:
        row = session.get(Account, ann.id)
        assert row is not None
        row.is_disabled = True
    assert tokens.owner(key) is None


def test_there_are_only_so_many(tokens: Tokens, accounts: Accounts) -> None:
    ann = accounts.create("Ann")[0]
    for number in range(20):
        tokens.make(ann.id, f"{number}")
    with pytest.raises(InputError, match="expected at most 20"):
        tokens.make(ann.id, "one more")
    with pytest.raises(InputError, match="printable"):
        tokens.make(accounts.create("Bob")[0].id, "")
