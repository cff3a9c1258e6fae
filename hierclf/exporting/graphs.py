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

import numpy as np
import onnx
import torch
from numpy.typing import ArrayLike
from onnx import compose
from torch import Tensor, nn

from hierclf.cascade.calibrators import TINY, Calibrator
from hierclf.cascade.hierarchical import HierarchicalClassifier
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
        crops = trunk.views.cut(frames[:, None], trunk.options.image_size)
        features: Tensor = trunk.featurizer(crops.flatten(0, 1))
        return features


def _answer(look: Look, features: Tensor) -> Tensor:
    told = features
    if look.head is not None:
        told = torch.softmax(look.head(features), dim=1)
    n_views = look.trunk.views.n_views
    return told.reshape(-1, n_views, told.shape[1]).mean(dim=1)


class DecisionGraph(nn.Module):
    """Probabilities of the stages to those of all labels, and to a decision.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    """

    def __init__(self, cascade: HierarchicalClassifier) -> None:
        super().__init__()
        diseased = cascade.hierarchy_.diseased
        refine = cascade.refine_
        named = diseased if refine is None else refine.classes_.tolist()
        place = np.zeros((len(named), len(diseased)))
        for row, label in enumerate(named):
            place[row, diseased.index(label)] = 1
        self.has_refinement = len(named) > 1
        self.register_buffer("place", _tensor(place))
        self.register_buffer("scale", _tensor(cascade.priors_**-cascade.adjustment_))
        for name, calibrator in zip(
            ("screen", "refine"), cascade.calibrators_, strict=True
        ):
            slope, biases = _linear(calibrator)
            self.register_buffer(f"{name}_slope", _tensor(slope))
            self.register_buffer(f"{name}_biases", _tensor(biases))
        self.calibrated = [one is not None for one in cascade.calibrators_]
        costs = np.eye(0) if cascade.costs is None else np.asarray(cascade.costs)
        self.register_buffer("costs", _tensor(costs[1:, 1:]))
        self.cut_point = float(cascade.cut_point_)

    def forward(
        self, screen: Tensor, refine: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Put the stages together.

        Parameters
        ----------
        screen : Tensor, shape (n, 2)
            Probabilities of healthy and diseased.
        refine : Tensor, shape (n, n_refine_classes), optional
            Probabilities of the refinement's classes, in its order; not given where
            it knows one class only.

        Returns
        -------
        screen_score : Tensor, shape (n,)
            Probability of being diseased.
        probabilities : Tensor, shape (n, n_labels)
            Healthy, then the diseased labels in their order.
        decided : Tensor of int64, shape (n,)
            Position of the decided label.
        """
        score = self._calibrated(0, screen)[:, 1]
        told = torch.ones_like(screen[:, :1]) if refine is None else refine
        said = told @ self.get_buffer("place")
        conditional = self._calibrated(1, said)
        costs = self.get_buffer("costs")
        if costs.numel():
            refined = (conditional @ costs).argmin(dim=1) + 1
        else:
            refined = (said * self.get_buffer("scale")).argmax(dim=1) + 1
        table = torch.cat([1 - score[:, None], score[:, None] * conditional], dim=1)
        decided = torch.where(score >= self.cut_point, refined, 0)
        return score, table, decided

    def _calibrated(self, stage: int, table: Tensor) -> Tensor:
        """Repeat `hierclf.cascade.calibrators.Calibrator`, where there is one."""
        if not self.calibrated[stage]:
            return table
        name = ("screen", "refine")[stage]
        logs = torch.log(table.clamp(min=TINY))
        slope, biases = (self.get_buffer(f"{name}_{k}") for k in ("slope", "biases"))
        return torch.softmax(logs * slope + biases, dim=1)


def _linear(calibrator: Calibrator | None) -> tuple[float, tuple[float, ...]]:
    """Give what a calibrator does to logarithms, or refuse steps."""
    if calibrator is None:
        return 1.0, (0.0,)
    if calibrator.steps:
        raise InputError(
            "export: expected a calibration of one formula, got isotonic steps. Train "
            "with --calibration platt, temperature or none, or use the bundle."
        )
    return calibrator.slope, calibrator.biases


def _tensor(array: ArrayLike) -> Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


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
