"""A network: a featurizer (normalization, trunk, pooling) and a head on top."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, -1, 1, 1))

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
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        color = images.expand(-1, mean.shape[1], -1, -1)  # gray, or thrice the same
        normal = (color - mean) / std
        like = next(self.trunk.parameters(), mean)
        normal = normal.to(like.dtype, memory_format=torch.channels_last)
        activations: Tensor = self.trunk(normal).float()
        return activations


class Network(nn.Module):
    """Images to class logits.

    Parameters
    ----------
    featurizer : Featurizer
        May be shared by several networks while it does not learn.
    head : torch.nn.Module
        Features ``(n, n_features)`` to logits ``(n, n_classes)``.

    Attributes
    ----------
    drawn_window : callable or None
        While the network trains for views that are windows of maps: takes the maps of
        a batch to a window of each.
    """

    def __init__(self, featurizer: Featurizer, head: nn.Module) -> None:
        super().__init__()
        self.featurizer = featurizer
        self.head = head
        self._frozen_norm = False
        self.drawn_window: Callable[[Tensor], Tensor] | None = None

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
        maps = self.featurizer.maps(images)
        if self.training and self.drawn_window is not None:
            maps = self.drawn_window(maps)
        return self.of_maps(maps)

    def of_maps(self, maps: Tensor) -> Tensor:
        """Score maps of the trunk.

        Parameters
        ----------
        maps : Tensor, shape (n, n_channels, h, w)
            As `Featurizer.maps` gives them, or windows of them.

        Returns
        -------
        logits : Tensor, shape (n, n_classes)
            Before the softmax.
        """
        logits: Tensor = self.head(self.featurizer.pool(maps))
        return logits

    def set_trained_part(
        self, part: TrainedPart, *, n_last: int = 1, frozen_norm: bool = False
    ) -> None:
        """Choose what learns.

        Parameters
        ----------
        part : {"head", "last", "all"}
            ``last`` is the head and the last `n_last` blocks of the trunk.
        n_last : int, at least 1, default=1
            How many blocks ``last`` means.
        frozen_norm : bool, default=False
            BatchNorm of the trunk keeps its means and variances; its scales and
            shifts learn.
        """
        self._frozen_norm = frozen_norm
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
        if self._frozen_norm:
            for module in self.featurizer.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def make_featurizer(head: str, backbone: Backbone) -> Featurizer:
    """Build the featurizer that a head of this name expects."""
    return Featurizer(backbone, backbone.pool_size if head == "own" else 1)
