"""When a look at one view after another may stop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sequential import count, leads, margins, stops_by_bound, stops_by_margin

CUT = 0.25


def _choices(score):
    return np.stack([np.full_like(score, CUT), score], axis=2)


@given(st.integers(0, 10_000))
def test_what_the_bound_decides_no_view_can_change(seed):
    """Also where all views that are left say the opposite."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.3, 0.3, (20, 10))
    lead, leader = leads(_choices(score))
    stops = stops_by_bound(lead, np.array([1 - CUT, CUT])[leader])
    assert stops.min() >= 3
    for scan, stop in enumerate(stops):
        opposite = 1.0 - leader[scan, stop - 1]
        worst = np.append(score[scan, :stop], np.full(10 - stop, opposite))
        assert (worst.mean() >= CUT) == leader[scan, stop - 1]


def test_the_bound_stops_as_early_as_it_can():
    sure = np.array([[1.0] * 10, [0.0] * 10])
    lead, leader = leads(_choices(sure))
    found = stops_by_bound(lead, np.array([1 - CUT, CUT])[leader])
    # two sick views may end below 0.25, and three of ten that are left above it
    assert found.tolist() == [3, 8]


@pytest.mark.parametrize("risk", [0.0, 0.01, 0.1])
def test_margins_keep_to_their_risk_where_they_were_chosen(risk):
    rng = np.random.default_rng(0)
    middle = rng.uniform(0, 1, (1000, 1))
    score = np.clip(middle + rng.normal(0, 0.1, (1000, 10)), 0, 1)
    lead, leader = leads(_choices(score))
    stops = stops_by_margin(lead, margins(lead, leader, risk))
    other = leader[np.arange(1000), stops - 1] != leader[:, -1]
    assert other.mean() <= risk
    assert stops.mean() < 4


def test_rules_are_counted_on_the_second_half_only():
    score = np.concatenate([np.full((10, 10), 0.9), np.full((10, 10), 0.6)])
    score[10:, 0] = 0.0  # begins on the other side
    told = count(
        _choices(score), np.array([1 - CUT, CUT]), np.arange(10), np.arange(10, 20)
    )
    assert told["n_scans"] == 10
    assert told["bound"]["other_decisions"] == 0
    assert told["risk 0.005"] == {"share_of_views": 0.1, "other_decisions": 1.0}
