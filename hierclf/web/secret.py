"""The secret that forms without a session are signed with."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error

LEAST_BYTES = 32
_LEAST_DISTINCT = 10


def read_secret(folder: Path) -> bytes:
    """Read the secret of this installation; it is made at the first start.

    Parameters
    ----------
    folder : Path
        The state folder; it exists.

    Returns
    -------
    secret : bytes
        From the environment's ``HIERCLF_SECRET``, else from the file ``secret``, which
        only its owner may read.

    Raises
    ------
    InputError
        If it is short, or a word repeated: such a one can be guessed.
    ResourceError
        If the file cannot be read or made.
    """
    given = os.environ.get("HIERCLF_SECRET", "")
    if given:
        return _checked(given.encode(), "HIERCLF_SECRET")
    path = folder / "secret"
    try:
        if not path.exists():
            _make(path)
        return _checked(path.read_bytes().strip(), str(path))
    except OSError as error:
        raise explain_os_error(f"read {path}", error) from error


def _make(path: Path) -> None:
    """Write a new one; of two that start at once, the first one's is kept."""
    temporary = path.with_name(f".secret-{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(temporary, flags, 0o600), "w") as stream:
        stream.write(secrets.token_urlsafe(48) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _checked(secret: bytes, where: str) -> bytes:
    if len(secret) < LEAST_BYTES or len(set(secret)) < _LEAST_DISTINCT:
        raise InputError(
            f"{where}: expected a random secret of at least {LEAST_BYTES} bytes, got "
            f"{len(secret)} of {len(set(secret))} kinds. Leave it out, and one is made."
        )
    return secret


def sign(secret: bytes, purpose: str, value: str) -> str:
    """Sign a value for one purpose; 64 hexadecimal digits."""
    message = f"{purpose}\0{value}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def is_signed(secret: bytes, purpose: str, value: str, signature: str) -> bool:
    """Tell whether a signature is ours, in a time that tells nothing."""
    expected = sign(secret, purpose, value)
    return hmac.compare_digest(expected.encode(), signature.encode())
