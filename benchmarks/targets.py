"""What the package is to reach, beside what it reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.contenders import beginning

TIMES_FAST = 12.0
TIMES_EXACT = 3.0
EQUAL_LABELS = 0.995
IMAGES_PER_S = 100.0
COMPUTING = 0.85

Row = dict[str, Any]


def targets(rows: Sequence[Row]) -> list[Row]:
    """Compare contenders with what is asked of them.

    Parameters
    ----------
    rows : sequence of dict
        As `benchmarks.cascades.summary` gives them.

    Returns
    -------
    compared : list of dict
        ``what``, ``wanted``, ``found`` (None where it was not measured), ``by`` (which
        contender: the fastest) and ``met``.
    """
    once, three, exact = (
        _fastest(rows, "densenet121", views)
        for views in ("one pass", "three crops", "exact")
    )
    large, small = (
        _fastest(rows, "efficientnet_lite0", "one pass", scans=scans)
        for scans in ("many", "small")
    )
    single = _fastest(rows, "densenet121", "exact, float32", scans="frames")
    equal = single and single["equal_labels"]
    share = equal["equal"] / equal["n"] if equal else None
    return [
        _compared("one pass, times plain PyTorch", TIMES_FAST, once, _times(once)),
        _compared("three crops, the same", TIMES_FAST, three, _times(three)),
        _compared("exact, times plain PyTorch", TIMES_EXACT, exact, _times(exact)),
        _compared("frames, in float32", TIMES_EXACT, single, _times(single)),
        _compared("its share of equal labels", EQUAL_LABELS, single, share),
        _compared("lite0, one pass, images/s", IMAGES_PER_S, small, _speed(small)),
        _compared("the same, large JPEGs", IMAGES_PER_S, large, _speed(large)),
        *(
            _compared("computing, of wall time", COMPUTING, one, _computing(one))
            for one in (once, small, large)
        ),
    ]


def _fastest(
    rows: Sequence[Row], network: str, views: str, *, scans: str = ""
) -> Row | None:
    start = f"{beginning(scans)}hierclf, {views},"
    named = [r for r in rows if r["network"] == network and r["name"].startswith(start)]
    return max((r for r in named if "absent" not in r), key=_speed, default=None)


def _speed(row: Row | None) -> Any:
    return row and row["images_per_s"]["median"]


def _times(row: Row | None) -> Any:
    return row and row["ratio"] and row["ratio"]["median"]


def _computing(row: Row | None) -> Any:
    return row and row["more"]["computing share"]


def _compared(what: str, wanted: float, row: Row | None, found: float | None) -> Row:
    by = f"{row['network']}, {row['name']}" if row else ""
    met = found is not None and found >= wanted
    return {"what": what, "wanted": wanted, "found": found, "by": by, "met": met}
