"""Attention in residual networks: where it stands, and what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from timm.layers.cbam import CbamModule
from torch import nn
from torchvision import models
from torchvision.ops import SqueezeExcitation

from hierclf.foundation.errors import InputError
from hierclf.networks.backbones import make_backbone
from hierclf.networks.network import make_featurizer
from hierclf.training.options import NetworkOptions


@pytest.mark.parametrize(("name", "n_units"), [("resnet18", 8), ("resnet50", 16)])
def test_one_block_in_every_residual_unit(name: str, n_units: int) -> None:
    trunk = make_backbone(f"{name}+se", weights="none").trunk
    blocks = [m for m in trunk.modules() if isinstance(m, SqueezeExcitation)]
    assert len(blocks) == n_units
    for block in blocks:
        assert block.fc1.out_channels * 16 == block.fc1.in_channels


def test_open_gates_change_nothing() -> None:
    """With gates of one the network is the plain one: no unit lost its branch."""
    torch.manual_seed(0)
    plain = make_backbone("resnet18", weights="none").trunk.eval()
    excited = make_backbone("resnet18+se", weights="none").trunk.eval()
    for module in excited.modules():
        if isinstance(module, SqueezeExcitation):
            nn.init.zeros_(module.fc2.weight)
            nn.init.constant_(module.fc2.bias, 50.0)
    own = {k: v for k, v in excited.state_dict().items() if ".fc" not in k}
    for name, tensor in zip(own, plain.state_dict().values(), strict=True):
        own[name].copy_(tensor)
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(excited(image), plain(image), atol=1e-5)


def test_block_attention_stands_twice() -> None:
    trunk = make_backbone("resnet50+cbam", weights="none").trunk
    layers = list(trunk.children())
    places = [k for k, layer in enumerate(layers) if isinstance(layer, CbamModule)]
    assert places == [1, len(layers) - 1]
    assert isinstance(layers[0], nn.Conv2d)
    assert trunk(torch.rand(1, 3, 64, 64)).shape == (1, 2048, 2, 2)


def test_weights_of_the_plain_network_are_taken(tmp_path: Path) -> None:
    state = models.resnet18(weights=None).state_dict()
    save_file(state, tmp_path / "resnet18.safetensors")
    backbone = make_backbone("resnet18+se", weights_dir=tmp_path)
    assert torch.equal(backbone.trunk.get_parameter("0.weight"), state["conv1.weight"])


def test_attention_in_another_network_refused() -> None:
    with pytest.raises(InputError, match=r"expected a ResNet of torchvision"):
        make_backbone("vgg16+se", weights="none")
    with pytest.raises(InputError, match=r"Did you mean 'cbam'"):
        make_backbone("resnet50+cbm", weights="none")


def test_attention_that_would_not_learn_refused() -> None:
    with pytest.raises(ValueError, match=r"attention has no weights yet"):
        NetworkOptions(backbone="resnet50+se")


def test_network_without_weights_refused_beside_imagenet() -> None:
    with pytest.raises(InputError, match=r"--weights none --part all"):
        make_backbone("small_cnn")


def test_pixels_are_the_scan_itself() -> None:
    featurizer = make_featurizer("own", make_backbone("pixels"))
    scan = torch.rand(2, 1, 64, 64)
    features = featurizer.pool(featurizer.maps(scan))
    expected = scan.unflatten(2, (32, 2)).unflatten(4, (32, 2)).mean(dim=(3, 5))
    assert features.shape == (2, 1024)
    assert torch.allclose(features, expected.flatten(1), atol=1e-6)
