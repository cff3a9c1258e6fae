"""The state of a training after each epoch, in one file without a pickle.

Tensors and the JSON beside them go into one safetensors file, so that weights,
optimizer and history cannot belong to different epochs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from hierclf.foundation.files import write_bytes
from hierclf.loading.scans import Scans
from hierclf.training.history import Epoch

_log = logging.getLogger(__name__)


class Checkpoint:
    """Where the state of one fit is kept.

    Parameters
    ----------
    folder : Path or None
        None keeps nothing.
    key : str
        Digest of all that decides the result of the fit: options, scans,
        labels, seed. A state of another fit is thus never taken up.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._path = folder / f"{key[:32]}.safetensors" if folder else None

    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: list[Epoch],
        best: dict[str, Tensor] | None,
    ) -> None:
        """Write the state after an epoch, whole or not at all.

        Parameters
        ----------
        model : torch.nn.Module
            With the weights of the last epoch.
        optimizer : torch.optim.Optimizer
            With its state.
        history : list of Epoch
            All epochs so far.
        best : dict of str to Tensor or None
            The model's state after its best epoch, where one is looked for.
        """
        if self._path is None:
            return
        tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in (best or {}).items()}
        slots: dict[str, dict[str, Any]] = {}
        for place, state in optimizer.state_dict()["state"].items():
            slots[str(place)] = {}
            for name, value in state.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{place}.{name}"] = value
                else:
                    slots[str(place)][name] = value
        content = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        told = {
            "history": json.dumps([epoch.model_dump() for epoch in history]),
            "slots": json.dumps(slots),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self._path, save(content, metadata=told))

    def load(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[list[Epoch], dict[str, Tensor] | None]:
        """Take the state up again.

        Parameters
        ----------
        model : torch.nn.Module
            Its weights are replaced.
        optimizer : torch.optim.Optimizer
            Its state is replaced.

        Returns
        -------
        history : list of Epoch
            Empty where there is no state, or none that can be read.
        best : dict of str to Tensor or None
            As it was saved.
        """
        if self._path is None or not self._path.exists():
            return [], None
        try:
            with safe_open(self._path, framework="pt") as stream:
                told = stream.metadata()
                tensors = {k: stream.get_tensor(k) for k in stream.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            _log.warning("checkpoint: starting again, since %s", error)
            return [], None
        model.load_state_dict(_below(tensors, "model."))
        _fill_optimizer(optimizer, _below(tensors, "optimizer."), told["slots"])
        epochs = [Epoch.model_validate(item) for item in json.loads(told["history"])]
        return epochs, _below(tensors, "best.") or None


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)
    }


def _fill_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], slots: str
) -> None:
    state: dict[int, dict[str, Any]] = {
        int(place): dict(values) for place, values in json.loads(slots).items()
    }
    for key, tensor in tensors.items():
        place, name = key.split(".", 1)
        state.setdefault(int(place), {})[name] = tensor
    whole = optimizer.state_dict()
    whole["state"] = state
    optimizer.load_state_dict(whole)


def names_of(scans: Scans) -> list[str]:
    """Name scans and their present content."""
    if isinstance(scans, pd.DataFrame):
        return [state_of(path) for path in scans["path"]]
    return [
        hashlib.sha256(np.ascontiguousarray(s).tobytes()).hexdigest() for s in scans
    ]


def state_of(path: str) -> str:
    """Name a file and its present content, without reading it."""
    try:
        state = os.stat(path)
    except OSError:  # no file, or told where it is read
        return path
    return f"{path} {state.st_size} {state.st_mtime_ns}"
