"""Optimizers and learning rates by name.

The rate of an epoch is a function of what was chosen and of the history, not of
a counter inside an object: a run that is resumed computes the same rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import torch
from torch import nn

from hierclf.foundation.choices import choose
from hierclf.training.history import Epoch
from hierclf.training.options import NetworkOptions


def _step(options: NetworkOptions, epoch: int, history: list[Epoch]) -> float:
    return options.decay ** (epoch // options.step_epochs)


def _cosine(options: NetworkOptions, epoch: int, history: list[Epoch]) -> float:
    return 0.5 * (1 + math.cos(math.pi * epoch / options.epochs))


def _plateau(options: NetworkOptions, epoch: int, history: list[Epoch]) -> float:
    best, since, factor = math.inf, 0, 1.0
    for past in history:
        loss = past.validation_loss
        if loss is not None and loss < best:
            best, since = loss, 0
            continue
        since += 1
        if since > options.plateau_epochs:
            factor, since = factor * options.decay, 0
    return factor


SCHEDULES: Mapping[str, Callable[[NetworkOptions, int, list[Epoch]], float]] = (
    MappingProxyType(
        {
            "constant": lambda options, epoch, history: 1.0,
            "step": _step,
            "plateau": _plateau,
            "cosine": _cosine,
        }
    )
)
"""Schedules by name: options, epoch (from 0) and history to a factor."""


def learning_rate(options: NetworkOptions, epoch: int, history: list[Epoch]) -> float:
    """Give the learning rate of an epoch.

    Parameters
    ----------
    options : NetworkOptions
        First rate and schedule.
    epoch : int, at least 0
        The epoch that is about to begin.
    history : list of Epoch
        Those that are over.

    Returns
    -------
    rate : float
        ``step`` multiplies by `decay` every `step_epochs`; ``plateau`` after
        more than `plateau_epochs` without a lower validation loss; ``cosine``
        falls to almost zero in the last epoch.
    """
    schedule = choose("schedule", options.schedule, SCHEDULES)
    return options.learning_rate * schedule(options, epoch, history)


OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = MappingProxyType(
    {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
)
"""Optimizers of the epoch loop by name."""


def make_optimizer(
    options: NetworkOptions, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Build the optimizer of a loop.

    Parameters
    ----------
    options : NetworkOptions
        ``auto`` is adamw here.
    parameters : iterable of torch.nn.Parameter
        What learns.

    Returns
    -------
    optimizer : torch.optim.Optimizer
        Its rate is set anew for each epoch.

    Raises
    ------
    InputError
        If there is no such optimizer.
    """
    name = "adamw" if options.optimizer == "auto" else options.optimizer
    kind = choose("optimizer", name, OPTIMIZERS)
    extra = {"momentum": options.momentum} if name == "sgd" else {}
    return kind(
        parameters,
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        **extra,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate
