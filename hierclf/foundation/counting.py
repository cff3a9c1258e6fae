"""Counts in words."""

from __future__ import annotations


def count(n: int, noun: str) -> str:
    """Write how many there are of a thing.

    Parameters
    ----------
    n : int
        How many.
    noun : str
        One of them.

    Returns
    -------
    words : str
        With an s, but for one.

    Examples
    --------
    >>> count(1, "scan"), count(2, "scan")
    ('1 scan', '2 scans')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
