from __future__ import annotations

import csv

import numpy as np
import pytest

from hierclf.cascade.curve_interval import curve_table
from hierclf.reporting.sweep_page import SweepResults, write_curve_csv, write_sweep

FILES = ["sweep.csv", "sweep.html", "sweep.json", "sweep.png"]


def make(sample, *, phantom, name="knee <b>films</b>"):
    return SweepResults(
        name=name,
        phantom=phantom,
        labels=sample.results.labels,
        ordered=True,
        cut_point=sample.results.cut_point,
    )


@pytest.fixture(scope="module")
def folder(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    results = make(sample, phantom=False)
    write_sweep(folder, results, sample.curve, sample.interval)
    return folder


def test_table_is_that_of_the_curve(sample, folder, tmp_path):
    labels = sample.results.labels
    expected = curve_table(sample.curve, labels, sample.interval, ordered=True)
    with (folder / "sweep.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == list(expected.columns)
    found = np.array([[float(cell) for cell in row] for row in rows])
    np.testing.assert_array_equal(found, expected.to_numpy())
    told = (sample.curve, labels, sample.interval)
    write_curve_csv(tmp_path / "curve.csv", *told, ordered=True)
    assert (tmp_path / "curve.csv").read_bytes() == (folder / "sweep.csv").read_bytes()


def test_json_comes_back_equal(sample, folder):
    text = (folder / "sweep.json").read_text("utf-8")
    assert SweepResults.model_validate_json(text) == make(sample, phantom=False)


def test_page_says_what_was_chosen(sample, folder, parse):
    page = parse((folder / "sweep.html").read_text("utf-8"))
    cut = sample.choice.threshold
    assert (
        f"The cut point {cut:.2f} was chosen for the highest macro recall" in page.text
    )
    assert "knee <b>films</b>" in page.text
    assert "b" not in {tag for tag, attrs in page.tags if attrs.get("class") == "x"}
    rows = page.rows(1)
    assert len(rows) == 20
    assert rows[f"{cut:.2f}"][0] == f"{100 * sample.choice.macro_recall:.1f} %"
    assert rows[f"{cut:.2f}"][2:] == [
        f"{100 * sample.choice.sensitivity:.1f} %",
        f"{100 * sample.choice.specificity:.1f} %",
    ]
    assert "PHANTOM" not in page.raw
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_same_sweep_same_bytes(sample, folder, tmp_path):
    write_sweep(tmp_path, make(sample, phantom=False), sample.curve, sample.interval)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_phantom_is_said(sample, tmp_path, parse):
    write_sweep(tmp_path, make(sample, phantom=True), sample.curve)
    page = parse((tmp_path / "sweep.html").read_text("utf-8"))
    assert page.text.startswith("PHANTOM: ")
    assert page.of("p")[0]["class"] == "banner"
    assert page.of("img")[0]["alt"].startswith("PHANTOM")
    assert "macro_recall_low" not in (tmp_path / "sweep.csv").read_text()
