from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from hierclf.evaluation.bootstrap import patient_weights
from hierclf.evaluation.intervals import Estimate, clustered_wilson, difference_estimate
from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.subgroups import FIGURES, by_subgroup
from hierclf.foundation.errors import InputError


def make_said(n_patients=240, n_scans=400):
    rng = np.random.default_rng(6)
    owner = rng.integers(n_patients, size=n_scans)
    truth = rng.choice(3, n_patients, p=[0.5, 0.3, 0.2])[owner]
    score = np.clip(0.3 * (truth > 0) + rng.normal(0.4, 0.2, n_scans), 0, 1)
    refined = np.where(rng.random(n_scans) < 0.8, np.maximum(truth, 1), 1)
    said = predictions_of(
        truth,
        np.where(score >= 0.5, refined, 0),
        n_classes=3,
        groups=owner,
        screen_score=score,
        refined=refined,
    )
    sites = rng.choice(["east", "west", "south"], n_patients, p=[0.55, 0.4, 0.05])
    return said, sites[owner]


SAID, SITES = make_said()


def found(**changes):
    told = {"n_resamples": 150, "seed": 2} | changes
    groups = by_subgroup(SAID, "site", SITES, **told).groups
    return {group.value: group for group in groups}


def test_groups_are_counted():
    groups = found()
    assert list(groups) == ["east", "south", "west"]
    for value, group in groups.items():
        inside = value == SITES
        assert group.n_scans == inside.sum()
        assert group.n_patients == len(set(SAID.patients[inside]))
        assert group.n_diseased == (SAID.truth[inside] > 0).sum()


def test_figures_of_a_group_are_those_of_sklearn():
    east, inside = found()["east"], SITES == "east"
    sick, called = SAID.truth[inside] > 0, SAID.predicted[inside] > 0
    expected = {
        "sensitivity": reference.recall_score(sick, called),
        "specificity": reference.recall_score(~sick, ~called),
        "screen_auc": reference.roc_auc_score(sick, SAID.screen_score[inside]),
        "macro_recall": reference.balanced_accuracy_score(
            SAID.truth[inside], SAID.predicted[inside]
        ),
    }
    assert set(east.metrics) == set(FIGURES) == set(expected)
    for name, value in expected.items():
        assert east.metrics[name].value == pytest.approx(value)


def test_intervals_count_patients():
    east, inside = found()["east"], SITES == "east"
    hits, cases = np.zeros(SAID.n_patients), np.zeros(SAID.n_patients)
    for scan in np.flatnonzero(inside & (SAID.truth > 0)):
        cases[SAID.patients[scan]] += 1
        hits[SAID.patients[scan]] += SAID.predicted[scan] > 0
    seen = cases > 0
    bounds = east.metrics["sensitivity"].low, east.metrics["sensitivity"].high
    assert bounds == pytest.approx(clustered_wilson(hits[seen], cases[seen]))


def test_difference_of_areas_is_of_the_same_resamples():
    drawn = patient_weights(SAID.n_patients, n_resamples=150, seed=2)
    inside, gaps = SITES == "west", []
    for weights in drawn:
        areas = []
        for part in (inside, ~inside):
            rows = np.flatnonzero(part)
            rows = np.repeat(rows, weights[SAID.patients[rows]])
            sick = SAID.truth[rows] > 0
            areas.append(reference.roc_auc_score(sick, SAID.screen_score[rows]))
        gaps.append(areas[0] - areas[1])
    gap = found()["west"].differences["screen_auc"]
    assert (gap.low, gap.high) == pytest.approx(np.quantile(gaps, [0.025, 0.975]))


def test_difference_of_shares_is_against_all_others():
    west, inside = found()["west"], SITES == "west"
    recall = [
        reference.recall_score(SAID.truth[part] > 0, SAID.predicted[part] > 0)
        for part in (inside, ~inside)
    ]
    gap = west.differences["sensitivity"]
    assert gap.value == pytest.approx(recall[0] - recall[1])
    assert gap.method == "difference of wilson"


def test_a_group_of_too_few_patients_is_only_counted():
    south = found()["south"]
    assert 0 < south.n_patients < 10
    assert not south.metrics
    assert not south.differences


def test_the_least_number_is_of_patients_with_the_label():
    inside = SITES == "south"
    owners = [set(SAID.patients[inside & (SAID.truth == k)]) for k in range(3)]
    n_healthy, n_sick = len(owners[0]), len(owners[1] | owners[2])
    fewest = min(map(len, owners))
    assert 0 < fewest < min(n_healthy, n_sick)
    assert n_healthy != n_sick
    more, less = sorted(
        [(n_healthy, "specificity"), (n_sick, "sensitivity")], reverse=True
    )
    assert set(found(least=more[0] + 1)["south"].metrics) == set()
    assert set(found(least=more[0])["south"].metrics) == {more[1]}
    assert set(found(least=less[0])["south"].metrics) == set(FIGURES) - {"macro_recall"}
    assert set(found(least=fewest)["south"].metrics) == set(FIGURES)


def test_a_single_group_has_nothing_to_differ_from():
    told = by_subgroup(SAID, "site", ["one"] * SAID.truth.size, n_resamples=100)
    (group,) = told.groups
    assert set(group.metrics) == set(FIGURES)
    assert not group.differences


def test_without_scores_there_is_no_area():
    told = by_subgroup(replace(SAID, screen_score=None), "site", SITES, n_resamples=100)
    assert "screen_auc" not in told.groups[0].metrics
    assert "sensitivity" in told.groups[0].metrics


def test_a_value_for_each_scan_is_wanted():
    with pytest.raises(InputError, match=r"subgroups, sex: expected a value .* got 2"):
        by_subgroup(SAID, "sex", ["f", "m"])


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_are_those_of_newcombe(one, other, low, high):
    """Method 10 in the table of examples of Newcombe (1998)."""

    def share(hits, cases):
        ends = clustered_wilson(np.repeat([1, 0], [hits, cases - hits]), np.ones(cases))
        return Estimate(value=hits / cases, low=ends[0], high=ends[1], method="wilson")

    found = difference_estimate(share(*one), share(*other))
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


def test_a_difference_without_bounds_has_none():
    whole = Estimate(value=0.5, low=0.2, high=0.8, method="wilson")
    unknown = Estimate(value=None, low=None, high=None, method="wilson")
    assert difference_estimate(whole, unknown).value is None
    assert difference_estimate(unknown, whole).low is None
