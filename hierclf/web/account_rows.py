"""Accounts as they are told, and how they are found."""

from __future__ import annotations

import hashlib
import math
import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from hierclf.foundation.errors import HierclfError, InputError
from hierclf.web.tables import Account

_LONGEST_NAME = 64


class Refused(HierclfError):  # noqa: N818 - the same for all reasons
    """Name and password do not open an account; it does not say which is wrong."""

    def __init__(self) -> None:
        super().__init__("sign-in: expected a name and its password, got others.")


class Throttled(HierclfError):  # noqa: N818 - a state, no fault
    """Too many tries.

    Parameters
    ----------
    wait_s : int
        Seconds until another is looked at, at least 1.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__("sign-in: expected fewer tries. Wait, and try again.")
        self.wait_s = max(1, math.ceil(wait_s))


@dataclass(frozen=True)
class AccountRow:
    """An account as it is told."""

    id: str
    name: str
    is_admin: bool
    is_disabled: bool
    must_change: bool
    created_ms: int
    language: str


@dataclass(frozen=True)
class SignedIn:
    """Who asks, and by what.

    Parameters
    ----------
    account : AccountRow
        Who.
    csrf : str
        Token that its forms must have; '' beside a token of the API.
    cookie_value : str
        Of the session; '' beside a token of the API.
    """

    account: AccountRow
    csrf: str
    cookie_value: str


def check_name(name: str) -> None:
    """Refuse what is no name: 1 to 64 printable characters."""
    good = (
        0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()
    )
    if not good:
        raise InputError(
            f"name: expected 1 to {_LONGEST_NAME} printable characters, got "
            f"{len(name)}. Choose another."
        )


def folded(name: str) -> str:
    """Bring a name to the form in which two are compared."""
    return unicodedata.normalize("NFKC", name).casefold()[:128]


def named(session: Transaction, name: str) -> Account | None:
    """Find an account by its name, in any case."""
    if not name.isprintable():  # what a database may not even take as text
        return None
    asked = select(Account).where(Account.folded == folded(name))
    return session.scalars(asked).first()


def account_of(session: Transaction, account_id: str) -> Account:
    """Find an account that should be there; it waits for others that change it."""
    found = session.get(Account, account_id, with_for_update=True)
    if found is None:
        raise InputError(
            "account: expected one that exists, got none. List them again."
        )
    return found


def plain(row: Account) -> AccountRow:
    """Copy a row."""
    told = {name: getattr(row, name) for name in AccountRow.__dataclass_fields__}
    return AccountRow(**told)


def digest_of(plain: str) -> str:
    """Hash a cookie or token, as it is kept."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
