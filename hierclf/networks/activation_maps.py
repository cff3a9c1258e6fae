"""Which channels of the last map speak for a class: Grad-CAM and Grad-CAM++.

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
    if is_linear(network):
        return _linear_gradients(network, maps, targets)[:, :, 0, 0]
    return class_gradients(network, maps, targets).mean(dim=(2, 3))


def class_gradients(network: Network, maps: Tensor, targets: Tensor) -> Tensor:
    r"""Differentiate a class score by every cell of the last map.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    maps : Tensor, shape (n, n_channels, h, w)
        Activations of its trunk.
    targets : Tensor of int, shape (n,)
        Position of the class whose score (before the softmax) is asked about.

    Returns
    -------
    gradients : Tensor, shape (n, n_channels, h, w)
        :math:`\partial y^c / \partial A^k_{ij}`. Behind global average pooling and a
        linear layer all cells of a channel have the same; memory is then not taken
        for each.
    """
    if is_linear(network):
        return _linear_gradients(network, maps, targets).expand_as(maps)
    with torch.enable_grad():
        leaf = maps.detach().requires_grad_(True)
        logits = network.of_maps(leaf)
        score = logits.gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, leaf)
    return gradient


def _linear_gradients(network: Network, maps: Tensor, targets: Tensor) -> Tensor:
    rows: Tensor = network.head.get_parameter("weight").detach()[targets]
    return (rows / (maps.shape[2] * maps.shape[3]))[:, :, None, None]


def plusplus_weights(maps: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh channels as Grad-CAM++ does.

    Parameters
    ----------
    maps : Tensor, shape (n, n_channels, h, w)
        Activations.
    gradients : Tensor, shape (n, n_channels, h, w)
        Of the class score, as `class_gradients` gives them.

    Returns
    -------
    weights : Tensor, shape (n, n_channels)
        At least 0: a channel that speaks against the class has none.

    Notes
    -----
    :math:`w_k = \sum_{ij} \alpha^k_{ij} \, \mathrm{relu}(g^k_{ij})` with
    :math:`\alpha^k_{ij} = g^2 / (2 g^2 + \sum_{ab} A^k_{ab} \, g^3)`, where
    :math:`g` is the gradient of the score :math:`S` before the softmax
    (Chattopadhay et al., "Grad-CAM++", WACV 2018, equations 10 and 19). This is the
    variant in which the class is scored by :math:`\exp(S)`; the factor
    :math:`\exp(S)` common to all channels is left out, since a map has no unit. Two
    deviations: cells without gradient weigh 0 and no small number is added to the
    denominator (it would outweigh the squares of gradients behind an average), and a
    negative sum of activations, which the derivation excludes, counts as 0.
    """
    total = maps.sum(dim=(2, 3), keepdim=True).clamp(min=0)
    rising = gradients.clamp(min=0)  # where g > 0, g cancels from the fraction
    return (rising / (2 + total * rising)).sum(dim=(2, 3))
