"""The figures of a report, each drawn on an empty matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from hierclf.evaluation.confusion import Floats
from hierclf.evaluation.summary import Table
from hierclf.pictures.drawing import (
    BLUE,
    HEAT,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    figure_names,
    figure_text,
    mark_cut_points,
)
from hierclf.pictures.reliability import ReliabilityBin
from hierclf.results.cut_point import CutPointFigures
from hierclf.results.run import EpochFigures
from hierclf.results.wording import cut_text


def draw_confusion(figure: Figure, table: Table, title: str) -> None:
    """Draw counts, their share of the row, and the share as a shade.

    Parameters
    ----------
    figure : Figure
        Empty.
    table : Table
        Rows are true, columns are predicted.
    title : str
        Over the matrix.
    """
    axes = figure.add_subplot()
    counts = np.asarray(table.confusion, dtype=np.float64)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    for (row, column), count in np.ndenumerate(counts):
        _cell(axes, row, column, count, shares[row, column])
    names = figure_names(table.labels)
    rows = [f"{name}\n(n = {n:.0f})" for name, n in zip(names, totals, strict=True)]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), rows)
    if max(map(len, names)) * len(names) > 30:
        axes.tick_params(axis="x", rotation=35)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
    axes.set(aspect="equal", xlabel="predicted", ylabel="true")
    axes.set_title(fill(figure_text(title), 26))
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _cell(axes: Axes, row: int, column: int, count: float, share: float) -> None:
    edge = INK if row == column else "none"
    place = (column - 0.48, row - 0.48)
    axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=HEAT, alpha=share, lw=0))
    axes.add_patch(Rectangle(place, 0.96, 0.96, fill=False, edgecolor=edge, lw=0.8))
    color = PAPER if share > 0.7 else INK
    for text, y, va, size in (
        (f"{count:.0f}", row + 0.02, "bottom", 9.5),
        (f"{share:.0%}", row + 0.08, "top", 7.5),
    ):
        axes.text(column, y, text, ha="center", va=va, size=size, color=color)


def draw_cut_point(figure: Figure, cut: CutPointFigures) -> None:
    """Draw macro recall, sensitivity and specificity over the cut point.

    Parameters
    ----------
    figure : Figure
        Empty.
    cut : CutPointFigures
        The curve and the choice.
    """
    upper, lower = figure.subplots(2, 1, sharex=True)
    at = np.asarray(cut.thresholds)
    marker = "." if at.size <= 30 else ""
    _draw_macro_recall(upper, at, cut, marker)
    rates = (("sensitivity", ORANGE, "-"), ("specificity", BLUE, "--"))
    for name, color, line in rates:
        rate = getattr(cut, name)
        lower.plot(at, rate, line, color=color, marker=marker, label=name)
    lower.legend(loc="best")
    lower.set_xlim(0, 1)
    lower.set(xlabel="cut point of the screen score", ylabel="share of the scans")
    for axes in (upper, lower):
        if cut.threshold_low is not None and cut.threshold_high is not None:
            ends = (cut.threshold_low, cut.threshold_high)
            axes.axvspan(*ends, color=MUTED, alpha=0.16, lw=0)
        axes.axvline(cut.threshold, color=INK, lw=1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _draw_macro_recall(
    axes: Axes, at: Floats, cut: CutPointFigures, marker: str
) -> None:
    bounds = np.asarray([cut.low, cut.high], dtype=np.float64)
    at_bounds = np.isfinite(bounds[0])
    band = (at[at_bounds], *bounds[:, at_bounds])
    axes.fill_between(*band, color=BLUE, alpha=0.18, lw=0)
    axes.plot(at, cut.macro_recall, color=BLUE, marker=marker)
    best = cut.macro_recall[cut.index]
    axes.plot(cut.threshold, best, "o", color=INK, ms=8, mfc="none", mew=1.6)
    axes.set(ylabel="macro recall", title=f"Cut point {cut_text(cut.threshold)}")


def draw_scores(
    figure: Figure,
    diseased: NDArray[np.bool_],
    scores: Floats,
    cut_points: Sequence[float],
) -> None:
    """Draw how the screen scores of the healthy and the diseased spread.

    Parameters
    ----------
    figure : Figure
        Empty.
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    scores : ndarray of float, shape (n_scans,), in [0, 1]
        Screen scores.
    cut_points : sequence of float
        That decided on them; of each fold, where there are several.
    """
    axes = figure.add_subplot()
    edges = np.linspace(0, 1, 21)
    groups = (("healthy", ~diseased, BLUE, "-"), ("diseased", diseased, ORANGE, "--"))
    for name, inside, color, line in groups:
        counts, _ = np.histogram(scores[inside], edges)
        shares = counts / max(1, counts.sum())
        label = f"{name} (n = {counts.sum()})"
        axes.stairs(shares, edges, color=color, fill=True, alpha=0.25)
        axes.stairs(shares, edges, color=color, lw=1.6, ls=line, label=label)
    mark_cut_points(axes, cut_points)
    axes.set(xlim=(0, 1), xlabel="screen score", ylabel="share of the scans")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    figure.legend(loc="outside lower center", ncols=2)
    axes.set_title("Screen scores")


def draw_reliability(
    figure: Figure, bins: Sequence[ReliabilityBin], curve: tuple[Floats, Floats]
) -> None:
    """Draw how often scans of a score are diseased.

    The legend stands below the axes: within them an error bar can be anywhere.

    Parameters
    ----------
    figure : Figure
        Empty.
    bins : sequence of ReliabilityBin
        By rising score.
    curve : tuple of ndarray of float
        Rising scores, and the best rising share of diseased scans at each. It has no
        band, since the bootstrap is not valid for it; the bars tell the uncertainty.
    """
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":", label="score = share")
    triples = [(b.diseased.low, b.diseased.value, b.diseased.high) for b in bins]
    low, share, high = np.asarray(triples, dtype=np.float64).T
    at = [b.mean_score for b in bins]
    axes.plot(*curve, color=ORANGE, lw=1.2, label="isotonic curve")
    axes.vlines(at, low, high, color=BLUE, lw=1.2, label="95 %")
    axes.plot(at, share, "o", color=BLUE, ms=5, label="share in a group")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="mean screen score", ylabel="share diseased")
    figure.legend(loc="outside lower center", ncols=2)
    axes.set_title("Reliability of the screen")


def draw_history(
    figure: Figure,
    epochs: Sequence[EpochFigures],
    best: EpochFigures | None,
    title: str,
) -> None:
    """Draw the training curves of a stage.

    Parameters
    ----------
    figure : Figure
        Empty.
    epochs : sequence of EpochFigures
        In order.
    best : EpochFigures or None
        Marked.
    title : str
        Name of the stage.
    """
    recalls = np.array([e.validation_macro_recall for e in epochs], dtype=np.float64)
    panels = 2 if np.isfinite(recalls).any() else 1
    first, *rest = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    at = [epoch.epoch for epoch in epochs]
    for name, color, line in (("train", BLUE, "-"), ("validation", ORANGE, "--")):
        found = [getattr(epoch, f"{name}_loss") for epoch in epochs]
        losses = np.asarray(found, dtype=np.float64)
        if np.isfinite(losses).any():
            first.plot(at, losses, line, color=color, marker=".", label=name)
    first.set(ylabel="loss", title=title)
    first.legend()
    for axes in rest:
        axes.plot(at, recalls, "--", color=ORANGE, marker=".")
        axes.set_ylabel("macro recall")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    last = rest[-1] if rest else first
    last.set_xlabel("epoch")
    last.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (first, *rest):
        if best is not None:
            axes.axvline(best.epoch, color=INK, lw=1, ls=":")
