"""Scans that show the same: equal pixels, and pictures that are nearly so.

Three nets of different mesh. *Equal*: the same pixels, whatever the file. *Near*:
hashes that differ in at most `NEAR` of 256 places, also of the mirrored, turned and
inverted picture. *Alike*: features of a frozen network that point the same way, for
what was cropped or turned a little; such a pair must still have hashes within
`ROUGHLY`. The bounds were chosen on 11,000 real scans, see the README.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hierclf.checking.hashes import FLIPS, N_BITS, Signs, Waves, signs_of

Ints = NDArray[np.intp]
Floats = NDArray[np.floating]

NEAR = 32
"""Places in which the hashes of a near pair differ at most: an eighth."""

ROUGHLY = 96
"""The same for a pair that features call alike; unrelated pictures differ in 128."""

ALIKE = 0.75
"""Least cosine of the standardized features of a pair that is alike."""

_BLOCK = 1024


@dataclass(frozen=True)
class Pair:
    """Two scans that show the same.

    Parameters
    ----------
    first, second : int
        Their rows, the lesser first.
    kind : {"equal", "near", "alike"}
        Which net they were caught in; the finest.
    how : str
        In words.
    """

    first: int
    second: int
    kind: str
    how: str


def equal_pairs(digests: Sequence[str], how: str, kind: str = "equal") -> list[Pair]:
    """Pair the scans whose digests are the same.

    Parameters
    ----------
    digests : sequence of str, length n_scans
        Of pixels, or another name that no two scans may share; '' for none.
    how : str
        What is the same, in words.
    kind : str, default="equal"
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


def near_pairs(waves: Waves, *, near: int = NEAR) -> list[Pair]:
    """Pair the scans whose hashes nearly agree, all with all.

    Parameters
    ----------
    waves : ndarray of float32, shape (n_scans, 16, 16)
        Of distinct pictures.
    near : int, default=32
        Places of 256 that may differ.

    Returns
    -------
    pairs : list of Pair
        By the nearest way to lay the second picture, negatives included.

    Notes
    -----
    With hashes of +-1 the places that differ are :math:`(256 - a^T b) / 2`, so that
    a block of pairs costs one matrix product.
    """
    plain = signs_of(waves)
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for flip in FLIPS:
        for rows, columns, differ in _blocks(plain, signs_of(waves, flip)):
            for shown in ("", "a negative"):
                places = N_BITS - differ if shown else differ
                for i, j in zip(*np.nonzero(places <= near), strict=True):
                    first, second = int(rows[i]), int(columns[j])
                    words = " and ".join(word for word in (flip, shown) if word)
                    told = (int(places[i, j]), words)
                    known = found.get((first, second), told)
                    found[first, second] = min(known, told)
    return [
        Pair(first, second, "near", _in_words(*found[first, second]))
        for first, second in sorted(found)
    ]


def _blocks(one: Signs, other: Signs) -> Iterator[tuple[Ints, Ints, NDArray[np.intp]]]:
    """Compare each scan with all later ones, a block at a time."""
    every = np.arange(len(one))
    for start in range(0, len(one), _BLOCK):
        rows, columns = every[start : start + _BLOCK], every[start:]
        differ = np.rint((N_BITS - one[rows] @ other[columns].T) / 2).astype(np.intp)
        differ[rows[:, None] >= columns[None]] = N_BITS // 2  # itself, or seen before
        yield rows, columns, differ


def _in_words(places: int, laid: str) -> str:
    told = f"hashes differ in {places} of {N_BITS} places"
    return f"{laid}, {told}" if laid else told


def alike_pairs(features: Floats, waves: Waves, *, alike: float = ALIKE) -> list[Pair]:
    """Pair the scans whose features point the same way.

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
    pairs : list of Pair
        Whose hashes also differ in at most `ROUGHLY` places.
    """
    table = np.asarray(features, dtype=np.float32)
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6)
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-6
    signs, every, pairs = signs_of(waves), np.arange(len(table)), []
    for start in range(0, len(table), _BLOCK):
        rows = every[start : start + _BLOCK]
        cosines = table[rows] @ table[start:].T
        cosines[rows[:, None] >= every[None, start:]] = -1.0
        for i, j in zip(*np.nonzero(cosines >= alike), strict=True):
            first, second = int(rows[i]), start + int(j)
            if (N_BITS - signs[first] @ signs[second]) / 2 <= ROUGHLY:
                how = f"features alike (cosine {cosines[i, j]:.2f})"
                pairs.append(Pair(first, second, "alike", how))
    return pairs


def groups_of(pairs: Sequence[Pair], n_scans: int) -> list[list[int]]:
    """Join pairs to groups.

    Parameters
    ----------
    pairs : sequence of Pair
        Of any net.
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


def find_pairs(
    pictures: Sequence[str],
    instances: Sequence[str],
    waves: Waves,
    features: Floats | None = None,
) -> list[Pair]:
    """Cast all nets.

    Parameters
    ----------
    pictures : sequence of str, length n_scans
        Digests of decoded pixels.
    instances : sequence of str, length n_scans
        SOPInstanceUIDs, or ''.
    waves : ndarray of float32, shape (n_scans, 16, 16)
        See `hierclf.checking.hashes`.
    features : ndarray of float, shape (n_scans, n_features), optional
        Of a frozen network; without them nothing is looked for that was cropped or
        turned.

    Returns
    -------
    pairs : list of Pair
        Each pair once, by the finest net. Of equal scans only the first is compared
        with others.
    """
    equal = equal_pairs(pictures, "equal pixels")
    copies = {pair.second for pair in equal}
    rows = np.asarray([row for row in range(len(pictures)) if row not in copies])
    nets = [equal_pairs(instances, "one SOPInstanceUID", "near")]
    if len(rows) > 1:
        nets.append(_at(rows, near_pairs(waves[rows])))
        if features is not None:
            nets.append(_at(rows, alike_pairs(features[rows], waves[rows])))
    known = {(pair.first, pair.second) for pair in equal}
    found = list(equal)
    for pair in (pair for net in nets for pair in net):
        if (pair.first, pair.second) not in known:
            known.add((pair.first, pair.second))
            found.append(pair)
    return found


def _at(rows: Ints, pairs: Sequence[Pair]) -> list[Pair]:
    """Give pairs among some rows the numbers of these rows."""
    return [
        replace(pair, first=int(rows[pair.first]), second=int(rows[pair.second]))
        for pair in pairs
    ]
