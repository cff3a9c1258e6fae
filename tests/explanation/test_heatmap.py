"""A bright spot comes back to where it was, whatever the views and the shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from hierclf.explanation.boxes import heat_in_scan, region_in_scan
from hierclf.explanation.evidence import Evidence
from hierclf.explanation.heatmap import METHODS, make_maps, place_views
from hierclf.features.regions import main_regions
from hierclf.foundation.errors import InputError
from hierclf.inference.frozen import ViewOptions
from hierclf.inference.views import VIEWS, make_views
from hierclf.transforms.geometry import fit_frame

SIZE, CELLS = 56, 7


@dataclass
class Trunk:
    """What a map must know of a trunk."""

    options: ViewOptions

    @property
    def views(self):
        return make_views(self.options.views)

    @property
    def frame_side(self) -> int:
        return self.views.frame_side(self.options.image_size)


def cells_of(frame: np.ndarray, name: str) -> np.ndarray:
    """Average each cell of each crop, as a trunk that sees brightness would."""
    trunk = partial(functional.avg_pool2d, kernel_size=SIZE // CELLS)
    frames = torch.from_numpy(frame)[None, None]
    return make_views(name).maps(frames, SIZE, trunk).numpy()[:, :, 0]


@pytest.mark.parametrize("shape", [(64, 64), (90, 200), (300, 120)])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.2, 0.8), (0.85, 0.3), (0.33, 0.15)])
@pytest.mark.parametrize("name", VIEWS)
def test_a_spot_comes_back_within_a_cell(name, place, shape) -> None:
    height, width = shape
    row, column = int(place[0] * height), int(place[1] * width)
    scan = np.zeros(shape, dtype=np.float32)
    scan[row - 3 : row + 3, column - 3 : column + 3] = 1
    views = make_views(name)
    frame = fit_frame(scan, views.frame_side(SIZE))
    placed, seen = place_views(cells_of(frame, name), views, SIZE)
    heat = heat_in_scan(placed[0], shape)
    top, left = np.unravel_index(int(heat.argmax()), shape)
    cell = SIZE / CELLS / views.frame_side(SIZE)
    cell *= 1.5 if views.one_pass else 1  # between two cells
    assert abs(top - row) <= cell * height
    assert abs(left - column) <= cell * width
    assert seen[int(place[0] * len(seen)), int(place[1] * len(seen))]


@pytest.mark.parametrize("name", VIEWS)
def test_overlapping_views_are_averaged(name) -> None:
    """By a loop over pixels and views, with cells as rectangles."""
    rng = np.random.default_rng(0)
    views = make_views(name)
    side = views.frame_side(SIZE)
    cells = rng.normal(size=(1, views.n_views, CELLS, CELLS)).astype(np.float32)
    placed, seen = place_views(cells, views, SIZE, smooth=False)
    for row, column in rng.integers(side, size=(200, 2)):
        found = []
        for number, place in enumerate(views.places(side, SIZE)):
            across = side - 1 - column if place.mirrored else column
            inside_row, inside_column = row - place.top, across - place.left
            if 0 <= inside_row < SIZE and 0 <= inside_column < SIZE:
                step = SIZE // CELLS
                found.append(
                    cells[0, number, inside_row // step, inside_column // step]
                )
        assert seen[row, column] == bool(found)
        expected = np.mean(found) if found else 0.0
        assert placed[0, row, column] == pytest.approx(expected, abs=1e-5)


def evidence(name: str, seed: int = 0, share: float = 1.0) -> Evidence:
    rng = np.random.default_rng(seed)
    views = make_views(name)
    shape = (2, views.n_views, 5, CELLS, CELLS)
    maps = rng.uniform(size=shape).astype(np.float32)
    slopes = rng.normal(size=shape).astype(np.float32)
    trunk = Trunk(ViewOptions(SIZE, name))
    return Evidence(trunk, maps, slopes, np.full(2, share))


@pytest.mark.parametrize("name", VIEWS)
def test_gradcam_is_the_relu_of_the_weighted_sum(name) -> None:
    one = evidence(name)
    cells = np.zeros((2, make_views(name).n_views, CELLS, CELLS), dtype=np.float32)
    for scan, view, channel in np.ndindex(one.maps.shape[:3]):
        weight = one.gradients[scan, view, channel].mean()
        cells[scan, view] += weight * one.maps[scan, view, channel]
    placed, _ = place_views(cells, make_views(name), SIZE)
    found = make_maps("gradcam", [one])
    np.testing.assert_allclose(found.heat, np.maximum(placed, 0), atol=1e-5)
    half = found.heat > found.heat.max(axis=(1, 2), keepdims=True) / 2
    assert np.array_equal(found.regions, half)


def test_scda_of_one_view_is_the_region_that_features_are_taken_from() -> None:
    one = evidence("whole")
    weights = one.gradients.mean(axis=(3, 4))[:, 0]
    total = (weights[:, :, None, None] * one.maps[:, 0]).sum(axis=1)
    step = SIZE // CELLS
    expected = main_regions(total).repeat(step, axis=1).repeat(step, axis=2)
    found = make_maps("scda", [one])
    assert np.array_equal(found.regions, expected)
    heat = make_maps("gradcam", [one]).heat
    np.testing.assert_array_equal(found.heat, heat * expected)


def test_readers_add_up_by_their_share() -> None:
    first, second = evidence("whole", 1), evidence("whole", 2, share=0.25)
    joined = make_maps("gradcam", [first, second])
    signed = 0
    for one in (first, second):
        weights = one.gradients.mean(axis=(3, 4))[:, 0] * one.share[:, None]
        cells = np.einsum("nk,nkhw->nhw", weights, one.maps[:, 0])
        signed = signed + place_views(cells[:, None], make_views("whole"), SIZE)[0]
    np.testing.assert_allclose(joined.heat, np.maximum(signed, 0), atol=1e-5)


def test_a_reader_of_another_size_is_brought_to_the_first() -> None:
    large = evidence("whole", 3)
    small = Evidence(
        Trunk(ViewOptions(SIZE // 2, "center")),
        large.maps,
        large.gradients,
        large.share,
    )
    found = make_maps("gradcam", [small, large])
    assert found.heat.shape[1:] == (32, 32)
    assert found.seen.all()  # the second reader saw the border


def test_no_evidence_is_cold_and_has_no_region() -> None:
    one = evidence("whole")
    cold = Evidence(one.trunk, one.maps, -np.abs(one.gradients), one.share)
    for method in METHODS:
        found = make_maps(method, [cold])
        assert found.heat.max() == 0
    assert not make_maps("gradcam", [cold]).regions.any()


def test_unknown_method() -> None:
    with pytest.raises(InputError, match="method: expected one of gradcam"):
        make_maps("gradcan", [evidence("whole")])


def test_a_region_keeps_its_place_in_a_scan_of_another_shape() -> None:
    region = np.zeros((8, 8), dtype=bool)
    region[2:4, 4:8] = True
    found = region_in_scan(region, (16, 40))
    expected = np.zeros((16, 40), dtype=bool)
    expected[4:8, 20:40] = True
    assert np.array_equal(found, expected)
