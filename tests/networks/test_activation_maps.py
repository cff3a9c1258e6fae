"""Channel weights are those of Grad-CAM, one backward pass or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from hierclf.networks import activation_maps
from hierclf.networks.activation_maps import (
    channel_weights,
    class_gradients,
    is_linear,
    plusplus_weights,
)
from hierclf.networks.backbones import make_backbone
from hierclf.networks.heads import HeadShape, make_head
from hierclf.networks.network import Network, make_featurizer

LINEAR = ("efficientnet_lite0", "resnet18")


def build(name: str, head: str) -> Network:
    torch.manual_seed(3)
    backbone = make_backbone(name, weights="none")
    network = Network(
        make_featurizer(head, backbone), make_head(HeadShape(head), backbone, 4)
    )
    for part in network.modules():  # statistics that are not those of nothing
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.uniform_(-0.1, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    return network.eval()


class Seen(nn.Module):
    """The network with its trunk as one layer, which is what grad-cam hooks."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


@pytest.mark.parametrize("head", ["own", "dense"])
@pytest.mark.parametrize(
    "name", [*LINEAR, "alexnet", pytest.param("vgg16", marks=pytest.mark.slow)]
)
def test_equal_to_grad_cam(name: str, head: str) -> None:
    network = build(name, head)
    side = 224 if name in {"alexnet", "vgg16"} else 96
    images = torch.rand(3, 1, side, side)
    targets = torch.tensor([2, 0, 3])
    with torch.no_grad():
        maps = network.featurizer.maps(images)
    weights = channel_weights(network, maps, targets)
    wanted = [ClassifierOutputTarget(int(target)) for target in targets]
    with GradCAM(Seen(network), [network.featurizer.trunk]) as cam:
        seen = cam.activations_and_grads(images.requires_grad_(True))
        loss = sum(t(s) for t, s in zip(wanted, seen, strict=True))
        network.zero_grad()
        loss.backward()
        (gradient,) = cam.activations_and_grads.gradients
        (activation,) = cam.activations_and_grads.activations
    torch.testing.assert_close(maps, activation, atol=1e-4, rtol=0)
    expected = gradient.mean(dim=(2, 3))
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("head", ["own", "dense"])
def test_map_is_that_of_grad_cam(head: str) -> None:
    network = build("resnet18", head)
    images = torch.rand(3, 1, 96, 96)
    targets = torch.tensor([1, 2, 0])
    with torch.no_grad():
        maps = network.featurizer.maps(images)
    weighed = channel_weights(network, maps, targets)[:, :, None, None] * maps
    heat = torch.relu(weighed.sum(dim=1)).numpy()
    with GradCAM(Seen(network), [network.featurizer.trunk]) as cam:
        expected = cam(images, [ClassifierOutputTarget(int(t)) for t in targets])
    shown = scale_cam_image(scale_cam_image(heat, (96, 96)))  # it scales twice
    np.testing.assert_allclose(shown, expected, atol=1e-4)


@pytest.mark.parametrize("name", LINEAR)
def test_closed_form_is_the_gradient(name: str, monkeypatch) -> None:
    network = build(name, "own")
    assert is_linear(network)
    maps = torch.rand(5, network.head.in_features, 3, 3)
    targets = torch.tensor([0, 1, 2, 3, 0])
    closed = channel_weights(network, maps, targets)
    monkeypatch.setattr(activation_maps, "is_linear", lambda network: False)
    torch.testing.assert_close(channel_weights(network, maps, targets), closed)


def test_a_scan_does_not_change_another() -> None:
    """One backward pass serves the batch, since scores do not depend on others."""
    network = build("resnet18", "dense")
    assert not is_linear(network)
    maps = torch.rand(4, 512, 3, 3)
    targets = torch.tensor([0, 1, 2, 3])
    together = channel_weights(network, maps, targets)
    for place in range(4):
        alone = channel_weights(network, maps[[place]], targets[[place]])
        torch.testing.assert_close(alone[0], together[place], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("head", ["own", "dense"])
def test_plusplus_is_that_of_grad_cam(head: str) -> None:
    """The package adds 1e-6 to squared gradients: let them be far above it."""
    network = build("resnet18", head)
    last = network.head if head == "own" else network.head[-1]
    with torch.no_grad():
        last.weight.mul_(100)
    images = torch.rand(3, 1, 96, 96)
    targets = torch.tensor([1, 2, 0])
    with torch.no_grad():
        maps = network.featurizer.maps(images)
    gradients = class_gradients(network, maps, targets)
    found = plusplus_weights(maps, gradients)
    with GradCAMPlusPlus(Seen(network), [network.featurizer.trunk]) as cam:
        expected = cam.get_cam_weights(
            None, None, None, maps.numpy(), gradients.numpy()
        )
    assert (found >= 0).all()
    assert found.max() > 0
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=4e-3)


def test_plusplus_is_the_formula() -> None:
    """Equation 19, cell by cell in Python; a channel of no activation as well."""
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 2, size=(2, 4, 3, 3))
    maps[0, 2] = 0
    slopes = rng.normal(scale=0.1, size=maps.shape)
    slopes[1, 1, 0, 0] = 0
    expected = np.zeros((2, 4))
    for scan, channel, row, column in np.ndindex(maps.shape):
        g = slopes[scan, channel, row, column]
        if g > 0:
            total = maps[scan, channel].sum()
            alpha = g**2 / (2 * g**2 + total * g**3)
            expected[scan, channel] += alpha * g
    found = plusplus_weights(torch.from_numpy(maps), torch.from_numpy(slopes))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_negative_activations_do_not_turn_a_weight() -> None:
    maps = torch.full((1, 1, 2, 2), -5.0)
    found = plusplus_weights(maps, torch.full((1, 1, 2, 2), 0.2))
    torch.testing.assert_close(found, torch.tensor([[4 * 0.2 / 2]]))


def test_gradients_average_to_channel_weights() -> None:
    for head in ("own", "dense"):
        network = build("resnet18", head)
        maps, targets = torch.rand(2, 512, 3, 3), torch.tensor([3, 1])
        slopes = class_gradients(network, maps, targets)
        assert slopes.shape == maps.shape
        weights = channel_weights(network, maps, targets)
        torch.testing.assert_close(slopes.mean(dim=(2, 3)), weights)
