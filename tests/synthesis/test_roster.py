"""The roster: exact counts, patients on one side, numbers that tell nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kruskal

from hierclf.synthesis.roster import PREVALENCE, count_scans, make_roster

cases = st.integers(min_value=8, max_value=3000)


def _largest_remainder(n: int, shares: dict[str, int]) -> dict[str, int]:
    """Deal the seats one by one, with exact fractions."""
    total = sum(shares.values())
    exact = {name: Fraction(n * share, total) for name, share in shares.items()}
    seats = {
        name: value.numerator // value.denominator for name, value in exact.items()
    }
    while sum(seats.values()) < n:
        seats[max(exact, key=lambda name: exact[name] - seats[name])] += 1
    return seats


@given(n=st.integers(min_value=120, max_value=5000))
def test_counts_are_those_of_exact_arithmetic(n: int) -> None:
    assert count_scans(n, balanced=False) == _largest_remainder(n, dict(PREVALENCE))


def test_known_counts() -> None:
    expected = {"healthy": 86, "stage1": 687, "stage2": 106, "stage3": 21}
    assert count_scans(900, balanced=False) == expected
    assert set(count_scans(900, balanced=True).values()) == {225}


@given(n=cases, balanced=st.booleans())
def test_counts_sum_up_and_leave_no_stage_out(n: int, balanced: bool) -> None:
    counts = count_scans(n, balanced=balanced)
    assert sum(counts.values()) == n
    assert min(counts.values()) >= 2
    if balanced:
        assert max(counts.values()) - min(counts.values()) <= 1


@settings(max_examples=40, deadline=None)
@given(n=cases, seed=st.integers(0, 1000), balanced=st.booleans())
def test_laws_of_a_roster(n: int, seed: int, balanced: bool) -> None:
    roster = make_roster(n, seed=seed, balanced=balanced)
    assert Counter(e.stage for e in roster) == count_scans(n, balanced=balanced)
    scans, stages = defaultdict(list), defaultdict(set)
    for entry in roster:
        scans[entry.patient].append(entry.scan)
        stages[entry.patient].add(entry.stage)
    assert list(scans) == list(range(1, len(scans) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in scans.values())
    assert max(map(len, scans.values())) <= 3
    assert all(len(found) == 1 for found in stages.values())
    patients = Counter(next(iter(found)) for found in stages.values())
    assert min(patients[stage] for stage in PREVALENCE) >= 2


def test_a_roster_depends_on_the_seed_alone() -> None:
    first = make_roster(50, seed=3, balanced=False)
    assert make_roster(50, seed=3, balanced=False) == first
    assert make_roster(50, seed=4, balanced=False) != first


def test_numbers_of_patients_do_not_tell_the_stage() -> None:
    roster = make_roster(2000, seed=0, balanced=True)
    numbers = defaultdict(set)
    scans = defaultdict(list)
    for entry in roster:
        numbers[entry.stage].add(entry.patient)
        scans[entry.stage].append(entry.scan)
    assert kruskal(*(list(found) for found in numbers.values())).pvalue > 0.01
    assert np.ptp([np.mean(found) for found in scans.values()]) < 0.15
