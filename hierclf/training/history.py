"""What happened in each epoch, as data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Epoch(BaseModel):
    """One pass over the training scans."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float | None = None
    validation_macro_recall: float | None = None


def best_epoch(history: list[Epoch]) -> Epoch | None:
    """Find the epoch with the least validation loss.

    Parameters
    ----------
    history : list of Epoch
        In order.

    Returns
    -------
    best : Epoch or None
        The earliest of equals; None where nothing was validated.
    """
    seen = [epoch for epoch in history if epoch.validation_loss is not None]
    return min(seen, key=lambda epoch: epoch.validation_loss or 0.0, default=None)


def epochs_without_gain(history: list[Epoch]) -> int:
    """Count the epochs since the best one; 0 where nothing was validated."""
    best = best_epoch(history)
    return history[-1].epoch - best.epoch if best else 0
