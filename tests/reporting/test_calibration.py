from __future__ import annotations

import pytest

from hierclf.evaluation.calibration_figures import calibration_figures
from hierclf.reporting.calibration_words import CALIBRATION
from hierclf.reporting.report import write_report
from hierclf.results.run import RunResults
from hierclf.results.wording import p_value

pytestmark = pytest.mark.usefixtures("blank_pictures")


@pytest.fixture(scope="module")
def calibration(sample):
    return calibration_figures(sample.said, n_resamples=60)


@pytest.fixture
def write(sample, parse, tmp_path):
    def write(calibration):
        less = {
            "models": {"cascade": sample.results.models["cascade"]},
            "explanations": {},
            "differences": (),
            "histories": {},
            "per_patient": None,
            "argmax": None,
            "cut_point": None,
        }
        results = sample.results.model_copy(update=less | {"calibration": calibration})
        write_report(tmp_path, results)
        return parse((tmp_path / "report.html").read_text("utf-8"))

    return write


def rows_of(page):
    (place,) = [
        number
        for number, rows in enumerate(page.tables, start=1)
        if [" ".join(cell.split()) for cell in rows[0]][2:3] == ["By chance alone"]
    ]
    return page.rows(place)


def test_every_figure_has_a_row(calibration, write):
    rows = rows_of(write(calibration))
    assert set(calibration.figures) == set(CALIBRATION)
    for name, words in CALIBRATION.items():
        estimate, groups = calibration.figures[name], calibration.n_groups.get(name)
        title = words.title if groups is None else f"{words.title} ({groups})"
        value, chance, _ = rows[title]
        numbers = [estimate.value, estimate.low, estimate.high]
        scale = 100 if words.percent else 1
        for number in numbers:
            told = f"{number * scale:.{1 if words.percent else 3}f}"
            assert told.replace("-", "\N{MINUS SIGN}") in value
        if name in calibration.if_right:
            assert chance == f"{calibration.if_right[name]:.3f}"
        else:
            assert chance == ""


def test_test_is_told_with_its_caution(calibration, write):
    text = write(calibration).text
    told = calibration.test
    assert (
        f"Hosmer-Lemeshow test in 10 groups: chi-square {told.statistic:.2f}, p "
        f"{p_value(told.p_external)} with 10 degrees of freedom"
    ) in text
    assert f"({p_value(told.p_development)} with 8, as for those of the fit)" in text
    assert "It is no evidence of calibration" in text


def changed(calibration, name, low, high):
    estimate = calibration.figures[name].model_copy(update={"low": low, "high": high})
    return calibration.model_copy(
        update={"figures": {**calibration.figures, name: estimate}}
    )


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("slope", 0.5, 0.9, "They are surer than they should be"),
        ("slope", 1.1, 1.4, "They are less sure than they could be"),
        ("gap", 0.01, 0.04, "On the whole they are too low."),
        ("gap", -0.04, -0.01, "On the whole they are too high."),
    ],
)
def test_words_follow_the_interval(calibration, write, name, low, high, words):
    calm = changed(changed(calibration, "slope", 0.9, 1.1), "gap", -0.1, 0.1)
    text = write(changed(calm, name, low, high)).text
    assert words in text
    assert text.count("They are surer") + text.count("They are less") == (
        name == "slope"
    )
    assert text.count("On the whole they are") == (name == "gap")


def test_intervals_with_the_right_value_say_nothing(calibration, write):
    calm = changed(changed(calibration, "slope", 0.9, 1.1), "gap", -0.1, 0.1)
    text = write(calm).text
    assert "They are" not in text
    assert "On the whole they" not in text


def test_without_test_and_figures(calibration, write):
    page = write(calibration.model_copy(update={"test": None}))
    assert "Hosmer" not in page.text
    assert "Calibration of the screen score" not in write(None).text


def test_results_keep_it(sample, calibration):
    results = sample.results.model_copy(update={"calibration": calibration})
    assert RunResults.from_json(results.to_json()) == results
