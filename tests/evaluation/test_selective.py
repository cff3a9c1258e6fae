"""Error among the surest decisions, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.evaluation.intervals import clustered_wilson
from hierclf.evaluation.selective import SHARES, selective_curve


def _said(seed, n=120, levels=1000):
    rng = np.random.default_rng(seed)
    sure = rng.integers(0, levels, n) / levels
    wrong = rng.random(n) > 0.4 + 0.6 * sure
    return sure, wrong, rng.integers(0, n // 3, n)


@pytest.mark.parametrize("levels", [1000, 7])
def test_curve_is_that_of_a_loop(levels):
    sure, wrong, patients = _said(0, levels=levels)
    curve = selective_curve(sure, wrong, patients, 40)
    found = []
    for bound in sorted(set(sure), reverse=True):
        taken = [w for s, w in zip(sure, wrong, strict=True) if s >= bound]
        found.append((len(taken) / 120, sum(taken) / len(taken)))
    assert curve.taken == pytest.approx([share for share, _ in found])
    assert curve.error == pytest.approx([error for _, error in found])
    # each decision counts with the error from its own confidence on
    errors = dict(zip(sorted(set(sure), reverse=True), curve.error, strict=True))
    assert curve.area == pytest.approx(np.mean([errors[s] for s in sure]))


def test_area_of_single_decisions_is_the_mean_of_all_errors():
    sure, wrong, patients = _said(1)
    sure = np.random.default_rng(0).permutation(120) / 120
    order = np.argsort(-sure)
    risks = [wrong[order[: k + 1]].mean() for k in range(120)]
    curve = selective_curve(sure, wrong, patients, 40)
    assert curve.area == pytest.approx(np.mean(risks))
    assert curve.area_by_chance == pytest.approx(wrong.mean())


def test_a_confidence_that_tells_nothing_has_one_point():
    _, wrong, patients = _said(2)
    curve = selective_curve(np.full(120, 0.5), wrong, patients, 40)
    assert curve.taken == (1.0,)
    assert curve.area == pytest.approx(curve.area_by_chance)
    (point,) = curve.points
    assert point.taken == 1.0
    assert point.error.value == pytest.approx(wrong.mean())


def test_points_have_intervals_by_patient():
    sure, wrong, patients = _said(3, n=300)
    curve = selective_curve(sure, wrong, patients, 100)
    assert [p.taken for p in curve.points] == pytest.approx(SHARES, abs=0.02)
    for point in curve.points:
        inside = sure >= point.confidence
        hits = np.bincount(patients[inside & wrong], minlength=100)
        cases = np.bincount(patients[inside], minlength=100)
        low, high = clustered_wilson(hits, cases)
        assert (point.error.low, point.error.high) == pytest.approx((low, high))


def test_long_curves_are_thinned_from_end_to_end():
    sure, wrong, patients = _said(4, n=3000, levels=100_000)
    curve = selective_curve(sure, wrong, patients, 1000)
    assert len(curve.taken) == 200
    assert curve.taken[0] < 0.002
    assert curve.taken[-1] == 1.0
