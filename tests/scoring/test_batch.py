from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hierclf.bundle.store import Bundle
from hierclf.cascade.decisions import Decisions
from hierclf.foundation.errors import ResourceError
from hierclf.problem.labels import Hierarchy
from hierclf.scoring.batch import rows_of
from hierclf.scoring.reading import Reading
from hierclf.scoring.rows import RowFormat

FORM = RowFormat(Hierarchy("healthy", ("ill",)), "ab" * 32, "eager")


class Cascade:
    """Scores a scan by its first pixel; NaN where it is 0.25, an error at 0.75."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.sizes: list[int] = []

    def decide(self, scans, *, refine_healthy=True):
        self.sizes.append(len(scans))
        score = np.array([scan[0, 0] for scan in scans], dtype=float)
        if (score == 0.75).any():
            raise self.error
        score[score == 0.25] = np.nan
        table = np.column_stack([1 - score, score])
        refined = np.ones(len(score), dtype=int)
        return Decisions(score, table, refined, (score >= 0.5).astype(int), None)


def bundle_of(cascade):
    """A bundle without guards."""
    return Bundle(cascade, None, FORM.digest)


def _readings(*values):
    return [
        Reading(f"{k}.png", f"{k:064}", None, "E_EMPTY", "expected a scan")
        if value is None
        else Reading(f"{k}.png", f"{k:064}", np.full((2, 2), value, np.float32))
        for k, value in enumerate(values)
    ]


def _told(rows):
    return [(row[0], row[1], row[2], row[3], row[5]) for row in rows]


def test_rows_stand_in_the_order_of_the_files():
    cascade = Cascade(RuntimeError())
    rows = rows_of(_readings(0.125, None, 0.5, None, 1.0), bundle_of(cascade), FORM, 4)
    assert _told(rows) == [
        ("0.png", "ok", "", "0.125", "healthy"),
        ("1.png", "rejected", "E_EMPTY", "", ""),
        ("2.png", "ok", "", "0.5", "ill"),
        ("3.png", "rejected", "E_EMPTY", "", ""),
        ("4.png", "ok", "", "1", "ill"),
    ]
    assert all(len(row) == len(FORM.columns) for row in rows)
    assert [row[-2] for row in rows] == [f"{k:064}" for k in range(5)]
    assert cascade.sizes == [4]


def test_score_that_is_no_number_is_no_score():
    """A NaN is not below a cut point, and would else read as healthy."""
    bundle = bundle_of(Cascade(RuntimeError()))
    rows = rows_of(_readings(0.5, 0.25, 1.0), bundle, FORM, 4)
    assert _told(rows)[1] == ("1.png", "error", "E_SCORE", "", "")
    assert rows[1][-1] == "expected a finite score, got NaN. Report this scan."
    assert [row[1] for row in rows] == ["ok", "error", "ok"]


@pytest.mark.parametrize("error", [RuntimeError("x"), ValueError("x")])
def test_scan_that_cannot_be_scored_takes_no_other_along(error):
    cascade = Cascade(error)
    rows = rows_of(_readings(0.5, 0.75, None, 1.0), bundle_of(cascade), FORM, 4)
    assert [row[1] for row in rows] == ["ok", "error", "rejected", "ok"]
    assert rows[1][2] == "E_SCORE"
    assert rows[1][-1].startswith(f"expected a score, got {type(error).__name__}.")
    assert [row[3] for row in rows] == ["0.5", "", "", "1"]
    assert cascade.sizes == [4, 4, 4, 4, 4]


def test_a_healthy_scan_may_be_without_stages_but_no_other():
    class Blank(Cascade):
        def decide(self, scans, *, refine_healthy=True):
            told = super().decide(scans)
            told.probabilities[told.screen_score <= self.last, 1:] = np.nan
            return told

    cascade = Blank(RuntimeError())
    form = replace(FORM, refine_healthy=False)
    cascade.last = 0.4
    rows = rows_of(_readings(0.25, 0.375, 0.5), bundle_of(cascade), form, 4)
    assert [row[1] for row in rows] == ["error", "ok", "ok"]
    assert [row[6:8] for row in rows] == [["", ""], ["0.625", ""], ["0.5", "0.5"]]
    [row] = rows_of(_readings(0.375), bundle_of(cascade), FORM, 4)
    assert row[1:3] == ["error", "E_SCORE"]
    cascade.last = 0.5
    [row] = rows_of(_readings(0.5), bundle_of(cascade), form, 4)
    assert row[1:3] == ["error", "E_SCORE"]


def _raised(call) -> Exception:
    with pytest.raises(Exception, match="allocate") as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        _raised(lambda: np.empty(10**15)),
        _raised(lambda: torch.empty(10**15)),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=str,
)
def test_want_of_memory_is_the_fault_of_no_scan(error):
    """Rows that blame the scans would stand for good: to resume passes them over."""
    bundle = bundle_of(Cascade(error))
    with pytest.raises(ResourceError, match=r"^memory: .*Lower --batch-size"):
        rows_of(_readings(0.5, 0.75, 1.0), bundle, FORM, 4)


def test_want_of_a_resource_stops_the_run():
    bundle = bundle_of(Cascade(ResourceError("disk")))
    with pytest.raises(ResourceError, match="disk"):
        rows_of(_readings(0.75, 1.0), bundle, FORM, 4)


def test_nothing_to_score():
    cascade = Cascade(RuntimeError())
    [row] = rows_of(_readings(None), bundle_of(cascade), FORM, 4)
    assert row[2] == "E_EMPTY"
    assert rows_of([], bundle_of(cascade), FORM, 4) == []
    assert cascade.sizes == []


def test_all_passes_are_of_one_size_whatever_is_among_them():
    cascade = Cascade(RuntimeError())
    readings = _readings(0.5, None, 1.0, 0.5, None, 1.0, 0.5)
    rows = rows_of(readings, bundle_of(cascade), FORM, 2)
    assert cascade.sizes == [2, 2, 2]
    assert [row[3] for row in rows] == ["0.5", "", "1", "0.5", "", "1", "0.5"]
