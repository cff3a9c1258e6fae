"""The files of a bundle: which there may be, and that they are what was written.

Format 1. A bundle is a flat folder. ``manifest.json`` names every other file with
its size and its SHA-256, so one digest, that of the manifest, stands for all of it.
Nothing else may lie in the folder. Another layout gets another `FORMAT_VERSION`; a
later package either reads the older format or says that it does not.

Every file is read once, and what was hashed is what is parsed: somebody who writes
to the folder meanwhile changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hierclf.bundle.strict_json import parse, refuse, strict_json, to_json
from hierclf.foundation.files import (
    explain_os_error,
    new_folder,
    sha256_bytes,
    write_bytes,
)

FORMAT_VERSION: Final = 1
MANIFEST = "manifest.json"
_REQUIRED = frozenset(
    {
        *("info.json", "model_card.md", "self-test.safetensors"),
        *("screen.json", "refine.json"),
    }
)
_MAX_FILES = 64
LARGEST: Mapping[str, int] = MappingProxyType(
    {".json": 1 << 20, ".md": 1 << 20, ".safetensors": 1 << 32, ".skops": 1 << 29}
)
"""Bytes of a file, by its ending."""

Kind = Literal[
    "info", "card", "stage", "weights", "learner", "self-test", "guard", "lungs"
]
_PATTERNS: Mapping[Kind, str] = MappingProxyType(
    {
        "info": r"info\.json",
        "card": r"model_card\.md",
        "stage": r"(screen|refine)\.json",
        "weights": r"(trunk-[0-9a-f]{16}|(screen|refine)(-[0-7]){0,2}-head(-[0-7])?)"
        r"\.safetensors",
        "learner": r"(screen|refine)(-[0-7]){0,2}\.skops",
        "self-test": r"self-test\.safetensors",
        "guard": r"(reference|gate)\.safetensors",
        "lungs": r"segmenter\.(json|safetensors)",
    }
)


class FileEntry(BaseModel):
    """What the manifest says of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1]
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class Container:
    """The verified files of a bundle.

    Parameters
    ----------
    digest : str
        SHA-256 of the manifest, 64 hexadecimal digits.
    files : mapping of str to bytes
        Content of each file that was asked for, by its name.
    """

    digest: str
    files: Mapping[str, bytes]


def kind_of(name: str) -> Kind | None:
    """Tell what a file of a bundle is by its name.

    Parameters
    ----------
    name : str
        Name in the folder.

    Returns
    -------
    kind : str or None
        None for a name that no file of a bundle has.

    Examples
    --------
    >>> kind_of("screen.skops"), kind_of("../screen.skops"), kind_of("model.pkl")
    ('learner', None, None)
    """
    return next((k for k, p in _PATTERNS.items() if re.fullmatch(p, name)), None)


def read_container(folder: Path, wanted: str | None = None) -> Container:
    """Read the files of a bundle and check that they are what was written.

    Parameters
    ----------
    folder : Path
        The bundle. It may itself be reached by a link, its files may not.
    wanted : str, optional
        The only file to read, one that every bundle has; the others are then
        looked at by name and size.

    Returns
    -------
    container : Container
        Verified contents.

    Raises
    ------
    BundleError
        If the folder holds anything but what its manifest names, or a file is
        not what was written.
    ResourceError
        If the system does not let it be read.
    """
    try:
        sizes = _list(folder)
        content = read_exactly(folder / MANIFEST, sizes[MANIFEST])
        entries = _entries(content)
        _compare(sizes, entries)
        names = entries if wanted is None else [wanted]
        files = {name: _verified(folder / name, entries[name]) for name in names}
    except OSError as error:
        raise explain_os_error(f"read {folder}", error) from error
    return Container(sha256_bytes(content), MappingProxyType(files))


