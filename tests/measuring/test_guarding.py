"""Figures of guards, against counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hierclf.assembly.assessed import CASCADE, Assessed
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.deferral import Deferral
from hierclf.cascade.guards import Guarded, Guards
from hierclf.measuring.figures import Assessor
from hierclf.measuring.guarding import guard_figures
from hierclf.problem.labels import Hierarchy

HIERARCHY = Hierarchy("healthy", ("mild", "severe"))


@pytest.fixture
def measured():
    rng = np.random.default_rng(0)
    truth, decided = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    score = np.where(decided > 0, 0.8, 0.2)
    table = np.column_stack([1 - score, score / 2, score / 2])
    said = Decisions(
        screen_score=score,
        probabilities=table,
        refined=np.maximum(decided, 1),
        decided=decided,
        view_spread=None,
        cut_point=np.full(60, 0.5),
    )
    labels = np.asarray(HIERARCHY.labels)[truth]
    patients = [f"p{k // 2}" for k in range(60)]
    manifest = pd.DataFrame({"label": labels, "patient_id": patients})
    assessor = Assessor(manifest, HIERARCHY, n_resamples=100, seed=0)
    return assessor, said, truth


def _assessed(said, guarded):
    rows = np.arange(60)
    return Assessed(rows, np.zeros_like(rows), {CASCADE: said}, guarded=guarded)


def test_without_guards_there_is_the_curve(measured):
    assessor, said, truth = measured
    found = guard_figures(assessor, _assessed(said, None), Guards())
    assert (found.gate, found.deferral) == (None, None)
    assert found.curve.area_by_chance == pytest.approx((said.decided != truth).mean())


def test_shares_are_counted_among_the_right_scans(measured):
    assessor, said, truth = measured
    rng = np.random.default_rng(1)
    action = rng.choice(["accept", "reader", "out_of_scope"], 60)
    sets = rng.random((60, 3)) < 0.6
    rule = Deferral(rule="coverage>=0.9", quantiles=(0.5, 0.5, 0.5), passed=0)
    guarded = Guarded(action, None, None, sets)
    told = guard_figures(assessor, _assessed(said, guarded), Guards(deferral=rule))
    found = told.deferral
    in_scope = action != "out_of_scope"
    passed = action == "accept"
    wrong = said.decided != truth
    assert found.passed.value == pytest.approx(passed[in_scope].mean())
    assert found.error.value == pytest.approx(wrong[passed].mean())
    assert found.set_size == pytest.approx(sets.sum() / 60)
    for place, label in enumerate(HIERARCHY.labels):
        mine = truth == place
        assert found.covered[label].value == pytest.approx(sets[mine, place].mean())
    assert told.gate is None
