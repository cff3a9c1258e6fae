"""Passwords: what is taken for one, and how they are kept.

argon2-cffi (MIT, the reference implementation) hashes, with the least cost that OWASP
names: 19 MiB, two passes, one lane. On two cores dearer ones would let a few sign-ins
stop all else.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from hierclf.foundation.errors import InputError

SHORTEST, LONGEST = 8, 128
_N_COMMON = 3000
_COMMON = frozenset(FREQUENCY_LISTS["passwords"][:_N_COMMON])
_AT_ONCE = 2


def check_password(password: str, name: str) -> None:
    """Refuse a password that is easily guessed; nothing is asked of its letters.

    Parameters
    ----------
    password : str
        As it was typed.
    name : str
        Of the account.

    Raises
    ------
    InputError
        If it is shorter than `SHORTEST` or longer than `LONGEST` characters, the name
        of the account, or one of the 3000 most common ones.

    References
    ----------
    NIST SP 800-63B, 5.1.1.2.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"password: expected {SHORTEST} to {LONGEST} characters, got "
            f"{len(password)}. Take some words."
        )
    folded = _normal(password).casefold()
    if folded == _normal(name).casefold() or folded in _COMMON:
        raise InputError(
            "password: expected one that is not easily guessed, got a common one. "
            "Take some words."
        )


def _normal(text: str) -> str:
    """Bring it to one form: keyboards differ in how they compose the same letter."""
    return unicodedata.normalize("NFKC", text)


def _encoded(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


def one_time_password() -> str:
    """Draw a password for the first sign-in."""
    return secrets.token_urlsafe(12)


class Hasher:
    """Hashes passwords and compares them, at most two at a time.

    Parameters
    ----------
    hasher : PasswordHasher, optional
        With other costs.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=2, memory_cost=19456, parallelism=1
        )
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._dummy = self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Hash a password, with a salt of its own; a PHC string."""
        with self._free:
            return self._hasher.hash(_encoded(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Compare a password with what is stored.

        Parameters
        ----------
        stored : str or None
            A PHC string; None where there is no such account, which takes as long.
        password : str
            As it was typed.

        Returns
        -------
        matches : bool
            False also for what is too long to be one.
        """
        typed = password if len(password) <= LONGEST else ""
        with self._free:
            try:
                known = self._dummy if stored is None else stored
                self._hasher.verify(known, _encoded(typed))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_old(self, stored: str) -> bool:
        """Tell whether it was hashed at another cost than is asked for now."""
        return self._hasher.check_needs_rehash(stored)
