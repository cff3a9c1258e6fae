from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from hierclf.evaluation.comparison import COMPARED, against_first
from hierclf.evaluation.delong import area_differences
from hierclf.evaluation.mcnemar import discordances
from hierclf.evaluation.summary import evaluate
from hierclf.reporting.report import write_report
from hierclf.results.comparison import ComparedBundle, ComparisonFigures
from hierclf.results.metric_words import METRICS
from hierclf.results.run import RunResults
from hierclf.results.wording import judged, p_value
from tests.reporting.conftest import LABELS, N_RESAMPLES

EVIL = "<script>alert('1')</script>"

pytestmark = pytest.mark.usefixtures("blank_pictures")


def compared(said, names, **changes):
    rng = np.random.default_rng(2)
    others = [
        replace(
            said,
            screen_score=np.clip(said.screen_score + shift, 0, 1),
            predicted=np.where(rng.random(said.truth.size) < 0.2, 0, said.predicted),
        )
        for shift in rng.normal(0, 0.1, (len(names) - 1, said.truth.size))
    ]
    models = dict(zip(names, [said, *others], strict=True))
    told = {
        name: evaluate(one, LABELS, ordered=True, n_resamples=N_RESAMPLES)
        for name, one in models.items()
    }
    bundles = tuple(
        ComparedBundle(
            name=name,
            digest="ab" * 32,
            trained_on="knee films",
            n_known=0,
            looks="resnet18, center view of 224 px",
            cut_point=0.45,
            metrics={m: told[name].metrics[m] for m in COMPARED},
        )
        for name in names
    )
    figures = {
        "bundles": bundles,
        "n_scans": said.truth.size,
        "n_patients": said.n_patients,
        "n_resamples": N_RESAMPLES,
        "differences": against_first(models, ordered=True, n_resamples=N_RESAMPLES),
        "areas": area_differences(models),
        "discordances": discordances(models),
    }
    return ComparisonFigures(**figures | changes)


@pytest.fixture(scope="module")
def comparison(sample):
    return compared(sample.said, ("old", "new", "other"), margin=0.02)


def write(folder, sample, parse, **changes):
    less = {
        "models": {"cascade": sample.results.models["cascade"]},
        "explanations": {},
        "differences": (),
        "histories": {},
        "per_patient": None,
        "argmax": None,
        "cut_point": None,
    }
    results = sample.results.model_copy(update=less | changes)
    write_report(folder, results)
    return parse((folder / "report.html").read_text("utf-8"))


def table(page, first):
    """Find the table whose head begins with some cells."""
    (place,) = [
        number
        for number, rows in enumerate(page.tables)
        if [" ".join(cell.split()) for cell in rows[0]][: len(first)] == first
    ]
    return [
        [" ".join(cell.replace("\xa0", " ").split()) for cell in row]
        for row in page.tables[place][1:]
    ]


def test_page_shows_every_difference(sample, comparison, parse, tmp_path):
    page = write(tmp_path, sample, parse, comparison=comparison)
    rows = table(page, ["Bundle", "Figure", "Difference"])
    assert len(rows) == len(comparison.differences) + len(comparison.areas)
    shown = {(row[0], row[1]): row[2:] for row in rows}
    for d in comparison.differences:
        value, interval, verdict = shown[(d.model, METRICS[d.metric].title)]
        percent = METRICS[d.metric].percent
        number = f"{100 * d.difference.value:+.1f} points" if percent else (
            f"{d.difference.value:+.3f}"
        )  # fmt: skip
        assert value == number.replace("-", "\N{MINUS SIGN}")
        assert interval
        assert verdict.startswith(
            ("better", "worse", "higher", "lower", "not shown to differ")
        )
    for a in comparison.areas:
        *_, p = shown[(a.model, "Screen AUC, DeLong")]
        assert p == f"p {p_value(a.p_value)}"


