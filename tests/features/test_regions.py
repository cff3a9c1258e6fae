"""Regions are connected, and features are what is in them."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hierclf.features.regions import (
    discriminative_maps,
    flattened,
    main_regions,
    pooled,
)

MAPS = arrays(np.float32, (2, 6, 7), elements=st.floats(-4, 4, width=16))


@given(MAPS)
def test_region_is_opencvs_largest_component(aggregation) -> None:
    """Against OpenCV: as large as its largest, in one piece, above the mean."""
    for one, region in zip(aggregation, main_regions(aggregation), strict=True):
        above = (one > one.mean()).astype(np.uint8)
        if not above.any():
            assert region.all()
            continue
        _, parts, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
        assert region.sum() == stats[1:, cv2.CC_STAT_AREA].max()
        assert len(np.unique(parts[region])) == 1
        assert above[region].all()


def test_flat_map_is_taken_whole() -> None:
    assert main_regions(np.full((1, 3, 3), 2.0)).all()


def test_features_are_those_of_the_region() -> None:
    rng = np.random.default_rng(0)
    maps, weights = rng.normal(size=(4, 5, 3, 3)), rng.normal(size=(4, 5))
    weighed = discriminative_maps(maps, weights)
    regions = main_regions(weighed.sum(axis=1))
    flat, means = flattened(weighed, regions), pooled(weighed, regions)
    for n in range(4):
        for k in range(5):
            inside = (maps[n, k] * weights[n, k])[regions[n]]
            np.testing.assert_allclose(means[n, k], inside.mean())
            np.testing.assert_allclose(means[n, 5 + k], inside.max())
            cells = flat.reshape(4, 5, 3, 3)[n, k]
            np.testing.assert_allclose(cells[regions[n]], inside)
            assert not cells[~regions[n]].any()
