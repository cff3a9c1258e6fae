"""Which number format ``auto`` stands for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import torch

from hierclf.inference.precision import resolve_precision, warn_if_emulated
from hierclf.inference.runtimes import make_runtime
from hierclf.networks.backbones import make_backbone
from hierclf.networks.network import make_featurizer

AMD = "vendor_id\t: AuthenticAMD\nflags\t\t: fma avx2 avx512f"
INTEL = "vendor_id\t: GenuineIntel\nflags\t\t: fma avx2 avx512f"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (f"{AMD} avx512_bf16", "bfloat16"),
        (AMD, "float32"),
        (f"{INTEL} avx512_bf16 amx_bf16 amx_tile", "bfloat16"),
        (f"{INTEL} avx512_bf16", "float32"),
        ("", "float32"),
    ],
)
def test_auto_is_bfloat16_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, told: str, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: told)
    assert resolve_precision("auto") == expected
    assert resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("float32") == "float32"


def test_auto_where_nothing_is_told_of_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_: object, **__: object) -> NoReturn:
        raise FileNotFoundError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Path, "read_text", absent)
    assert resolve_precision("auto") == "float32"


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, has: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has)
    assert resolve_precision("auto") == expected


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """What oneDNN says of a processor beside which there is no GPU."""
    there = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", there)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    warn_if_emulated.cache_clear()
    yield there
    warn_if_emulated.cache_clear()


@pytest.mark.usefixtures("processor")
def test_a_format_that_the_processor_does_not_know_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = make_featurizer("own", make_backbone("test_resnet", weights="none"))
    for dtype in (torch.float32, torch.bfloat16, torch.bfloat16):
        make_runtime("eager", network, dtype)
    assert len(caplog.messages) == 1
    assert "--precision float32" in caplog.messages[0]


@pytest.mark.parametrize("where", ["known", "GPU", "without oneDNN"])
def test_a_format_that_is_known_is_not_warned_of(
    monkeypatch: pytest.MonkeyPatch,
    processor: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
    where: str,
) -> None:
    if where == "known":
        processor._is_mkldnn_bf16_supported = lambda: True
    elif where == "GPU":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    else:
        del processor._is_mkldnn_bf16_supported
    warn_if_emulated(torch.bfloat16)
    assert not caplog.messages
