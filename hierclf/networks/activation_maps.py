"""Which channels of the last map speak for a class: the weights of Grad-CAM.

The map is the last thing before pooling and head, so the gradient of a class score
goes through these two only: the trunk is never run backward, and the weights of a
whole batch cost little beside its forward pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hierclf.networks.network import Network


def is_linear(network: Network) -> bool:
    """Tell whether a network is global average pooling and one linear layer."""
    pooling = network.featurizer.pool[0]
    return (
        isinstance(network.head, nn.Linear)
        and isinstance(pooling, nn.AdaptiveAvgPool2d)
        and pooling.output_size == 1
    )


def channel_weights(network: Network, maps: Tensor, targets: Tensor) -> Tensor:
    r"""Weigh channels by what they do for a class score.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    maps : Tensor, shape (n, n_channels, h, w)
        Activations of its trunk.
    targets : Tensor of int, shape (n,)
        Position of the class whose score is asked about, for each map.

    Returns
    -------
    weights : Tensor, shape (n, n_channels)
        Float32.

    Notes
    -----
    :math:`\alpha_k^c = \frac{1}{hw} \sum_{ij} \partial y^c / \partial A^k_{ij}`
    (Selvaraju et al., "Grad-CAM", ICCV 2017, equation 1). Behind global average
    pooling and a linear layer with weights :math:`w`, this is
    :math:`w_{ck} / hw`. Otherwise one backward pass gives it for the whole batch:
    in evaluation mode no scan's score depends on another scan.

    Examples
    --------
    The discriminative map of a class is ``relu((weights[:, :, None, None] *
    maps).sum(1))``.
    """
    area = maps.shape[2] * maps.shape[3]
    if is_linear(network):
        rows: Tensor = network.head.get_parameter("weight")[targets] / area
        return rows.detach()
    with torch.enable_grad():
        leaf = maps.detach().requires_grad_(True)
        logits = network.head(network.featurizer.pool(leaf))
        score = logits.gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, leaf)
    return gradient.mean(dim=(2, 3))
