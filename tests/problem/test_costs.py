"""Costs are checked, scaled and derived as written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.foundation.errors import InputError
from hierclf.problem import costs


@pytest.mark.parametrize("bad", [[1, 0, 1], [1, -1, 1], [1, np.nan, 1], [1, 2]])
def test_vector_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match="cost vector: expected"):
        costs.check_cost_vector(bad, 3)


@pytest.mark.parametrize(
    "bad",
    [[[0, 1]], [[1, 1], [1, 0]], [[0, -1], [1, 0]], [[0, 1], [0, 0]], np.zeros((2, 2))],
)
def test_matrix_refused(bad: list[list[float]]) -> None:
    with pytest.raises(InputError, match="cost matrix: expected"):
        costs.check_cost_matrix(bad, 2)


def test_matrix_scaled_to_mean_one() -> None:
    matrix = costs.check_cost_matrix([[0, 2, 4], [2, 0, 2], [4, 2, 0]], 3)
    assert matrix[~np.eye(3, dtype=bool)].mean() == pytest.approx(1)
    assert matrix[0, 2] == 2 * matrix[0, 1]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_worse_recall_never_costs_less(recalls: list[float]) -> None:
    vector = costs.recall_costs(recalls)
    order = np.argsort(recalls)
    assert (np.diff(vector[order]) <= 1e-12).all()
    assert vector.mean() == pytest.approx(1)


def test_recalls_in_percent_refused() -> None:
    with pytest.raises(InputError, match="Pass fractions and not percent"):
        costs.recall_costs([99, 88, 58])


def test_recalls_of_the_source_give_its_weights() -> None:
    """He 2019: recalls .99, .88, .58; 1/recall is 5.3 : 5.9 : 9 on a largest of 9."""
    vector = costs.recall_costs([0.99, 0.88, 0.58])
    assert (vector / vector.max() * 9).round(1).tolist() == [5.3, 5.9, 9.0]


@given(st.integers(2, 5), st.integers(0, 1000))
def test_least_cost_decision_is_the_least(n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(n_classes), size=20)
    matrix = costs.check_cost_matrix(
        rng.random((n_classes, n_classes)) * (1 - np.eye(n_classes))
        + 1e-9
        - 1e-9 * np.eye(n_classes),
        n_classes,
    )
    chosen = costs.least_cost_decision(table, matrix)
    for row, answer in zip(table, chosen, strict=True):
        expected = [
            sum(row[i] * matrix[i, j] for i in range(n_classes))
            for j in range(n_classes)
        ]
        assert expected[answer] == pytest.approx(min(expected))


def test_equal_costs_are_the_argmax() -> None:
    table = np.random.default_rng(0).dirichlet(np.ones(4), size=50)
    equal = costs.vector_as_matrix([1.0] * 4)
    assert (costs.least_cost_decision(table, equal) == table.argmax(axis=1)).all()


def test_ordered_costs_grow_with_distance() -> None:
    matrix = costs.ordered_costs(4)
    assert matrix[0, 3] == pytest.approx(9 * matrix[0, 1])
    assert (matrix == matrix.T).all()
