"""The machine of a benchmark: what it is, how busy, and the most that it multiplies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from hierclf.assembly.provenance import processor, versions
from hierclf.inference.precision import default_device
from hierclf.inference.runtimes import RUNTIMES

_SIDE = {"cpu": 2048, "cuda": 8192}
_TRIES = 5
_PARTS = 8
_LONGEST_S = 2.0  # of one product
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def describe_machine() -> dict[str, Any]:
    """Tell what is measured on, and at which commit."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "memory_gb": round(_memory_kb() / 1e6, 1),
        "versions": versions(),
        "runtimes": [name for name, runtime in RUNTIMES.items() if runtime.is_there],
        "commit": _git("rev-parse", "HEAD"),
        "changed": bool(_git("status", "--porcelain")),
    }


def _memory_kb() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))


def _git(*words: str) -> str:
    place = Path(__file__).resolve().parents[1]
    program = shutil.which("git") or "git"
    told = subprocess.run(
        [program, *words], cwd=place, capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def file_name(machine: dict[str, Any]) -> str:
    """Name the file of a machine's results.

    Examples
    --------
    >>> file_name({"processor": "AMD EPYC, AVX512, bfloat16", "cores": 2})
    'amd-epyc-bfloat16-2-cores.json'
    """
    model, *_, kind = machine["processor"].split(", ")  # of two kinds of one name
    words = re.findall(r"[a-z0-9.]+", f"{model} {kind}".lower())
    return "-".join([*words, str(machine["cores"]), "cores"]) + ".json"


def matmul_peak() -> dict[str, float]:
    """Find how many GFLOP/s a product of square matrices reaches, the best of tries.

    Matrices are smaller where a processor has no instructions for a format and would
    take minutes.

    Returns
    -------
    peak : dict of str to float
        By number format; a multiplication and an addition count as two.
    """
    device = default_device()
    side = _SIDE[device.type]
    found = {}
    for name, dtype in _DTYPES.items():
        whole = torch.randn(side, side, device=device).to(dtype)
        part = whole[: side // _PARTS, : side // _PARTS].contiguous()
        found[name] = _gflops(part)
        if 2 * side**3 / found[name] / 1e9 < _LONGEST_S:
            found[name] = _gflops(whole)
    return found


def _gflops(one: torch.Tensor) -> float:
    seconds = min(_seconds_of_product(one) for _ in range(_TRIES))
    return 2 * len(one) ** 3 / seconds / 1e9


def _seconds_of_product(one: torch.Tensor) -> float:
    with torch.inference_mode():
        _wait()
        start = time.perf_counter()
        one @ one
        _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
