from __future__ import annotations

import numpy as np
import pytest

from hierclf.cascade.relocation import PlacedCut
from hierclf.evaluation.intervals import Estimate
from hierclf.reporting.shift_page import write_shift
from hierclf.results.shift import (
    FitFigures,
    MoveFigures,
    ScoreHistogram,
    SettledFigures,
    ShiftResults,
)


def estimate(value, half=0.02):
    return Estimate(
        value=value, low=value - half, high=value + half, method="bootstrap"
    )


def fit(of, distance):
    return FitFigures(
        of=of,
        distance=distance,
        typical=0.03,
        tolerance=0.02,
        limit=0.1,
        p_value=0.4,
        p_exact=0.2,
        refused=distance > 0.1,
    )


def cut(threshold, low=None, high=None):
    names = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
    figures = {name: estimate(0.8 + k / 100) for k, name in enumerate(names)}
    return PlacedCut(threshold, low, high, figures)


def move(goal, *, moves):
    fixed = cut(0.4)
    return MoveFigures(
        goal=goal,
        rule="expected_cost" if moves else "youden",
        moves=moves,
        at_reference=0.35,
        fixed=fixed,
        moved=cut(0.7, 0.6, 0.75) if moves else fixed,
        fixed_called=0.5,
        moved_called=0.45,
    )


def results(*, refused=False, phantom=False, **changed):
    bins = tuple((np.ones(20) / 20).tolist())
    values = {
        "name": "ward <b>7</b>",
        "reference": "training",
        "phantom": phantom,
        "labels": ("healthy", "ill"),
        "n_scans": 300,
        "n_patients": 250,
        "n_reference": 1000,
        "n_reference_patients": 700,
        "reference_prevalence": 0.731,
        "level": 0.01,
        "fits": (fit("scores", 0.02), fit("features", 0.5 if refused else 0.05)),
        "reasons": ("The scans look otherwise.",) if refused else (),
        "prevalence": None if refused else estimate(0.412),
        "counted": None if refused else estimate(0.4),
        "known_prevalence": None,
        "moves": ()
        if refused
        else (move("accuracy", moves=True), move("Youden's index", moves=False)),
        "rebased": () if refused else ((0.5, 0.6, 0.3),),
        "settled": (
            SettledFigures(
                n_scans=20,
                low=0.1,
                middle=0.5,
                high=0.9,
                sensitivity=estimate(0.9),
                specificity=estimate(0.7),
                n_excluded=3,
            ),
        ),
        "settled_at": 0.731,
        "settled_rule": "youden",
        "histogram": ScoreHistogram(
            edges=tuple(np.linspace(0, 1, 21).tolist()),
            healthy=bins,
            diseased=bins,
            ward=bins,
            mixture=0.4123,
        ),
        "differences": (0.02, -0.3),
        "domain_auc": 0.61,
        "by_label": (),
        "remarks": (),
    }
    return ShiftResults.model_validate(values | changed)


@pytest.fixture
def page(tmp_path, parse, blank_pictures):
    def make(**told):
        write_shift(tmp_path, results(**told))
        return parse((tmp_path / "shift.html").read_text("utf-8"))

    return make


def test_share_and_both_cut_points_stand_at_the_head(page):
    seen = page()
    assert "An estimated 41.2 % of the scans" in seen.text
    assert "of the training scans 73.1 % were" in seen.text
    assert "the cut point would go from 0.40 to 0.70" in seen.text
    assert "Nothing was changed by looking" in seen.text
    assert "ward <b>7</b>" in seen.text
    assert "the cut point stays." in seen.text
    assert "PHANTOM" not in seen.raw
    assert "250 patients were compared" in seen.text


def test_a_refused_ward_gets_reason_and_advice_and_no_share(page, tmp_path):
    seen = page(refused=True)
    assert "Refused: no cut point is moved for this ward." in seen.text
    assert "The scans look otherwise." in seen.text
    assert 'sweep --bundle BUNDLE --rule "youden" --calibrate-with' in seen.text
    assert "0.10 to 0.90" in seen.text
    for told in ("41.2", "41 %", "41\xa0%", "moved cut", "estimated"):
        assert told not in seen.raw, told
    assert not any("41" in attrs.get("alt", "") for attrs in seen.of("img"))


def test_json_comes_back_and_pictures_are_there(tmp_path):
    told = results()
    write_shift(tmp_path, told)
    text = (tmp_path / "shift.json").read_text("utf-8")
    assert ShiftResults.model_validate_json(text) == told
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["shift-drift.png", "shift-scores.png", "shift-tests.png"]
    again = tmp_path / "again"
    again.mkdir()
    write_shift(again, told)
    for name in ("shift.html", "shift.json", "figures/shift-scores.png"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()


def test_phantom_is_said(page):
    seen = page(phantom=True)
    assert seen.text.startswith("PHANTOM: ")
    assert all(attrs["alt"].startswith("PHANTOM") for attrs in seen.of("img"))


def test_unknown_patients_and_known_labels_are_said(page):
    seen = page(n_patients=None, known_prevalence=0.39)
    assert "Nobody knows which scans of the ward are of one patient" in seen.text
    assert "39.0 %: this ward has labels; no estimate here looked" in seen.text


def test_rules_that_stay_say_so_at_the_head(page):
    seen = page(moves=(move("Youden's index", moves=False),))
    assert "it stays at 0.40" in seen.text
    assert "would go from" not in seen.text


def test_a_best_cut_point_that_is_the_fixed_one_stays(page):
    same = move("accuracy", moves=True).model_copy(update={"moved": cut(0.4, 0.3, 0.5)})
    seen = page(moves=(same,))
    assert "the best cut point at this share is the fixed one" in seen.text
