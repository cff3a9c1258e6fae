"""A network: a featurizer (normalization, trunk, pooling) and a head on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from hierclf.foundation.choices import choose
from hierclf.networks.backbones import Backbone, last_blocks
from hierclf.networks.choices import TrainedPart


class Featurizer(nn.Module):
    """Images to pooled features.

    Parameters
    ----------
    backbone : Backbone
        Trunk with its normalization.
    pool_size : int
        Side of the pooled map; 1 is global average pooling.
    """

    def __init__(self, backbone: Backbone, pool_size: int) -> None:
        super().__init__()
        self.trunk = backbone.trunk
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(pool_size), nn.Flatten())
        self.n_features = backbone.n_channels * pool_size**2
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))

    def maps(self, images: Tensor) -> Tensor:
        """Normalize and run the trunk.

        Parameters
        ----------
        images : Tensor, shape (n, 1, height, width), in [0, 1]
            Luminance.

        Returns
        -------
        maps : Tensor, shape (n, n_channels, h, w)
            Activations of the last convolutional block, float32.
        """
        color = images.expand(-1, 3, -1, -1)  # (n, 3, height, width)
        normal = (color - self.get_buffer("mean")) / self.get_buffer("std")
        like = next(self.trunk.parameters())
        normal = normal.to(like.dtype, memory_format=torch.channels_last)
        activations: Tensor = self.trunk(normal).float()
        return activations

    def forward(self, images: Tensor) -> Tensor:
        """Run the trunk and pool its map.

        Parameters
        ----------
        images : Tensor, shape (n, 1, height, width), in [0, 1]
            Luminance.

        Returns
        -------
        features : Tensor, shape (n, n_features)
            What the head sees.
        """
        pooled: Tensor = self.pool(self.maps(images))
        return pooled


class Network(nn.Module):
    """Images to class logits.

    Parameters
    ----------
    featurizer : Featurizer
        May be shared by several networks while it does not learn.
    head : torch.nn.Module
        Features ``(n, n_features)`` to logits ``(n, n_classes)``.
    """

    def __init__(self, featurizer: Featurizer, head: nn.Module) -> None:
        super().__init__()
        self.featurizer = featurizer
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Score images.

        Parameters
        ----------
        images : Tensor, shape (n, 1, height, width), in [0, 1]
            Luminance.

        Returns
        -------
        logits : Tensor, shape (n, n_classes)
            Before the softmax.
        """
        logits: Tensor = self.head(self.featurizer(images))
        return logits

    def set_trained_part(self, part: TrainedPart, *, n_last: int = 1) -> None:
        """Choose what learns.

        Parameters
        ----------
        part : {"head", "last", "all"}
            ``last`` is the head and the last `n_last` blocks of the trunk.
        n_last : int, at least 1, default=1
            How many blocks ``last`` means.
        """
        self.featurizer.requires_grad_(part == "all")
        self.head.requires_grad_(True)
        if part == "last":
            for block in last_blocks(self.featurizer.trunk, n_last):
                block.requires_grad_(True)

    def train(self, mode: bool = True) -> Network:
        """Set the training mode, but leave what does not learn in evaluation mode.

        BatchNorm of a frozen block must not follow the statistics of the new
        scans: its weights were made for the old ones.
        """
        super().train(mode)
        for module in self.modules():
            own = list(module.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                module.eval()
        return self


def _own_head(backbone: Backbone, n_classes: int, dropout: float) -> nn.Module:
    if backbone.own_layers is None:
        return nn.Linear(backbone.n_channels, n_classes)
    layers = list(backbone.own_layers)
    width = next(
        layer.out_features for layer in reversed(layers) if isinstance(layer, nn.Linear)
    )
    return nn.Sequential(*layers, nn.Linear(width, n_classes))


def _dense_head(backbone: Backbone, n_classes: int, dropout: float) -> nn.Module:
    """Stack BN, dropout, 256 units, BN, dropout, classes (Shen 2022, section 3).

    The source names no activation between the two linear layers; without one
    they would be a single linear layer, so a ReLU stands there.
    """
    return nn.Sequential(
        nn.BatchNorm1d(backbone.n_channels),
        nn.Dropout(dropout),
        nn.Linear(backbone.n_channels, 256),
        nn.ReLU(inplace=True),
        nn.BatchNorm1d(256),
        nn.Dropout(dropout),
        nn.Linear(256, n_classes),
    )


HEADS: Mapping[str, Callable[[Backbone, int, float], nn.Module]] = MappingProxyType(
    {"own": _own_head, "dense": _dense_head}
)
"""Heads by name: pooled features to class logits."""


def make_head(
    name: str, backbone: Backbone, n_classes: int, *, dropout: float = 0.5
) -> nn.Module:
    """Build a head with random weights.

    Parameters
    ----------
    name : {"own", "dense"}
        The network's own, or GAP with two normalized linear layers.
    backbone : Backbone
        What it stands on.
    n_classes : int, at least 2
        Width of the output.
    dropout : float, in [0, 1), default=0.5
        Of the ``dense`` head; own heads keep their published rates.

    Returns
    -------
    head : torch.nn.Module
        A plain `torch.nn.Linear` for most networks' own head.

    Raises
    ------
    InputError
        If there is no such head.
    """
    return choose("head", name, HEADS)(backbone, n_classes, dropout)


def make_featurizer(head: str, backbone: Backbone) -> Featurizer:
    """Build the featurizer that a head of this name expects."""
    return Featurizer(backbone, backbone.pool_size if head == "own" else 1)
