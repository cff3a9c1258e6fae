"""Attention inside residual networks, as Shen 2022 places it.

The blocks are torchvision's (BSD) and timm's (Apache-2.0), which are kept and tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from timm.layers.cbam import CbamModule
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import SqueezeExcitation

REDUCTION = 16


def squeeze_and_excitation(trunk: nn.Sequential) -> nn.Sequential:
    """Weigh the channels of every residual unit before they are added.

    Parameters
    ----------
    trunk : torch.nn.Sequential
        Of a ResNet of torchvision; changed in place.

    Returns
    -------
    trunk : torch.nn.Sequential
        The same, a block behind the last BatchNorm of each unit (Hu, Shen and Sun,
        "Squeeze-and-excitation networks", CVPR 2018, figure 3), reduction 16.
    """
    for unit in list(trunk.modules()):
        if isinstance(unit, Bottleneck | BasicBlock):
            last = "bn3" if isinstance(unit, Bottleneck) else "bn2"
            norm = unit.get_submodule(last)
            width = int(unit.get_parameter(f"{last}.weight").shape[0])
            excite = SqueezeExcitation(width, width // REDUCTION)
            unit.set_submodule(last, nn.Sequential(norm, excite))
    return trunk


def block_attention(trunk: nn.Sequential) -> nn.Sequential:
    """Weigh channels and places twice: before the network and behind it.

    Parameters
    ----------
    trunk : torch.nn.Sequential
        Of a ResNet of torchvision.

    Returns
    -------
    trunk : torch.nn.Sequential
        A convolution of 3 x 3 that keeps the three channels, a CBAM (Woo et al.,
        "CBAM", ECCV 2018), the network, and a CBAM on its last map. The source
        gives no width of the convolution; three channels are what the network, and
        its weights, expect.
    """
    width = max(
        module.num_features
        for module in trunk.modules()
        if isinstance(module, nn.BatchNorm2d)
    )
    before = (nn.Conv2d(3, 3, 3, padding=1), CbamModule(3))
    return nn.Sequential(*before, *trunk.children(), CbamModule(width))


ATTENTION: Mapping[str, Callable[[nn.Sequential], nn.Sequential]] = MappingProxyType(
    {"se": squeeze_and_excitation, "cbam": block_attention}
)
"""Kinds of attention by name; behind a network's name: ``resnet50+se``."""
