"""Networks and decisions as ONNX graphs, by way of torch.

`torch.onnx` writes them; onnxruntime and onnx are Apache-2.0 and MIT, are released
every few months, and are what hospital IT has on its list.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from hierclf.features.extractor import POOLED
from hierclf.features.readers import Reader, readers_of
from hierclf.foundation.errors import InputError
from hierclf.inference.frozen import FrozenTrunk
from hierclf.training.estimator import NetworkClassifier

OPSET, IR_VERSION = 18, 10
FRAMES = "frames"


@dataclass(frozen=True)
class Look:
    """One network of a stage: how it looks at frames.

    Parameters
    ----------
    trunk : FrozenTrunk
        Featurizer and views.
    head : torch.nn.Module or None
        None where features are asked for.
    """

    trunk: FrozenTrunk
    head: nn.Module | None


def looks_of(stage: Any) -> list[Look]:
    """List how the networks of a stage look at frames.

    Parameters
    ----------
    stage : classifier
        A network, or a learner on pooled features.

    Returns
    -------
    looks : list of Look
        Empty for a stage that looks at tables.

    Raises
    ------
    InputError
        If features depend on a class: what is connected to what cannot be asked in
        a graph.
    """
    return [_look(reader) for reader in readers_of(stage)]


def _look(reader: Reader) -> Look:
    if isinstance(reader, NetworkClassifier):
        return Look(reader.look(), reader.network_.head)
    if reader.kind != POOLED:
        raise InputError(
            f"export: expected networks or pooled features for ONNX, got "
            f"{reader.kind!r} features, which are cut out by regions. Export --what "
            "meta, or take --format joblib."
        )
    return Look(reader.trunk_, None)


class ScanGraph(nn.Module):
    """Frames to what each stage needs: probabilities, or a table of features.

    Parameters
    ----------
    stages : sequence of sequence of Look
        For each stage its networks.
    """

    def __init__(self, stages: Sequence[Sequence[Look]]) -> None:
        super().__init__()
        self._stages = stages
        looks = [look for stage in stages for look in stage]
        self.featurizers = nn.ModuleList([look.trunk.featurizer for look in looks])
        self.heads = nn.ModuleList([look.head for look in looks if look.head])

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Look at frames.

        Parameters
        ----------
        frames : Tensor, shape (n, side, side), in [0, 1]
            Luminance.

        Returns
        -------
        found : tuple of Tensor, shape (n, n_classes) or (n, n_features)
            One for each stage, means over the views.
        """
        seen: dict[int, Tensor] = {}
        found = []
        for stage in self._stages:
            parts = []
            for look in stage:
                key = id(look.trunk)  # stages that share a trunk run it once
                if key not in seen:
                    seen[key] = self._features(look.trunk, frames)
                parts.append(_answer(look, seen[key]))
            found.append(torch.cat(parts, dim=1))
        return tuple(found)

    def _features(self, trunk: FrozenTrunk, frames: Tensor) -> Tensor:
        size, featurizer = trunk.options.image_size, trunk.featurizer
        maps = trunk.views.maps(frames[:, None], size, featurizer.maps)
        features: Tensor = featurizer.pool(maps.flatten(0, 1))
        return features


def _answer(look: Look, features: Tensor) -> Tensor:
    told = features
    if look.head is not None:
        told = torch.softmax(look.head(features), dim=1)
    n_views = look.trunk.views.n_views
    return told.reshape(-1, n_views, told.shape[1]).mean(dim=1)


def to_onnx(
    graph: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]
) -> onnx.ModelProto:
    """Write a torch module as an ONNX graph whose first dimension is free.

    Parameters
    ----------
    graph : torch.nn.Module
        In evaluation mode after this.
    inputs : mapping of str to Tensor
        Names and examples, two rows each.
    outputs : sequence of str
        Names.

    Returns
    -------
    model : onnx.ModelProto
        Opset `OPSET`.
    """
    row = torch.export.Dim("n", min=1)
    logging.disable(logging.WARNING)  # several libraries tell what they optimize
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about themselves
            program = torch.onnx.export(
                graph.eval(),
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=tuple({0: row} for _ in inputs),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        logging.disable(logging.NOTSET)
    if program is None:
        raise TypeError("torch.onnx.export gave no program")
    model: onnx.ModelProto = program.model_proto
    model.ir_version = IR_VERSION
    return model


def side_of(looks: Sequence[Look]) -> int:
    """Give the side of the frames that all networks of a model look at.

    Raises
    ------
    InputError
        If they look at frames of different size.
    """
    sides = sorted({look.trunk.frame_side for look in looks})
    if len(sides) != 1:
        raise InputError(
            "export: expected a learner whose networks look at frames of one size, "
            f"got {sides}. Combine them by --combine instead of their features."
        )
    return sides[0]


def renamed(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """Give inputs and outputs of a graph other names.

    Parameters
    ----------
    model : onnx.ModelProto
        Not changed.
    names : mapping of str to str
        Old names to new ones.

    Returns
    -------
    model : onnx.ModelProto
        A copy.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for told in (*copy.graph.input, *copy.graph.output):
        told.name = names.get(told.name, told.name)
    return copy


def joined(models: Mapping[str, onnx.ModelProto]) -> onnx.ModelProto:
    """Put graphs after one another; equal names of inputs and outputs are connected.

    Parameters
    ----------
    models : mapping of str to onnx.ModelProto
        In the order of computation; the name marks what is inside of each.

    Returns
    -------
    model : onnx.ModelProto
        Its inputs are those that no graph gives, its outputs those of the last.
    """
    whole = onnx.ModelProto(ir_version=IR_VERSION, producer_name="hierclf")
    whole.graph.name = "cascade"
    given: set[str] = set()
    for name, model in models.items():
        part = compose.add_prefix(
            model, f"{name}/", rename_inputs=False, rename_outputs=False
        )
        known = {told.name for told in whole.graph.input} | given
        whole.graph.input.extend(i for i in part.graph.input if i.name not in known)
        whole.graph.node.extend(part.graph.node)
        whole.graph.initializer.extend(part.graph.initializer)
        domains = {told.domain for told in whole.opset_import}
        news = [told for told in part.opset_import if told.domain not in domains]
        whole.opset_import.extend(news)
        given |= {told.name for told in part.graph.output}
        del whole.graph.output[:]
        whole.graph.output.extend(part.graph.output)
    onnx.checker.check_model(whole)
    return whole
