"""Parts of a folder that are scored apart, by nobody's leave.

A scan belongs to a shard by a hash of its relative name and not by its place in a
listing: so no shard needs to know of another, and files that are added or removed
move no other file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from hierclf.foundation.errors import InputError

_MOST = 512  # all are open while they are merged
_WRITTEN = re.compile(r"(\d{1,3})/(\d{1,3})", re.ASCII)


@dataclass(frozen=True, order=True)
class Shard:
    """One of some parts of a folder.

    Parameters
    ----------
    number : int
        Which one, from 1.
    of : int
        How many there are.

    Examples
    --------
    >>> Shard(3, 8).file_of(Path("scores.csv")).name
    'scores.3-of-8.csv'
    >>> [Shard(k, 2).holds("a/x.png") for k in (1, 2)]
    [False, True]
    """

    number: int
    of: int

    def __str__(self) -> str:
        """Write it as on the command line."""
        return f"{self.number}/{self.of}"

    def holds(self, name: str) -> bool:
        """Tell whether a scan belongs to it.

        Parameters
        ----------
        name : str
            Relative to the folder, with ``/``.

        Returns
        -------
        mine : bool
            True for exactly one of all `of` shards, on any machine.
        """
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def file_of(self, out: Path) -> Path:
        """Name its file of rows beside that of the whole folder."""
        return out.with_name(f"{out.stem}.{self.number}-of-{self.of}{out.suffix}")


def parse_shard(text: str) -> Shard:
    """Read ``K/N``.

    Parameters
    ----------
    text : str
        Which shard of how many, from 1.

    Returns
    -------
    shard : Shard
        Checked.

    Raises
    ------
    InputError
        If it is no such thing.

    Examples
    --------
    >>> parse_shard("3/8")
    Shard(number=3, of=8)
    """
    found = _WRITTEN.fullmatch(text)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.of <= _MOST:
        raise InputError(
            f"shard: expected K/N with 1 <= K <= N <= {_MOST}, got {text!r}. "
            "For the third of eight parts write 3/8."
        )
    return shard
