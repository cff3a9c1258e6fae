"""The tables of the experiment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from experiments.shift.recovery import PRICES


def recovery_table(rows: list[dict[str, Any]]) -> str:
    """Print errors of the estimates and costs of the cut points, by share."""
    table = pd.DataFrame(rows)
    head = ["share", "wards", "refused", "likelihood", "95 % holds", "counting",
            "decisions", "nearest"]  # fmt: skip
    for price in PRICES:
        head += [f"miss at {price:g}: {name}" for name in ("fixed", "moved", "best")]
        head += ["moved less fixed"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for share, wards in table.groupby("share"):
        cells = [f"{share}", f"{len(wards)}", f"{wards['refused'].mean():.1%}"]
        cells.append(_error(wards["likelihood"] - share))
        cells.append(f"{wards['covered'].mean():.0%}")
        cells += [
            _error(wards[name] - share) for name in ("counted", "decisions", "nearest")
        ]
        for price in PRICES:
            names = [f"{one}_{price:g}" for one in ("fixed", "moved", "best")]
            cells += [_spread(wards[name]) for name in names]
            cells.append(_spread(wards[names[1]] - wards[names[0]], sign=True))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _error(errors: Any) -> str:
    return f"{errors.mean():+.3f}, {np.sqrt((errors**2).mean()):.3f}"


def _spread(values: Any, *, sign: bool = False) -> str:
    form = "+.4f" if sign else ".4f"
    return f"{values.mean():{form}} ± {values.std():.4f}"


def refusal_table(rows: list[dict[str, Any]]) -> str:
    """Print how often wards were refused, and by which test."""
    head = ["ward", "scans", "share", "refused", "by scores", "by features",
            "score distance", "feature distance", "accuracy at the fixed",
            "estimate less truth"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        parts = [f"{row[key]:.0%}" for key in ("refused", "by_scores", "by_features")]
        far = [f"{row[key]:.3f}" for key in ("score_distance", "feature_distance")]
        cells = [row["ward"], str(row["n_scans"]), f"{row['share']:g}", *parts, *far]
        cells += [f"{row['accuracy']:.3f}", f"{row['error']:+.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rival_table(rows: list[dict[str, Any]]) -> str:
    """Print how often each statistic refuses at 1 %, without tolerance."""
    names = [key for key in rows[0] if key not in {"ward", "n_scans", "wards"}]
    lines = ["| ward | scans | " + " | ".join(names) + " |"]
    lines.append("|" + "---|" * (len(names) + 2))
    for row in rows:
        cells = [row["ward"], str(row["n_scans"])]
        cells += [f"{row[name]:.0%}" for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
