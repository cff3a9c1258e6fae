"""Losses against other implementations and against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import sigmoid_focal_loss

from hierclf.foundation.errors import InputError
from hierclf.training import losses


def _rows(seed: int, n_classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(size=(8, n_classes)).astype(np.float32))
    return logits, torch.from_numpy(rng.integers(n_classes, size=8))


@given(st.integers(0, 500))
def test_expected_cost_is_its_sum(seed: int) -> None:
    logits, targets = _rows(seed)
    costs = torch.from_numpy(np.random.default_rng(seed).random((3, 3))).float()
    found = losses.expected_cost(logits, targets, costs)
    table = torch.softmax(logits, dim=1)
    for row, target, value in zip(table, targets, found, strict=True):
        expected = sum(float(costs[target, j] * row[j]) for j in range(3))
        assert float(value) == pytest.approx(expected, abs=1e-6)


def test_focal_against_torchvision() -> None:
    """Two classes with logits (0, z) are a sigmoid of z."""
    logits, targets = _rows(1, 2)
    logits[:, 0] = 0
    expected = sigmoid_focal_loss(logits[:, 1], targets.float(), alpha=-1, gamma=2.0)
    torch.testing.assert_close(losses.focal(logits, targets, 2.0), expected)


def test_focal_without_gamma_is_cross_entropy() -> None:
    logits, targets = _rows(2)
    torch.testing.assert_close(
        losses.focal(logits, targets, 0.0), losses.cross_entropy(logits, targets)
    )


def test_sum_of_two_losses() -> None:
    logits, targets = _rows(3)
    costs = 1.0 - np.eye(3)
    both = losses.make_loss("cross_entropy_cost", costs)(logits, targets)
    parts = [losses.make_loss(n, costs) for n in ("cross_entropy", "expected_cost")]
    torch.testing.assert_close(both, sum(part(logits, targets) for part in parts))


def test_loss_without_its_costs_refused() -> None:
    with pytest.raises(InputError, match="expected a cost matrix with 'expected_cost'"):
        losses.make_loss("expected_cost", None)
    with pytest.raises(InputError, match="Did you mean 'focal'"):
        losses.make_loss("focl", None)


def test_class_balanced_weights_of_the_source() -> None:
    """Cui et al. 2019, equation (2), by hand: beta .9, counts 1 and 10."""
    weights = losses.class_balanced_weights(np.array([1, 10]), beta=0.9)
    assert weights[0] / weights[1] == pytest.approx((1 - 0.9**10) / (1 - 0.9))
    assert weights.mean() == pytest.approx(1)
