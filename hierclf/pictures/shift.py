"""The pictures of a ward without labels."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hierclf.evaluation.confusion import Floats
from hierclf.pictures.drawing import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    RED,
    Picture,
    draw_picture,
)
from hierclf.results.shift import FitFigures, ShiftResults
from hierclf.results.wording import cut_text

_MOST_COMPONENTS = 64
_NEGLIGIBLE = 0.1


def shift_pictures(results: ShiftResults) -> tuple[Picture, ...]:
    """Draw the scores and the mixture, the tests, and the drift of the features.

    Parameters
    ----------
    results : ShiftResults
        What is drawn.

    Returns
    -------
    pictures : tuple of Picture
        The last one only where features were compared.
    """
    pictures = [_scores(results), _tests(results)]
    if results.differences:
        pictures.append(_drift(results))
    return tuple(pictures)


def _scores(results: ShiftResults) -> Picture:
    share, verdict = "", "is refused"
    if not results.refused:  # a share that misleads is not told
        share = f", with {results.histogram.mixture:.0%} diseased"
        verdict = "is not refused"
    return draw_picture(
        "shift-scores",
        partial(draw_shifted_scores, results=results),
        size=(6.6, 3.4),
        title="Scores of the ward and the nearest mixture",
        caption="Filled: the ward. Line: the nearest mixture of the scores that "
        f"healthy and diseased training scans got held out{share}. Dotted: its two "
        "parts. The axis of shares is a square root, so that rare scores are seen. By "
        f"both tests together, the ward {verdict}.",
        alt=f"Histogram of the screen scores of {results.n_scans} scans of the ward "
        f"beside the nearest mixture{share}.",
        phantom=results.phantom,
    )


def draw_shifted_scores(figure: Figure, results: ShiftResults) -> None:
    """Draw the ward's scores, the nearest mixture and its parts.

    Parameters
    ----------
    figure : Figure
        Empty.
    results : ShiftResults
        Its histogram and cut points.
    """
    axes = figure.add_subplot()
    told = results.histogram
    edges = np.asarray(told.edges)
    sick = told.mixture * np.asarray(told.diseased)
    healthy = (1 - told.mixture) * np.asarray(told.healthy)
    axes.stairs(told.ward, edges, fill=True, color=MUTED, alpha=0.35, label="ward")
    axes.stairs(healthy, edges, color=BLUE, lw=1.2, ls=":", label="healthy part")
    axes.stairs(sick, edges, color=ORANGE, lw=1.2, ls=":", label="diseased part")
    axes.stairs(healthy + sick, edges, color=INK, lw=1.4, label="nearest mixture")
    for move in results.moves[:1]:
        fixed, moved = move.fixed.threshold, move.moved.threshold
        axes.axvline(fixed, color=INK, lw=1, label=f"fixed cut {cut_text(fixed)}")
        if moved != fixed:
            label = f"moved cut {cut_text(moved)}"
            axes.axvline(moved, color=RED, lw=1.2, ls="--", label=label)
    axes.set_yscale("function", functions=(_root, np.square))
    axes.set_yticks([0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])
    top = max(*told.ward, *(healthy + sick))
    axes.set(xlim=(0, 1), ylim=(0, min(1.0, 1.25 * top)), xlabel="screen score")
    axes.set_ylabel("share of the scans")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(loc="upper center", ncols=2)
    axes.set_title("Screen scores")


def _root(values: Floats) -> Floats:
    root: Floats = np.sqrt(np.maximum(values, 0))
    return root


def _tests(results: ShiftResults) -> Picture:
    told = "; ".join(_in_words(fit) for fit in results.fits)
    return draw_picture(
        "shift-tests",
        partial(draw_fits, fits=results.fits),
        size=(6.6, 0.9 + 0.75 * len(results.fits)),
        title="How far the ward is from a mixture",
        caption="Each distance as a part of the one from which the ward is refused. "
        "The bar ends where wards that are a mixture typically lie: so far off is "
        "chance.",
        alt=f"Distances of the ward: {told}.",
        phantom=results.phantom,
    )


def _in_words(fit: FitFigures) -> str:
    verdict = "refused" if fit.refused else "not refused"
    return f"{fit.of} {fit.distance:.3f} of at most {fit.limit:.3f}, {verdict}"


def draw_fits(figure: Figure, fits: tuple[FitFigures, ...]) -> None:
    """Draw each distance beside chance and the limit.

    Parameters
    ----------
    figure : Figure
        Empty.
    fits : tuple of FitFigures
        From above to below.
    """
    axes = figure.add_subplot()
    names = [fit.of for fit in fits]
    places = np.arange(len(fits))[::-1]
    farthest = 1.5
    for place, fit in zip(places, fits, strict=True):
        typical, here = fit.typical / fit.limit, fit.distance / fit.limit
        farthest = max(farthest, 1.15 * here)
        axes.barh(place, typical, height=0.5, color=MUTED, alpha=0.3)
        color = RED if fit.refused else BLUE
        axes.plot(here, place, "D", color=color, ms=7, clip_on=False)
        axes.annotate(
            f"{here:.2f}", (here, place), (7, 5), textcoords="offset points", size=8.5
        )
    axes.axvline(1, color=INK, lw=1.2)
    axes.set(xlim=(0, farthest), ylim=(-0.6, len(fits) - 0.4))
    axes.set_yticks(places, names)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("distance, as a part of the limit (line)")
    axes.set_title("Tests")


def _drift(results: ShiftResults) -> Picture:
    size = np.abs(results.differences)
    n_far = int((size > _NEGLIGIBLE).sum())
    return draw_picture(
        "shift-drift",
        partial(draw_drift, differences=results.differences),
        size=(6.6, 2.9),
        title="Drift of the features",
        caption="How far the mean of each component of the features moved, in standard "
        "deviations, from the reference weighed to the ward's share of diseased scans. "
        f"Within the band (0.1) it is usually called negligible; {n_far} of "
        f"{size.size} lie outside of it.",
        alt=f"Standardized differences of {size.size} components; the largest is "
        f"{size.max():.2f}, {n_far} lie above 0.1.",
        phantom=results.phantom,
    )


def draw_drift(figure: Figure, differences: tuple[float, ...]) -> None:
    """Draw the standardized difference of each component.

    Parameters
    ----------
    figure : Figure
        Empty.
    differences : tuple of float
        The first 64 are drawn.
    """
    axes = figure.add_subplot()
    shown = np.asarray(differences[:_MOST_COMPONENTS])
    at = np.arange(1, shown.size + 1)
    axes.axhspan(-_NEGLIGIBLE, _NEGLIGIBLE, color=MUTED, alpha=0.16, lw=0)
    axes.vlines(at, 0, shown, color=BLUE, lw=2)
    axes.plot(at, shown, "o", color=BLUE, ms=3.5)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set(xlim=(0, shown.size + 1), xlabel="component, by falling variance")
    reach = max(0.5, 1.1 * float(np.abs(shown).max()))
    axes.set(ylim=(-reach, reach), ylabel="standardized difference")
    axes.set_title("Features")
