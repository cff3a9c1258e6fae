from __future__ import annotations

import pytest
import torch

from hierclf.foundation.errors import InputError
from hierclf.networks.backbones import make_backbone
from hierclf.networks.unet import make_unet


def test_encoder_has_the_weights_that_are_installed() -> None:
    unet = make_unet("efficientnet_lite0").eval()
    trunk = make_backbone("efficientnet_lite0").trunk.eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        maps = unet.network.encoder(images)[-1]
        expected = trunk.blocks(trunk.bn1(trunk.conv_stem(images)))
    torch.testing.assert_close(maps, expected)


def test_a_logit_for_each_pixel() -> None:
    unet = make_unet("test_resnet", weights="none").eval()
    with torch.inference_mode():
        assert unet(torch.rand(2, 1, 64, 64)).shape == (2, 1, 64, 64)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resnet19", r"backbone: expected one of .* got 'resnet19'"),
        ("vit_tiny_patch16_224", r"backbone: expected .*'vit_tiny_patch16_224'"),
    ],
)
def test_what_cannot_be_an_encoder_is_refused(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_unet(name, weights="none")
