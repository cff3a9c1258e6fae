from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hierclf.data.groups import groups_of, parse_group
from hierclf.foundation.errors import InputError

N = 40
TABLE = pd.DataFrame(
    {
        "path": [f"{n}.png" for n in range(N)],
        "scan": [f"{n}.png" for n in range(N)],
        "label": ["a", "b"] * 20,
        "patient_id": [str(n) for n in range(N)],
        "split": ["test"] * N,
        "lesion_mask": ["x", "y"] * 20,
        "sex": ["f", "m", ""] * 13 + ["f"],
        "age": [str(20 + n % 30) for n in range(N)],
        "dose": [f"{n % 13 / 4}" for n in range(N)],
        "note": [f"text {n}" for n in range(N)],
        "number": [str(1000 + n) for n in range(N)],
        "same": ["one"] * N,
    },
    dtype=object,
)


def test_auto_takes_what_makes_groups():
    assert list(groups_of(TABLE, ["auto"])) == ["sex", "age", "dose"]


def test_none_is_none():
    assert groups_of(TABLE, ["none"]) == {}
    assert groups_of(TABLE, []) == {}


def test_empty_cells_are_a_group():
    groups = groups_of(TABLE, ["sex"])["sex"]
    assert groups[:4] == ["f", "m", "not given", "f"]


def test_bands_are_those_of_pandas():
    found = groups_of(TABLE, ["age:10"])["age"]
    ages = TABLE["age"].astype(int)
    cut = pd.cut(ages, [20, 30, 40, 50], right=False)
    expected = [f"{band.left} to {band.right - 1}" for band in cut]
    assert found == expected


def test_bands_of_fractions_say_where_they_end():
    found = groups_of(TABLE, ["dose:0.5"])["dose"]
    assert found[:3] == ["0 to below 0.5", "0 to below 0.5", "0.5 to below 1"]
    table = TABLE.assign(dose=["2.5", "-0.5"] * 20)
    assert groups_of(table, ["dose:2"])["dose"][:2] == ["2 to below 4", "-2 to below 0"]


def test_many_numbers_are_parted_in_quarters():
    found = groups_of(TABLE, ["age"])["age"]
    ages = TABLE["age"].astype(int).to_numpy()
    sizes = pd.Series(found).value_counts()
    assert len(sizes) == 4
    assert sizes.max() <= 12
    for name in sizes.index:
        low, high = (int(end) for end in name.split(" to "))
        inside = np.array(found) == name
        assert (ages[inside].min(), ages[inside].max()) == (low, high)
        assert not ((ages >= low) & (ages <= high) & ~inside).any()


def test_a_quarter_may_miss_cells():
    table = TABLE.assign(age=["", *TABLE["age"][1:]])
    assert groups_of(table, ["age"])["age"][0] == "not given"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("sexx", r"further column of the manifest, got 'sexx'\. Did you mean 'sex'\?"),
        ("label", "subgroups: expected a further column"),
        ("note", "subgroups, note: expected at most 10 values, got 40"),
        ("sex:10", r"subgroups, sex: expected numbers only, got 2, such as 'f'"),
    ],
)
def test_columns_that_make_no_groups_are_refused(asked, message):
    with pytest.raises(InputError, match=message):
        groups_of(TABLE, [asked])


@pytest.mark.parametrize(
    "text", ["age:", "age:old", "age:0", "age:-5", "age:inf", ":5"]
)
def test_widths_are_positive_numbers(text):
    with pytest.raises(InputError, match=f"subgroups: .* got '{text}'"):
        parse_group(text)
