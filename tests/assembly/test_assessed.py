"""Folds put together."""

from __future__ import annotations

import numpy as np

from hierclf.assembly.assessed import stack_guarded
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
