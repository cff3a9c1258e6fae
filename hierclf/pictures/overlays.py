"""Scans with the evidence drawn on them, as PNG.

Drawn with Pillow and OpenCV at the size of the scan: a figure of matplotlib would take
longer than the network. Of matplotlib come the color map and the font.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
CONTOUR, BOX, TRUTH, EDGE = (
    (0, 210, 255),
    (255, 214, 10),
    (64, 222, 96),
    (130, 130, 130),
)
"""Colors of a region, of a box, of a lesion that is known, of what no view saw."""
_PAPER, _INK, _MUTED, _RED = (254, 254, 254), (27, 31, 36), (91, 98, 108), (179, 21, 31)
_MOST_OPAQUE = 0.7
PANEL_PX = 230
"""Pixels of the longer side of a picture among several."""
_GAP, _MARGIN = 10, 14


@dataclass(frozen=True)
class Frame:
    """A rectangle in relative places, and what is written beside it.

    Parameters
    ----------
    left, top, right, bottom : float, in [0, 1]
        Of width and height.
    text : str
        Beside its upper left corner.
    """

    left: float
    top: float
    right: float
    bottom: float
    text: str


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of several side by side.

    Parameters
    ----------
    title : str
        Above it.
    pixels : ndarray of uint8, shape (height, width, 3)
        The picture.
    """

    title: str
    pixels: Pixels


def colored(picture: Pixels) -> Pixels:
    """Give a gray picture three equal colors."""
    return np.repeat(picture[:, :, None], 3, axis=2)


def small(picture: Pixels) -> Pixels:
    """Bring a gray picture to the size that it has among several."""
    height, width = picture.shape
    scale = PANEL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method))


def shade(picture: Pixels, heat: Floats) -> Pixels:
    """Lay a map over a scan.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        The scan.
    heat : ndarray of float, shape (side, side), at least 0
        In the frame. Its colors go from 0 to its own maximum; where it is cold the scan
        is left as it is.

    Returns
    -------
    shaded : ndarray of uint8, shape (height, width, 3)
        The scan with the map.
    """
    level = _stretched(heat / (float(heat.max()) or 1.0), picture.shape)
    paint = colormaps["inferno"](level)[:, :, :3] * 255
    return _mixed(picture, paint, level)


def layer(heat: Floats, shape: tuple[int, int]) -> Pixels:
    """Draw a map as a layer of its own, to be laid over a scan.

    Parameters
    ----------
    heat : ndarray of float, shape (side, side), at least 0
        In the frame. Its colors go from 0 to its own maximum.
    shape : tuple of int
        Height and width of the picture that it is laid over.

    Returns
    -------
    layer : ndarray of uint8, shape (height, width, 4)
        Red, green, blue, and how much of them is seen: nothing where it is cold.
    """
    level = _stretched(heat / (float(heat.max()) or 1.0), shape)
    drawn: Floats = colormaps["inferno"](level)
    drawn[:, :, 3] = level
    painted: Pixels = np.rint(drawn * 255).astype(np.uint8)
    return painted


def signed(picture: Pixels, heat: Floats, most: float) -> Pixels:
    """Lay a channel over a scan: red speaks for the class, blue against it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        The scan.
    heat : ndarray of float, shape (side, side)
        The weighted channel.
    most : float, positive
        Value of the strongest color.

    Returns
    -------
    drawn : ndarray of uint8, shape (height, width, 3)
        The scan with the channel.
    """
    level = _stretched((heat / most + 1) / 2, picture.shape)
    paint = colormaps["bwr"](level)[:, :, :3] * 255
    return _mixed(picture, paint, np.abs(2 * level - 1))


def _mixed(picture: Pixels, paint: Floats, level: Floats) -> Pixels:
    """Paint over a picture, the more the higher the level."""
    opacity = (_MOST_OPAQUE * level)[:, :, None]
    mixed = (1 - opacity) * picture[:, :, None] + opacity * paint
    return np.rint(mixed).astype(np.uint8)


