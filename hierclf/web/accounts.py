"""Accounts: who may sign in, how, and for how long."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session as Transaction

from hierclf.foundation.errors import InputError
from hierclf.web.account_rows import (
    AccountRow,
    Refused,
    SignedIn,
    Throttled,
    account_of,
    check_name,
    digest_of,
    folded,
    named,
    plain,
)
from hierclf.web.clock import Clock
from hierclf.web.database import Database
from hierclf.web.passwords import Hasher, check_password, one_time_password
from hierclf.web.tables import Account, Session, Token
from hierclf.web.throttle import Throttle

_FREE_TRIES = 5
_FIRST_LOCK_MS = 2_000
_LONGEST_LOCK_MS = 15 * 60_000
_MOST_STRANGERS = 10_000
_SEEN_MS = 10_000
"""A session's last use is written down no more often."""


@dataclass
class _Stranger:
    """A name that was tried and that nobody has."""

    n_failed: int = 0
    locked_until_ms: int = 0


class Accounts:
    """All accounts and sessions.

    Parameters
    ----------
    database : Database
        Where they are.
    clock : callable
        Milliseconds since 1970. Where it goes back, sessions end.
    throttle : Throttle
        Tries of each address.
    hasher : Hasher, optional
        Of passwords.
    idle_ms, absolute_ms : int
        A session ends so long after its last use, and after its begin.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        throttle: Throttle,
        hasher: Hasher | None = None,
        idle_ms: int = 30 * 60_000,
        absolute_ms: int = 8 * 3_600_000,
    ) -> None:
        self._database = database
        self._clock = clock
        self._throttle = throttle
        self._hasher = hasher or Hasher()
        self._idle_ms = idle_ms
        self._absolute_ms = absolute_ms
        self._strangers: OrderedDict[str, _Stranger] = OrderedDict()

    def create(
        self, name: str, password: str | None = None, *, is_admin: bool = False
    ) -> tuple[AccountRow, str]:
        """Make an account.

        Parameters
        ----------
        name : str
            1 to 64 printable characters; two names that differ in case are one.
        password : str, optional
            A one-time one is drawn where there is none: it must be changed.
        is_admin : bool, default=False
            Whether it may make others.

        Returns
        -------
        account : AccountRow
            Made.
        password : str
            What was given, or drawn.

        Raises
        ------
        InputError
            If the name is taken or none, or the password too easy.
        """
        check_name(name)
        if password is not None:
            check_password(password, name)
        chosen = password or one_time_password()
        row = Account(
            id=str(uuid4()),
            name=name,
            folded=folded(name),
            password=self._hasher.hash(chosen),
            is_admin=is_admin,
            is_disabled=False,
            must_change=password is None,
            n_failed=0,
            locked_until_ms=0,
            created_ms=self._clock(),
            language="",
        )
        with self._database.session() as session:
            if named(session, name) is not None:
                raise InputError(
                    f"account: expected a new name, got {name!r}, which is taken. "
                    "Choose another."
                )
            session.add(row)
            return plain(row), chosen

    def sign_in(self, name: str, password: str, address: str) -> SignedIn:
        """Open a session.

        Exactly one password is compared whatever is wrong, so that an unknown name
        takes as long as a known one, and what is told is the same.

        Parameters
        ----------
        name, password : str
            As they were typed.
        address : str
            Who tries.

        Returns
        -------
        signed : SignedIn
            With the value of a new cookie.

        Raises
        ------
        Refused
            If they are wrong, or the account is disabled.
        Throttled
            If the address or the account was tried too often.
        """
        wait_s = self._throttle.wait_s(address)
        if wait_s:
            raise Throttled(wait_s)
        with self._database.session() as session:
            found = named(session, name)
        tried: Account | _Stranger = found or self._stranger(name)
        locked_ms = tried.locked_until_ms - self._clock()
        if locked_ms > 0:
            raise Throttled(min(locked_ms, _LONGEST_LOCK_MS) / 1000)
        matches = self._hasher.matches(found.password if found else None, password)
        if found is None or found.is_disabled or not matches:
            self._count_failure(tried)
            raise Refused
        if self._hasher.is_old(found.password):
            self._store(found.id, password, must_change=None)
        return self._open(found.id)

    def _stranger(self, name: str) -> _Stranger:
        """Remember a name that nobody has: it is locked as an account would be."""
        found = self._strangers.setdefault(folded(name), _Stranger())
        self._strangers.move_to_end(folded(name))
        while len(self._strangers) > _MOST_STRANGERS:
            self._strangers.popitem(last=False)
        return found

    def _count_failure(self, tried: Account | _Stranger) -> None:
        if isinstance(tried, _Stranger):
            _lock(tried, self._clock())
            return
        with self._database.session() as session:
            found = session.get(Account, tried.id)
            if found is not None:
                _lock(found, self._clock())

    def _open(self, account_id: str) -> SignedIn:
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = self._clock()
        with self._database.session() as session:
            found = session.get(Account, account_id)
            if found is None:
                raise Refused
            found.n_failed, found.locked_until_ms = 0, 0
            session.add(
                Session(
                    digest=digest_of(cookie),
                    account_id=account_id,
                    csrf=csrf,
                    created_ms=now,
                    seen_ms=now,
                )
            )
            old = now - self._absolute_ms
            session.execute(delete(Session).where(Session.created_ms < old))
            return SignedIn(plain(found), csrf, cookie)

    def signed_in(self, cookie: str) -> SignedIn | None:
        """Say whose session a cookie is of; None where it is over or none."""
        with self._database.session() as session:
            found = session.get(Session, digest_of(cookie))
            account = session.get(Account, found.account_id) if found else None
            if found is None or account is None or account.is_disabled:
                return None
            now = self._clock()
            if not self._is_alive(found, now):
                session.delete(found)
                return None
            if now - found.seen_ms >= _SEEN_MS:
                found.seen_ms = now
            return SignedIn(plain(account), found.csrf, cookie)

    def _is_alive(self, found: Session, now: int) -> bool:
        """Tell whether a session goes on; a clock that went back ends it."""
        idle, age = now - found.seen_ms, now - found.created_ms
        return 0 <= idle < self._idle_ms and 0 <= age < self._absolute_ms

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        gone = delete(Session).where(Session.digest == digest_of(cookie))
        with self._database.session() as session:
            session.execute(gone)

    def change_password(
        self, account_id: str, old: str, new: str, *, keep_cookie: str
    ) -> None:
        """Change one's password; other sessions and all tokens end.

        Parameters
        ----------
        account_id : str
            Whose.
        old, new : str
            As they were typed.
        keep_cookie : str
            Of the session that goes on.

        Raises
        ------
        Refused
            If the old one is wrong.
        InputError
            If the new one is too easy, or the old one again.
        """
        with self._database.session() as session:
            found = account_of(session, account_id)
            stored, name = found.password, found.name
        if not self._hasher.matches(stored, old):
            raise Refused
        check_password(new, name)
        if old == new:
            raise InputError("password: expected another, got the same. Choose one.")
        self._store(account_id, new, must_change=False)
        self._end(account_id, Session.digest != digest_of(keep_cookie))

    def set_password(self, account_id: str) -> str:
        """Give an account a one-time password; its sessions and tokens end."""
        password = one_time_password()
        self._store(account_id, password, must_change=True)
        self._end(account_id)
        return password

    def _store(self, account_id: str, password: str, must_change: bool | None) -> None:
        hashed = self._hasher.hash(password)
        with self._database.session() as session:
            found = account_of(session, account_id)
            found.password = hashed
            if must_change is not None:
                found.must_change = must_change
                found.n_failed, found.locked_until_ms = 0, 0

    def _end(self, account_id: str, *which: ColumnElement[bool]) -> None:
        """End sessions and tokens of an account."""
        with self._database.session() as session:
            own = Session.account_id == account_id
            session.execute(delete(Session).where(own, *which))
            session.execute(delete(Token).where(Token.account_id == account_id))

    def disable(self, account_id: str) -> None:
        """Keep an account from signing in; its sessions and tokens end at once."""
        with self._database.session() as session:
            found = account_of(session, account_id)
            _keep_an_admin(session, found)
            found.is_disabled = True
        self._end(account_id)

    def enable(self, account_id: str) -> None:
        """Let an account sign in again."""
        with self._database.session() as session:
            found = account_of(session, account_id)
            found.is_disabled, found.n_failed, found.locked_until_ms = False, 0, 0

    def delete(self, account_id: str) -> None:
        """Delete an account; its studies are deleted before by `Studies.delete_of`."""
        with self._database.session() as session:
            found = account_of(session, account_id)
            _keep_an_admin(session, found)
            session.delete(found)

    def list(self) -> tuple[AccountRow, ...]:
        """Tell all accounts, by name."""
        with self._database.session() as session:
            found = session.scalars(select(Account).order_by(Account.folded))
            return tuple(map(plain, found))

    def get(self, account_id: str) -> AccountRow | None:
        """Tell an account; None where there is none."""
        with self._database.session() as session:
            found = session.get(Account, account_id)
            return None if found is None else plain(found)

    def set_language(self, account_id: str, language: str) -> None:
        """Choose the language of an account's pages; '' for the browser's."""
        with self._database.session() as session:
            account_of(session, account_id).language = language


def _lock(tried: Account | _Stranger, now: int) -> None:
    """Lock for twice as long after each failure beyond some."""
    tried.n_failed += 1
    beyond = min(tried.n_failed - _FREE_TRIES, 20)
    if beyond >= 0:
        tried.locked_until_ms = now + min(_FIRST_LOCK_MS << beyond, _LONGEST_LOCK_MS)


def _keep_an_admin(session: Transaction, leaving: Account) -> None:
    """Refuse to lock everybody out."""
    others = (Account.is_admin, ~Account.is_disabled, Account.id != leaving.id)
    count = session.scalar(select(func.count()).select_from(Account).where(*others))
    if leaving.is_admin and not count:
        raise InputError(
            "account: expected another administrator to remain, got the last one. Make "
            "one first."
        )
