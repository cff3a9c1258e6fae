"""The rule for file names."""

from __future__ import annotations

import re

import pytest

from hierclf.data.naming import compile_rule, find_part
from hierclf.foundation.errors import InputError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(?P<label>", r"expected a regular expression, got '\(\?P<label>'"),
        ("(?P<label>a){99999999999}", "expected a regular expression"),
        ("[a-z]+", r"expected named groups 'label' and/or 'patient_id', got \[\]"),
        ("(?P<label>a)(?P<age>b)", r"got \['age', 'label'\]"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        compile_rule(text)


def test_the_rule_is_searched_in_the_whole_relative_path() -> None:
    rule = compile_rule("^(?P<patient_id>[^/]+)/.*_(?P<label>kl[0-4])")
    scans = ["P 01/left_KL2.png", "P 01/left_kl3.png", "p2/left.png", "_kl1.png"]
    assert find_part(rule, scans, "label") == ["", "kl3", "", ""]
    assert find_part(rule, scans, "patient_id") == ["", "P 01", "", ""]


def test_labels_are_put_in_lower_case_and_patients_are_not() -> None:
    rule = compile_rule("(?i)(?P<patient_id>[A-Z]+7)_(?P<label>virus )")
    assert find_part(rule, ["Ab7_ViRuS .png"], "label") == ["virus"]
    assert find_part(rule, ["Ab7_ViRuS .png"], "patient_id") == ["Ab7"]


def test_a_group_that_took_no_part_finds_nothing() -> None:
    rule = compile_rule("(?P<patient_id>p[0-9])(_(?P<label>sick))?")
    assert isinstance(rule, re.Pattern)
    assert find_part(rule, ["p1.png", "p2_sick.png"], "label") == ["", "sick"]
    assert find_part(rule, ["p1.png", "p2_sick.png"], "patient_id") == ["p1", "p2"]