def outline(pixels: Pixels, region: Bools, color: tuple[int, int, int]) -> Pixels:
    """Draw the border of a region.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        A picture; it is left as it is.
    region : ndarray of bool, shape (side, side) or that of the scan
        Relative places count.
    color : tuple of int
        Red, green, blue.

    Returns
    -------
    drawn : ndarray of uint8, shape (height, width, 3)
        With the border.
    """
    height, width = pixels.shape[:2]
    mask = cv2.resize(region.astype(np.float32), (width, height)) > 0.5
    lines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    canvas = np.ascontiguousarray(pixels.copy())
    cv2.drawContours(canvas, lines, -1, color, _thickness(pixels), cv2.LINE_AA)
    return np.asarray(canvas)


def framed(
    pixels: Pixels, frames: Sequence[Frame], color: tuple[int, int, int] = BOX
) -> Pixels:
    """Draw rectangles with what they say.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        A picture; it is left as it is.
    frames : sequence of Frame
        Rectangles.
    color : tuple of int, optional
        Red, green, blue.

    Returns
    -------
    drawn : ndarray of uint8, shape (height, width, 3)
        With them.
    """
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    height, width = pixels.shape[:2]
    font = _font(max(11, max(height, width) // 36))
    for one in frames:
        corners = (one.left * width, one.top * height)
        far = (max(one.right * width - 1, corners[0]), one.bottom * height - 1)
        far = (far[0], max(far[1], corners[1]))
        draw.rectangle((*corners, *far), outline=color, width=_thickness(pixels))
        if one.text:
            place = (corners[0] + 4, corners[1] + 2)
            draw.text(
                place,
                one.text,
                fill=color,
                font=font,
                stroke_width=1,
                stroke_fill=(0, 0, 0),
            )
    return np.asarray(image)


def edge_of(seen: Bools) -> Frame:
    """Give the rectangle that views saw, as it is drawn where it is not all."""
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    side = len(seen)
    return Frame(
        columns[0] / side, rows[0] / side, (columns[-1] + 1) / side,
        (rows[-1] + 1) / side, "",
    )  # fmt: skip


def side_by_side(
    panels: Sequence[Panel], heading: str, note: str, *, phantom: bool
) -> Pixels:
    """Set pictures of one scan beside each other, with words above and below.

    Parameters
    ----------
    panels : sequence of Panel
        All of the same shape, of `small` pictures.
    heading, note : str
        Above, and below in smaller letters.
    phantom : bool
        Whether the scan is synthetic, which is then said.

    Returns
    -------
    sheet : ndarray of uint8, shape (height, width, 3)
        On white.
    """
    height, width = panels[0].pixels.shape[:2]
    cell = max(width, 190)
    across = 2 * _MARGIN + len(panels) * cell + (len(panels) - 1) * _GAP
    top = _MARGIN + (22 if phantom else 0)
    sheet = Image.new("RGB", (across, top + 92 + height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if phantom:
        words = "PHANTOM: a synthetic scan, no patient"
        draw.text((_MARGIN, _MARGIN - 4), words, fill=_RED, font=_font(13))
    draw.text((_MARGIN, top), heading, fill=_INK, font=_font(16))
    for place, panel in enumerate(panels):
        left = _MARGIN + place * (cell + _GAP)
        title = _shortened(panel.title, cell, _font(12))
        draw.text((left, top + 32), title, fill=_INK, font=_font(12))
        sheet.paste(Image.fromarray(panel.pixels), (left, top + 52))
    below = (_MARGIN, top + 60 + height)
    draw.text(below, note, fill=_MUTED, font=_font(12))
    return np.asarray(sheet)


def to_png(pixels: Pixels) -> bytes:
    """Encode a picture; the same bytes for the same pixels."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def to_jpeg(pixels: Pixels) -> bytes:
    """Encode a picture with few bytes, for a page."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=82)
    return stream.getvalue()


def _stretched(level: Floats, shape: tuple[int, ...]) -> Floats:
    source = np.ascontiguousarray(level, dtype=np.float32)
    large = cv2.resize(source, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.asarray(large), 0, 1)


def _thickness(pixels: Pixels) -> int:
    height, width = pixels.shape[:2]
    return 2 if max(height, width) < 840 else max(height, width) // 280


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(FontProperties(family="DejaVu Sans")), size)


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
