"""What is drawn on a scan, pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from hierclf.pictures.overlays import (
    BOX,
    CONTOUR,
    Frame,
    Panel,
    colored,
    edge_of,
    framed,
    outline,
    shade,
    side_by_side,
    signed,
    small,
    to_jpeg,
    to_png,
)

SCAN = np.tile(np.arange(200, dtype=np.uint8), (120, 1))


def test_cold_places_are_the_scan() -> None:
    heat = np.zeros((8, 8))
    heat[:, 6:] = 3.0
    drawn = shade(SCAN, heat)
    np.testing.assert_array_equal(drawn[:, :130], colored(SCAN)[:, :130])
    assert (drawn[60, 190] != colored(SCAN)[60, 190]).any()


def test_a_map_of_nothing_leaves_the_scan() -> None:
    np.testing.assert_array_equal(shade(SCAN, np.zeros((8, 8))), colored(SCAN))


def test_scale_of_a_map_does_not_matter() -> None:
    heat = np.random.default_rng(0).random((8, 8))
    np.testing.assert_array_equal(shade(SCAN, heat), shade(SCAN, 7 * heat))


def test_channels_are_red_for_and_blue_against() -> None:
    heat = np.zeros((8, 8))
    heat[:, :3], heat[:, 5:] = 2.0, -2.0
    drawn = signed(SCAN, heat, 2.0).astype(int)
    assert drawn[60, 20, 0] > drawn[60, 20, 2] + 60
    assert drawn[60, 180, 2] > drawn[60, 180, 0] + 60


def test_outline_is_on_the_border_only() -> None:
    region = np.zeros((120, 200), dtype=bool)
    region[40:80, 50:150] = True
    drawn = outline(colored(SCAN), region, CONTOUR)
    changed = (drawn != colored(SCAN)).any(axis=2)
    assert changed[40, 60:140].all()
    assert changed[60, 50]
    assert not changed[55:65, 60:140].any()
    assert not changed[:35].any()
    assert tuple(drawn[40, 100]) == CONTOUR


def test_a_box_is_where_it_says() -> None:
    drawn = framed(colored(SCAN), [Frame(0.25, 0.5, 0.75, 1.0, "")])
    changed = np.argwhere((drawn == BOX).all(axis=2))
    assert changed.min(axis=0).tolist() == [60, 50]
    assert changed.max(axis=0).tolist() == [119, 149]


def test_a_box_of_one_pixel_can_be_drawn() -> None:
    assert framed(colored(SCAN), [Frame(0.5, 0.5, 0.5, 0.5, "1")]).shape == (
        120,
        200,
        3,
    )


def test_edge_is_that_of_what_was_seen() -> None:
    seen = np.zeros((16, 16), dtype=bool)
    seen[2:14, 1:15] = True
    edge = edge_of(seen)
    assert (edge.left, edge.top, edge.right, edge.bottom) == (
        1 / 16,
        1 / 8,
        15 / 16,
        7 / 8,
    )


def test_side_by_side_says_phantom_and_keeps_panels() -> None:
    panel = colored(small(SCAN))
    plain, marked = (
        side_by_side([Panel("a", panel)] * 3, "heading", "note", phantom=phantom)
        for phantom in (False, True)
    )
    assert marked.shape[0] > plain.shape[0]
    red = (marked[:, :, 0].astype(int) - marked[:, :, 1] > 100).any()
    assert red
    assert not (plain[:, :, 0].astype(int) - plain[:, :, 1] > 100).any()


def test_a_narrow_scan_and_a_long_title() -> None:
    thin = colored(small(np.zeros((300, 9), dtype=np.uint8)))
    sheet = side_by_side([Panel("x" * 200, thin)], "h", "n", phantom=False)
    assert sheet.shape[1] < 300


def test_files_can_be_read_back() -> None:
    pixels = colored(SCAN)
    found = np.asarray(Image.open(io.BytesIO(to_png(pixels))))
    np.testing.assert_array_equal(found, pixels)
    assert to_png(pixels) == to_png(pixels)
    assert Image.open(io.BytesIO(to_jpeg(pixels))).size == (200, 120)
