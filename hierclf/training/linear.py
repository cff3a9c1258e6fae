"""A linear head on fixed features, fitted to the optimum.

The loss is convex for cross-entropy, so there is nothing to gain from steps,
epochs and a learning rate: L-BFGS finds the minimum, and the same one each time.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hierclf.foundation.spread import steady
from hierclf.networks.heads import Ladder, log_shares
from hierclf.training.losses import RowLoss

_MAX_STEPS = 100
_CURVATURE_ROWS = 2048
_LEAST_RIDGE = 1e-3  # of the preconditioner, so that it has an inverse in float32


def fit_linear(
    head: nn.Linear | Ladder,
    features: NDArray[np.floating],
    targets: NDArray[np.intp],
    weights: NDArray[np.float64],
    *,
    loss: RowLoss,
    penalty: float,
) -> None:
    r"""Fit a linear head with a ridge penalty, in place.

    Parameters
    ----------
    head : torch.nn.Linear or Ladder
        Its weights are replaced. The loss of a ladder is a sum of binary ones, and
        convex as well.
    features : ndarray of float, shape (n_rows, n_features)
        One row for each view of each scan.
    targets : ndarray of int, shape (n_rows,)
        Class positions.
    weights : ndarray of float, shape (n_rows,)
        What a row's loss counts.
    loss : callable
        Loss of each row, see `hierclf.training.losses`.
    penalty : float, greater than 0
        Ridge penalty on the weights of standardized features. Those that hardly spread
        are not raised to the spread of the others, see `hierclf.foundation.spread`.

    Notes
    -----
    Minimized is :math:`\sum_i w_i \ell_i / \sum_i w_i + \lambda/2 \|W\|^2` on
    features of zero mean and unit variance; the standardization is then folded
    into the head, which sees raw features afterwards. CNN features are strongly
    correlated, on which L-BFGS is slow; so it works on :math:`V = L^T W` with
    :math:`L L^T = X^T X / 4n + \lambda I` of some of the rows. With all rows that
    is a bound on the curvature (Böhning, "Multinomial logistic regression
    algorithm", 1992); it needs a third of the steps and moves no minimum. Weights
    are kept as rows: a product with a few long rows is four times as fast as one
    with a few short columns.
    """
    data = torch.from_numpy(np.asarray(features, dtype=np.float32))
    center, spread = data.mean(dim=0), data.std(dim=0, correction=0)
    scale = torch.from_numpy(steady(spread.numpy()))
    data = (data - center) / scale
    share = torch.from_numpy((weights / weights.sum()).astype(np.float32))
    answer = torch.from_numpy(targets)
    basis = _inverse_factor(data[:: 1 + len(data) // _CURVATURE_ROWS], penalty)
    layer = head.steps if isinstance(head, Ladder) else head
    outputs = log_shares if isinstance(head, Ladder) else _as_they_are
    values = torch.zeros(layer.out_features, data.shape[1], requires_grad=True)
    bias = torch.zeros(layer.out_features, requires_grad=True)
    search = torch.optim.LBFGS(
        [values, bias],
        max_iter=_MAX_STEPS,
        tolerance_grad=1e-5,
        tolerance_change=1e-7,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        search.zero_grad()
        weight = values @ basis
        rows = loss(outputs((weight @ data.T).T + bias), answer)
        total = (share * rows).sum() + penalty / 2 * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total.detach()

    search.step(closure)  # type: ignore[no-untyped-call]
    _fold(layer, values.detach() @ basis, bias.detach(), center, scale)


def _as_they_are(logits: Tensor) -> Tensor:
    return logits


def _inverse_factor(data: Tensor, penalty: float) -> Tensor:
    n_rows, n_features = data.shape
    curvature = data.T @ data / (4 * n_rows)
    curvature.diagonal().add_(max(penalty, _LEAST_RIDGE))
    factor = torch.linalg.cholesky(curvature)
    identity = torch.eye(n_features)
    inverse: Tensor = torch.linalg.solve_triangular(factor, identity, upper=False)
    return inverse


def _fold(
    head: nn.Linear, weight: Tensor, bias: Tensor, center: Tensor, scale: Tensor
) -> None:
    raw = weight / scale
    with torch.no_grad():
        head.weight.copy_(raw)
        head.bias.copy_(bias - raw @ center)
