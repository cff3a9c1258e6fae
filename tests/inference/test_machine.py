"""What a process that computes asks of its machine."""

from __future__ import annotations

import pytest
import torch

from hierclf.inference import machine


@pytest.mark.parametrize(("asked", "threads"), [(None, []), (3, [3])])
def test_memory_is_kept_and_threads_are_limited(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, threads: list[int]
) -> None:
    told: list[int | str] = []
    monkeypatch.setattr(machine, "keep_memory", lambda: told.append("kept"))
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    machine.prepare_machine(asked)
    assert told == ["kept", *threads]
