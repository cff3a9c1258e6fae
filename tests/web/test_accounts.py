"""Accounts: who may sign in, how, and for how long."""

from __future__ import annotations

import pytest

from hierclf.foundation.errors import InputError
from hierclf.web.account_rows import Refused, SignedIn, Throttled
from hierclf.web.accounts import Accounts
from hierclf.web.database import Database
from hierclf.web.passwords import Hasher
from hierclf.web.tables import Account, Session
from hierclf.web.throttle import Throttle
from hierclf.web.tokens import Tokens
from tests.web.conftest import Hours, at_once, make_accounts

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture
def plain(light: Database, hours: Hours, hasher: Hasher) -> Accounts:
    """Accounts with Ann, on SQLite."""
    accounts = make_accounts(light, hours, hasher)
    accounts.create("Ann", PASSWORD)
    return accounts


def test_making_finding_and_deleting(accounts: Accounts) -> None:
    ann, told = accounts.create("Ann", is_admin=True)
    assert len(told) >= 16
    assert ann.must_change
    bob, same = accounts.create("bob", PASSWORD)
    assert same == PASSWORD
    assert not bob.must_change
    assert not bob.is_admin
    assert accounts.list() == (ann, bob)
    assert accounts.get(bob.id) == bob
    accounts.delete(bob.id)
    assert accounts.get(bob.id) is None
    assert accounts.list() == (ann,)


@pytest.mark.parametrize("name", ["ann", "ANN", "\uff21nn"])
def test_names_that_look_alike_are_one(accounts: Accounts, name: str) -> None:
    accounts.create("Ann", PASSWORD)
    with pytest.raises(InputError, match="which is taken"):
        accounts.create(name, PASSWORD)
    assert accounts.sign_in(name, PASSWORD, "here").account.name == "Ann"


def test_names_that_differ_in_an_accent_are_two(accounts: Accounts) -> None:
    accounts.create("Muller", PASSWORD)
    accounts.create("Müller", "another good one")
    assert accounts.sign_in("müller", "another good one", "x").account.name == "Müller"
    with pytest.raises(Refused):
        accounts.sign_in("Muller", "another good one", "x")


def test_one_name_is_made_once(accounts: Accounts) -> None:
    found = at_once(6, lambda _: accounts.create("Ann", PASSWORD))
    assert sum(isinstance(one, InputError) for one in found) == 5
    assert len(accounts.list()) == 1


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "x" * 100_000])
def test_odd_letters_open_nothing(accounts: Accounts, odd: str) -> None:
    accounts.create("Ann", PASSWORD)
    for name, password in ((odd, PASSWORD), ("Ann", odd)):
        with pytest.raises(Refused):
            accounts.sign_in(name, password, "here")
    assert accounts.signed_in(odd) is None


def test_many_sign_in_at_once(accounts: Accounts) -> None:
    accounts.create("Ann", PASSWORD)

    def come_in(_: int) -> None:
        for _ in range(5):
            signed = accounts.sign_in("Ann", PASSWORD, "here")
            assert accounts.signed_in(signed.cookie_value) == signed

    assert at_once(8, come_in) == [None] * 8


def test_failures_at_once_are_all_counted(
    accounts: Accounts, database: Database
) -> None:
    accounts.create("Ann", PASSWORD)
    found = at_once(4, lambda _: accounts.sign_in("Ann", "wrong password", "here"))
    assert all(isinstance(one, Refused) for one in found)
    with database.session() as session:
        assert session.query(Account).one().n_failed == 4


