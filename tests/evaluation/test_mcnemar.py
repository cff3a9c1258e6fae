from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2

from hierclf.evaluation.mcnemar import clustered_chi_square, discordances, sign_flip
from hierclf.evaluation.predictions import predictions_of


def test_p_values_are_the_published_ones():
    """Airway hyper-responsiveness before and after, Fagerland et al. 2013."""
    found = sign_flip(np.repeat([-1, 0, 1], [1, 13, 7]))
    assert (round(found.exact, 3), round(found.mid, 3)) == (0.070, 0.039)


@given(st.integers(0, 60), st.integers(0, 60))
def test_scans_have_the_binomial_test(losses, gains):
    found = sign_flip(np.repeat([-1, 0, 1], [losses, 5, gains]))
    n = losses + gains
    if n == 0:
        assert (found.exact, found.mid) == (1.0, 0.5)
        return
    exact = binomtest(losses, n, 0.5).pvalue
    assert found.exact == pytest.approx(exact)
    fewer = range(min(losses, gains))
    tie = binomtest(min(losses, gains), n, 0.5, alternative="less").pvalue
    point = tie - (
        binomtest(max(fewer), n, 0.5, alternative="less").pvalue if fewer else 0
    )
    spread = 1 if losses == gains else 2
    assert found.mid == pytest.approx(exact - spread * point / 2)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_patients_have_every_flip_counted(gains):
    found = sign_flip(np.array(gains))
    flips = itertools.product([-1, 1], repeat=len(gains))
    sums = np.array([abs(np.dot(signs, gains)) for signs in flips])
    observed = abs(sum(gains))
    assert found.exact == pytest.approx(np.mean(sums >= observed))
    assert found.mid == pytest.approx(
        np.mean(sums > observed) + np.mean(sums == observed) / 2
    )


def test_many_scans_do_not_underflow():
    assert sign_flip(np.repeat([-1, 1], 2000)).exact == pytest.approx(1)
    assert sign_flip(np.repeat([-1, 1], [1900, 2100])).exact == pytest.approx(
        binomtest(1900, 4000, 0.5).pvalue
    )


def test_chi_square_is_that_of_pooled_proportions():
    """Obuchowski 1998 with the pooled proportion written out."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, 30)
    right = [rng.binomial(sizes, p) for p in (0.6, 0.7)]
    m, total = sizes.size, sizes.sum()
    pooled = sum(part.sum() for part in right) / (2 * total)
    errors = [part - pooled * sizes for part in right]
    cov = [[m / (m - 1) * (a * b).sum() / total**2 for a in errors] for b in errors]
    gap = (right[1].sum() - right[0].sum()) / total
    expected = gap**2 / (cov[0][0] + cov[1][1] - 2 * cov[0][1])
    assert clustered_chi_square(right[1] - right[0]) == pytest.approx(expected)


def test_chi_square_of_single_scans_is_mcnemars():
    gains = np.repeat([-1, 0, 1], [4, 20, 13])
    expected = (13 - 4) ** 2 / (13 + 4)
    assert clustered_chi_square(gains) == pytest.approx(expected * 36 / 37)


def test_no_difference_has_no_chi_square():
    assert clustered_chi_square(np.zeros(5, dtype=int)) is None
    assert clustered_chi_square(np.array([3])) is None


TRUTH = [0, 0, 1, 2, 2, 1, 0]
OWNER = ["a", "a", "b", "b", "b", "c", "d"]


def said(predicted):
    return predictions_of(TRUTH, predicted, n_classes=3, groups=OWNER)


def test_each_figure_counts_its_scans():
    models = {"a": said([1, 0, 0, 0, 1, 1, 0]), "b": said([0, 0, 2, 2, 2, 1, 1])}
    accuracy, sensitivity, specificity = discordances(models)
    found = [
        (d.figure, d.n_scans, d.n_patients, d.baseline_only, d.model_only)
        for d in (accuracy, sensitivity, specificity)
    ]
    assert found == [
        ("accuracy", 7, 4, 1, 3),
        ("sensitivity", 4, 2, 0, 2),
        ("specificity", 3, 2, 1, 1),
    ]
    assert sensitivity.by_scan.exact == pytest.approx(0.5)
    assert sensitivity.by_patient.exact == 1.0  # both scans are of one patient
    assert sensitivity.obuchowski == pytest.approx(1 / 2)
    assert sensitivity.obuchowski_p == pytest.approx(chi2.sf(0.5, 1))
    assert (accuracy.baseline, accuracy.model) == ("a", "b")


def test_every_model_is_compared_with_the_first():
    models = {name: said(TRUTH) for name in "abc"}
    pairs = [(d.baseline, d.model) for d in discordances(models)]
    assert pairs == [("a", "b")] * 3 + [("a", "c")] * 3


def test_figures_without_scans_are_left_out():
    only = predictions_of([1, 1], [1, 0], n_classes=2)
    found = [d.figure for d in discordances({"a": only, "b": only})]
    assert found == ["accuracy", "sensitivity"]
