"""Learning rates against torch's own schedulers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from hierclf.foundation.errors import InputError
from hierclf.training.history import Epoch, best_epoch, epochs_without_gain
from hierclf.training.options import NetworkOptions
from hierclf.training.schedules import learning_rate, make_optimizer


def _history(losses: list[float]) -> list[Epoch]:
    return [
        Epoch(epoch=i, learning_rate=0.1, train_loss=1.0, validation_loss=loss)
        for i, loss in enumerate(losses)
    ]


def _torch_rates(make: object, losses: list[float], *, plateau: bool) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(loss) if plateau else scheduler.step()
    return rates


@pytest.mark.parametrize("name", ["step", "cosine", "plateau", "constant"])
def test_rates_are_torchs(name: str) -> None:
    losses = [1.0, 0.9, 0.95, 0.96, 0.97, 0.98, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    options = NetworkOptions(
        schedule=name,
        learning_rate=0.1,
        step_epochs=3,
        decay=0.5,
        plateau_epochs=2,
        epochs=len(losses),
    )
    makers = {
        "step": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, len(losses)),
        "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(
            o, factor=0.5, patience=2, threshold=0
        ),
        "constant": lambda o: lr_scheduler.ConstantLR(o, 1.0),
    }
    expected = _torch_rates(makers[name], losses, plateau=name == "plateau")
    history = _history(losses)
    found = [learning_rate(options, i, history[:i]) for i in range(len(losses))]
    assert found == pytest.approx(expected)


def test_cycles_are_torchs() -> None:
    """The triangular policy, batch by batch, over two cycles and a part."""
    n_batches = 5
    options = NetworkOptions(
        schedule="cyclical", learning_rate=0.1, cycle_epochs=4, cycle_base=0.2
    )
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = lr_scheduler.CyclicLR(
        optimizer, 0.02, 0.1, step_size_up=2 * n_batches, cycle_momentum=False
    )
    for batch in range(9 * n_batches):
        found = learning_rate(options, batch / n_batches, [])
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_rate_has_a_floor() -> None:
    options = NetworkOptions(
        schedule="step", learning_rate=0.1, step_epochs=1, lowest_rate=0.003
    )
    rates = [learning_rate(options, epoch, []) for epoch in range(4)]
    assert rates == pytest.approx([0.1, 0.01, 0.003, 0.003])


def test_warm_up_is_a_line_from_nothing() -> None:
    options = NetworkOptions(
        schedule="constant", learning_rate=0.1, warmup_epochs=2, epochs=5
    )
    rates = [learning_rate(options, at, []) for at in (0, 0.5, 1, 1.5, 2, 4)]
    assert rates == pytest.approx([0, 0.025, 0.05, 0.075, 0.1, 0.1])


def test_optimizers_by_name() -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    made = make_optimizer(NetworkOptions(optimizer="sgd", momentum=0.7), weights)
    assert made.param_groups[0]["momentum"] == 0.7
    assert isinstance(make_optimizer(NetworkOptions(), weights), torch.optim.AdamW)
    with pytest.raises(InputError, match="got 'lbfgs'"):
        make_optimizer(NetworkOptions(optimizer="lbfgs"), weights)


def test_waiting_is_counted_from_the_best_epoch() -> None:
    history = _history([1.0, 0.5, 0.7, 0.5])
    best = best_epoch(history)
    assert best is not None
    assert best.epoch == 1
    assert epochs_without_gain(history) == 2
    unseen = [Epoch(epoch=3, learning_rate=0.1, train_loss=1.0)]
    assert epochs_without_gain(unseen) == 0


@pytest.mark.parametrize("name", ["constant", "cosine", "cyclical"])
def test_floor_is_not_of_all_schedules(name: str) -> None:
    options = NetworkOptions(
        schedule=name, learning_rate=0.1, epochs=4, lowest_rate=0.09, cycle_base=0.1
    )
    plain = options.model_copy(update={"lowest_rate": 0.0})
    rates, free = (
        [learning_rate(one, epoch / 2, []) for epoch in range(8)]
        for one in (options, plain)
    )
    assert rates == free


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_weights_decay_by_what_was_asked(name: str) -> None:
    options = NetworkOptions(optimizer=name, weight_decay=0.03, learning_rate=0.2)
    [group] = make_optimizer(options, [nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["weight_decay"], group["lr"]) == (0.03, 0.2)