@pytest.mark.parametrize("what", ["disable", "set_password", "delete"])
def test_what_happens_while_a_password_is_compared(
    plain: Accounts, hasher: Hasher, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """No session outlives what an administrator does in that moment."""
    [ann] = plain.list()
    matches = hasher.matches

    def slow(stored: str | None, password: str) -> bool:
        found = matches(stored, password)
        getattr(plain, what)(ann.id)
        return found

    monkeypatch.setattr(hasher, "matches", slow)
    with pytest.raises(Refused):
        plain.sign_in("Ann", PASSWORD, "here")


def test_an_administrator_is_faster_than_a_change(
    plain: Accounts, hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, told = plain.sign_in("Ann", PASSWORD, "here"), []
    matches = hasher.matches

    def slow(stored: str | None, password: str) -> bool:
        found = matches(stored, password)
        told.append(plain.set_password(signed.account.id))
        return found

    monkeypatch.setattr(hasher, "matches", slow)
    with pytest.raises(Refused):
        plain.change_password(
            signed.account.id, PASSWORD, "another good one", keep_cookie=""
        )
    monkeypatch.undo()
    assert plain.sign_in("Ann", told[0], "here").account.must_change


def test_a_session_is_no_place_to_guess_a_password(
    plain: Accounts, hours: Hours
) -> None:
    signed = plain.sign_in("Ann", PASSWORD, "here")
    for _ in range(5):
        with pytest.raises(Refused):
            _change(plain, signed, "wrong password")
    with pytest.raises(Refused):
        _change(plain, signed, PASSWORD)
    hours.go(seconds=2)
    _change(plain, signed, PASSWORD)


def _change(accounts: Accounts, signed: SignedIn, old: str) -> None:
    accounts.change_password(
        signed.account.id, old, "another good one", keep_cookie=signed.cookie_value
    )


@pytest.mark.parametrize(
    "name", ["", " ", " ann", "ann\n", "a\x00b", "a" * 65, "\u202ea"]
)
def test_what_is_no_name(plain: Accounts, name: str) -> None:
    with pytest.raises(InputError, match="expected 1 to 64 printable characters"):
        plain.create(name, PASSWORD)


def test_a_session_is_new_each_time_and_kept_as_a_digest(
    light: Database, plain: Accounts
) -> None:
    first, second = (plain.sign_in("Ann", PASSWORD, "here") for _ in range(2))
    assert first.cookie_value != second.cookie_value
    assert first.csrf != second.csrf
    assert len(first.cookie_value) >= 43  # 256 bits
    with light.session() as session:
        kept = [row.digest for row in session.query(Session)]
    assert first.cookie_value not in kept
    assert plain.signed_in(first.cookie_value) == first
    assert plain.signed_in(second.cookie_value) == second
    assert plain.signed_in("forged") is None
    assert plain.signed_in(kept[0]) is None


def test_what_is_wrong_is_not_told(
    light: Database, plain: Accounts, hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way hashes once, and says the same."""
    locked_out = plain.create("off", PASSWORD)[0]
    plain.disable(locked_out.id)
    asked: list[bool] = []
    matches = hasher.matches

    def counted(stored: str | None, password: str) -> bool:
        asked.append(stored is None)
        return matches(stored, password)

    monkeypatch.setattr(hasher, "matches", counted)
    told = set()
    for name, password in [
        ("Ann", "wrong password"),
        ("nobody", PASSWORD),
        ("off", PASSWORD),
        ("off", "wrong password"),
        ("", ""),
        ("Ann", "x" * 1_000_000),
    ]:
        with pytest.raises(Refused) as error:
            plain.sign_in(name, password, "here")
        told.add(str(error.value))
    assert len(told) == 1
    assert len(asked) == 6
    assert asked == [False, True, False, False, True, False]


@pytest.mark.parametrize("name", ["Ann", "nobody"])
def test_a_name_is_locked_for_longer_and_longer(
    plain: Accounts, hours: Hours, name: str
) -> None:
    waits = []
    for _ in range(12):
        try:
            plain.sign_in(name, "wrong password", "here")
        except Refused:
            continue
        except Throttled as error:
            waits.append(error.wait_s)
            hours.go(seconds=error.wait_s)
    assert waits == [2, 4, 8, 16]
    with pytest.raises(Refused):
        plain.sign_in(name, "wrong password", "here")


def test_the_right_password_waits_too_and_then_forgives(
    plain: Accounts, hours: Hours
) -> None:
    for _ in range(5):
        with pytest.raises(Refused):
            plain.sign_in("Ann", "wrong password", "here")
    with pytest.raises(Throttled):
        plain.sign_in("Ann", PASSWORD, "here")
    hours.go(seconds=2)
    plain.sign_in("Ann", PASSWORD, "here")
    for _ in range(4):
        with pytest.raises(Refused):
            plain.sign_in("Ann", "wrong password", "here")
    plain.sign_in("Ann", PASSWORD, "here")


def test_a_lock_is_never_for_ever(plain: Accounts, hours: Hours) -> None:
    waits = []
    for _ in range(60):
        try:
            plain.sign_in("Ann", "wrong password", "here")
        except Refused:
            continue
        except Throttled as error:
            waits.append(error.wait_s)
            hours.go(seconds=error.wait_s)
    assert waits[-1] == max(waits) == 15 * 60
    hours.go(minutes=15)
    plain.sign_in("Ann", PASSWORD, "here")


def test_a_clock_that_goes_back_locks_nobody_out(plain: Accounts, hours: Hours) -> None:
    hours.go(hours=24 * 365)
    for _ in range(5):
        with pytest.raises(Refused):
            plain.sign_in("Ann", "wrong password", "here")
    hours.go(hours=-24 * 365)
    plain.sign_in("Ann", PASSWORD, "here")


def test_an_address_may_try_so_often(
    light: Database, hours: Hours, hasher: Hasher
) -> None:
    throttle = Throttle(most=2)
    accounts = Accounts(light, clock=hours, throttle=throttle, hasher=hasher)
    for name in ("a", "b"):
        with pytest.raises(Refused):
            accounts.sign_in(name, "wrong password", "here")
    with pytest.raises(Throttled) as error:
        accounts.sign_in("c", "wrong password", "here")
    assert 1 <= error.value.wait_s <= 60
    with pytest.raises(Refused):
        accounts.sign_in("c", "wrong password", "elsewhere")


def test_a_session_ends_when_it_is_idle(plain: Accounts, hours: Hours) -> None:
    signed = plain.sign_in("Ann", PASSWORD, "here")
    for _ in range(5):
        hours.go(minutes=29)
        assert plain.signed_in(signed.cookie_value)
    hours.go(minutes=31)
    assert plain.signed_in(signed.cookie_value) is None
    hours.go(minutes=-31)  # it does not come back
    assert plain.signed_in(signed.cookie_value) is None


def test_a_session_ends_after_a_day_of_work(plain: Accounts, hours: Hours) -> None:
    signed = plain.sign_in("Ann", PASSWORD, "here")
    for _ in range(23):
        hours.go(minutes=20)
        assert plain.signed_in(signed.cookie_value)
    hours.go(minutes=20)
    assert plain.signed_in(signed.cookie_value) is None


def test_old_sessions_are_forgotten(
    light: Database, plain: Accounts, hours: Hours
) -> None:
    plain.sign_in("Ann", PASSWORD, "here")
    hours.go(hours=9)
    plain.sign_in("Ann", PASSWORD, "here")
    with light.session() as session:
        assert session.query(Session).count() == 1


def test_a_clock_that_goes_back_ends_sessions(plain: Accounts, hours: Hours) -> None:
    signed = plain.sign_in("Ann", PASSWORD, "here")
    hours.go(hours=-1)
    assert plain.signed_in(signed.cookie_value) is None


def _sessions(accounts: Accounts) -> tuple[SignedIn, SignedIn]:
    first, second = (accounts.sign_in("Ann", PASSWORD, "here") for _ in range(2))
    return first, second


def test_signing_out_ends_one_session(accounts: Accounts) -> None:
    accounts.create("Ann", PASSWORD)
    first, second = _sessions(accounts)
    accounts.sign_out(first.cookie_value)
    assert accounts.signed_in(first.cookie_value) is None
    assert accounts.signed_in(second.cookie_value) == second


def test_a_new_password_ends_other_sessions_and_tokens(
    accounts: Accounts, database: Database, hours: Hours
) -> None:
    ann, _ = accounts.create("Ann", PASSWORD)
    first, second = _sessions(accounts)
    tokens = Tokens(database, clock=hours)
    _, key = tokens.make(ann.id, "script")
    told = {"keep_cookie": first.cookie_value}
    with pytest.raises(Refused):
        accounts.change_password(ann.id, "wrong password", "another one", **told)
    for easy in ("short", "password123", "ann", "x" * 129, PASSWORD):
        with pytest.raises(InputError):
            accounts.change_password(ann.id, PASSWORD, easy, **told)
    assert accounts.signed_in(second.cookie_value)
    accounts.change_password(ann.id, PASSWORD, "another good one", **told)
    assert accounts.signed_in(first.cookie_value)
    assert accounts.signed_in(second.cookie_value) is None
    assert tokens.owner(key) is None
    with pytest.raises(Refused):
        accounts.sign_in("Ann", PASSWORD, "here")
    accounts.sign_in("Ann", "another good one", "here")


def test_a_given_password_must_be_changed(accounts: Accounts) -> None:
    ann, _ = accounts.create("Ann", PASSWORD)
    first, _ = _sessions(accounts)
    told = accounts.set_password(ann.id)
    assert accounts.signed_in(first.cookie_value) is None
    signed = accounts.sign_in("Ann", told, "here")
    assert signed.account.must_change
    accounts.change_password(
        ann.id, told, "another good one", keep_cookie=signed.cookie_value
    )
    again = accounts.signed_in(signed.cookie_value)
    assert again is not None
    assert not again.account.must_change


def test_disabling_ends_everything_at_once(
    accounts: Accounts, database: Database, hours: Hours
) -> None:
    ann, _ = accounts.create("Ann", PASSWORD)
    first, _ = _sessions(accounts)
    _, key = Tokens(database, clock=hours).make(ann.id, "script")
    accounts.disable(ann.id)
    assert accounts.signed_in(first.cookie_value) is None
    assert Tokens(database, clock=hours).owner(key) is None
    with pytest.raises(Refused):
        accounts.sign_in("Ann", PASSWORD, "here")
    accounts.enable(ann.id)
    assert accounts.signed_in(first.cookie_value) is None
    accounts.sign_in("Ann", PASSWORD, "here")


def test_deleting_takes_sessions_and_tokens_along(
    accounts: Accounts, database: Database, hours: Hours
) -> None:
    ann, _ = accounts.create("Ann", PASSWORD)
    first, _ = _sessions(accounts)
    _, key = Tokens(database, clock=hours).make(ann.id, "script")
    accounts.delete(ann.id)
    assert accounts.signed_in(first.cookie_value) is None
    assert Tokens(database, clock=hours).owner(key) is None


def test_the_last_administrator_stays(accounts: Accounts) -> None:
    ann, _ = accounts.create("Ann", PASSWORD, is_admin=True)
    bob, _ = accounts.create("Bob", PASSWORD, is_admin=True)
    accounts.disable(bob.id)
    for leave in (accounts.delete, accounts.disable):
        with pytest.raises(InputError, match="another administrator to remain"):
            leave(ann.id)
    accounts.enable(bob.id)
    accounts.delete(ann.id)
    assert [row.name for row in accounts.list()] == ["Bob"]


def test_two_administrators_do_not_end_each_other(accounts: Accounts) -> None:
    both = [accounts.create(name, PASSWORD, is_admin=True)[0] for name in "ab"]
    for _ in range(5):
        found = at_once(2, lambda place: accounts.disable(both[place].id))
        assert sum(isinstance(one, InputError) for one in found) == 1
        assert sum(row.is_disabled for row in accounts.list()) == 1
        for row in both:
            accounts.enable(row.id)


@pytest.mark.parametrize("what", ["disable", "enable", "delete", "set_password"])
def test_accounts_that_are_not_there(plain: Accounts, what: str) -> None:
    with pytest.raises(InputError, match="expected one that exists"):
        getattr(plain, what)("nobody")


def test_old_hashes_are_made_again(
    light: Database, hours: Hours, hasher: Hasher
) -> None:
    from argon2 import PasswordHasher

    old = Hasher(PasswordHasher(time_cost=1, memory_cost=16, parallelism=1))
    make_accounts(light, hours, old).create("Ann", PASSWORD)

    def kept() -> str:
        with light.session() as session:
            return str(session.query(Account).one().password)

    assert "m=16," in kept()
    renewed = make_accounts(light, hours, hasher)
    renewed.sign_in("Ann", PASSWORD, "here")
    assert "m=8," in kept()
    renewed.sign_in("Ann", PASSWORD, "here")


def test_a_language_is_kept(plain: Accounts) -> None:
    [ann] = plain.list()
    plain.set_language(ann.id, "zh")
    assert plain.sign_in("Ann", PASSWORD, "here").account.language == "zh"
