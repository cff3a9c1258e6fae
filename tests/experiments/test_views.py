"""Ways to look at scans are set beside ten exact crops, scan by scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.views import EXACT, WAYS, cost, equal


def test_what_a_network_sees() -> None:
    found = {way: round(cost(way), 1) for way in WAYS}
    expected = {EXACT: 10, "tencrop_onepass": 2.6, "center": 1, "whole": 1}
    assert found == expected | {"threecrop": 3}


def test_labels_are_compared_by_scan(tmp_path: Path) -> None:
    places = []
    for name, rows in (("one", ["a,x", "b,y", "c,x"]), ("two", ["c,x", "a,x", "b,x"])):
        places.append(tmp_path / name)
        places[-1].mkdir()
        text = "\n".join(["path,predicted", *rows])
        (places[-1] / "predictions.csv").write_text(text)
    assert equal(*places) == pytest.approx(2 / 3)
