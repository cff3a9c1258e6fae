"""Decisions of graphs, where the answers of stages are at their edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.exporting.decision_graphs import DecisionGraph
from hierclf.metalearners.ordinal import OrdinalClassifier

PRICES = np.abs(np.subtract.outer(range(4), range(4)))


@pytest.mark.parametrize(
    "more", [{}, {"calibration": "platt", "cv": 2}, {"costs": PRICES}]
)
def test_scans_that_are_surely_healthy(more) -> None:
    """A tree says none of any stage; a graph must not divide by that."""
    tables, labels = np.arange(40.0)[:, None], np.repeat(list("abcd"), 10)
    tree = DecisionTreeClassifier(random_state=0)
    cascade = HierarchicalClassifier(
        tree, OrdinalClassifier(tree), healthy="a", ordered=True,
        refinement="ordered", **more,
    )  # fmt: skip
    cascade.fit(tables, labels)
    assert (cascade.refine_.predict_proba(tables[:3])[:, 1:] == 0).all()
    stages = (cascade.screen_, cascade.refine_)
    answers = [torch.tensor(one.predict_proba(tables)).float() for one in stages]
    score, table, decided = DecisionGraph(cascade)(*answers)
    told = cascade.decide(tables)
    np.testing.assert_allclose(score, told.screen_score, atol=1e-6)
    np.testing.assert_allclose(table, told.probabilities, atol=1e-6)
    assert decided.tolist() == told.decided.tolist()
