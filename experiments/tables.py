"""Results of several seeds to a table."""

from __future__ import annotations

from math import hypot
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hierclf.foundation.files import write_json
from hierclf.results.run import RunResults

MODELS = ("flat", "flat balanced", "flat prior-corrected", "cascade at 0.50", "cascade")


def seed_row(name: str, results: RunResults) -> dict[str, Any]:
    """Keep what the tables need of one run."""
    return {
        "name": name,
        "seed": results.seed,
        "data": results.data.name,
        "fingerprint": results.data.fingerprint,
        "n_scans": results.data.n_scans,
        "n_patients": results.data.n_patients,
        "versions": results.versions,
        "options": results.options,
        "threshold": results.threshold,
        "seconds": results.seconds,
        "models": {
            model: {
                metric: estimate.model_dump()
                for metric, estimate in summary.metrics.items()
            }
            for model, summary in results.models.items()
        },
        "differences": [d.model_dump() for d in results.differences],
    }


def save_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, rows)


def _cell(rows: list[dict[str, Any]], model: str, metric: str) -> str:
    told = [row["models"][model].get(metric) for row in rows if model in row["models"]]
    found = [
        estimate for estimate in told if estimate and estimate["value"] is not None
    ]
    if not found:
        return "-"
    values = [estimate["value"] for estimate in found]
    low = mean(estimate["low"] for estimate in found)
    high = mean(estimate["high"] for estimate in found)
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread} [{low:.3f}, {high:.3f}]"


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """Print mean ± standard deviation over seeds and the mean 95 % interval."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    head = ["set", "scans", *MODELS, "screen AUC"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        mine = [row for row in rows if row["name"] == name]
        cells = [_cell(mine, model, "macro_recall") for model in MODELS]
        auc = _cell(mine, "cascade", "screen_auc")
        lines.append(
            "| " + " | ".join([name, str(mine[0]["n_scans"]), *cells, auc]) + " |"
        )
    return "\n".join(lines)


def _gain(rows: list[dict[str, Any]], baseline: str, *, independent: bool) -> str:
    found = [
        difference["difference"]
        for row in rows
        for difference in row["differences"]
        if (difference["baseline"], difference["metric"]) == (baseline, "macro_recall")
    ]
    value = mean(one["value"] for one in found)
    low, high = mean(one["low"] for one in found), mean(one["high"] for one in found)
    if independent:
        low = value - hypot(*(_below(one) for one in found)) / len(found)
        high = value + hypot(*(_above(one) for one in found)) / len(found)
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def _below(estimate: dict[str, float]) -> float:
    return estimate["value"] - estimate["low"]


def _above(estimate: dict[str, float]) -> float:
    return estimate["high"] - estimate["value"]


def markdown_gains(rows: list[dict[str, Any]], *, independent: bool) -> str:
    """Print the cascade's macro recall less that of each other model, paired.

    Where seeds only move the folds of one data set, the intervals are averaged.
    Where each seed is a data set of its own (`independent`), the distances to the
    bounds are added as errors are: the root of their squares, over their number.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    head = ["cascade less", *MODELS[:-1]]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        mine = [row for row in rows if row["name"] == name]
        cells = [_gain(mine, model, independent=independent) for model in MODELS[:-1]]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)
