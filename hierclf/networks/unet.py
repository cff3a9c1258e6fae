"""A U-Net: scans to the probability of lung at every pixel.

The decoder is that of segmentation_models_pytorch (MIT license; of what it needs, all
is needed by timm and torch already): it is kept up, and its encoders are timm's, so
that the ImageNet weights of ``efficientnet_lite0``, which are installed with this
package, serve here too. MONAI was left: it brings transforms and a training framework
of its own, of which nothing is needed. The source (Wu 2020) takes a published
variational U-Net as it is; here a plain one (Ronneberger et al., MICCAI 2015) is
trained on masks of the user's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hierclf.foundation.errors import InputError
from hierclf.networks.backbones import timm_backbone, timm_name

_WIDTHS = (128, 64, 32, 16, 16)
"""Channels of the decoder, from the coarsest: half of the library's. Masks of lungs
are smooth, and on one core a scan takes half the time."""
STRIDE = 32
"""Sides of images are multiples of it."""


class UNet(nn.Module):
    """Images to the logit of lung at every pixel.

    Parameters
    ----------
    network : torch.nn.Module
        Of the library: images ``(n, 3, side, side)`` to ``(n, 1, side, side)``.
    mean, std : tuple of float, length 3
        Normalization of the encoder's weights.
    """

    def __init__(
        self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Score every pixel.

        Parameters
        ----------
        images : Tensor, shape (n, 1, side, side), in [0, 1]
            Luminance; `side` is a multiple of `STRIDE`.

        Returns
        -------
        logits : Tensor, shape (n, 1, side, side)
            Before the sigmoid.
        """
        color = images.expand(-1, 3, -1, -1)  # (n, 3, side, side)
        normal = (color - self.get_buffer("mean")) / self.get_buffer("std")
        logits: Tensor = self.network(normal)
        return logits


def make_unet(
    backbone: str, *, weights: str = "imagenet", weights_dir: Path | None = None
) -> UNet:
    """Build a U-Net and give its encoder its weights.

    Parameters
    ----------
    backbone : str
        Encoder: ``efficientnet_lite0`` or a convolutional network of timm.
    weights : str, default="imagenet"
        Of the encoder: ``imagenet``, ``none`` (random, from torch's global
        generator), or a path to the state dict of the whole network. The decoder
        is always drawn at random.
    weights_dir : Path, optional
        Folder to look into before asking the network for ``imagenet``.

    Returns
    -------
    unet : UNet
        In training mode, on the CPU, float32.

    Raises
    ------
    InputError
        If the name is unknown, it cannot be an encoder, or the weights cannot be
        had or do not fit.
    """
    import segmentation_models_pytorch as library  # a second: only where lungs are cut

    trunk = timm_backbone(backbone, weights, weights_dir)
    try:
        network: Any = library.Unet(
            f"tu-{timm_name(backbone)}",
            encoder_weights=None,
            decoder_channels=_WIDTHS,
            classes=1,
        )
    except (RuntimeError, ValueError, AssertionError) as error:
        raise _no_encoder(backbone) from error
    encoder = network.encoder.model
    if weights != "none":
        state = trunk.trunk.state_dict()
        names = list(encoder.state_dict())
        if not set(names) <= set(state):
            raise _no_encoder(backbone)
        encoder.load_state_dict({name: state[name] for name in names})
    return UNet(network, trunk.mean, trunk.std)


def _no_encoder(backbone: str) -> InputError:
    return InputError(
        "backbone: expected a network whose maps of five scales can be had, got "
        f"{backbone!r}. Take efficientnet_lite0 or resnet18."
    )