def check_place(folder: Path) -> None:
    """Refuse a path where no bundle can be, without reading anything."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise refuse(str(folder), "a folder", found, "Name the folder of a bundle.")
    inside = folder / "bundle"
    if not (folder / MANIFEST).exists() and (inside / MANIFEST).is_file():
        advice = f"Name {inside} instead."
        raise refuse(str(folder), "a bundle", "the folder of a run", advice)


def _list(folder: Path) -> dict[str, int]:
    """Look at names, types and sizes before anything is opened."""
    check_place(folder)
    sizes: dict[str, int] = {}
    with os.scandir(folder) as found_entries:
        for entry in found_entries:
            suffix = os.path.splitext(entry.name)[1]
            if entry.name != MANIFEST and kind_of(entry.name) is None:
                raise refuse(str(folder), "only files of a bundle", repr(entry.name))
            if not entry.is_file(follow_symlinks=False):
                raise refuse(entry.name, "a regular file", "a link, folder or device")
            sizes[entry.name] = size = entry.stat(follow_symlinks=False).st_size
            if size > LARGEST[suffix]:
                raise refuse(entry.name, f"at most {LARGEST[suffix]} bytes", size)
            if len(sizes) > _MAX_FILES:
                raise refuse(str(folder), f"at most {_MAX_FILES} files", "more")
    if MANIFEST not in sizes:
        raise refuse(str(folder), f"a bundle with {MANIFEST}", "a folder without it")
    return sizes


def read_exactly(path: Path, size: int) -> bytes:
    """Read a regular file that is no link.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes that it must have.

    Returns
    -------
    content : bytes
        All of it.

    Raises
    ------
    BundleError
        If it has another size.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(size + 1)
    if len(content) != size:
        raise refuse(path.name, f"{size} bytes", f"{len(content)} or more")
    return content


def _entries(content: bytes) -> dict[str, FileEntry]:
    told = strict_json(MANIFEST, content)
    version = told.get("format_version") if isinstance(told, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        advice = "Install a newer hierclf, or write the bundle with this one."
        rule = f"format version {FORMAT_VERSION} or older"
        raise refuse(MANIFEST, rule, version, advice)
    files = parse(MANIFEST, content, TypeAdapter(_Manifest)).files
    for name, entry in files.items():
        if kind_of(name) != entry.kind:
            raise refuse(MANIFEST, "names of bundle files", f"{name!r} ({entry.kind})")
    absent = sorted(_REQUIRED - files.keys())
    if absent:
        raise refuse(MANIFEST, f"an entry for {absent[0]}", "none")
    return files


def _compare(sizes: dict[str, int], entries: dict[str, FileEntry]) -> None:
    missing = sorted(entries.keys() - sizes.keys())
    if missing:
        raise refuse(missing[0], "the file that the manifest names", "none")
    extra = sorted(sizes.keys() - entries.keys() - {MANIFEST})
    if extra:
        raise refuse(extra[0], "only files that the manifest names", "another")
    for name, entry in entries.items():
        if sizes[name] != entry.size:
            raise refuse(name, f"{entry.size} bytes", sizes[name])


def _verified(path: Path, entry: FileEntry) -> bytes:
    content = read_exactly(path, entry.size)
    digest = sha256_bytes(content)
    if digest != entry.sha256:
        raise refuse(path.name, f"SHA-256 {entry.sha256[:16]}", digest[:16])
    return content


def write_container(
    folder: Path, files: Mapping[str, bytes], *, overwrite: bool = False
) -> str:
    """Write the files of a bundle, all or none.

    Parameters
    ----------
    folder : Path
        Final name; its parents are made.
    files : mapping of str to bytes
        Every file but the manifest.
    overwrite : bool, default=False
        Replace a bundle that is already there.

    Returns
    -------
    digest : str
        SHA-256 of the manifest.

    Raises
    ------
    InputError
        If `folder` exists and `overwrite` is off, or it is no bundle: a folder
        of something else is never replaced.
    ResourceError
        If it cannot be written; what was there before stays.
    """
    entries = {
        name: {"kind": kind_of(name), "size": len(c), "sha256": sha256_bytes(c)}
        for name, c in files.items()
    }
    manifest = to_json(MANIFEST, {"format_version": FORMAT_VERSION, "files": entries})
    with new_folder(folder, overwrite=overwrite, mark=MANIFEST) as temporary:
        for name, content in {**files, MANIFEST: manifest}.items():
            write_bytes(temporary / name, content, sync=False)
    return sha256_bytes(manifest)
