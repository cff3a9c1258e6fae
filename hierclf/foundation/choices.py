"""Choosing one of several named things, with a helpful refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from hierclf.foundation.errors import InputError

T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name a misspelt one is closest to.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        The names that exist.

    Returns
    -------
    hint : str
        ``"Did you mean 'x'?"``, or a list of the names where none is near.

    Examples
    --------
    >>> nearest("resnet19", ["resnet18", "vgg16"])
    "Did you mean 'resnet18'?"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."


def choose(where: str, name: str, options: Mapping[str, T]) -> T:
    """Look `name` up in a registry.

    Parameters
    ----------
    where : str
        The option that named it, for example ``"screen.backbone"``.
    name : str
        What the user wrote.
    options : mapping
        The registry: name to thing.

    Returns
    -------
    thing : T
        ``options[name]``.

    Raises
    ------
    InputError
        If there is no such name; it names the nearest one.

    Examples
    --------
    >>> choose("views", "center", {"center": 1, "tencrop": 10})
    1
    """
    if name in options:
        return options[name]
    known = ", ".join(sorted(options))
    raise InputError(
        f"{where}: expected one of {known}, got {name!r}. {nearest(name, options)}"
    )
