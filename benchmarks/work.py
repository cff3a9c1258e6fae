"""How much a cascade has to compute for a scan."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.features.readers import readers_of, trunk_in
from hierclf.inference.frozen import FrozenTrunk


@dataclass(frozen=True)
class Work:
    """What a scan takes.

    Parameters
    ----------
    views : int
        Crops whose scores are averaged, over all networks that are run.
    passes : int
        Images that networks are run on: in one pass there are two for ten views.
    gflop : float
        Operations of these passes, in 1e9; a multiplication and an addition are two.
    precision : str
        Number format of the networks.
    """

    views: int
    passes: int
    gflop: float
    precision: str


def work_of(cascade: HierarchicalClassifier) -> Work:
    """Count what a cascade computes for a scan; a trunk that is shared counts once."""
    stages = (cascade.screen_, cascade.refine_)
    trunks = [trunk_in(reader) for stage in stages for reader in readers_of(stage)]
    different = list({trunk.digest: trunk for trunk in trunks}.values())
    passes = [_passes(trunk) for trunk in different]
    flops = [
        n * flops_of(trunk.featurizer.trunk, trunk.input_side)
        for n, trunk in zip(passes, different, strict=True)
    ]
    views = sum(trunk.views.n_views for trunk in different)
    precision = different[0].options.precision
    return Work(views, sum(passes), sum(flops) / 1e9, precision)


def _passes(trunk: FrozenTrunk) -> int:
    blank = torch.zeros(1, 1, trunk.frame_side, trunk.frame_side)
    return trunk.views.cut(blank, trunk.options.image_size).shape[1]


def flops_of(network: nn.Module, side: int) -> int:
    """Count the operations of a network on one image, computing nothing."""
    counter = FlopCounterMode(display=False)
    with counter:
        copy.deepcopy(network).to("meta")(torch.empty(1, 3, side, side, device="meta"))
    return counter.get_total_flops()
