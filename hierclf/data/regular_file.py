"""Files opened so that a pipe, a device or a folder cannot stop the program."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from hierclf.data.limits import ReadLimits
from hierclf.foundation.errors import ResourceError, ScanCode, ScanError
from hierclf.foundation.files import explain_os_error

_CODES: dict[int, ScanCode] = {
    errno.ENOENT: "E_GONE",
    errno.ENOTDIR: "E_GONE",
    errno.ENAMETOOLONG: "E_GONE",
    errno.ESTALE: "E_GONE",
    errno.ELOOP: "E_NOT_REGULAR",
    errno.ENXIO: "E_NOT_REGULAR",
    errno.ENODEV: "E_NOT_REGULAR",
}
_OURS = (errno.EMFILE, errno.ENFILE)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, and nothing else.

    Symbolic links are followed, since data sets are often made of them;
    whether a link may lead out of a folder is for whoever walks the folder.
    Opening does not wait: a pipe without a writer would block for ever.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    stream : binary file
        To be closed by the caller.

    Raises
    ------
    ScanError
        With ``E_GONE`` if there is none, ``E_PERM`` if it may not or cannot be
        read, ``E_NOT_REGULAR`` if it is a folder, pipe, socket or device.
    ResourceError
        If no more files can be opened, which is no fault of this one.
    """
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _explain(error) from error
    except ValueError as error:  # a null byte or a half surrogate in the name
        raise ScanError(
            "E_GONE", "expected a file name, got one that no file can have. Correct it."
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ScanError(
            "E_NOT_REGULAR",
            "expected a regular file, got a folder, pipe or device. Leave it out.",
        )
    return os.fdopen(descriptor, "rb")


def _explain(error: OSError) -> ScanError | ResourceError:
    if error.errno in _OURS:
        return explain_os_error("read a scan", error)
    code = _CODES.get(error.errno or 0, "E_PERM")
    return ScanError(
        code,
        f"expected a readable file, got '{error.strerror}' from the system. "
        "Check the path, its permissions and the disk.",
    )


def read_once(path: Path, limits: ReadLimits) -> bytes:
    """Read a regular file whole, and notice if it changes meanwhile.

    Parameters
    ----------
    path : Path
        The file.
    limits : ReadLimits
        `max_bytes` is checked before anything is read.

    Returns
    -------
    content : bytes
        What the file held at one moment.

    Raises
    ------
    ScanError
        As `open_regular`; with ``E_EMPTY`` or ``E_TOO_LARGE`` for its size;
        with ``E_CHANGED`` if somebody wrote to it while it was read.
    ResourceError
        As `open_regular`.
    """
    with open_regular(path) as stream:
        before = os.fstat(stream.fileno())
        limits.check_bytes(before.st_size)
        try:
            content = stream.read(before.st_size)
        except OSError as error:
            raise _explain(error) from error
        after = os.fstat(stream.fileno())
    sizes = {before.st_size, after.st_size, len(content)}
    if len(sizes) > 1 or before.st_mtime_ns != after.st_mtime_ns:
        raise ScanError(
            "E_CHANGED",
            "expected a file at rest, got one that changed while it was read. "
            "Wait until it is complete.",
        )
    return content
