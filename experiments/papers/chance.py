"""What a model without skill would get, beside what was obtained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.papers.figures import Figure

Floats = NDArray[np.float64]
_ROUNDED = 2e-5  # figures of records have five decimals, and are multiplied


def without_skill(figures: Mapping[str, Figure], key: str) -> float | None:
    """Say what naming one class for every scan gets.

    Parameters
    ----------
    figures : mapping of str to Figure
        Of a record.
    key : str
        Which of them.

    Returns
    -------
    value : float or None
        The share of the commonest class among the tested scans for an accuracy, one
        over the number of classes for a macro recall, a half for an area; None for
        other figures, and where the record does not tell.
    """
    if key == "accuracy":
        counts = counts_by_class(figures)
        return max(counts) / sum(counts) if counts else None
    if key in {"auc", "screen_macro_recall"}:
        return 0.5
    occurring = [
        place for place, recall in _each("recall", figures) if recall is not None
    ]
    if key == "refine_macro_recall":
        occurring = [place for place in occurring if place > 0]
    elif key not in {"macro_recall", "sweep_best"} and not key.startswith("sweep_0"):
        return None
    return 1 / len(occurring) if occurring else None


def _each(name: str, figures: Mapping[str, Figure]) -> list[tuple[int, float | None]]:
    """Give a figure of each class, in their order."""
    found = []
    while f"{name}_{len(found)}" in figures:
        found.append((len(found), figures[f"{name}_{len(found)}"]["value"]))
    return found


def counts_by_class(figures: Mapping[str, Figure]) -> list[int] | None:
    """Count the tested scans of each class.

    Newer records have the counts. For older ones they are worked out of recalls,
    precisions and errors, where these allow of one answer alone.

    Parameters
    ----------
    figures : mapping of str to Figure
        Of a record.

    Returns
    -------
    counts : list of int or None
        None where there is more than one answer.
    """
    kept = [value for _, value in _each("n_tested", figures)]
    if kept:
        return [int(value) for value in kept if value is not None]
    recalls = np.array([value for _, value in _each("recall", figures)], dtype=float)
    needed = ("n_tested", "accuracy", "false_negatives", "false_positives")
    told = [figures.get(name, {}).get("value") for name in needed]
    if not len(recalls) or not np.isfinite(recalls).all() or None in told:
        return None
    precisions = np.array([p for _, p in _each("precision", figures)], dtype=float)
    ways, sums = _equations(recalls, precisions, *(float(one or 0) for one in told))
    if np.linalg.matrix_rank(ways, tol=sums[0] * _ROUNDED) < len(recalls):
        return None
    counts = np.rint(np.linalg.lstsq(ways, sums, rcond=None)[0])
    hits = counts * recalls
    whole = np.abs(hits - np.rint(hits)) <= 0.05 + counts * _ROUNDED
    fits = np.abs(ways @ counts - sums) <= 0.05 + sums[0] * _ROUNDED
    right = bool(whole.all() and fits.all() and (counts >= 0).all())
    return [int(count) for count in counts] if right else None


def _equations(
    recalls: Floats,
    precisions: Floats,
    n_tested: float,
    accuracy: float,
    missed: float,
    alarms: float,
) -> tuple[Floats, Floats]:
    """Write down what is known of the counts, the healthy ones first.

    All scans, those that were named rightly, the healthy ones that were not named
    healthy, and the diseased ones that were (from the precision of healthy; of two
    classes, from the recall of the diseased).
    """
    healthy = np.eye(len(recalls))[0]
    ways = [np.ones(len(recalls)), recalls, healthy * (1 - recalls[0])]
    sums = [n_tested, accuracy * n_tested, alarms]
    if len(recalls) == 2:
        ways.append((1 - healthy) * (1 - recalls[1]))
        sums.append(missed)
    elif precisions[0] > 0:
        ways.append(healthy * recalls[0] * (1 / precisions[0] - 1))
        sums.append(missed)
    return np.array(ways), np.array(sums)
