"""Heads: what they are made of, and the ladder of ordered classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from hierclf.networks.backbones import make_backbone
from hierclf.networks.heads import HeadShape, Ladder, make_head
from hierclf.networks.network import Network, make_featurizer


def trained_and_all(network: nn.Module) -> tuple[int, int]:
    """Count as Keras does: running means and variances are parameters there."""
    learned = sum(p.numel() for p in network.parameters())
    running = sum(
        buffer.numel() for name, buffer in network.named_buffers() if "running" in name
    )
    return learned, learned + running


def test_small_cnn_has_the_published_parameters() -> None:
    backbone = make_backbone("small_cnn", weights="none")
    head = make_head(HeadShape(output="ordered"), backbone, 2)
    network = Network(make_featurizer("own", backbone), head).eval()
    learned, total = trained_and_all(network)
    assert total == 1_246_401
    assert total - learned == 1_088
    maps = network.featurizer.maps(torch.rand(2, 1, 150, 150))
    assert maps.shape == (2, 256, 5, 5)
    assert network(torch.rand(2, 1, 150, 150)).shape == (2, 2)


def test_dense_head_without_normalization_and_of_another_width() -> None:
    backbone = make_backbone("test_resnet", weights="none")
    shape = HeadShape("dense", width=128, norm=False, dropout=0.3)
    head = make_head(shape, backbone, 2)
    kinds = [type(layer).__name__ for layer in head.children()]
    assert kinds == ["Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert {layer.p for layer in head.modules() if isinstance(layer, nn.Dropout)} == {
        0.3
    }
    linear = [m for m in head.modules() if isinstance(m, nn.Linear)]
    assert [m.out_features for m in linear] == [128, 2]


def test_deep_head_has_four_linear_layers() -> None:
    backbone = make_backbone("test_resnet", weights="none")
    head = make_head(HeadShape("deep", width=64), backbone, 3)
    linear = [m.out_features for m in head.modules() if isinstance(m, nn.Linear)]
    assert linear == [64, 32, 16, 3]


def test_ladder_is_the_continuation_ratio() -> None:
    """Against the products written out, in double precision."""
    torch.manual_seed(0)
    ladder = Ladder(6, 4)
    features = torch.randn(5, 6)
    with torch.inference_mode():
        logits = ladder(features)
        steps = torch.sigmoid(ladder.steps(features)).double().numpy()
    above = np.cumprod(steps, axis=1)
    expected = -np.diff(np.column_stack([np.ones(5), above, np.zeros(5)]), axis=1)
    found = torch.softmax(logits, dim=1).numpy()
    assert found == pytest.approx(expected, abs=1e-6)
    assert logits.exp().sum(dim=1).numpy() == pytest.approx(1.0, abs=1e-6)


def test_loss_of_the_ladder_is_the_sum_of_binary_ones() -> None:
    torch.manual_seed(1)
    ladder = Ladder(6, 4)
    features, targets = torch.randn(40, 6), torch.randint(0, 4, (40,))
    with torch.inference_mode():
        found = functional.cross_entropy(ladder(features), targets, reduction="sum")
        steps = ladder.steps(features)
    expected = torch.zeros(())
    for step in range(3):
        reached = targets >= step
        expected += functional.binary_cross_entropy_with_logits(
            steps[reached, step],
            (targets[reached] > step).float(),
            reduction="sum",
        )
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_ladder_of_two_classes_is_one_logit() -> None:
    ladder = Ladder(3, 2)
    features = torch.randn(7, 3)
    with torch.inference_mode():
        found = torch.softmax(ladder(features), dim=1)[:, 1]
        expected = torch.sigmoid(ladder.steps(features))[:, 0]
    assert torch.allclose(found, expected, atol=1e-6)


def test_ladder_stays_finite_far_out() -> None:
    ladder = Ladder(1, 5)
    with torch.inference_mode():
        logits = ladder(torch.tensor([[1e4], [-1e4]]))
    assert torch.isfinite(torch.softmax(logits, dim=1)).all()
