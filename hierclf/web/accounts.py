"""Accounts: who may sign in, how, and for how long."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
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
        self._guard = threading.Lock()

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
        try:
            with self._database.session() as session:
                session.add(row)
        except IntegrityError:
            raise InputError(
                f"account: expected a new name, got {name!r}, which is taken. Choose "
                "another."
            ) from None
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
        locked_ms = _locked_ms(tried, self._clock())
        if locked_ms:
            raise Throttled(locked_ms / 1000)
        matches = self._hasher.matches(found.password if found else None, password)
        if found is None or found.is_disabled or not matches:
            self._count_failure(tried)
            raise Refused
        signed = self._open(found.id, found.password)
        if self._hasher.is_old(found.password):
            self._renew(found, password)
        self._forget_old_sessions()
        return signed

    def _stranger(self, name: str) -> _Stranger:
        """Remember a name that nobody has: it is locked as an account would be."""
        with self._guard:
            found = self._strangers.setdefault(folded(name), _Stranger())
            self._strangers.move_to_end(folded(name))
            while len(self._strangers) > _MOST_STRANGERS:
                self._strangers.popitem(last=False)
            return found

    def _count_failure(self, tried: Account | _Stranger) -> None:
        if isinstance(tried, _Stranger):
            with self._guard:
                _lock(tried, self._clock())
            return
        with self._database.session() as session:
            found = session.get(Account, tried.id, with_for_update=True)
            if found is not None:
                _lock(found, self._clock())

    def _open(self, account_id: str, stored: str) -> SignedIn:
        """Open a session, unless the account was changed while it was compared."""
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = self._clock()
        with self._database.session() as session:
            found = session.get(Account, account_id, with_for_update=True)
            if found is None or found.is_disabled or found.password != stored:
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
            return SignedIn(plain(found), csrf, cookie)

    def _renew(self, known: Account, password: str) -> None:
        """Hash a password at the cost of now, unless it was changed meanwhile."""
        same = (Account.id == known.id, Account.password == known.password)
        renewed = update(Account).where(*same)
        hashed = self._hasher.hash(password)
        with self._database.session() as session:
            session.execute(renewed.values(password=hashed))

    def _forget_old_sessions(self) -> None:
        """In a transaction of its own: beside an insert it would block others."""
        old = self._clock() - self._absolute_ms
        with self._database.session() as session:
            session.execute(delete(Session).where(Session.created_ms < old))

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
            If the old one is wrong, or was guessed at too often.
        InputError
            If the new one is too easy, or the old one again.
        """
        with self._database.session() as session:
            found = account_of(session, account_id)
        if _locked_ms(found, self._clock()):
            raise Refused
        if not self._hasher.matches(found.password, old):
            self._count_failure(found)
            raise Refused
        check_password(new, found.name)
        if old == new:
            raise InputError("password: expected another, got the same. Choose one.")
        hashed = self._hasher.hash(new)
        with self._database.session() as session:
            now = account_of(session, account_id)
            if now.password != found.password:  # an administrator was faster
                raise Refused
            _replace(now, hashed, must_change=False)
            _end(session, account_id, keep=digest_of(keep_cookie))

    def set_password(self, account_id: str) -> str:
        """Give an account a one-time password; its sessions and tokens end."""
        password = one_time_password()
        hashed = self._hasher.hash(password)
        with self._database.session() as session:
            _replace(account_of(session, account_id), hashed, must_change=True)
            _end(session, account_id)
        return password

    def disable(self, account_id: str) -> None:
        """Keep an account from signing in; its sessions and tokens end at once."""
        with self._database.session() as session:
            _keep_an_admin(session, account_id)
            account_of(session, account_id).is_disabled = True
            _end(session, account_id)

    def enable(self, account_id: str) -> None:
        """Let an account sign in again."""
        with self._database.session() as session:
            found = account_of(session, account_id)
            found.is_disabled, found.n_failed, found.locked_until_ms = False, 0, 0

    def delete(self, account_id: str) -> None:
        """Delete an account; its studies are deleted before by `Studies.delete_of`."""
        with self._database.session() as session:
            _keep_an_admin(session, account_id)
            session.delete(account_of(session, account_id))

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


def _locked_ms(tried: Account | _Stranger, now: int) -> int:
    """Tell how long to wait; a lock that is too long is of a clock that went back."""
    locked_ms = tried.locked_until_ms - now
    return locked_ms if 0 < locked_ms <= _LONGEST_LOCK_MS else 0


def _lock(tried: Account | _Stranger, now: int) -> None:
    """Lock for twice as long after each failure beyond some."""
    tried.n_failed += 1
    beyond = min(tried.n_failed - _FREE_TRIES, 20)
    if beyond >= 0:
        tried.locked_until_ms = now + min(_FIRST_LOCK_MS << beyond, _LONGEST_LOCK_MS)


def _replace(found: Account, hashed: str, *, must_change: bool) -> None:
    """Take another password, and forget failures with the old one."""
    found.password, found.must_change = hashed, must_change
    found.n_failed, found.locked_until_ms = 0, 0


def _end(session: Transaction, account_id: str, *, keep: str = "") -> None:
    """End tokens and sessions of an account, but for one."""
    others = (Session.account_id == account_id, Session.digest != keep)
    session.execute(delete(Session).where(*others))
    session.execute(delete(Token).where(Token.account_id == account_id))


def _keep_an_admin(session: Transaction, leaving: str) -> None:
    """Refuse to lock everybody out, also where two administrators end each other."""
    asked = select(Account.id).where(Account.is_admin, ~Account.is_disabled)
    listed = session.scalars(asked.order_by(Account.id).with_for_update())
    if list(listed) == [leaving]:
        raise InputError(
            "account: expected another administrator to remain, got the last one. Make "
            "one first."
        )
