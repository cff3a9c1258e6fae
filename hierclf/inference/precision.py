"""The number format that a network computes in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from hierclf.networks.choices import Precision


def resolve_precision(precision: Precision) -> Literal["float32", "bfloat16"]:
    """Decide what ``auto`` means on this machine.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        What was asked for. A bundle stores the answer and not the question, so
        that a model is not another model on another machine.

    Returns
    -------
    resolved : {"float32", "bfloat16"}
        The latter on a GPU that has it and on a CPU with AVX512-BF16 or AMX.
    """
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if _cpu_multiplies_bfloat16() else "float32"


def _cpu_multiplies_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def dtype_of(precision: Precision) -> torch.dtype:
    """Give torch's type of a precision, ``auto`` resolved."""
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return names[resolve_precision(precision)]


def default_device() -> torch.device:
    """Choose the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
