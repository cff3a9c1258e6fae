"""Heads: pooled features to class logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor, nn
from torch.nn import functional

from hierclf.foundation.choices import choose
from hierclf.networks.backbones import Backbone
from hierclf.networks.choices import OutputLayer


class Ladder(nn.Module):
    r"""One logit for each step from a class to the next, instead of one for each class.

    Parameters
    ----------
    n_features : int
        Width of the input.
    n_classes : int, at least 2
        Classes in their order.

    Notes
    -----
    Output :math:`z_k` says whether a scan that is at least class k is above it:
    :math:`P(y > k) = \prod_{j \le k} \sigma(z_j)`, which can only fall with k. The
    cross-entropy of these probabilities is the sum of the binary ones over the steps,
    each on the scans that reach it (Shi, Cao and Raschka, "Deep neural networks for
    rank-consistent ordinal regression based on conditional probabilities", Pattern
    Anal. Appl. 2023, equations 4 and 6; in statistics the continuation ratio). Of two
    classes it is one logit, as binary cross-entropy has.

    Examples
    --------
    >>> import torch
    >>> ladder = Ladder(5, 4)
    >>> ladder(torch.zeros(1, 5)).shape
    torch.Size([1, 4])
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.steps = nn.Linear(n_features, n_classes - 1)

    def forward(self, features: Tensor) -> Tensor:
        """Give the logarithm of each class's probability.

        Parameters
        ----------
        features : Tensor, shape (n, n_features)
            Pooled, or from hidden layers.

        Returns
        -------
        logits : Tensor, shape (n, n_classes)
            Their softmax is themselves, exponentiated.
        """
        return log_shares(self.steps(features).float())


def log_shares(steps: Tensor) -> Tensor:
    """Turn the logits of a ladder's steps into log-probabilities of its classes.

    Parameters
    ----------
    steps : Tensor, shape (n, n_classes - 1)
        Logits of being above a class, for a scan that is at least of it.

    Returns
    -------
    logs : Tensor, shape (n, n_classes)
        See `Ladder`.
    """
    climbed = functional.pad(functional.logsigmoid(steps).cumsum(dim=1), (1, 0))
    stopped: Tensor = functional.pad(functional.logsigmoid(-steps), (0, 1))
    return climbed + stopped


@dataclass(frozen=True)
class HeadShape:
    """What a head is made of.

    Parameters
    ----------
    name : {"own", "dense", "deep"}
        The network's own; GAP and two linear layers; GAP and four.
    width : int, default=256
        Units of the hidden layer of ``dense``, and of the first one of ``deep``.
    norm : bool, default=True
        Whether BatchNorm stands before each linear layer of ``dense``.
    dropout : float, in [0, 1), default=0.5
        Of ``dense`` and ``deep``; own heads keep their published rates.
    output : {"softmax", "ordered"}
        One logit for each class, or a `Ladder`.
    """

    name: str = "own"
    width: int = 256
    norm: bool = True
    dropout: float = 0.5
    output: OutputLayer = "softmax"


def _own_layers(backbone: Backbone, shape: HeadShape) -> list[nn.Module]:
    return list(backbone.own_layers or ())


def _dense_layers(backbone: Backbone, shape: HeadShape) -> list[nn.Module]:
    """Stack BN, dropout, hidden units, BN, dropout (Shen 2022, section 3).

    The source names no activation between the two linear layers; without one
    they would be a single linear layer, so a ReLU stands there.
    """
    layers: list[nn.Module] = [
        nn.BatchNorm1d(backbone.n_channels),
        nn.Dropout(shape.dropout),
        nn.Linear(backbone.n_channels, shape.width),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(shape.width),
        nn.Dropout(shape.dropout),
    ]
    if shape.norm:
        return layers
    return [layer for layer in layers if not isinstance(layer, nn.BatchNorm1d)]


def _deep_layers(backbone: Backbone, shape: HeadShape) -> list[nn.Module]:
    """Stack three of the four linear layers, dropout between them (Sood 2020).

    The source gives no widths and no activation: each layer is half as wide as the
    one before, and a ReLU follows.
    """
    layers: list[nn.Module] = []
    width = backbone.n_channels
    for next_width in (shape.width, shape.width // 2, shape.width // 4):
        layers += [nn.Linear(width, next_width), nn.ReLU(inplace=True)]
        layers.append(nn.Dropout(shape.dropout))
        width = next_width
    return layers


HEADS: Mapping[str, Callable[[Backbone, HeadShape], list[nn.Module]]] = (
    MappingProxyType({"own": _own_layers, "dense": _dense_layers, "deep": _deep_layers})
)
"""What heads have before their last layer, by name."""


def make_head(shape: HeadShape, backbone: Backbone, n_classes: int) -> nn.Module:
    """Build a head with random weights.

    Parameters
    ----------
    shape : HeadShape
        What it is made of.
    backbone : Backbone
        What it stands on.
    n_classes : int, at least 2
        Width of the output.

    Returns
    -------
    head : torch.nn.Module
        Features ``(n, n_features)`` to logits ``(n, n_classes)``; a plain
        `torch.nn.Linear` for most networks' own head.

    Raises
    ------
    InputError
        If there is no such head.
    """
    layers = choose("head", shape.name, HEADS)(backbone, shape)
    widths = [layer.out_features for layer in layers if isinstance(layer, nn.Linear)]
    width = widths[-1] if widths else backbone.n_channels * backbone.pool_size**2
    last = Ladder if shape.output == "ordered" else nn.Linear
    final = last(width, n_classes)
    return nn.Sequential(*layers, final) if layers else final
