"""Folds put together."""

from __future__ import annotations

import numpy as np

from hierclf.assembly.assessed import Assessed, stack_all, stack_guarded
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded


def test_a_fold_without_a_gate_has_no_number_for_its_scans():
    first = Guarded(np.array(["accept", "out_of_scope"]), np.array([-1.0, 0.5]))
    second = Guarded(np.array(["accept", "accept", "accept"]))
    order = np.array([4, 0, 2, 1, 3])
    told = stack_guarded([first, second], order)
    assert told.action.tolist() == [
        "accept",
        "accept",
        "accept",
        "out_of_scope",
        "accept",
    ]
    np.testing.assert_array_equal(told.scope, [np.nan, -1.0, np.nan, 0.5, np.nan])
    assert told.sets is None
    assert stack_guarded([second], np.arange(3)).scope is None


def _assessed(cuts: list[float] | None, fold: list[int]) -> Assessed:
    n = len(fold)
    scores, chosen = np.full(n, 0.5), np.ones(n, dtype=int)
    column = None if cuts is None else np.array(cuts)
    both = np.column_stack([1 - scores, scores])
    said = Decisions(scores, both, chosen, chosen, None, column)
    return Assessed(np.arange(n), np.array(fold), {"cascade": said})


def test_cut_points_of_folds_are_in_the_order_of_the_folds():
    assert _assessed([0.4, 0.3, 0.4, 0.3], [1, 0, 1, 0]).fold_cut_points == (0.3, 0.4)
    assert _assessed([0.4, 0.4], [0, 0]).fold_cut_points == ()
    assert _assessed([0.4, np.nan], [0, 1]).fold_cut_points == ()
    assert _assessed(None, [0, 1]).fold_cut_points == ()


def test_a_fold_whose_candidate_has_no_views_has_no_spread_for_its_scans():
    def fold(scores: list[float], spread: np.ndarray | None) -> dict[str, Decisions]:
        told = np.array(scores)
        both = np.column_stack([1 - told, told])
        chosen = np.ones(len(told), dtype=int)
        return {"cascade": Decisions(told, both, chosen, chosen, spread, None)}

    parts = [fold([0.1, 0.2], np.array([0.01, 0.02])), fold([0.3], None)]
    order = np.array([2, 0, 1])
    told = stack_all(parts, order)["cascade"]
    np.testing.assert_array_equal(told.screen_score, [0.3, 0.1, 0.2])
    np.testing.assert_array_equal(told.view_spread, [np.nan, 0.01, 0.02])
    assert told.cut_point is None
