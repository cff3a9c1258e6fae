"""Facts to findings: patients, labels, splits, copies, odd scans."""

from __future__ import annotations

import pandas as pd
import pytest

from hierclf.checking.copies import Pair
from hierclf.checking.copy_rules import judge_copies
from hierclf.checking.findings import Finding, is_severe, ordered
from hierclf.checking.rows import (
    judge_rows,
    judge_scans,
    judge_troubles,
    judge_unreadable,
)


def rows(*cells: str) -> pd.DataFrame:
    """One scan for each ``label patient split``."""
    table = [cell.split() for cell in cells]
    frame = pd.DataFrame(table, columns=["label", "patient_id", "split"], dtype=object)
    return frame.assign(scan=[f"s{n}" for n in range(len(frame))])


def told(findings: list[Finding]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.code, one.severity, one.scans) for one in findings]


EQUAL, NEAR = Pair(0, 1, "equal", "equal pixels"), Pair(0, 1, "near", "agrees")


@pytest.mark.parametrize(
    ("cells", "pair", "wanted"),
    [
        (("x p train", "x p train"), EQUAL, ("duplicate", "remark")),
        (("x p train", "x p train"), NEAR, ("duplicate", "remark")),
        (("x p train", "x q train"), EQUAL, ("conflict", "severe")),
        (("x p train", "x q train"), NEAR, ("duplicate", "warning")),
        (("x p train", "y p train"), EQUAL, ("conflict", "severe")),
        (("x p train", "y p train"), NEAR, ("conflict", "warning")),
        (("x p train", "y q train"), NEAR, ("conflict", "severe")),
        (("x p train", "x p test"), EQUAL, ("straddle", "severe")),
        (("x p train", "x q test"), NEAR, ("straddle", "severe")),
    ],
)
def test_a_copy_is_judged_by_what_it_contradicts(
    cells: tuple[str, str], pair: Pair, wanted: tuple[str, str]
) -> None:
    found = judge_copies(rows(*cells), [pair], has_patients=True)
    assert (found[0].code, found[0].severity) == wanted
    assert found[0].scans == ("s0", "s1")


def test_copies_of_unknown_patients_are_a_warning() -> None:
    found = judge_copies(rows("x s0 all", "x s1 all"), [NEAR], has_patients=False)
    assert told(found) == [("duplicate", "warning", ("s0", "s1"))]
    found = judge_copies(rows("x s0 all", "y s1 all"), [NEAR], has_patients=False)
    assert told(found) == [("conflict", "warning", ("s0", "s1"))]


def test_harmless_groups_are_put_together_and_a_chain_is_one() -> None:
    table = rows(*["x p train"] * 3, *["y q train"] * 2, "x p train", "y r train")
    pairs = [Pair(0, 1, "near", "a"), Pair(1, 2, "near", "b"), Pair(3, 4, "near", "c")]
    found = judge_copies(table, pairs, has_patients=True)
    assert told(found) == [("duplicate", "remark", ("s0", "s1", "s2", "s3", "s4"))]
    assert found[0].message.startswith("2 groups")
    assert judge_copies(table, [], has_patients=True) == []


def test_patients_on_two_sides_are_counted_by_the_sides_and_not_named() -> None:
    cells = ["x jane train", "x jane test", "x joe test", "x joe val", "x ann train"]
    cells += ["x jim test", "x jim val"]
    found = judge_rows(rows(*cells), has_patients=True)
    sides = [one for one in found if one.code == "straddle"]
    assert [one.scans for one in sides] == [("s0", "s1"), ("s2", "s3", "s5", "s6")]
    assert sides[0].message.startswith("1 patient sits in test and train:")
    assert sides[1].message.startswith("2 patients sit in test and val:")


def test_patients_on_two_sides_with_two_labels_and_few() -> None:
    cells = [f"x p{n} train" for n in range(12)] + ["y p0 test", "y q test", "z r val"]
    found = {one.code: one for one in judge_rows(rows(*cells), has_patients=True)}
    assert found["straddle"].scans == ("s0", "s12")
    assert "1 patient sits in test and train" in found["straddle"].message
    assert found["labels"].scans == ("s0", "s12")
    assert found["labels"].severity == "remark"
    few = [
        one for one in judge_rows(rows(*cells), has_patients=True) if one.code == "few"
    ]
    assert [(one.severity, one.message.split(":")[0]) for one in few] == [
        ("warning", "'y' has 2 patients"),
        ("severe", "'z' has 1 patient"),
    ]


def test_one_label_and_no_patients() -> None:
    table = rows(*[f"x s{n} all" for n in range(12)])
    found = judge_rows(table, has_patients=False, remarks=["2 files are no scans."])
    assert [(one.code, one.severity) for one in found] == [
        ("reading", "remark"),
        ("patients", "warning"),
        ("few", "severe"),
    ]


def test_scans_that_are_small_flat_or_odd() -> None:
    facts = pd.DataFrame(
        {
            "width": [63.0, 300, 300, 300],
            "height": [300.0, 64, 300, 300],
            "contrast": [0.2, 0.2, 0.009, 0.2],
            "warnings": [(), ("W_BURNED_IN", "W_ALPHA"), (), ("W_BURNED_IN",)],
        }
    )
    found = judge_scans(rows(*["x p a"] * 4), facts)
    assert told(found) == [
        ("tiny", "warning", ("s0",)),
        ("blank", "warning", ("s2",)),
        ("odd_file", "remark", ("s1",)),
        ("burned_in", "warning", ("s1", "s3")),
    ]


def test_what_cannot_be_read_is_put_together_by_reason() -> None:
    errors = {"a": ("E_BLANK", "m"), "b": ("E_GONE", "n"), "c": ("E_BLANK", "m")}
    found = judge_unreadable(errors)
    assert told(found) == [
        ("blank", "warning", ("a", "c")),
        ("unreadable", "warning", ("b",)),
    ]
    assert (
        told(judge_troubles({"a": ["x", "y"]})) == [("manifest", "severe", ("a",))] * 2
    )


def test_the_severe_come_first() -> None:
    some = [
        Finding(code="few", severity=severity, message=str(n))
        for n, severity in enumerate(["remark", "severe", "warning", "severe"])
    ]
    assert [one.message for one in ordered(some)] == ["1", "3", "2", "0"]
    assert is_severe(some)
    assert not is_severe([some[0], some[2]])
