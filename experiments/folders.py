"""Folders that are made once and kept for the next run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hierclf.foundation.files import locked


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Hold the making of a folder, and remove what a killed process left of it.

    A folder is filled under a temporary name beside its own, which stays behind after
    ``kill -9``. The lock does not, so that whoever holds it knows the others dead.

    Parameters
    ----------
    folder : Path
        To be made by `hierclf.foundation.files.new_folder`.

    Yields
    ------
    missing : bool
        Whether it is to be made.

    Raises
    ------
    ResourceError
        If another process is making it.
    """
    if folder.exists():
        yield False
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        for left in folder.parent.glob(f".{folder.name}-" + "?" * 8):
            shutil.rmtree(left, ignore_errors=True)
        yield not folder.exists()  # another may have been faster
