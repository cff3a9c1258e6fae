from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hierclf.evaluation import intervals
from hierclf.foundation.errors import InputError


@given(st.integers(1, 300), st.floats(0, 1))
def test_wilson_is_that_of_scipy(n_cases, share):
    n_hits = round(share * n_cases)
    expected = stats.binomtest(n_hits, n_cases).proportion_ci(method="wilson")
    found = intervals.wilson_interval(n_hits, n_cases)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found[0] <= n_hits / n_cases <= found[1] <= 1


@pytest.mark.parametrize(("hits", "cases"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5)])
def test_wilson_refuses_what_is_no_proportion(hits, cases):
    with pytest.raises(InputError, match=f"Wilson interval: .* got {hits} of {cases}"):
        intervals.wilson_interval(hits, cases)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_one_scan_a_patient_gives_the_plain_interval(hits):
    found = intervals.clustered_wilson(np.array(hits, float), np.ones(len(hits)))
    expected = intervals.wilson_interval(sum(hits), len(hits))
    assert found == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(2, 6))
def test_repeating_the_scan_of_each_patient_tells_nothing_new(hits, copies):
    once = np.array(hits, float)
    single = intervals.clustered_wilson(once, np.ones(once.size))
    repeated = intervals.clustered_wilson(
        once * copies, np.full(once.size, float(copies))
    )
    assert repeated == pytest.approx(single, abs=1e-9)


def test_scans_that_differ_within_each_patient_count_one_by_one():
    hits, cases = np.ones(8), np.full(8, 2.0)
    assert intervals.effective_cases(hits, cases) == 16


def test_no_more_scans_are_counted_than_there_are():
    hits, cases = np.array([1.0, 1.0, 1.0, 2.0]), np.full(4, 2.0)
    assert intervals.effective_cases(hits, cases) == 8  # the variance alone says 20


def test_patients_without_cases_change_nothing():
    hits, cases = np.array([2.0, 1.0, 0.0]), np.array([3.0, 1.0, 2.0])
    padded = intervals.clustered_wilson(np.append(hits, 0), np.append(cases, 0))
    assert padded == intervals.clustered_wilson(hits, cases)


def test_few_patients_are_covered_where_the_bootstrap_fails():
    rng = np.random.default_rng(0)
    true, held = 0.9, np.zeros(2)
    for _ in range(400):
        cases = rng.integers(1, 6, 10)
        hits = rng.binomial(cases, rng.beta(true, 1 - true, 10))
        drawn = rng.integers(0, 10, (200, 10))
        draws = hits[drawn].sum(axis=1) / cases[drawn].sum(axis=1)
        for place, (low, high) in enumerate(
            (
                intervals.clustered_wilson(hits, cases),
                np.quantile(draws, [0.025, 0.975]),
            )
        ):
            held[place] += low <= true <= high
    assert held[0] / 400 > 0.93
    assert held[1] / 400 < 0.85


def test_a_proportion_without_cases_is_undefined():
    found = intervals.proportion_estimate(np.zeros(3), np.zeros(3))
    assert (found.value, found.low, found.high) == (None, None, None)


def test_percentiles_are_those_of_numpy_without_the_undefined():
    draws = np.random.default_rng(0).normal(size=500)
    draws[:40] = np.nan
    low, high, n_excluded = intervals.percentiles(draws)
    assert [low, high] == pytest.approx(np.nanpercentile(draws, [2.5, 97.5]))
    assert n_excluded == 40


def test_mostly_undefined_draws_give_no_bounds():
    draws = np.array([0.1, 0.2, np.nan, np.nan])
    assert intervals.bootstrap_estimate(0.5, draws).low == pytest.approx(0.1025)
    found = intervals.bootstrap_estimate(0.5, np.append(draws, np.nan))
    assert (found.value, found.low, found.high, found.n_excluded) == (
        0.5,
        None,
        None,
        3,
    )


def test_an_undefined_value_has_no_bounds():
    found = intervals.bootstrap_estimate(math.nan, np.ones(9))
    assert (found.value, found.low, found.high) == (None, None, None)


def _one_class_each(hits: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Give every scan its own patient, in the column of its class."""
    sizes = [len(column) for column in hits]
    cases, found = np.zeros((sum(sizes), len(hits))), np.zeros((sum(sizes), len(hits)))
    row = 0
    for place, column in enumerate(hits):
        cases[row : row + len(column), place] = 1
        found[row : row + len(column), place] = column
        row += len(column)
    return found, cases


def test_mean_of_independent_classes_follows_zou_and_donner():
    hits = [[1] * 9 + [0], [1] * 4 + [0] * 2, [1] * 5]
    found = intervals.mean_estimate(*_one_class_each(hits))
    shares = [np.mean(column) for column in hits]
    bounds = [intervals.wilson_interval(sum(column), len(column)) for column in hits]
    below = sum((s - low) ** 2 for s, (low, _) in zip(shares, bounds, strict=True))
    above = sum((high - s) ** 2 for s, (_, high) in zip(shares, bounds, strict=True))
    center = np.mean(shares)
    assert found.value == pytest.approx(center)
    assert found.low == pytest.approx(center - math.sqrt(below) / 3)
    assert found.high == pytest.approx(min(1, center + math.sqrt(above) / 3))


def test_classes_that_err_together_are_no_more_certain_than_one():
    hits = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    cases = np.ones(7)
    twice = intervals.mean_estimate(np.stack([hits, hits], 1), np.ones((7, 2)))
    once = intervals.clustered_wilson(hits, cases)
    assert (twice.low, twice.high) == pytest.approx(once)


def test_classes_that_err_against_each_other_are_certain():
    hits = np.array([1.0, 0.0, 1.0, 0.0])
    found = intervals.mean_estimate(np.stack([hits, 1 - hits], 1), np.ones((4, 2)))
    assert (found.low, found.value, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_mean_leaves_out_classes_without_cases():
    hits, cases = _one_class_each([[1, 0, 1], [1, 1]])
    padded = [np.column_stack([part, np.zeros(5)]) for part in (hits, cases)]
    assert intervals.mean_estimate(*padded) == intervals.mean_estimate(hits, cases)


def test_mean_of_nothing_is_undefined():
    assert intervals.mean_estimate(np.zeros((2, 3)), np.zeros((2, 3))).value is None


def test_mirrored_bounds_stay_at_zero_and_hold_the_value():
    near = intervals.reverse_bootstrap_estimate(0.1, np.linspace(0.15, 0.55, 41))
    assert (near.low, near.high, near.method) == (0.0, 0.1, "reverse bootstrap")
    far = intervals.reverse_bootstrap_estimate(0.6, np.linspace(0.2, 0.5, 41))
    assert far.low == 0.6
    assert far.high == pytest.approx(
        1.2 - np.quantile(np.linspace(0.2, 0.5, 41), 0.025)
    )
    lost = intervals.reverse_bootstrap_estimate(0.1, np.full(5, np.nan))
    assert (lost.low, lost.high, lost.n_excluded) == (None, None, 5)
    assert lost.method == "reverse bootstrap"
