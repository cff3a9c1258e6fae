"""Runtimes timed on this machine, and the fastest of those that agree."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import get_args

import torch
from torch import Tensor
from torch.nn import functional

from hierclf.inference.frozen import FrozenTrunk
from hierclf.inference.precision import default_device, dtype_of
from hierclf.inference.runtimes import (
    RUNTIMES,
    Maps,
    current_runtime,
    make_runtime,
    set_runtime,
)
from hierclf.networks.choices import RuntimeChoice, RuntimeName
from hierclf.networks.network import Featurizer

_log = logging.getLogger(__name__)
_SECONDS = 2.0
_BATCH = 16
_FLOAT32_TOLERANCE = 1e-3
_BFLOAT16_FACTOR = 2.0


@dataclass(frozen=True)
class Trial:
    """How a runtime did on this machine.

    Parameters
    ----------
    name : str
        Of the runtime.
    images_per_s : float
        On batches of 16; 0 where it cannot run the network.
    distance : float
        Of its pooled features from those of eager torch, see `time_runtimes`; infinite
        where it cannot run the network.
    agrees : bool
        Whether that is within the tolerance.
    """

    name: RuntimeName
    images_per_s: float
    distance: float
    agrees: bool

    def __str__(self) -> str:
        """Say it in words."""
        far = f"features {self.distance:.1g} of their length away from torch's"
        refused = "" if self.agrees else ", too far: not taken"
        return f"{self.name}: {self.images_per_s:.0f} images/s, {far}{refused}"


def use_runtime(
    choice: RuntimeChoice | None, trunks: Callable[[], Iterable[FrozenTrunk]]
) -> None:
    """Choose what runs the trunks that are built from now on.

    Parameters
    ----------
    choice : str or None
        A runtime (``eager`` if None), or ``auto``: the one that takes the least time
        for all `trunks` among those that agree on each.
    trunks : callable
        Asked under ``auto`` only: what is going to run.

    Raises
    ------
    InputError
        If the runtime's package is not installed.
    """
    if choice != "auto":
        set_runtime(choice or "eager")
        return
    set_runtime("eager")
    seconds: dict[RuntimeName, float] = dict.fromkeys(_candidates(), 0.0)
    for trunk in trunks():
        side = trunk.input_side
        dtype = dtype_of(trunk.options.precision)
        for trial in time_runtimes(trunk.featurizer, dtype, side):
            cost = 1 / trial.images_per_s if trial.agrees else math.inf
            seconds[trial.name] += cost
    set_runtime(min(seconds, key=seconds.__getitem__))
    _log.info("runtime: %s", current_runtime())


def time_runtimes(featurizer: Featurizer, dtype: torch.dtype, side: int) -> list[Trial]:
    """Time the runtimes that are there, two seconds each.

    Parameters
    ----------
    featurizer : Featurizer
        In float32, on the CPU, in evaluation mode.
    dtype : torch.dtype
        Number format.
    side : int
        Of the images, in pixels.

    Returns
    -------
    trials : list of Trial
        In the order of `RUNTIMES`. ``distance`` is the largest, over 16 pictures,
        of the length of the difference of pooled features over the length of these.
        In float32 it may be 0.001; in bfloat16 twice as far as eager torch in bfloat16
        is itself from float32.
    """
    images = _pictures(side).to(default_device())
    with torch.inference_mode():
        plain = make_runtime("eager", featurizer, dtype)
        expected = featurizer.pool(plain(images))
        tolerance = _tolerance(featurizer, dtype, images, expected)
        trials = []
        for name in _candidates():
            try:
                run = (
                    plain if name == "eager" else make_runtime(name, featurizer, dtype)
                )
                distance = _distance(featurizer.pool(run(images)), expected)
                speed = _speed(run, images)
            except Exception as error:  # noqa: BLE001  # whatever another package raises
                _log.warning("runtime %s is left out: %s", name, error)
                distance, speed = math.inf, 0.0
            trials.append(Trial(name, speed, distance, distance <= tolerance))
            _log.info("runtime %s", trials[-1])
    return trials


def _candidates() -> list[RuntimeName]:
    names: tuple[RuntimeName, ...] = get_args(RuntimeName)
    kinds = {name: RUNTIMES[name] for name in names}
    return [name for name, kind in kinds.items() if kind.timed and kind.is_usable]


def _tolerance(
    featurizer: Featurizer, dtype: torch.dtype, images: Tensor, expected: Tensor
) -> float:
    if dtype is torch.float32:
        return _FLOAT32_TOLERANCE
    exact = make_runtime("eager", featurizer, torch.float32)(images)
    return _BFLOAT16_FACTOR * _distance(expected, featurizer.pool(exact))


def _speed(run: Maps, images: Tensor) -> float:
    start, n_images = perf_counter(), 0
    while perf_counter() - start < _SECONDS:
        run(images).cpu()
        n_images += len(images)
    return n_images / (perf_counter() - start)


def _distance(found: Tensor, expected: Tensor) -> float:
    length = expected.norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    return float(((found - expected).norm(dim=1) / length).max())


def _pictures(side: int) -> Tensor:
    """Draw pictures with coarse and fine structure, the same each time."""
    drawn = torch.Generator().manual_seed(0)
    coarse = torch.rand(_BATCH, 1, 8, 8, generator=drawn)
    fine = torch.rand(_BATCH, 1, side, side, generator=drawn)
    smooth = functional.interpolate(coarse, (side, side), mode="bicubic")
    return (0.9 * smooth + 0.1 * fine).clamp(0, 1)
