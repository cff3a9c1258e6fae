from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hierclf.evaluation.delong import area_covariance, area_differences, placements
from hierclf.evaluation.predictions import predictions_of

# The ovarian cancer patients of DeLong et al. 1988 without missing values, as in the
# documentation of SAS/STAT, PROC LOGISTIC, "Comparing Receiver Operating
# Characteristic Curves": albumin, total protein, K-G score, outcome.
OVARIAN = np.loadtxt(
    """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0
    2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1
    4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
    4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1
    3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
    2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
    """.replace("  ", "\n").splitlines(),
)


def clustered(seed, n_patients=25):
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(n_patients), rng.integers(1, 5, n_patients))
    sick = rng.random(owner.size) < 0.5
    lift = rng.normal(0, 0.5, (2, n_patients))[:, owner]
    scores = sick + lift + rng.normal(0, 1, (2, owner.size))
    return sick, scores.round(1), owner  # rounded: with ties


def by_pairs(sick, scores, owner):
    """Obuchowski 1997, written out pair by pair and patient by patient."""
    kernel = lambda x, y: 1.0 * (x > y) + 0.5 * (x == y)  # noqa: E731
    m, n = int(sick.sum()), int((~sick).sum())
    who = sorted(set(owner.tolist()))
    areas, tables = [], []
    for row in scores:
        above = {i: np.mean([kernel(row[i], row[j]) for j in np.flatnonzero(~sick)])
                 for i in np.flatnonzero(sick)}  # fmt: skip
        below = {j: np.mean([kernel(row[i], row[j]) for i in np.flatnonzero(sick)])
                 for j in np.flatnonzero(~sick)}  # fmt: skip
        area = np.mean(list(above.values()))
        areas.append(area)
        tables.append(
            [
                (
                    sum(v - area for i, v in above.items() if owner[i] == p),
                    sum(v - area for j, v in below.items() if owner[j] == p),
                )
                for p in who
            ]
        )
    with_sick = len(set(owner[sick].tolist()))
    with_well = len(set(owner[~sick].tolist()))
    every = len(who)
    found = np.zeros((len(scores), len(scores)))
    for r, s in itertools.product(range(len(scores)), repeat=2):
        pairs = list(zip(tables[r], tables[s], strict=True))
        s10 = with_sick / ((with_sick - 1) * m) * sum(a[0] * b[0] for a, b in pairs)
        s01 = with_well / ((with_well - 1) * n) * sum(a[1] * b[1] for a, b in pairs)
        s11 = every / (every - 1) * sum(a[0] * b[1] for a, b in pairs)
        s11_other = every / (every - 1) * sum(a[1] * b[0] for a, b in pairs)
        found[r, s] = s10 / m + s01 / n + (s11 + s11_other) / (m * n)
    return np.array(areas), found


def test_areas_and_errors_are_the_published_ones():
    albumin, protein, score, outcome = OVARIAN.T
    scores = np.stack([10 - score, albumin, protein])
    areas, covariance = area_covariance(outcome == 1, scores, np.arange(43))
    assert areas.round(4).tolist() == [0.7258, 0.7366, 0.6478]
    errors = np.sqrt(np.diag(covariance)).round(4)
    assert errors.tolist() == [0.1028, 0.0927, 0.1000]


def test_differences_are_the_published_ones():
    *tests, outcome = OVARIAN.T
    said = {
        name: predictions_of(
            outcome.astype(int), outcome.astype(int), n_classes=2, screen_score=score
        )
        for name, score in (
            ("K-G", 1 - tests[2] / 10),
            ("albumin", tests[0] / 10),
            ("protein", tests[1] / 10),
        )
    }
    albumin, protein = area_differences(said)
    assert (albumin.baseline, albumin.model) == ("K-G", "albumin")
    told = albumin.difference
    assert [round(x, 4) for x in (told.value, told.low, told.high)] == [
        0.0108, -0.1761, 0.1976,
    ]  # fmt: skip
    assert told.method == "delong"
    assert round(albumin.p_value, 4) == 0.9102
    told = protein.difference
    assert [round(x, 4) for x in (told.value, told.low, told.high)] == [
        -0.0780, -0.2830, 0.1271,
    ]  # fmt: skip
    assert round(protein.p_value, 4) == 0.4561


@pytest.mark.parametrize("seed", range(4))
def test_clustered_covariance_is_that_of_all_pairs(seed):
    sick, scores, owner = clustered(seed)
    areas, covariance = area_covariance(sick, scores, owner + 7)
    expected_areas, expected = by_pairs(sick, scores, owner)
    np.testing.assert_allclose(areas, expected_areas)
    np.testing.assert_allclose(covariance, expected)
    for row, area in zip(scores, areas, strict=True):
        assert roc_auc_score(sick, row) == pytest.approx(area)


def test_patients_of_one_kind_only_have_no_cross_term():
    sick, scores, owner = clustered(9)
    apart = np.where(sick, owner, owner + 100)
    np.testing.assert_allclose(
        area_covariance(sick, scores, apart)[1], by_pairs(sick, scores, apart)[1]
    )


def test_both_sides_have_the_area_as_mean():
    sick, scores, _ = clustered(5)
    above, below = placements(sick, scores[0])
    assert above.mean() == pytest.approx(roc_auc_score(sick, scores[0]))
    assert below.mean() == pytest.approx(above.mean())


def said_of(score, truth=(0, 0, 1, 1), groups=("a", "b", "c", "d")):
    return predictions_of(
        list(truth), list(truth), n_classes=2, groups=list(groups), screen_score=score
    )


def test_equal_scores_have_no_p_value():
    said = said_of([0.1, 0.6, 0.4, 0.8])
    (found,) = area_differences({"a": said, "b": said})
    assert found.difference.value == found.difference.low == found.difference.high == 0
    assert found.p_value is None


def test_one_patient_of_a_kind_has_no_bounds():
    groups = ("a", "b", "c", "c")
    models = {
        "a": said_of([0.1, 0.6, 0.4, 0.8], groups=groups),
        "b": said_of([0.1, 0.2, 0.4, 0.8], groups=groups),
    }
    (found,) = area_differences(models)
    assert found.difference.value == pytest.approx(0.25)
    assert (found.difference.low, found.difference.high, found.p_value) == (None,) * 3


def test_scans_of_one_kind_have_no_areas():
    said = said_of([0.1, 0.2, 0.3, 0.4], truth=(1, 1, 1, 1))
    assert area_differences({"a": said, "b": said}) == ()
