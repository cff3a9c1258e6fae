"""Profusion: how many small opacities a stage has."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hierclf.synthesis.anatomy import Anatomy, Pose, draw, make_grid
from hierclf.synthesis.opacities import GRADES, draw_opacities
from hierclf.synthesis.thorax import draw_thorax

STAGES = tuple(GRADES)
DISEASED = STAGES[1:]
STRAIGHT = Pose(0.0, 0.0, 0.0, 1.0, 1.0)


def test_profusion_rises_with_the_stage_and_overlaps() -> None:
    grid = make_grid(64, STRAIGHT)
    thorax = draw_thorax(draw(Anatomy, np.random.default_rng(0)), grid)
    many = {}
    for stage in STAGES:
        streams = [np.random.default_rng([7, n]) for n in range(400)]
        pairs = zip(streams[::2], streams[1::2], strict=True)
        many[stage] = [
            draw_opacities(stage, grid, thorax, *pair).profusion for pair in pairs
        ]
    medians = [np.median(values) for values in many.values()]
    expected = [grade.profusion for grade in GRADES.values()]
    np.testing.assert_allclose(medians, expected, rtol=0.1)
    assert expected == sorted(expected)
    for milder, graver in pairwise(DISEASED):
        assert max(many[milder]) > min(many[graver])
        assert np.quantile(many[milder], 0.9) < np.quantile(many[graver], 0.1)
