"""Pictures of features: clouds of scans, variance, learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from hierclf.foundation.counting import count
from hierclf.pictures.drawing import BLUE, ORANGE, Picture, draw_picture, figure_names
from hierclf.results.features import FeatureFigures, LearningFigures, Point
from hierclf.results.wording import number

_COLORS = ("#1d5f9c", "#b1500c", "#3a7d34", "#7b3fa0", "#8a6d00", "#b3151f", "#4b5563")
_MARKS = "os^DvPX"
_PLANES = ((0, 1), (0, 2), (1, 2))
_WIDE, _SMALL = (7.4, 2.9), (3.5, 2.9)


def draw_cloud(
    figure: Figure, points: Sequence[Point], told: FeatureFigures, axis: str
) -> None:
    """Draw scans as points, one color and mark for each label.

    Parameters
    ----------
    figure : Figure
        Empty.
    points : sequence of tuple of float, length n_scans
        Of two coordinates, or of three, which are drawn as three planes.
    told : FeatureFigures
        Labels of the points.
    axis : str
        What a coordinate is called.
    """
    places = np.asarray(points, dtype=np.float64)
    planes = [p for p in _PLANES if max(p) < places.shape[1]]
    panels: NDArray[np.object_] = figure.subplots(1, len(planes), squeeze=False)[0]
    for axes, (across, up) in zip(panels, planes, strict=True):
        _scatter(axes, places[:, across], places[:, up], told)
        axes.set(xlabel=f"{axis} {across + 1}", ylabel=f"{axis} {up + 1}")
        axes.set(xlim=_span(places[:, across]), ylim=_span(places[:, up]))
        axes.set_xticklabels([])
        axes.set_yticklabels([])
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=4, markerscale=2)


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give limits that far points do not stretch (Tukey's outer fences)."""
    first, third = np.percentile(values, [25, 75])
    reach = 3 * (third - first)
    low = max(values.min(), first - reach)
    high = min(values.max(), third + reach)
    margin = 0.05 * (high - low) + 1e-6
    return float(low - margin), float(high + margin)


def n_beyond(points: Sequence[Point]) -> int:
    """Count the points that lie beyond the edges of some plane.

    Examples
    --------
    >>> n_beyond([(0.0, 0.1), (1.0, 0.2), (2.0, 0.3), (3.0, 0.4), (90.0, 0.1)])
    1
    """
    places = np.asarray(points, dtype=np.float64)
    ends = np.asarray([_span(column) for column in places.T])
    outside = (places < ends[:, 0]) | (places > ends[:, 1])
    return int(outside.any(axis=1).sum())


def _scatter(
    axes: Axes,
    across: NDArray[np.float64],
    up: NDArray[np.float64],
    told: FeatureFigures,
) -> None:
    codes = np.asarray(told.codes)
    for code, name in enumerate(figure_names(told.labels)):
        mine = codes == code
        if mine.any():
            axes.plot(
                across[mine],
                up[mine],
                _MARKS[code % 7],
                color=_COLORS[code % 7],
                label=name,
                ms=3,
                mew=0,
                alpha=0.65,
            )


