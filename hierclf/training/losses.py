"""Losses that know what errors cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

RowLoss = Callable[[Tensor, Tensor], Tensor]
"""Logits (n, n_classes) and targets (n,) to one loss for each row (n,)."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Give the negative log probability of the true class, per row."""
    return functional.cross_entropy(logits, targets, reduction="none")


def expected_cost(logits: Tensor, targets: Tensor, costs: Tensor) -> Tensor:
    """Give the cost that is to be expected of a random answer, per row.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes)
        Before the softmax.
    targets : Tensor of int, shape (n,)
        True classes.
    costs : Tensor, shape (n_classes, n_classes)
        ``costs[i, j]`` is the price of calling an `i` a `j`.

    Returns
    -------
    losses : Tensor, shape (n,)
        ``sum_j costs[y, j] p_j``, He 2019, section 2.4.

    Examples
    --------
    >>> costs = torch.tensor([[0.0, 1.0], [4.0, 0.0]])
    >>> expected_cost(torch.zeros(1, 2), torch.tensor([1]), costs).tolist()
    [2.0]
    """
    return (costs[targets] * torch.softmax(logits, dim=1)).sum(dim=1)


def focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """Weigh the cross-entropy of easy rows down, per row.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes)
        Before the softmax.
    targets : Tensor of int, shape (n,)
        True classes.
    gamma : float, at least 0
        0 is the cross-entropy.

    Returns
    -------
    losses : Tensor, shape (n,)
        ``(1 - p_y) ** gamma * -log p_y``, Lin et al., "Focal loss for dense
        object detection", ICCV 2017, equation (4).
    """
    losses = cross_entropy(logits, targets)
    return (1 - torch.exp(-losses)) ** gamma * losses


def make_loss(
    name: str, costs: NDArray[np.float64] | None, gamma: float = 2.0
) -> RowLoss:
    """Choose a loss.

    Parameters
    ----------
    name : str
        ``cross_entropy``, ``focal``, or, with a cost matrix, ``expected_cost``
        or ``cross_entropy_cost`` (the sum of the two).
    costs : ndarray of float, shape (n_classes, n_classes), optional
        Checked cost matrix.
    gamma : float, default=2
        Exponent of ``focal``.

    Returns
    -------
    loss : callable
        Logits and targets to one loss for each row.

    Raises
    ------
    InputError
        If there is no such loss, or it lacks its costs.
    """
    if name in {"expected_cost", "cross_entropy_cost"} and costs is None:
        raise InputError(
            f"loss: expected a cost matrix with {name!r}, got none. "
            "Give --costs a matrix, linear or quadratic, or take another --loss."
        )
    prices = torch.as_tensor(costs, dtype=torch.float32) if costs is not None else None

    def priced(logits: Tensor, targets: Tensor) -> Tensor:
        table = prices if prices is not None else torch.empty(0)
        return expected_cost(logits, targets, table.to(logits.device))

    losses: dict[str, RowLoss] = {
        "cross_entropy": cross_entropy,
        "focal": lambda logits, targets: focal(logits, targets, gamma),
        "expected_cost": priced,
        "cross_entropy_cost": lambda logits, targets: (
            cross_entropy(logits, targets) + priced(logits, targets)
        ),
    }
    return choose("loss", name, losses)


def class_balanced_weights(
    counts: NDArray[np.intp], beta: float = 0.999
) -> NDArray[np.float64]:
    """Weigh classes by their effective number of scans.

    Parameters
    ----------
    counts : ndarray of int, shape (n_classes,)
        Training scans of each class, at least 1.
    beta : float, in [0, 1), default=0.999
        0 weighs all equally; towards 1 it becomes the inverse count.

    Returns
    -------
    weights : ndarray of float, shape (n_classes,)
        ``(1 - beta) / (1 - beta ** n_k)`` scaled to mean 1, Cui et al.,
        "Class-balanced loss based on effective number of samples", CVPR 2019,
        equation (2).
    """
    weights = (1 - beta) / (1 - np.power(beta, counts.astype(np.float64)))
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled
