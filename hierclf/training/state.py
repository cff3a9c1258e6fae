"""A fitted network as plain tensors and JSON, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from hierclf.foundation.errors import InputError
from hierclf.inference.frozen import ViewOptions
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import Preparation
from hierclf.networks.backbones import make_backbone
from hierclf.networks.heads import make_head
from hierclf.networks.network import Featurizer, Network, make_featurizer
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.history import Epoch
from hierclf.training.options import NetworkOptions
from hierclf.training.trunks import head_shape_of


class NetworkDescription(BaseModel):
    """What must be known beside the tensors; plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: NetworkOptions
    classes: tuple[bool | int | str, ...]
    seed: int
    history: tuple[Epoch, ...]


@dataclass(frozen=True)
class NetworkState:
    """A fitted network, taken apart.

    Parameters
    ----------
    description : NetworkDescription
        Options (precision resolved), labels, seed, history.
    featurizer : dict of str to Tensor
        Weights of the trunk; equal for stages that share a frozen one.
    head : dict of str to Tensor
        Weights of the head.
    """

    description: NetworkDescription
    featurizer: dict[str, Tensor]
    head: dict[str, Tensor]


def take_apart(stage: NetworkClassifier) -> NetworkState:
    """Take a fitted network apart.

    Parameters
    ----------
    stage : NetworkClassifier
        Fitted.

    Returns
    -------
    state : NetworkState
        All that scoring needs.
    """
    description = NetworkDescription(
        options=stage.resolved_options(),
        classes=tuple(stage.classes_.tolist()),
        seed=stage.seed,
        history=tuple(stage.history_),
    )
    network = stage.network_
    return NetworkState(
        description,
        dict(network.featurizer.state_dict()),
        dict(network.head.state_dict()),
    )


def put_together(
    state: NetworkState, preparation: Preparation | None = None
) -> NetworkClassifier:
    """Build a fitted network from its parts.

    Parameters
    ----------
    state : NetworkState
        From `take_apart`, or read from a file.
    preparation : Preparation, optional
        What is done to each frame before.

    Returns
    -------
    stage : NetworkClassifier
        Scores as the one that was taken apart.

    Raises
    ------
    InputError
        If names or shapes of the tensors do not fit the options.
    """
    told = state.description
    options = told.options
    stage = NetworkClassifier(options, preparation=preparation, seed=told.seed)
    stage.classes_ = np.asarray(told.classes)
    stage.history_ = list(told.history)
    with torch.random.fork_rng():  # weights are drawn, only to be replaced
        backbone = make_backbone(options.backbone, weights="none")
        head = make_head(head_shape_of(options), backbone, len(told.classes))
    featurizer = _filled(make_featurizer(options.head, backbone), state)
    fill_module("head", head, state.head)
    stage.trunk_ = None
    if options.part == "head":
        view = ViewOptions(options.image_size, options.views, options.precision)
        stage.trunk_ = shared_trunk(featurizer, view, preparation=preparation)
        featurizer = stage.trunk_.featurizer
    stage.network_ = Network(featurizer, head).eval()
    return stage


def build_featurizer(state: NetworkState) -> Featurizer:
    """Build the featurizer of a network from its parts; see `put_together`."""
    options = state.description.options
    with torch.random.fork_rng():
        backbone = make_backbone(options.backbone, weights="none")
    return _filled(make_featurizer(options.head, backbone), state)


def _filled(featurizer: Featurizer, state: NetworkState) -> Featurizer:
    fill_module("trunk", featurizer, state.featurizer)
    return featurizer


def fill_module(where: str, module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load tensors into a module whose names, shapes and types they must have.

    Parameters
    ----------
    where : str
        What to call it in an error.
    module : torch.nn.Module
        To be filled.
    tensors : dict of str to Tensor
        Its state.

    Raises
    ------
    InputError
        If they do not fit.
    """
    expected, got = _shapes(module.state_dict()), _shapes(tensors)
    wrong = sorted(expected.items() ^ got.items())
    if wrong:
        name = wrong[0][0]
        raise InputError(
            f"{where}: expected {name} of {expected.get(name, 'no shape')}, got "
            f"{got.get(name, 'none')}. Take the files of one bundle together."
        )
    module.load_state_dict(tensors)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, str]:
    return {k: f"{tuple(v.shape)} {v.dtype}" for k, v in tensors.items()}
