"""Up-sampling of rare classes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.data.balance import POWERS, Ratio, upsample
from hierclf.foundation.errors import InputError

HE_ALL = {"healthy": 316, "1": 2533, "2": 389, "3": 79}
HE_TRAIN = {"healthy": 271, "1": 2171, "2": 333, "3": 68}
HE_RATIO = {"healthy": 16, "1": 25, "2": 16, "3": 10}


def rows_of(counts: dict[str, int]) -> list[str]:
    return [label for label, n in counts.items() for _ in range(n)]


def counted(labels: list[str], ratio: Ratio) -> dict[str, int]:
    y = np.array(labels)
    return dict(Counter(y[upsample(y, ratio=ratio, seed=0)].tolist()))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    st.one_of(
        st.floats(0, 1),
        st.sampled_from(sorted(POWERS)),
        st.fixed_dictionaries({k: st.floats(0.1, 10) for k in "abcd"}),
    ),
    st.integers(0, 2**31),
)
def test_every_row_is_kept_and_repeats_are_even(
    labels: list[str], ratio: Any, seed: int
) -> None:
    """Law: nothing is dropped, and no row of a class is favored by more than one."""
    if isinstance(ratio, dict):
        ratio = {k: part for k, part in ratio.items() if k in labels}
    rows = upsample(labels, ratio=ratio, seed=seed)
    assert rows[: len(labels)].tolist() == list(range(len(labels)))
    times = np.bincount(rows, minlength=len(labels))
    y = np.array(labels)
    for k in set(labels):
        own = times[y == k]
        assert own.min() >= 1
        assert own.max() - own.min() <= 1


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1),
    st.floats(0, 1),
)
def test_the_counts_are_those_of_the_formula(
    counts: dict[str, int], power: float
) -> None:
    most = max(counts.values())
    expected = {k: most * (n / most) ** power for k, n in counts.items()}
    found = counted(rows_of(counts), power)
    for k, n in expected.items():
        assert found[k] == pytest.approx(n, abs=0.5 + 1e-6)


def test_names_of_powers() -> None:
    labels = rows_of({"a": 80, "b": 5})
    assert counted(labels, "equal") == {"a": 80, "b": 80}
    assert counted(labels, "none") == {"a": 80, "b": 5}
    assert counted(labels, "he2019") == {"a": 80, "b": 40}  # 16 ** 0.25 is 2


def test_the_fourth_root_is_the_power_nearest_to_the_source() -> None:
    most = max(HE_ALL.values())
    x = np.log([n / most for n in HE_ALL.values()])
    y = np.log([part / 25 for part in HE_RATIO.values()])
    grid = np.linspace(0, 1, 10_001)
    nearest = grid[((grid[:, None] * x - y) ** 2).sum(axis=1).argmin()]
    assert nearest == pytest.approx(0.249, abs=5e-4)
    assert POWERS["he2019"] == pytest.approx(nearest, abs=0.002)
    found = counted(rows_of(HE_ALL), "he2019")
    parts = [25 * found[k] / most for k in HE_RATIO]
    assert parts == pytest.approx([14.9, 25, 15.7, 10.5], abs=0.05)
    assert parts == pytest.approx(list(HE_RATIO.values()), rel=0.072)


def test_a_mapping_gives_the_ratio_of_the_source() -> None:
    """Of 6/7 of the scans, 5819 rows came out there."""
    found = counted(rows_of(HE_TRAIN), HE_RATIO)
    assert found == {"healthy": 1389, "1": 2171, "2": 1389, "3": 868}
    assert sum(found.values()) == pytest.approx(5819, abs=2)


def test_a_mapping_never_drops_a_row() -> None:
    assert counted(rows_of({"a": 10, "b": 10}), {"a": 1, "b": 3}) == {"a": 10, "b": 30}


def test_the_seed_decides_which_rows_are_repeated() -> None:
    labels = rows_of({"a": 100, "b": 60})
    first, again, other = (
        upsample(labels, ratio="equal", seed=seed).tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first[160:] != other[160:]
    assert all(60 <= row - 40 < 120 for row in first[160:])


@pytest.mark.parametrize(
    ("ratio", "reason"),
    [
        ("equl", "expected one of equal, he2019, none, got 'equl'. Did you mean"),
        (1.5, r"expected a power in \[0, 1\], got 1.5"),
        (float("nan"), r"expected a power in \[0, 1\], got nan"),
        ({"a": 1}, r"a positive number for each of \['a', 'b'\], got \{'a': 1\}"),
        ({"a": 1, "b": 0}, "a positive number for each of"),
        ({"a": 1, "b": float("inf")}, "a positive number for each of"),
        ({"a": 1, "b": 1, "c": 1}, "a positive number for each of"),
    ],
)
def test_other_ratios_are_refused(ratio: Ratio, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        upsample(["a", "b"], ratio=ratio, seed=0)


@pytest.mark.parametrize("labels", [[], [["a"]]])
def test_there_is_a_row_at_least(labels: list[Any]) -> None:
    with pytest.raises(InputError, match="expected a label for at least one row, got"):
        upsample(labels, seed=0)