def test_page_shows_who_was_right(sample, comparison, parse, tmp_path):
    page = write(tmp_path, sample, parse, comparison=comparison)
    rows = table(page, ["Bundle", "Figure", "Scans"])
    assert len(rows) == 6
    for row, told in zip(rows, comparison.discordances, strict=True):
        counts = [told.n_scans, told.model_only, told.baseline_only]
        assert row[:1] + row[2:5] == [told.model, *map(str, counts)]
        assert row[5] == p_value(told.by_patient.exact)
        assert row[8] == p_value(told.by_scan.mid)


def test_page_says_how_many_differences_there_are(sample, comparison, parse, tmp_path):
    page = write(tmp_path, sample, parse, comparison=comparison)
    assert "The page shows 12 differences" in page.text
    assert "about 0.6 of 12 intervals would still miss 0" in page.text
    assert "Macro recall is the figure to decide by" in page.text
    assert "Trained on some of these scans" not in page.text
    assert "The figures below are those of the baseline, old" in page.text


def test_page_warns_of_scans_that_a_bundle_knows(sample, comparison, parse, tmp_path):
    known = comparison.bundles[1].model_copy(update={"n_known": 17})
    bundles = (comparison.bundles[0], known, comparison.bundles[2])
    told = comparison.model_copy(update={"bundles": bundles})
    page = write(tmp_path, sample, parse, comparison=told)
    assert "Trained on some of these scans. new: 17 of 320." in page.text


def test_names_cannot_write_html(sample, parse, tmp_path):
    told = compared(sample.said, ("old", EVIL))
    page = write(tmp_path, sample, parse, comparison=told)
    assert not page.of("script")
    assert EVIL in page.text


def test_without_other_bundles_there_is_no_section(sample, parse, tmp_path):
    page = write(tmp_path, sample, parse)
    assert "Bundles compared" not in page.text


def test_results_keep_it(sample, comparison):
    results = sample.results.model_copy(update={"comparison": comparison})
    assert RunResults.from_json(results.to_json()) == results


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("old",), r"expected several bundles of different names: \['old'\]"),
        (("new", "old", "other"), r"'new' minus 'old' is no pair"),
    ],
)
def test_what_does_not_fit_is_refused(comparison, names, message):
    by_name = {bundle.name: bundle for bundle in comparison.bundles}
    values = comparison.model_dump() | {"bundles": [by_name[name] for name in names]}
    with pytest.raises(ValidationError, match=message):
        ComparisonFigures(**values)


def difference(comparison, metric, low, high):
    (found,) = (
        d for d in comparison.differences if (d.metric, d.model) == (metric, "new")
    )
    bounds = {"low": low, "high": high}
    return found.model_copy(
        update={"difference": found.difference.model_copy(update=bounds)}
    )


@pytest.mark.parametrize(
    ("metric", "low", "high", "margin", "words"),
    [
        ("screen_auc", 0.01, 0.02, None, "better: the whole interval lies above 0"),
        ("macro_recall", -0.2, -0.1, None, "worse: the whole interval lies below 0"),
        ("screen_brier", -0.2, -0.1, None,
         "better: the whole interval lies below 0 (lower is better)"),
        ("screen_brier", 0.1, 0.2, 0.02,
         "worse: the whole interval lies above 0 (lower is better)"),
        ("sensitivity", 0.1, 0.2, None, "higher: the whole interval lies above 0"),
        ("specificity", -0.2, -0.1, None, "lower: the whole interval lies below 0"),
        ("macro_recall", -0.01, 0.02, 0.02,
         "not shown to differ: the interval contains 0; a loss of 2 points or more is "
         "excluded"),
        ("macro_recall", -0.02, 0.02, 0.02,
         "not shown to differ: the interval contains 0; a loss of 2 points or more is "
         "not excluded"),
        ("quadratic_kappa", -0.01, 0.02, 0.02,
         "not shown to differ: the interval contains 0"),
        ("macro_recall", None, None, 0.02, "no interval: too few patients to say"),
    ],
)  # fmt: skip
def test_verdicts(comparison, metric, low, high, margin, words):
    told = judged(difference(comparison, metric, low, high), margin)
    assert told.replace("\xa0", " ") == words
