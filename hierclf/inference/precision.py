"""The number format that a network computes in."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from hierclf.networks.choices import Precision

_log = logging.getLogger(__name__)


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
        The latter on a GPU that has it and on a CPU that multiplies it faster: one
        with AMX, or AMD's with AVX512-BF16. Intel's instructions of that name take
        twice as long as those for single precision: see MEASURED.md, *Speed*.
    """
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if _bfloat16_pays() else "float32"


def _bfloat16_pays() -> bool:
    """Go by what the processor is: a test by the clock may end one way or the other."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    by_amd = "AuthenticAMD" in told and "avx512_bf16" in told
    return by_amd or "amx_bf16" in told


@cache
def warn_if_emulated(dtype: torch.dtype) -> None:
    """Say once where a format is asked for that the processor cannot compute in.

    Parameters
    ----------
    dtype : torch.dtype
        Of a network that is about to run. Without AVX-512, EfficientNet-Lite0 takes
        torch ten times as long in bfloat16 as in single precision; OpenVINO computes
        in the latter and does not say so.
    """
    if dtype is not torch.bfloat16 or default_device().type != "cpu":
        return
    # A torch built without oneDNN lacks the operator.
    is_supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if is_supported is not None and not is_supported():
        _log.warning(
            "precision: bfloat16 is not known to this processor, on which torch is "
            "some ten times as slow in it, and OpenVINO computes in single precision "
            "instead. For machines like this one, train with --precision float32."
        )


def dtype_of(precision: Precision) -> torch.dtype:
    """Give torch's type of a precision, ``auto`` resolved."""
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return names[resolve_precision(precision)]


def default_device() -> torch.device:
    """Choose the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
