"""What a result was made with."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic

import torch

import hierclf
from hierclf.inference.precision import resolve_precision
from hierclf.inference.runtimes import RUNTIMES, current_runtime

_log = logging.getLogger(__name__)
_PACKAGES = (
    *("torch", "torchvision", "timm", "segmentation-models-pytorch"),
    *("scikit-learn", "numpy", "pandas"),
)


def versions() -> dict[str, str]:
    """List the versions that a number depends on.

    Returns
    -------
    versions : dict of str to str
        Of this package, Python and the libraries that compute; and what they compute
        on, since another processor rounds in another order.
    """
    found = {
        "hierclf": hierclf.__version__,
        "python": platform.python_version(),
        "processor": processor(),
        "runtime": _runtime(),
    }
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _runtime() -> str:
    """Name what runs the networks, with its version where it is not torch."""
    name = current_runtime()
    packages = RUNTIMES[name].needs
    return f"{name} {version(packages[0])}" if packages else name


def processor() -> str:
    """Name what networks are computed on.

    Returns
    -------
    name : str
        Of the GPU; else of the CPU, with the vector instructions that torch uses. Both
        with the number format that ``--precision auto`` takes there.
    """
    kind = resolve_precision("auto")
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {kind}"
    return f"{_cpu()}, {torch.backends.cpu.get_cpu_capability()}, {kind}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    return next(named, platform.machine())


def is_main_process() -> bool:
    """Tell whether this process writes; others only compute (see torchrun)."""
    return os.environ.get("RANK", "0") == "0"


class Clock:
    """Seconds of the parts of a run, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Say in the log that a block begins, and add its duration.

        Parameters
        ----------
        name : str
            Of the part.

        Yields
        ------
        None
            While the block runs.
        """
        _log.info("%s ...", name)
        start = monotonic()
        try:
            yield
        finally:
            spent = monotonic() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
