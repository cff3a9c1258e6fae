"""What makes a decision of the stages' answers, as modules to be written as graphs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from hierclf.cascade.calibrators import TINY, Calibrator
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.foundation.errors import InputError
from hierclf.metalearners.ordinal import OrdinalClassifier


class DecisionGraph(nn.Module):
    """Probabilities of the stages to those of all labels, and to a decision.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    """

    def __init__(self, cascade: HierarchicalClassifier) -> None:
        super().__init__()
        diseased, naming = cascade.hierarchy_.diseased, cascade.naming_
        refine = cascade.refine_
        named = diseased if refine is None else refine.classes_.tolist()
        place = np.zeros((len(named), len(diseased)))
        for row, label in enumerate(named):
            if label in diseased:  # one on all labels knows healthy too
                place[row, diseased.index(label)] = 1
        self.everyone = cascade.hierarchy_.healthy in named
        rungs = np.zeros(0) if naming.rungs is None else naming.rungs
        self.register_buffer("rungs", _tensor(rungs))
        self.register_buffer("place", _tensor(place))
        self.register_buffer("scale", _tensor(naming.priors**-naming.adjustment))
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
        among = _among_diseased(said) if self.everyone else said
        conditional = self._calibrated(1, among)
        costs, rungs = self.get_buffer("costs"), self.get_buffer("rungs")
        if costs.numel():
            refined = (conditional @ costs).argmin(dim=1) + 1
        elif rungs.numel():
            refined = _climbed(said, rungs)
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


def _among_diseased(said: Tensor) -> Tensor:
    """Repeat what `hierclf.cascade.stages.ask_stages` does; all alike for zeros."""
    total = said.sum(dim=1, keepdim=True)
    even = torch.full_like(said, 1 / said.shape[1])
    return torch.where(total > 0, said / torch.where(total > 0, total, 1.0), even)


def _climbed(said: Tensor, rungs: Tensor) -> Tensor:
    """Repeat `hierclf.cascade.ladder.climb`."""
    above = said.flip(1).cumsum(dim=1).flip(1)[:, 1:]
    passed = (above >= rungs).to(torch.int64)
    height = torch.ones_like(passed[:, 0])
    climbs = height
    for step in range(passed.shape[1]):
        climbs = climbs * passed[:, step]
        height = height + climbs
    return height


class LadderGraph(nn.Module):
    """Probabilities of the rungs to those of all labels.

    Parameters
    ----------
    ladder : OrdinalClassifier
        Fitted.
    """

    def __init__(self, ladder: OrdinalClassifier) -> None:
        super().__init__()
        self.single = len(ladder.rungs_) == 1 and len(ladder.order_) > 2
        self.above = [2 * rung + 1 for rung in range(len(ladder.rungs_))]
        labels = ladder.classes_.tolist()
        self.columns = [ladder.order_.index(label) for label in labels]

    def forward(self, rungs: Tensor) -> Tensor:
        """Put the rungs together.

        Parameters
        ----------
        rungs : Tensor, shape (n, 2 * n_rungs)
            Of not being above each label, and of being above it, rung after rung; or
            of shape (n, n_classes), of a model that knows the order.

        Returns
        -------
        probabilities : Tensor, shape (n, n_classes)
            Columns in the order of its `classes_`.
        """
        if self.single:
            return rungs[:, self.columns]
        told = [rungs[:, place] for place in self.above]
        least, most = list(told), list(told)
        for step in range(1, len(told)):
            least[step] = torch.minimum(least[step], least[step - 1])
            back = len(told) - 1 - step
            most[back] = torch.maximum(most[back], most[back + 1])
        above = [(low + high) / 2 for low, high in zip(least, most, strict=True)]
        edges = [torch.ones_like(told[0]), *above, torch.zeros_like(told[0])]
        shares = [high - low for high, low in pairwise(edges)]
        return torch.stack([shares[column] for column in self.columns], dim=1)


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
