"""A digest is kept while nothing changes, and changes with everything."""

from __future__ import annotations

import copy
import gc
import hashlib
from collections.abc import Callable

import pytest
import torch
from torch import nn

from hierclf.inference import fingerprint as module
from hierclf.inference.fingerprint import fingerprint

TOLD = b"how it looks"


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU()).eval()


def _by_hand(net: nn.Module, told: bytes = TOLD) -> str:
    digest = hashlib.sha256(told + repr(net).encode())
    for name, tensor in net.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was hashed, and not recalled."""
    found: list[bytes] = []
    plain = module._hashed

    def watched(told: bytes, *rest: object) -> str:
        found.append(told)
        return plain(told, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_hashed", watched)
    return found


def test_weights_are_hashed_once(hashed: list[bytes]) -> None:
    net = _net()
    assert {fingerprint(TOLD, net) for _ in range(5)} == {_by_hand(net)}
    assert fingerprint(b"another", net) == _by_hand(net, b"another")
    assert hashed == [TOLD, b"another"]
    with torch.inference_mode():
        net(torch.zeros(1, 1, 8, 8))  # looking changes nothing
    fingerprint(TOLD, net)
    assert len(hashed) == 2


def _step(kind: Callable[..., torch.optim.Optimizer], **told: object) -> object:
    def change(net: nn.Module) -> None:
        optimizer = kind(net.parameters(), lr=0.1, **told)
        net(torch.ones(2, 1, 8, 8)).sum().backward()
        optimizer.step()

    return change


def _look_in_training(net: nn.Module) -> None:
    for one in net.parameters():
        one.requires_grad_(False)
    net.train()(torch.ones(2, 1, 8, 8))
    net.eval()


def _fill(net: nn.Module) -> None:
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] += 1  # type: ignore[index]


def _load(net: nn.Module) -> None:
    told = {name: one + 1 for name, one in net.state_dict().items()}
    net.load_state_dict(told)


def _put_another(net: nn.Module) -> None:
    net[0].weight.data = net[0].weight.data + 1  # type: ignore[index,union-attr]


def _put_two_others(net: nn.Module) -> None:
    """The second may come to lie where the first weights lay."""
    _put_another(net)
    gc.collect()
    _put_another(net)


def _build_otherwise(net: nn.Module) -> None:
    net[2] = nn.SiLU()  # type: ignore[operator]


@pytest.mark.parametrize(
    "change",
    [
        _step(torch.optim.SGD, momentum=0.9),
        _step(torch.optim.SGD, foreach=False),
        _step(torch.optim.Adam),
        _step(torch.optim.AdamW, fused=True),
        _step(torch.optim.RMSprop),
        _look_in_training,
        _fill,
        _load,
        _put_another,
        _put_two_others,
        _build_otherwise,
        nn.Module.double,
    ],
)
def test_whatever_changes_gives_another_digest(
    change: Callable[[nn.Module], object],
) -> None:
    net = _net()
    before = fingerprint(TOLD, net)
    change(net)
    after = fingerprint(TOLD, net)
    assert after != before
    assert after == _by_hand(net)


def test_weights_whose_writes_nobody_counts_are_hashed_anew(
    hashed: list[bytes],
) -> None:
    with torch.inference_mode():
        net = _net()
        before = fingerprint(TOLD, net)
        net[0].weight += 1
        assert fingerprint(TOLD, net) == _by_hand(net) != before
    assert len(hashed) == 2


def test_a_copy_has_the_same_digest_and_nothing_is_held_for_ever() -> None:
    net = _net()
    assert fingerprint(TOLD, copy.deepcopy(net)) == fingerprint(TOLD, net)
    held = len(module._KEPT)
    del net
    gc.collect()
    assert len(module._KEPT) < held
