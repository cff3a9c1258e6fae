"""Files that are written whole or not at all, hashed, and locked.

A plain write that is interrupted leaves half a file that looks like a whole
one. Here everything goes to a temporary name in the same folder, is flushed to
the disk, and takes its final name in one step.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hierclf.foundation.errors import InputError, ResourceError

_CHUNK = 1 << 20
_UMASK = os.umask(0o077)  # the system tells it only by setting another
os.umask(_UMASK)


def explain_os_error(where: str, error: OSError) -> ResourceError:
    """Turn an operating system error into one line for the user.

    Parameters
    ----------
    where : str
        What was being done, for example ``"write report.html"``.
    error : OSError
        What the system said.

    Returns
    -------
    explained : ResourceError
        To be raised from `error`.
    """
    advice = {
        errno.ENOSPC: "Free some space or choose another --out.",
        errno.EACCES: "Choose a folder that you may write.",
        errno.EROFS: "Choose a folder that you may write.",
    }.get(error.errno or 0, "Check the path and the disk.")
    reason = error.strerror or str(error)
    return ResourceError(f"{where}: the system answered '{reason}'. {advice}")


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the names in a folder.

    Parameters
    ----------
    folder : Path
        Where something was renamed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        Final name; its folder exists.
    content : bytes
        The whole content.
    sync : bool, default=True
        Wait until the disk has it. Off only for what can be computed again.

    Raises
    ------
    ResourceError
        If the disk is full or the folder may not be written; nothing is left.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
        if sync:
            sync_folder(path.parent)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise explain_os_error(f"write {path}", error) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys whole or not at all.

    Parameters
    ----------
    path : Path
        Final name.
    value : JSON-like
        NaN and infinity are refused: they are no JSON.
    """
    text = json.dumps(
        value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False
    )
    write_text(path, text + "\n")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twins = sorted({key for key in keys if keys.count(key) > 1})
    if twins:
        raise ValueError(f"key {twins[0]!r} stands twice")
    return dict(pairs)


def read_json(path: Path, *, limit: int = 1 << 24) -> Any:
    """Read JSON that may have been made by somebody else.

    Parameters
    ----------
    path : Path
        File to read.
    limit : int, default=2**24
        Largest accepted size in bytes.

    Returns
    -------
    value : JSON-like
        What the file holds.

    Raises
    ------
    InputError
        If it is larger than `limit`, too deeply nested, no JSON, or holds a
        key twice.
    """
    size = path.stat().st_size
    if size > limit:
        raise InputError(
            f"{path.name}: expected at most {limit} bytes, got {size}. "
            "Check where the file comes from."
        )
    try:
        text = path.read_bytes().decode("utf-8")
        return json.loads(text, object_pairs_hook=_refuse_twins)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InputError(
            f"{path.name}: expected valid JSON, got {reason}. Write it again."
        ) from error


def sha256_bytes(content: bytes) -> str:
    """Hash a content; 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Hash a file without reading it into memory at once.

    Parameters
    ----------
    path : Path
        File to read.

    Returns
    -------
    digest : str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_new(path: Path, *, overwrite: bool, mark: str) -> None:
    """Refuse a folder that `new_folder` would refuse; see there.

    Parameters
    ----------
    path : Path
        Folder to be made.
    overwrite : bool
        Whether one that is there may be replaced.
    mark : str
        File that such a one must have.

    Raises
    ------
    InputError
        If it may not.
    """
    if not path.exists():
        return
    if not overwrite:
        raise InputError(
            f"{path}: expected a new folder, got one that exists. "
            "Choose another --out or add --overwrite."
        )
    if not path.is_dir() or (any(path.iterdir()) and not (path / mark).exists()):
        raise InputError(
            f"{path}: expected a folder with {mark} to overwrite, got something else. "
            "Choose another --out."
        )


@contextlib.contextmanager
def new_folder(
    path: Path, *, overwrite: bool = False, mark: str = ""
) -> Iterator[Path]:
    """Fill a folder under a temporary name and rename it when it is complete.

    Parameters
    ----------
    path : Path
        Final name; its parents are made.
    overwrite : bool, default=False
        Replace a folder that is already there.
    mark : str, default=""
        File without which a folder is not what may be replaced. An empty folder
        may always be.

    Yields
    ------
    folder : Path
        Temporary folder beside `path`, to be filled.

    Raises
    ------
    InputError
        If `path` exists and `overwrite` is off, or it lacks the mark.
    ResourceError
        If it cannot be written; the temporary folder is removed.
    """
    check_new(path, overwrite=overwrite, mark=mark)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
        temporary.chmod(0o777 & ~_UMASK)
        yield temporary
        check_new(path, overwrite=overwrite, mark=mark)  # another may have been faster
        _publish(temporary, path, overwrite=overwrite)
    except OSError as error:
        raise explain_os_error(f"write {path}", error) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, path: Path, *, overwrite: bool) -> None:
    for item in temporary.rglob("*"):
        if item.is_file():
            with item.open("rb") as stream:
                os.fsync(stream.fileno())
    old = None
    if not overwrite:
        os.replace(temporary, path)  # fails where another has just put a folder
    elif not _exchange(temporary, path):
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".old-{path.name}-"))
            os.replace(path, old)
        os.replace(temporary, path)
    sync_folder(path.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Let two names change places in one step; False where the system cannot.

    Two renames would leave a moment in which neither folder has the name.
    """
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None or not second.exists():
        return False
    here, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    names = os.fsencode(first.absolute()), os.fsencode(second.absolute())
    return int(exchange(here, names[0], here, names[1], flag)) == 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock while the block runs.

    The lock dies with the process that holds it, also after ``kill -9``.

    Parameters
    ----------
    path : Path
        Lock file; made if absent, and left in place (removing it would let two
        processes lock two files of the same name).

    Raises
    ------
    ResourceError
        If another process holds it.
    """
    try:
        stream = path.open("a")
    except OSError as error:
        raise explain_os_error(f"lock {path}", error) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError(
                f"{path}: expected nobody else to write here, got a lock held by "
                "another process. Wait for it to end or choose another --out."
            ) from error
        yield
