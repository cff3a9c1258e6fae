"""TenCrop is torchvision's, exactly."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import functional

from hierclf.foundation.errors import InputError
from hierclf.inference.views import VIEWS, make_views, tencrop


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
    crops = views.cut(torch.rand(3, 1, side, side), 224)
    assert crops.shape == (3, views.n_views, 1, 224, 224)


def test_center_is_torchvisions() -> None:
    frames = torch.rand(2, 1, 256, 256)
    center = make_views("center").cut(frames, 224)[:, 0]
    assert torch.equal(center, functional.center_crop(frames, [224, 224]))
    assert make_views("tencrop").frame_side(224) == 256


def test_unknown_views_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'tencrop'"):
        make_views("tencorp")


@pytest.mark.parametrize("name", VIEWS)
def test_places_are_where_crops_come_from(name: str) -> None:
    views = make_views(name)
    side = views.frame_side(21)
    frames = torch.rand(1, 1, side, side)
    crops, places = views.cut(frames, 21), views.places(side, 21)
    assert len(places) == views.n_views
    for crop, place in zip(crops[0, :, 0], places, strict=True):
        frame = frames[0, 0].flip(-1) if place.mirrored else frames[0, 0]
        piece = frame[place.top : place.top + 21, place.left : place.left + 21]
        assert torch.equal(crop, piece)
