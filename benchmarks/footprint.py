"""What a process and all below it hold of a machine: memory, files, threads."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

Held = dict[str, int]
_ROLES = ("server", "worker", "decoder")
_HOUR_S = 3600


def tree(pid: int, depth: int = 0) -> Iterator[tuple[int, int]]:
    """List a process and all below it, with how far below each is."""
    yield pid, depth
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, task.read_text().split())
    for child in children:
        yield from tree(child, depth + 1)


def held(pid: int) -> Held:
    """Count what one process holds; memory in kB."""
    place = Path(f"/proc/{pid}")
    lines = (place / "smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {
        "rss": kilobytes["Rss"],
        "pss": kilobytes["Pss"],
        "files": len(list((place / "fd").iterdir())),
        "threads": len(list((place / "task").iterdir())),
        "processes": 1,
    }


def footprint(pid: int) -> dict[str, Held]:
    """Sum what a server holds, by what its processes are, and in all."""
    found: dict[str, Held] = {}
    for one, depth in tree(pid):
        role = _ROLES[min(depth, len(_ROLES) - 1)]
        with suppress(OSError):  # it has just ended
            told = held(one)
            for group in (role, "all"):
                sums = found.setdefault(group, dict.fromkeys(told, 0))
                found[group] = {name: sums[name] + told[name] for name in told}
    return found


def kept(state: Path) -> dict[str, Any]:
    """Tell what lies in a state folder, and the studies of its SQLite by status."""
    n_bytes = n_files = 0
    for folder, _, names in os.walk(state):  # which passes over what goes meanwhile
        for name in names:
            with suppress(OSError):
                n_bytes += Path(folder, name).stat().st_size
                n_files += 1
    place = f"file:{state / 'hierclf.db'}?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as database:
        asked = "SELECT status, count(*) FROM studies GROUP BY status"
        studies = dict(database.execute(asked).fetchall())
    return {"bytes": n_bytes, "files": n_files, "studies": studies}


def slope(seconds: Sequence[float], values: Sequence[float]) -> float | None:
    """Fit a line: what a value rises by in an hour; None from fewer than three.

    Examples
    --------
    >>> round(slope([0, 1800, 3600], [5, 6, 7]), 6)
    2.0
    """
    if len(seconds) < 3:
        return None
    return float(np.polyfit(seconds, values, 1)[0] * _HOUR_S)
