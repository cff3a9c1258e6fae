"""The epoch loop: what is learned, from what, until when."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from numpy.typing import NDArray
from torch import Tensor, nn

from hierclf.foundation.progress import Progress
from hierclf.foundation.seeding import derive_seed, generator
from hierclf.inference.precision import resolve_precision
from hierclf.loading.scans import read_ahead
from hierclf.networks.choices import Precision
from hierclf.training.checkpoint import Checkpoint
from hierclf.training.history import Epoch, best_epoch, epochs_without_gain
from hierclf.training.losses import RowLoss
from hierclf.training.options import NetworkOptions
from hierclf.training.schedules import learning_rate, make_optimizer, set_rate

Indices = NDArray[np.intp]
Fetch = Callable[[Indices, Indices, int], Tensor]
"""Scans, their places in the epoch, and the epoch to the inputs of the model."""
Validate = Callable[[nn.Module], tuple[float, float]]
"""Model to validation loss and macro recall."""
Batch = tuple[float, int, Tensor, Tensor, Tensor]
"""Share of the epoch that is over, rows of all processes, inputs, targets, weights."""
State = dict[str, Tensor]


@dataclass(frozen=True)
class TrainingRows:
    """What a loop goes over.

    Parameters
    ----------
    rows : ndarray of int, shape (n_rows,)
        Which scans, repeats of rare classes included.
    targets : ndarray of int, shape (n_scans,)
        Class positions of all scans.
    weights : ndarray of float, shape (n_scans,)
        What the loss of a scan counts.
    fetch : callable
        Gives the inputs of scans, augmented afresh in each epoch.
    """

    rows: Indices
    targets: Indices
    weights: NDArray[np.float64]
    fetch: Fetch


def train_network(
    model: nn.Module,
    data: TrainingRows,
    loss: RowLoss,
    options: NetworkOptions,
    *,
    seed: int,
    checkpoint: Checkpoint,
    validate: Validate | None = None,
) -> list[Epoch]:
    """Fit a network, in place.

    Parameters
    ----------
    model : torch.nn.Module
        Only parameters that require a gradient learn.
    data : TrainingRows
        Scans, targets and weights.
    loss : callable
        Loss of each row.
    options : NetworkOptions
        Optimizer, rates, epochs, batch size, patience.
    seed : int
        Decides order, augmentation and dropout of each epoch, by its number: a
        resumed run draws what the uninterrupted one would have drawn.
    checkpoint : Checkpoint
        Taken up where there is one, and written after each epoch.
    validate : callable, optional
        Asked after each epoch.

    Returns
    -------
    history : list of Epoch
        With `patience`, it ends that many epochs after the best one, whose
        weights the model then has.

    Notes
    -----
    Under ``accelerate launch`` or ``torchrun`` every process takes its share of
    each batch, and the gradients are those of the whole batch. Only BatchNorm that
    learns (see `frozen_norm`) and dropout differ from one process, by nature: each
    sees its share alone.
    """
    machine = Accelerator(cpu=not torch.cuda.is_available())
    model.to(machine.device)
    model.to(memory_format=torch.channels_last)  # up to 1.4 times as fast on a CPU
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = make_optimizer(options, learning)
    history, best = checkpoint.load(model, optimizer)
    engine = machine.prepare(model)
    for epoch in range(len(history), options.epochs):
        if _has_settled(options, history):
            break
        rate = learning_rate(options, epoch, history)
        torch.manual_seed(derive_seed(seed, "dropout", epoch, machine.process_index))
        engine.train()
        batches = _batches(data, options.batch_size, seed, epoch, machine)
        rates = _Rates(optimizer, options, epoch, history)
        train_loss = _run_epoch(
            engine, rates, loss, batches, machine, options.precision
        )
        checked = _check(model, validate)
        history.append(_tell(epoch, rate, train_loss, checked))
        best = _keep_best(model, best, options, history)
        if machine.is_main_process:
            checkpoint.save(model, optimizer, history, best)
    if best is not None:
        model.load_state_dict(best)
    if machine.num_processes > 1:
        broadcast(list(model.state_dict().values()))  # BatchNorm saw other scans
    model.cpu().eval()
    model.to(memory_format=torch.contiguous_format)
    return history


def _has_settled(options: NetworkOptions, history: list[Epoch]) -> bool:
    waited = epochs_without_gain(history) if history else 0
    return 0 < options.patience <= waited


def _keep_best(
    model: nn.Module, best: State | None, options: NetworkOptions, history: list[Epoch]
) -> State | None:
    if options.patience and best_epoch(history) is history[-1]:
        return copy.deepcopy(model.state_dict())
    return best


def _check(model: nn.Module, validate: Validate | None) -> tuple[float, float] | None:
    if validate is None:
        return None
    model.eval()
    with torch.inference_mode():
        return validate(model)


def _tell(
    epoch: int, rate: float, train_loss: float, checked: tuple[float, float] | None
) -> Epoch:
    if checked is None:
        return Epoch(epoch=epoch, learning_rate=rate, train_loss=train_loss)
    return Epoch(
        epoch=epoch,
        learning_rate=rate,
        train_loss=train_loss,
        validation_loss=checked[0],
        validation_macro_recall=checked[1],
    )


@dataclass(frozen=True)
class _Rates:
    """The optimizer of an epoch, its rate set for each batch."""

    optimizer: torch.optim.Optimizer
    options: NetworkOptions
    epoch: int
    history: list[Epoch]

    def begin(self, share: float) -> None:
        rate = learning_rate(self.options, self.epoch + share, self.history)
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad()


def _run_epoch(
    engine: nn.Module,
    rates: _Rates,
    loss: RowLoss,
    batches: Iterator[Batch],
    machine: Accelerator,
    precision: Precision,
) -> float:
    total, n_rows = 0.0, 0
    half = resolve_precision(precision) == "bfloat16"
    for share, n_batch, inputs, targets, weights in batches:
        rates.begin(share)
        with torch.autocast(machine.device.type, torch.bfloat16, enabled=half):
            logits = engine(inputs)
        losses = (loss(logits.float(), targets) * weights).sum()
        # gradients are averaged over processes, whose shares may differ by a row
        machine.backward(losses * machine.num_processes / n_batch)
        rates.optimizer.step()
        total += float(losses.detach())
        n_rows += len(targets)
    return total / max(n_rows, 1)


def _batches(
    data: TrainingRows, batch_size: int, seed: int, epoch: int, machine: Accelerator
) -> Iterator[Batch]:
    order = generator(seed, "order", epoch).permutation(len(data.rows))
    cuts = _cuts(order, batch_size, machine.num_processes)
    shares = [cut[machine.process_index :: machine.num_processes] for cut in cuts]

    def load(places: Indices) -> tuple[Tensor, Tensor, Tensor]:
        scans = data.rows[places]
        inputs = data.fetch(scans, places, epoch)
        weights = torch.from_numpy(data.weights[scans].astype(np.float32))
        return inputs, torch.from_numpy(data.targets[scans]), weights

    bar = Progress(shares, desc=f"epoch {epoch + 1}", leave=False)
    for number, (_, batch) in enumerate(
        zip(bar, read_ahead(load, shares), strict=True)
    ):
        inputs, targets, weights = (part.to(machine.device) for part in batch)
        yield number / len(shares), len(cuts[number]), inputs, targets, weights


def _cuts(order: Indices, batch_size: int, n_processes: int) -> list[Indices]:
    """Cut an epoch into batches; a last one too small for BatchNorm is dropped."""
    cuts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    too_small = len(cuts) > 1 and len(cuts[-1]) < 2 * n_processes
    return cuts[:-1] if too_small else cuts
