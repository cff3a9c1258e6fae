"""Results of a benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_COLUMNS = (
    "network",
    "what",
    "images/s",
    "times plain PyTorch",
    "crops/s",
    "share of peak",
    "memory, MB",
    "equal labels",
    "computing, of wall time",
)


def markdown(found: dict[str, Any]) -> str:
    """Write all that was found as headings and tables."""
    machine, load = found["machine"], found["load"]
    parts = [
        f"{machine['processor']}, {machine['cores']} cores, commit "
        f"{machine['commit'][:7]}, load {load['before'][0]:.1f} before and "
        f"{load['after'][0]:.1f} after"
    ]
    if "cascades" in found:
        peak = found["cascades"]["peak_gflops"]
        told = ", ".join(f"{name} {value:.0f}" for name, value in peak.items())
        parts += [f"Product of matrices, GFLOP/s: {told}"]
        rows = [contender_row(row) for row in found["cascades"]["contenders"]]
        parts += [grid(_COLUMNS, rows)]
        parts += [bottlenecks(found["cascades"]["contenders"])]
        parts += scaling(found["cascades"]["targets"])
    for name, part in found.get("scaling", {}).items():
        parts += [f"**{name}**", *scaling(part)]
    return "\n\n".join(part for part in parts if part)


def contender_row(row: dict[str, Any]) -> list[str]:
    """Write the row of a contender."""
    if "absent" in row:
        return [row["network"], row["name"], row["absent"][:80], *[""] * 6]
    share, equal = row.get("share_of_peak"), row["equal_labels"]
    computing = row["more"].get("computing share")
    return [
        row["network"],
        row["name"],
        of_spread(row["images_per_s"]),
        of_spread(row["ratio"]),
        f"{row['crops_per_s']:.0f}" if "crops_per_s" in row else "",
        f"{share:.0%}" if share else "",
        str(row["memory_mb"]),
        f"{equal['equal']}/{equal['n']}" if equal else "",
        f"{computing:.0%}" if computing else "",
    ]


def of_spread(found: dict[str, float] | None) -> str:
    """Write a median with the least and greatest behind it.

    Examples
    --------
    >>> of_spread({"median": 2.0, "least": 1.5, "greatest": 31.25})
    '2.00 (1.50-31.2)'
    """
    if found is None:
        return ""
    middle, least, most = map(_short, (found[k] for k in _SPREAD))
    return f"{middle} ({least}-{most})"


_SPREAD = ("median", "least", "greatest")


def _short(number: float) -> str:
    return f"{number:.3g}" if number >= 10 else f"{number:.2f}"


def bottlenecks(rows: Sequence[dict[str, Any]]) -> str:
    """Say of each of ours whether reading or computing alone is slower."""
    lines = []
    for row in rows:
        more = row.get("more") or {}
        if "read alone, images/s" not in more:
            continue
        read, computed = more["read alone, images/s"], more["computed alone, images/s"]
        slower = "reading" if read < computed else "computing"
        lines.append(
            [row["network"], row["name"], _short(read), _short(computed), slower]
        )
    columns = ("network", "what", "read alone, images/s", "computed alone", "bound by")
    return grid(columns, lines) if lines else ""


def scaling(part: Any) -> list[str]:
    """Write points, and what was fitted through them."""
    points = part if isinstance(part, list) else part["points"]
    columns = list(points[0])
    rows = [[_cell(point[name]) for name in columns] for point in points]
    fitted = (
        {}
        if isinstance(part, list)
        else part.get("powers")
        or {name: value for name, value in part.items() if name != "points"}
    )
    told = "; ".join(f"{k}: {_cell(v)}" for k, v in fitted.items())
    return [grid(columns, rows), told]


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table.

    Examples
    --------
    >>> print(grid(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [columns, *rows]
    told = ["| " + " | ".join(line) + " |" for line in lines]
    told.insert(1, "|" + "---|" * len(columns))
    return "\n".join(told)
