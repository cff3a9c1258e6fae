from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded
from hierclf.data.csv_table import unescape_cell
from hierclf.problem.labels import Hierarchy
from hierclf.scoring.reading import UNREAD, Reading
from hierclf.scoring.rows import RowFormat, to_csv

FORM = RowFormat(Hierarchy(0, (2, 1), ordered=True), "0123456789abcdef" * 4, "eager")
SCAN = Reading("a/b.png", "9" * 64, np.zeros((2, 2), np.float32))


def test_columns_follow_the_hierarchy():
    assert ",".join(FORM.columns) == (
        "path,status,code,screen_score,decision,label,p_0,p_2,p_1,view_spread,"
        "runtime,bundle,sha256,message"
    )


def test_scored_row():
    told = Decisions(
        screen_score=np.array([0.2, 2 / 3]),
        probabilities=np.array([[0.8, 0.1, 0.1], [1 / 3, 1e-7 / 3, 2 / 3]]),
        refined=np.array([1, 2]),
        decided=np.array([0, 2]),
        view_spread=np.array([0.0, 0.0123456789]),
    )
    assert FORM.scored(SCAN, told, None, 1) == [
        *("a/b.png", "ok", "", "0.666666667", "diseased", "1"),
        *("0.333333333", "3.33333333e-08", "0.666666667", "0.0123456789"),
        *("eager", "0123456789abcdef", "9" * 64, ""),
    ]
    assert FORM.scored(SCAN, told, None, 0)[3:10] == [
        *("0.2", "healthy", "0", "0.8", "0.1", "0.1", "0")
    ]


def test_scores_of_one_view_have_no_spread():
    one = np.array([0.5])
    told = Decisions(one, np.array([[0.5, 0.5, 0]]), np.array([1]), np.array([1]), None)
    row = FORM.scored(SCAN, told, None, 0)
    assert row[FORM.columns.index("view_spread")] == ""
    assert len(row) == len(FORM.columns)


@pytest.mark.parametrize(
    ("code", "pixels", "status"),
    [
        ("E_EMPTY", None, "rejected"),
        ("E_TRUNCATED", None, "rejected"),
        ("E_SCORE", SCAN.pixels, "error"),
        *((code, None, "error") for code in sorted(UNREAD)),
    ],
)
def test_failed_row(code, pixels, status):
    row = FORM.failed(Reading("x", "", pixels), code, "expected a scan")
    told = dict(zip(FORM.columns, row, strict=True))
    assert (told["status"], told["code"]) == (status, code)
    assert told["message"] == "expected a scan"
    filled = {name for name, cell in told.items() if cell}
    assert filled == {"path", "status", "code", "runtime", "bundle", "message"}


CELL = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.lists(CELL, min_size=2), max_size=5))
def test_cells_come_back_and_no_cell_is_a_formula(rows):
    text = to_csv(rows).decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [[unescape_cell(cell) for cell in row] for row in found] == rows
    starts = {cell[:1] for row in found for cell in row}
    assert not starts & set("=+-@\t\r\n")


def test_guards_have_cells_of_their_own():
    form = replace(FORM, guards=("action", "scope", "label_set"))
    told = Decisions(
        np.array([0.5]), np.array([[0.5, 0.5, 0]]), np.array([1]), np.array([1]), None
    )
    sets = np.array([[True, True, False]])
    guarded = Guarded(np.array(["reader"]), np.array([-0.25]), None, sets)
    row = dict(zip(form.columns, form.scored(SCAN, told, guarded, 0), strict=True))
    first, second, _ = FORM.hierarchy.labels
    assert row["action"] == "reader"
    assert row["scope"] == "-0.25"
    assert row["label_set"] == f"{first}|{second}"
    failed = form.failed(SCAN, "E_SCORE", "expected a score")
    assert len(failed) == len(form.columns)
    assert dict(zip(form.columns, failed, strict=True))["action"] == ""
