"""A figure as bytes: SVG for the page, PNG for a paper, the same every time.

Only the object interface of matplotlib is used; pyplot keeps figures alive and looks
for a screen. Colors are named here once. In the SVG each becomes a variable, so that
a figure follows the light or dark page around it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from hierclf.results.wording import cut_text

INK = "#1b1f24"
MUTED = "#5b626c"
LINE = "#d0d4da"
PAPER = "#fefefe"
HEAT = "#174f80"
BLUE = "#1d5f9c"
ORANGE = "#b1500c"
RED = "#b3151f"

_DARK = MappingProxyType(
    {
        INK: "#e7e5e1",
        MUTED: "#a4abb5",
        LINE: "#3b424b",
        PAPER: "#14171b",
        HEAT: "#60a2de",
        BLUE: "#7ab3e8",
        ORANGE: "#f0a25c",
        RED: "#ff8a8a",
    }
)
"""Color on a light page to color on a dark one."""

_FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure looks the same on every machine."""

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "font.family": _FONT,
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.edgecolor": "none",
    "legend.facecolor": PAPER,
    "legend.framealpha": 0.85,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    "svg.hashsalt": "hierclf",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}

LONGEST_LABEL = 16
"""Characters of a label that a figure shows."""


@dataclass(frozen=True)
class Picture:
    """A drawn figure.

    Parameters
    ----------
    name : str
        File name without ending.
    title : str
        First words of its caption.
    caption : str
        What is to be seen.
    alt : str
        The same for who does not see it, with the numbers that matter.
    width : int
        Natural width in CSS pixels.
    svg, png : bytes
        The figure, transparent and on white.
    """

    name: str
    title: str
    caption: str
    alt: str
    width: int
    svg: bytes
    png: bytes

    @property
    def data_uri(self) -> str:
        """The SVG as the source of an image; no script in it would run."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def draw_picture(
    name: str,
    draw: Callable[[Figure], None],
    *,
    size: tuple[float, float],
    title: str,
    caption: str,
    alt: str,
    phantom: bool,
) -> Picture:
    """Draw a figure in the style of the house.

    Parameters
    ----------
    name : str
        File name without ending.
    draw : callable
        Draws on an empty figure.
    size : tuple of float
        Width and height in inches.
    title, caption, alt : str
        Words about it.
    phantom : bool
        Whether the numbers are of synthetic scans; it is then said in the figure,
        its caption and its alternative text.

    Returns
    -------
    picture : Picture
        The same bytes for the same arguments.
    """
    mark = "PHANTOM, no patients. " if phantom else ""
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=size, layout="constrained")
        if phantom:
            figure.suptitle("PHANTOM: synthetic scans", color=RED, fontsize=9)
        draw(figure)
        svg, png = _rendered(figure)
    return Picture(
        name=name,
        title=title,
        caption=(mark + caption).replace(" %", "\N{NO-BREAK SPACE}%"),
        alt=mark + alt,
        width=round(size[0] * 96),
        svg=_follow_page(svg),
        png=png,
    )


def _rendered(figure: Figure) -> tuple[bytes, bytes]:
    """Give a figure as SVG and PNG."""
    svg, png = io.BytesIO(), io.BytesIO()
    plain = {"Date": None, "Creator": None}
    figure.savefig(svg, format="svg", transparent=True, metadata=plain)
    figure.set_layout_engine("none")  # laid out once
    figure.set_dpi(300)
    canvas = FigureCanvasAgg(figure)  # savefig would draw once more, for a layout
    canvas.print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return svg.getvalue(), png.getvalue()


def _follow_page(svg: bytes) -> bytes:
    """Make each color of the palette a variable with a dark value."""
    names = {color: f"--c{place}" for place, color in enumerate(_DARK)}
    light = "".join(f"{names[color]}:{color};" for color in _DARK)
    dark = "".join(f"{names[color]}:{_DARK[color]};" for color in _DARK)
    text = svg.decode()
    for color, name in names.items():
        text = text.replace(color, f"var({name})")
    rules = (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    )
    return text.replace("</style>", rules, 1).encode()


def mark_cut_points(axes: Axes, cut_points: Sequence[float]) -> None:
    """Draw where scans are cut, as one entry of the legend.

    Parameters
    ----------
    axes : Axes
        With scores from left to right.
    cut_points : sequence of float
        None, one, or those of several folds.
    """
    places = sorted(set(cut_points))
    label = f"cut points of {len(cut_points)} folds"
    if len(places) == 1:
        label = f"cut point {cut_text(places[0])}"
    for number, at in enumerate(places):
        axes.axvline(at, color=INK, lw=1.1, label=label if number == 0 else None)


def figure_names(labels: Sequence[str]) -> list[str]:
    """Write labels so that a figure can show them.

    Parameters
    ----------
    labels : sequence of str
        In the order of the hierarchy.

    Returns
    -------
    names : list of str
        All different. The middle of a long one is cut out. ``#`` and the place, from
        1, stand for one that the font cannot write or that looks like another.

    Examples
    --------
    >>> figure_names(["healthy", "pneumoconiosis stage 1"])
    ['healthy', 'pneumoc… stage 1']
    """
    half = LONGEST_LABEL // 2
    names: list[str] = []
    for place, label in enumerate(labels, start=1):
        whole = len(label) <= LONGEST_LABEL
        short = label if whole else f"{label[: half - 1]}…{label[-half:]}"
        drawable = figure_text(short) == short
        names.append(short if drawable and short not in names else f"#{place}")
    return names


def figure_text(text: str) -> str:
    """Write ``?`` for each character that the font of the figures has not.

    Examples
    --------
    >>> figure_text("stage 1, \u7167"), figure_text("Grad II")
    ('stage 1, ?', 'Grad II')
    """
    known = get_font(findfont(FontProperties(family=_FONT))).get_charmap()
    return "".join(one if ord(one) in known else "?" for one in text)
