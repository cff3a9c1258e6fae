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


def _step(options: NetworkOptions, progress: float, history: list[Epoch]) -> float:
    return options.decay ** (int(progress) // options.step_epochs)


def _cosine(options: NetworkOptions, progress: float, history: list[Epoch]) -> float:
    return 0.5 * (1 + math.cos(math.pi * int(progress) / options.epochs))


def _plateau(options: NetworkOptions, progress: float, history: list[Epoch]) -> float:
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


def _cyclical(options: NetworkOptions, progress: float, history: list[Epoch]) -> float:
    place = progress % options.cycle_epochs / options.cycle_epochs
    height = 1 - abs(2 * place - 1)
    return options.cycle_base + (1 - options.cycle_base) * height


SCHEDULES: Mapping[str, Callable[[NetworkOptions, float, list[Epoch]], float]] = (
    MappingProxyType(
        {
            "constant": lambda options, progress, history: 1.0,
            "step": _step,
            "plateau": _plateau,
            "cosine": _cosine,
            "cyclical": _cyclical,
        }
    )
)
"""Schedules by name: options, epochs since the start and history to a factor."""


def learning_rate(
    options: NetworkOptions, progress: float, history: list[Epoch]
) -> float:
    """Give the learning rate of a batch.

    Parameters
    ----------
    options : NetworkOptions
        Rate and schedule.
    progress : float, at least 0
        Epochs since the start of the fit, with the part of the one that runs.
    history : list of Epoch
        Those that are over.

    Returns
    -------
    rate : float
        ``step`` multiplies by `decay` every `step_epochs`; ``plateau`` after
        more than `plateau_epochs` without a lower validation loss; ``cosine``
        falls to almost zero in the last epoch; these stay the same in an epoch, and
        `lowest_rate` bounds the first two. ``cyclical`` goes up from `cycle_base`
        times the rate and down again in each `cycle_epochs`, batch by batch (Smith,
        "Cyclical learning rates for training neural networks", WACV 2017, the
        triangular policy). In the first `warmup_epochs` all of them rise linearly.
    """
    schedule = choose("schedule", options.schedule, SCHEDULES)
    rate = options.learning_rate * schedule(options, progress, history)
    if options.schedule in {"step", "plateau"}:
        rate = max(rate, options.lowest_rate)
    if progress < options.warmup_epochs:
        rate *= progress / options.warmup_epochs
    return rate


OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = MappingProxyType(
    {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
    }
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
        Its rate is set anew for each batch.

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
