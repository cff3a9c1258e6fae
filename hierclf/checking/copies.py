"""Scans that show the same: equal pixels, and pictures that are one nevertheless.

*Equal* scans have the same pixels, whatever the file. To find one picture that was
compressed, scaled, brightened, cropped, turned or mirrored, pairs are gathered first:
all whose hashes differ in at most `NEAR` of 256 places, also of the mirrored, turned
and inverted picture, and, where features of a frozen network are at hand, all whose
features point the same way. Each pair is then registered; what agrees in its fine
structure is *near*. Neither hashes nor features alone would do: both call different
bodies in one position alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hierclf.checking.hashes import FLIPS, N_BITS, Signs, Waves, signs_of
from hierclf.checking.registration import SAME, agreement
from hierclf.data.gray import Gray
from hierclf.foundation.progress import Progress

Ints = NDArray[np.intp]
Floats = NDArray[np.floating]

NEAR = 56
"""Places in which the hashes of a pair worth registering differ at most."""

ROUGHLY = 96
"""The same where features are alike; unrelated pictures differ in 128."""

ALIKE = 0.75
"""Least cosine of the standardized features of a pair worth registering."""

MOST_PAIRS = 5000
"""Pairs that are registered at most, the nearest first; a minute's work."""

_BLOCK = 1024


@dataclass(frozen=True)
class Pair:
    """Two scans that show the same.

    Parameters
    ----------
    first, second : int
        Their rows, the lesser first.
    kind : {"equal", "near"}
        Whether their pixels are equal.
    how : str
        In words.
    """

    first: int
    second: int
    kind: Literal["equal", "near"]
    how: str


@dataclass(frozen=True, order=True)
class Candidate:
    """Two scans that may show the same.

    Parameters
    ----------
    places : int
        In which their hashes differ.
    first, second : int
        Their rows, the lesser first.
    flip : str
        How the second must be laid; key of `FLIPS`.
    negative : bool
        Whether it must be inverted.
    """

    places: int
    first: int
    second: int
    flip: str = ""
    negative: bool = False


def equal_pairs(
    digests: Sequence[str], how: str, kind: Literal["equal", "near"] = "equal"
) -> list[Pair]:
    """Pair the scans whose digests are the same.

    Parameters
    ----------
    digests : sequence of str, length n_scans
        Of pixels, or another name that no two scans may share; '' for none.
    how : str
        What is the same, in words.
    kind : {"equal", "near"}, default="equal"
        Of the pairs.

    Returns
    -------
    pairs : list of Pair
        Each later scan with the first of its digest.

    Examples
    --------
    >>> [(p.first, p.second) for p in equal_pairs(["a", "b", "a", "a"], "pixels")]
    [(0, 2), (0, 3)]
    """
    first: dict[str, int] = {}
    pairs = []
    for row, digest in enumerate(digests):
        known = first.setdefault(digest, row)
        if digest and known != row:
            pairs.append(Pair(known, row, kind, how))
    return pairs


def near_candidates(waves: Waves, *, near: int = NEAR) -> list[Candidate]:
    """Gather the pairs whose hashes nearly agree, of all pairs.

    Parameters
    ----------
    waves : ndarray of float32, shape (n_scans, 16, 16)
        Of distinct pictures.
    near : int, default=56
        Places of 256 that may differ.

    Returns
    -------
    candidates : list of Candidate
        The nearest first; each pair once, the nearest way to lay the second picture.

    Notes
    -----
    With hashes of +-1 the places that differ are :math:`(256 - a^T b) / 2`, so that
    a block of pairs costs one matrix product.
    """
    plain = signs_of(waves)
    found: dict[tuple[int, int], Candidate] = {}
    for flip in FLIPS:
        for rows, columns, differ in _blocks(plain, signs_of(waves, flip)):
            for negative in (False, True):
                places = N_BITS - differ if negative else differ
                for i, j in zip(*np.nonzero(places <= near), strict=True):
                    pair = int(rows[i]), int(columns[j])
                    one = Candidate(int(places[i, j]), *pair, flip, negative)
                    found[pair] = min(one, found.get(pair, one))
    return sorted(found.values())


def _blocks(one: Signs, other: Signs) -> Iterator[tuple[Ints, Ints, NDArray[np.intp]]]:
    """Compare each scan with all later ones, a block at a time."""
    every = np.arange(len(one))
    for start in range(0, len(one), _BLOCK):
        rows, columns = every[start : start + _BLOCK], every[start:]
        differ = np.rint((N_BITS - one[rows] @ other[columns].T) / 2).astype(np.intp)
        differ[rows[:, None] >= columns[None]] = N_BITS // 2  # itself, or seen before
        yield rows, columns, differ


def alike_candidates(
    features: Floats, waves: Waves, *, alike: float = ALIKE
) -> list[Candidate]:
    """Gather the pairs whose features point the same way.

    Parameters
    ----------
    features : ndarray of float, shape (n_scans, n_features)
        Of a frozen network.
    waves : ndarray of float32, shape (n_scans, 16, 16)
        Of the same scans.
    alike : float, in [-1, 1], default=0.75
        Least cosine of the features, each standardized over the scans: without
        that, all scans of one kind of examination are alike.

    Returns
    -------
    candidates : list of Candidate
        Whose hashes differ in at most `ROUGHLY` places.
    """
    table = np.asarray(features, dtype=np.float32)
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6)
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-6
    signs, every, found = signs_of(waves), np.arange(len(table)), []
    for start in range(0, len(table), _BLOCK):
        rows = every[start : start + _BLOCK]
        cosines = table[rows] @ table[start:].T
        cosines[rows[:, None] >= every[None, start:]] = -1.0
        for i, j in zip(*np.nonzero(cosines >= alike), strict=True):
            first, second = int(rows[i]), start + int(j)
            places = int((N_BITS - signs[first] @ signs[second]) / 2)
            if places <= ROUGHLY:
                found.append(Candidate(places, first, second))
    return found


def near_pairs(
    candidates: Sequence[Candidate], read: Callable[[int], Gray]
) -> list[Pair]:
    """Register pairs, and keep what is one picture.

    Parameters
    ----------
    candidates : sequence of Candidate
        In the order in which they are looked at; a pair is looked at once.
    read : callable
        Gives the frame of a row, see `hierclf.checking.registration.frame_of`.

    Returns
    -------
    pairs : list of Pair
        Whose fine structure agrees, in the order of their rows.
    """
    frames = cache(read)
    found: dict[tuple[int, int], Pair | None] = {}
    for one in Progress(candidates, desc="pairs", unit="pair"):
        key = one.first, one.second
        if key not in found:
            found[key] = _registered(one, frames(one.first), frames(one.second))
    pairs = [pair for pair in found.values() if pair is not None]
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _registered(one: Candidate, first: Gray, second: Gray) -> Pair | None:
    rows, columns = FLIPS[one.flip]
    laid = second[:: -1 if rows else 1, :: -1 if columns else 1]
    laid = np.ascontiguousarray(1 - laid if one.negative else laid)
    agrees = agreement(first, laid)
    if agrees < SAME:
        return None
    words = [one.flip, "a negative" if one.negative else ""]
    told = f"their fine structure agrees to {min(agrees, 0.99):.2f}"
    how = ", ".join([*filter(None, words), told])
    return Pair(one.first, one.second, "near", how)


def groups_of(pairs: Sequence[Pair], n_scans: int) -> list[list[int]]:
    """Join pairs to groups.

    Parameters
    ----------
    pairs : sequence of Pair
        Of any kind.
    n_scans : int
        How many scans there are.

    Returns
    -------
    groups : list of list of int
        Rows that a chain of pairs connects, in order.

    Examples
    --------
    >>> groups_of(equal_pairs(["a", "b", "a", "b", "c"], ""), 5)
    [[0, 2], [1, 3]]
    """
    first = [pair.first for pair in pairs]
    second = [pair.second for pair in pairs]
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(n_scans, n_scans))
    _, group_of = connected_components(links, directed=False)
    groups: dict[int, list[int]] = {}
    for row in sorted({*first, *second}):
        groups.setdefault(int(group_of[row]), []).append(row)
    return list(groups.values())
