"""Which number format ``auto`` stands for."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
import torch

from hierclf.inference.precision import resolve_precision, warn_if_emulated

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


@pytest.mark.parametrize("known", [True, False])
def test_a_format_that_the_processor_does_not_know_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, known: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    there = torch.ops.mkldnn
    monkeypatch.setattr(there, "_is_mkldnn_bf16_supported", lambda: known)
    warn_if_emulated.cache_clear()
    for dtype in (torch.float32, torch.bfloat16, torch.bfloat16):
        warn_if_emulated(dtype)
    assert len(caplog.messages) == (0 if known else 1)
    assert all("--precision float32" in told for told in caplog.messages)
    warn_if_emulated.cache_clear()
