"""Passwords: what is taken for one, and how they are kept."""

from __future__ import annotations

import re

import pytest

from hierclf.foundation.errors import InputError
from hierclf.web import passwords
from hierclf.web.passwords import Hasher, check_password, one_time_password

WIDE = "\uff50assword"  # the p of East Asian keyboards


@pytest.mark.parametrize(
    "password", ["correct horse", "密码" * 4, "x1y2z3w4", "q" * 128]
)
def test_what_is_a_password(password: str) -> None:
    check_password(password, "Ann")


@pytest.mark.parametrize(
    "password",
    ["", "seven77", "q" * 129, "password", "PASSWORD", "iloveyou", "anna-lena", WIDE],
)
def test_what_is_none(password: str) -> None:
    with pytest.raises(InputError, match=r"^password: expected"):
        check_password(password, "Anna-Lena")


def test_the_costs_are_those_that_owasp_names() -> None:
    told = Hasher().hash("correct horse")
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", told)
    assert found is not None
    memory, passes, lanes = map(int, found.groups())
    assert memory >= 19456
    assert passes >= 2
    assert lanes == 1


def test_hashes_are_salted_and_compared(hasher: Hasher) -> None:
    first, second = hasher.hash("correct horse"), hasher.hash("correct horse")
    assert first != second
    assert hasher.matches(first, "correct horse")
    assert not hasher.matches(first, "correct horsE")
    assert not hasher.matches(first, "")
    assert not hasher.matches(None, "correct horse")
    assert not hasher.matches("no hash", "correct horse")


def test_keyboards_may_compose_a_letter_as_they_like(hasher: Hasher) -> None:
    stored = hasher.hash("Zürich am See")
    assert hasher.matches(stored, "Zu\u0308rich am See")
    assert not hasher.matches(stored, "Zurich am See")
    assert not hasher.matches(stored, "\ud800" * 8)


def test_what_is_too_long_is_not_hashed(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, seen = hasher.hash("x" * 128), []

    class Spy:
        def verify(self, _: str, typed: str) -> bool:
            seen.append(len(typed))
            return True

    monkeypatch.setattr(hasher, "_hasher", Spy())
    hasher.matches(stored, "x" * 1_000_000)
    hasher.matches(stored, "x" * 128)
    assert seen == [0, 128]


def test_one_time_passwords_differ_and_pass() -> None:
    drawn = {one_time_password() for _ in range(100)}
    assert len(drawn) == 100
    for one in drawn:
        check_password(one, "Ann")


def test_the_list_is_of_three_thousand() -> None:
    assert len(passwords._COMMON) == 3000
