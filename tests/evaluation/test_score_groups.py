from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from hierclf.evaluation.score_groups import (
    calibration_error,
    group_tallies,
    hosmer_lemeshow,
    score_groups,
)

# Low birth weight, 189 births: observed and expected in deciles of risk, as in the
# manual of Stata, "estat gof": chi2(8) = 9.65, p = 0.2904. The expected counts are
# printed with one decimal, so the statistic comes out within a few hundredths.
OBSERVED = (0, 2, 6, 1, 7, 7, 6, 7, 10, 13)
EXPECTED = (1.2, 2.0, 3.2, 4.3, 4.9, 5.6, 6.5, 8.2, 10.3, 12.8)
SIZES = (19,) * 9 + (18,)


def births():
    scores = np.repeat(np.array(EXPECTED) / SIZES, SIZES)
    sick = np.concatenate(
        [np.arange(n) < hits for n, hits in zip(SIZES, OBSERVED, strict=True)]
    )
    return sick, scores


def test_test_of_hosmer_and_lemeshow_is_the_published_one():
    found = hosmer_lemeshow(*births())
    assert found.n_groups == 10
    assert found.statistic == pytest.approx(9.65, abs=0.06)
    assert found.p_development == pytest.approx(0.2904, abs=0.005)
    assert found.p_external == pytest.approx(chi2.sf(found.statistic, 10))


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_test_is_the_sum_over_both_kinds(seed, n_groups):
    """Pearson's sum over diseased and healthy scans, group by group in a loop."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, 97).round(2)
    sick = rng.random(97) < scores
    groups = score_groups(scores, "equal_mass", n_groups)
    expected = 0.0
    for group in set(groups.tolist()):
        inside = groups == group
        for kind, chance in ((sick, scores), (~sick, 1 - scores)):
            due = chance[inside].sum()
            expected += (kind[inside].sum() - due) ** 2 / due
    found = hosmer_lemeshow(sick, scores, n_groups)
    assert found.statistic == pytest.approx(expected)
    n = len(set(groups.tolist()))
    assert found.n_groups == n
    if n > 2:
        assert found.p_development == pytest.approx(chi2.sf(expected, n - 2))


def test_groups_without_variance_have_no_test():
    scores = np.repeat([0.0, 0.6], 20)
    assert hosmer_lemeshow(scores > 0.5, scores) is None


def test_few_groups_have_fewer_p_values():
    rng = np.random.default_rng(1)
    sick, one = rng.random(30) < 0.4, np.full(30, 0.4)
    found = hosmer_lemeshow(sick, one)
    assert (found.n_groups, found.p_external, found.p_development) == (1, None, None)
    two = hosmer_lemeshow(sick, np.repeat([0.3, 0.5], 15))
    assert two.n_groups == 2
    assert two.p_external is not None
    assert two.p_development is None


def test_p_values_are_even_where_scores_are_right():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(300):
        scores = rng.uniform(0.1, 0.9, 400)
        found.append(hosmer_lemeshow(rng.random(400) < scores, scores).p_external)
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09
    assert 0.4 < np.mean(found) < 0.6


@pytest.mark.parametrize("kind", ["equal_mass", "equal_width"])
def test_calibration_error_is_that_of_a_loop(kind):
    rng = np.random.default_rng(5)
    scores = rng.beta(0.5, 0.5, 150).round(3)
    sick = rng.random(150) < 0.2 + 0.6 * scores
    owner = rng.integers(0, 40, 150)
    groups = score_groups(scores, kind)
    weights = rng.integers(0, 3, 40)
    tallies = group_tallies(sick, scores, groups, owner, 40)
    found = calibration_error(np.tensordot(weights, tallies, axes=1))
    each = weights[owner]
    error = 0.0
    for group in set(groups.tolist()):
        inside = groups == group
        mass = each[inside].sum()
        if mass:
            gap = np.average(sick[inside], weights=each[inside]) - np.average(
                scores[inside], weights=each[inside]
            )
            error += mass / each.sum() * abs(gap)
    assert found == pytest.approx(error)


def test_stretches_are_closed_below():
    scores = np.array([0.0, 0.1, 0.19999, 0.2, 1.0])
    assert score_groups(scores, "equal_width").tolist() == [0, 1, 1, 2, 3]


def test_equal_scores_are_never_parted():
    scores = np.repeat([0.1, 0.5, 0.5, 0.9], 5)
    groups = score_groups(scores, "equal_mass", 4)
    assert groups.tolist() == [0] * 5 + [1] * 10 + [2] * 5


def test_no_scans_have_no_error():
    assert np.isnan(calibration_error(np.zeros((2, 4, 3)))).all()
