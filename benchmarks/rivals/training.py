"""What the scripts share that train a network by the clock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.timing import Timed, report


@dataclass(frozen=True)
class Training:
    """A network that learns by cross-entropy.

    Parameters
    ----------
    network : torch.nn.Module
        On its device.
    optimizer : torch.optim.Optimizer
        Of its parameters.
    device : torch.device
        Where images go.
    half : bool
        Whether it computes in bfloat16 where that is safe (autocast).
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    half: bool

    def step(self, images: Tensor, targets: Tensor) -> float:
        """Learn from a batch; gives its loss."""
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = self.network(images.to(self.device))
            loss = functional.cross_entropy(logits.float(), targets.to(self.device))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def training_arguments(purpose: str | None) -> argparse.Namespace:
    """Read the network, the folder of classes, and how it is to learn."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--network", required=True, help="as ours is called")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--warm", type=Path, help="not looked at")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--half", action="store_true", help="bfloat16")
    return parser.parse_args()


def by_the_clock(epoch: Callable[[], int], n_epochs: int) -> None:
    """Go through epochs; the first, which fills caches, is told apart."""
    seconds = []
    for _ in range(n_epochs):
        start = time.perf_counter()
        n = epoch()
        seconds.append(time.perf_counter() - start)
    report_epochs(n, seconds)


def report_epochs(n: int, seconds: list[float]) -> None:
    """Print the median epoch, and the first one beside it."""
    report(Timed(n, median(seconds[1:]), more={"first epoch, s": seconds[0]}))
