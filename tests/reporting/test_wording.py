from __future__ import annotations

import pytest

from hierclf.cascade.views_choice import ViewsChoice
from hierclf.evaluation import metrics
from hierclf.evaluation.comparison import Difference
from hierclf.evaluation.intervals import Estimate
from hierclf.foundation.errors import InputError
from hierclf.results import metric_words as m
from hierclf.results import wording as w


def estimate(value, low, high):
    return Estimate(value=value, low=low, high=high, method="bootstrap")


def difference(value, low, high, metric="macro_recall"):
    gained = estimate(value, low, high)
    return Difference(metric=metric, baseline="a", model="b", difference=gained)


@pytest.mark.parametrize(
    ("value", "percent", "expected"),
    [
        (0.78449, True, "78.4\xa0%"),
        (1.0, True, "100.0\xa0%"),
        (-0.05, False, "\N{MINUS SIGN}0.050"),
        (0.8126, False, "0.813"),
        (None, True, "\N{EN DASH}"),
    ],
)
def test_numbers(value, percent, expected):
    assert w.number(value, percent=percent) == expected


def test_bounds():
    assert w.bounds(estimate(0.5, 0.123, 0.9)) == "12.3 to 90.0\xa0%"
    assert w.bounds(estimate(0.5, -0.1, 0.9), percent=False) == (
        "\N{MINUS SIGN}0.100 to 0.900"
    )
    assert w.bounds(estimate(0.5, None, 0.9)) == ""
    assert w.span(0.1, None) == ""


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [
        (0.01, 0.05, "higher"),
        (-0.05, -0.01, "lower"),
        (-0.01, 0.05, "not shown to differ: the interval contains 0"),
        (0.0, 0.05, "not shown to differ"),
        (-0.05, 0.0, "not shown to differ"),
        (None, None, "no interval"),
    ],
)
def test_verdicts(low, high, start):
    assert w.verdict(difference(0.02, low, high)).startswith(start)


def test_gains():
    shares = difference(-0.0215, -0.04, 0.0)
    assert w.gain(shares) == "\N{MINUS SIGN}2.1\xa0points"
    assert w.gain_bounds(shares) == "\N{MINUS SIGN}4.0 to +0.0"
    kappa = difference(0.02, 0.01, 0.03, "quadratic_kappa")
    assert w.gain(kappa) == "+0.020"
    assert w.gain_bounds(kappa) == "+0.010 to +0.030"
    unknown = difference(None, None, None)
    assert (w.gain(unknown), w.gain_bounds(unknown)) == ("\N{EN DASH}", "")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("macro_recall", "the highest macro recall"),
        ("youden", "Youden"),
        ("expected_cost", "the lowest expected cost"),
        ("specificity>=0.9", "the highest sensitivity with a specificity of at least"),
    ],
)
def test_rules(rule, words):
    assert words in w.rule_in_words(rule)


def test_unknown_rules_are_refused():
    with pytest.raises(InputError, match=r"cut_point.rule: expected one of"):
        w.rule_in_words("best")


@pytest.mark.parametrize(
    ("threshold", "text"),
    [(0.05, "0.05"), (0.5, "0.50"), (0.41836, "0.4184"), (1.0000001, "1.00")],
)
def test_cut_points(threshold, text):
    assert w.cut_text(threshold) == text


def test_tables_show_figures_that_exist():
    known = {*metrics.PROPORTIONS, *metrics.MACRO_RECALLS, *metrics.KAPPAS}
    known |= set(metrics.SCORE_FIGURES)
    assert set(m.METRICS) <= known
    for name in (*m.COMPARED, *m.TILES, *m.SCREENED, *m.REFINED):
        assert m.metric_of(name).meaning
        assert m.metric_of(name).percent == (
            name in {*metrics.PROPORTIONS, *metrics.MACRO_RECALLS}
        )
    assert m.metric_of("new_figure").title == "new figure"


def test_columns_are_those_that_some_model_has(sample):
    models = sample.results.models
    assert m.columns(models) == m.COMPARED
    bare = models["flat"].model_copy(update={"metrics": {"accuracy": None}})
    assert m.columns({"bare": bare}) == ("accuracy",)


def test_printable():
    assert w.printable("a\n\xa0b\x00\u202e\udcff正") == (
        "a\n\xa0b\\x00\\u202e\\udcff正"
    )
    assert w.printable(3) == 3


def test_a_gain_of_fewer_views_is_told_as_one() -> None:
    choice = ViewsChoice(
        tried="threecrop",
        exact=estimate(0.437, 0.378, 0.495),
        fewer=estimate(0.451, 0.395, 0.506),
        loss=estimate(-0.014, -0.052, 0.016),
        n_scans=321,
        is_taken=True,
    )
    told = w.views_text(choice)
    assert "looked at by three crops" in told
    assert "a difference of +1.4 points (\N{MINUS SIGN}1.6 to +5.2)" in told
    assert "folds" not in told
    told = w.views_text(choice.model_copy(update={"in_folds": (True, False, True)}))
    assert told.endswith("chose by themselves: three crops in 2 of 3.")
