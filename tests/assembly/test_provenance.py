"""What a result was made with."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import torch

from hierclf.assembly import provenance


def test_versions_name_what_computes() -> None:
    found = provenance.versions()
    assert found["torch"] == version("torch")
    assert found["processor"] == provenance.processor()


@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU is named instead")
def test_a_processor_is_named_with_its_instructions() -> None:
    told = provenance.processor().rsplit(", ", 2)
    assert told[0]
    assert told[1] == torch.backends.cpu.get_cpu_capability()
    assert told[2] in {"float32", "bfloat16"}


def test_a_machine_that_does_not_tell_is_named_by_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provenance.Path, "read_text", _refuse)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(provenance.platform, "machine", lambda: "riscv")
    assert provenance.processor().startswith("riscv, ")


def _refuse(*_: object, **__: object) -> str:
    raise OSError
