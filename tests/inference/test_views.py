"""TenCrop is torchvision's, exactly."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as functional_nn
from torchvision.transforms import functional

from hierclf.foundation.errors import InputError
from hierclf.inference.views import VIEWS, make_views, tencrop, window


@given(size=st.integers(3, 20), extra=st.integers(0, 9), seed=st.integers(0, 99))
def test_tencrop_is_torchvisions(size: int, extra: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(2, 1, size + extra, size + extra, generator=generator)
    expected = torch.stack(functional.ten_crop(frames, [size, size]), dim=1)
    assert torch.equal(tencrop(frames, size), expected)


@pytest.mark.parametrize("name", VIEWS)
def test_views_have_their_shape(name: str) -> None:
    views = make_views(name)
    side = views.frame_side(224)
    seen = views.maps(torch.rand(3, 1, side, side), 224, lambda images: images)
    assert seen.shape == (3, views.n_views, 1, 224, 224)


def test_center_is_torchvisions() -> None:
    frames = torch.rand(2, 1, 256, 256)
    center = make_views("center").cut(frames, 224)[:, 0]
    assert torch.equal(center, functional.center_crop(frames, [224, 224]))
    assert make_views("tencrop").frame_side(224) == 256


def test_three_crops_are_three_of_ten() -> None:
    frames = torch.rand(2, 1, 256, 256)
    three, ten = (make_views(name) for name in ("threecrop", "tencrop"))
    assert torch.equal(three.cut(frames, 224), ten.cut(frames, 224)[:, [4, 5, 8]])
    center = make_views("center").cut(frames, 224)
    assert torch.equal(three.cut(frames, 224)[:, [three.central]], center)


def test_unknown_views_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'tencrop'"):
        make_views("tencorp")


@pytest.mark.parametrize("name", VIEWS)
def test_places_are_where_crops_come_from(name: str) -> None:
    views = make_views(name)
    side = views.frame_side(21)
    frames = torch.rand(1, 1, side, side)
    crops = views.maps(frames, 21, lambda images: images)
    places = views.places(side, 21)
    assert len(places) == views.n_views
    for crop, place in zip(crops[0, :, 0], places, strict=True):
        frame = frames[0, 0].flip(-1) if place.mirrored else frames[0, 0]
        piece = frame[place.top : place.top + 21, place.left : place.left + 21]
        assert torch.equal(crop, piece)


def _averaged(images: torch.Tensor) -> torch.Tensor:
    """Stand in for a trunk: each cell sees its own 32 pixels, and no border."""
    return functional_nn.avg_pool2d(images, 32)


def test_one_pass_is_tencrop_where_cells_see_no_border() -> None:
    """The corners lie on cells; the center is between them, and is interpolated."""
    frames = torch.rand(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    exact = make_views("tencrop").maps(frames, 224, _averaged)
    once = make_views("tencrop_onepass").maps(frames, 224, _averaged)
    corners = [0, 1, 2, 3, 5, 6, 7, 8]
    assert torch.allclose(once[:, corners], exact[:, corners], atol=1e-6)
    cells = _averaged(frames)
    between = sum(cells[..., r : r + 7, c : c + 7] for r in (0, 1) for c in (0, 1)) / 4
    assert torch.allclose(once[:, 4], between, atol=1e-6)
    one = make_views("center_onepass").maps(frames, 224, _averaged)
    assert torch.equal(one[:, 0], once[:, 4])


@given(size=st.integers(32, 320), cells=st.integers(2, 12))
def test_windows_lie_within_the_map(size: int, cells: int) -> None:
    """Of a map that is its own column number, a window begins where its crop does."""
    views = make_views("tencrop_onepass")
    side = views.frame_side(size)
    ramp = torch.arange(cells, dtype=torch.float32).expand(1, cells, cells)
    for place in views.places(side, size):
        seen = window(ramp, place, side, size)
        width = round(cells * size / side)
        assert seen.shape == (1, width, width)
        begins = min(place.left * cells / side, cells - width)
        assert seen[0, 0, 0].item() == pytest.approx(begins, abs=1e-4)


def test_windows_are_drawn_from_all_corners_and_the_center() -> None:
    views = make_views("tencrop_onepass")
    torch.manual_seed(0)
    maps = torch.arange(64.0).reshape(1, 1, 8, 8).expand(200, 1, 8, 8)
    drawn = views.drawn(maps, 256, 224)
    first = set(drawn[:, 0, 0, 0].tolist())
    assert first == {0.0, 1.0, 8.0, 9.0, 4.5}


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_views_are_pooled_one_by_one(name):
    views = make_views(name)
    side = views.frame_side(224)
    frames = torch.rand(3, 1, side, side)
    whole = views.maps(frames, 224, _averaged)
    pooled = views.maps(frames, 224, _averaged, lambda maps: maps.mean(dim=(2, 3)))
    torch.testing.assert_close(pooled, whole.mean(dim=(3, 4)))
    assert pooled.shape[:2] == (3, views.n_views)