def draw_variance(figure: Figure, explained: Sequence[float]) -> None:
    """Draw the share of variance of each component, and of all up to it."""
    axes = figure.add_subplot()
    at = np.arange(1, len(explained) + 1)
    axes.bar(at, explained, color=BLUE, label="component")
    axes.plot(at, np.cumsum(explained), ".-", color=ORANGE, label="all up to it")
    axes.set(xlabel="principal component", ylabel="share of the variance", ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(loc="upper left")


def draw_learning(figure: Figure, points: Sequence[LearningFigures]) -> None:
    """Draw macro recall over the number of patients."""
    axes = figure.add_subplot()
    at = [point.n_patients for point in points]
    axes.plot(at, [p.known for p in points], ".-", color=BLUE, label="fitted on")
    found = [p.unknown for p in points]
    axes.plot(at, found, ".--", color=ORANGE, label="other patients")
    axes.set(xlabel="patients fitted on", ylabel="macro recall")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend()


@dataclass(frozen=True, eq=False)
class RegionExample:
    """A scan and where a stage looks in it.

    Parameters
    ----------
    stage, label, said : str
        Which stage; what the scan is; what its network predicts.
    view : ndarray of float, shape (size, size), in [0, 1]
        What the network saw.
    heat : ndarray of float, shape (h, w)
        Map of Grad-CAM.
    region : ndarray of bool, shape (h, w)
        What features are taken from.
    channels : tuple of int
        Channels that are shown.
    maps : ndarray of float, shape (n_channels_shown, h, w)
        Their weighted maps.
    """

    stage: str
    label: str
    said: str
    view: NDArray[np.floating]
    heat: NDArray[np.floating]
    region: NDArray[np.bool_]
    channels: tuple[int, ...]
    maps: NDArray[np.floating]


def draw_region(figure: Figure, example: RegionExample) -> None:
    """Draw a scan, its Grad-CAM, the main region, and the channels that say most.

    Parameters
    ----------
    figure : Figure
        Empty.
    example : RegionExample
        What is drawn. Red speaks for the class, blue against it; all channels have
        one scale.
    """
    side = example.view.shape[0]
    place = (0, side, side, 0)
    n_shown = 3 + len(example.channels)
    panels: NDArray[np.object_] = figure.subplots(1, n_shown, squeeze=False)[0]
    titles = ["scan", "Grad-CAM", "region", *(f"no. {c}" for c in example.channels)]
    for axes, title in zip(panels, titles, strict=True):
        axes.set_axis_off()
        axes.set_title(title, loc="center", fontsize=8, fontweight="normal")
    for axes in panels[:3]:
        axes.imshow(example.view, cmap="gray", vmin=0, vmax=1, extent=place)
    panels[1].imshow(example.heat, cmap="inferno", alpha=0.5, extent=place)
    shade = np.where(example.region, np.nan, 1.0)
    panels[2].imshow(shade, cmap="gray_r", vmin=0, vmax=1, alpha=0.6, extent=place)
    most = float(np.abs(example.maps).max()) or 1.0
    for axes, one in zip(panels[3:], example.maps, strict=True):
        axes.imshow(one, cmap="coolwarm", vmin=-most, vmax=most, extent=place)


def region_pictures(
    examples: Sequence[RegionExample], *, phantom: bool
) -> tuple[Picture, ...]:
    """Draw where stages look in some scans."""
    return tuple(
        draw_picture(
            f"region-{place}-{example.stage}",
            partial(draw_region, example=example),
            size=(1.0 + 0.9 * (3 + len(example.channels)), 1.5),
            title=f"Where the {example.stage} looks in a scan of {example.label}",
            caption=f"Its network says {example.said}. What the third picture shades "
            "is cut away; then the channels that say most for (red) and against (blue) "
            "it. A hot place is where the network looked, not where disease is.",
            alt=f"Where the {example.stage} looks: a scan of {example.label}, heat "
            f"map, main region, {len(example.channels)} channels.",
            phantom=phantom,
        )
        for place, example in enumerate(examples, start=1)
    )


def feature_pictures(
    stage: str, told: FeatureFigures, *, phantom: bool
) -> tuple[Picture, ...]:
    """Draw all pictures of one stage.

    Parameters
    ----------
    stage : str
        ``screen`` or ``refine``.
    told : FeatureFigures
        Its features.
    phantom : bool
        Whether the scans are synthetic.

    Returns
    -------
    pictures : tuple of Picture
        Principal components, t-SNE in two and in three dimensions, variance, and
        the learning curve where there is one.
    """
    shown = f"{len(told.codes)} training scans by their {told.n_features} {told.kind}"
    clouds = (
        ("pca", told.pca, "component", "principal components", _WIDE),
        ("tsne", told.tsne, "t-SNE", "t-SNE in two dimensions", _SMALL),
        ("tsne-3d", told.tsne_3d, "t-SNE", "t-SNE in three dimensions", _WIDE),
    )
    found = [
        draw_picture(
            f"features-{stage}-{name}",
            partial(draw_cloud, points=points, told=told, axis=axis),
            size=size,
            title=f"Features, {stage}: {title}",
            caption=f"{shown}. Distances in a picture of t-SNE mean little; "
            "what stays mixed is not shown to be inseparable."
            if axis == "t-SNE"
            else f"{shown}; standardized; the first three components in three "
            f"planes hold {number(sum(told.explained[:3]))} of the variance. "
            f"{count(n_beyond(points), 'scan')} too far out to be shown.",
            alt=f"Scatter plot of {len(told.codes)} scans by the features of the "
            f"{stage}, colored by label: {title}.",
            phantom=phantom,
        )
        for name, points, axis, title, size in clouds
    ]
    total = number(sum(told.explained))
    found.append(
        draw_picture(
            f"features-{stage}-variance",
            partial(draw_variance, explained=told.explained),
            size=_SMALL,
            title=f"Variance of the features, {stage}",
            caption=f"{len(told.explained)} components hold {total}.",
            alt=f"The first {len(told.explained)} principal components of the "
            f"features of the {stage} hold {total} of the variance.",
            phantom=phantom,
        )
    )
    if told.learning:
        found.append(_learning(stage, told.learning, phantom=phantom))
    return tuple(found)


def _learning(
    stage: str, points: Sequence[LearningFigures], *, phantom: bool
) -> Picture:
    last = points[-1]
    return draw_picture(
        f"features-{stage}-learning",
        partial(draw_learning, points=points),
        size=_SMALL,
        title=f"Learning curve, {stage}",
        caption="The learner as it was chosen, balanced and not calibrated, three "
        "folds by patient. Where the lower curve rises, more patients would help.",
        alt=f"The {stage} with {last.n_patients} patients: a macro recall of "
        f"{number(last.known)} on scans that it was fitted on, and of "
        f"{number(last.unknown)} on others.",
        phantom=phantom,
    )
