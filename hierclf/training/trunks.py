"""Backbones and frozen trunks, built once for all stages of a process."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path

import torch

from hierclf.foundation.seeding import derive_seed
from hierclf.inference.frozen import FrozenTrunk, Output, ViewOptions
from hierclf.inference.precision import resolve_precision
from hierclf.inference.shared import shared_trunk
from hierclf.inference.views import make_views
from hierclf.loading.scans import Preparation
from hierclf.networks.backbones import Backbone, make_backbone
from hierclf.networks.heads import HeadShape
from hierclf.networks.network import make_featurizer
from hierclf.training.options import NetworkOptions


@lru_cache(maxsize=2)
def backbone_of(
    name: str, weights: str, weights_dir: Path | None, seed: int
) -> Backbone:
    """Build a backbone once; who trains it takes a copy."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "weights"))
        return make_backbone(name, weights=weights, weights_dir=weights_dir)


def head_shape_of(options: NetworkOptions) -> HeadShape:
    """Give what of some options a head must know."""
    return HeadShape(
        options.head,
        options.head_width,
        options.head_norm,
        options.dropout,
        options.output,
    )


def view_of(options: NetworkOptions, output: Output = "pooled") -> ViewOptions:
    """Give what of some options a trunk must know, ``auto`` resolved."""
    precision = resolve_precision(options.precision)
    return ViewOptions(options.image_size, options.views, precision, output)


def teacher_of(options: NetworkOptions) -> NetworkOptions:
    """Give the options of the views that teach a head on a frozen trunk."""
    name = make_views(options.views).taught_by or options.views
    return options.model_copy(update={"views": name})


def probe_of(options: NetworkOptions) -> NetworkOptions:
    """Give the options of a linear head on the frozen trunk, one view of each scan."""
    one = make_views(options.views).single
    changed = {"part": "head", "optimizer": "auto", "views": one}
    return options.model_copy(update=changed)


def ridge_of(options: NetworkOptions) -> float:
    """Give the penalty of a linear head on a frozen trunk.

    A head that is taught by four crops of each scan overfits less than one that is
    taught by one view, or by windows that are hardly different: see MEASURED.md, *The
    penalty*.
    """
    if options.penalty is not None:
        return options.penalty
    return 0.1 if teacher_of(options).views == "tencrop" else 0.3


def resolved(options: NetworkOptions) -> NetworkOptions:
    """Give the options with what ``auto`` means on this machine, and the penalty.

    That of a network that is trained is of the head that it may begin with.
    """
    precision = resolve_precision(options.precision)
    fitted = options if options.part == "head" else probe_of(options)
    told = {"precision": precision, "penalty": ridge_of(fitted)}
    return options.model_copy(update=told)


def trunk_of(
    options: NetworkOptions,
    cache: Path | None,
    seed: int,
    output: Output = "pooled",
    preparation: Preparation | None = None,
) -> FrozenTrunk:
    """Give the frozen trunk of some options; the seed matters to random weights."""
    seed_of_weights = seed if options.weights == "none" else 0
    source = (options.backbone, options.weights, options.weights_dir, seed_of_weights)
    return _trunk(view_of(options, output), options.head, source, cache, preparation)


@lru_cache(maxsize=16)  # a stack has several, each maybe in two ways
def _trunk(
    options: ViewOptions,
    head: str,
    backbone: tuple[str, str, Path | None, int],
    cache: Path | None,
    preparation: Preparation | None,
) -> FrozenTrunk:
    featurizer = make_featurizer(head, copy.deepcopy(backbone_of(*backbone)))
    still = featurizer.requires_grad_(False)
    return shared_trunk(still, options, cache, preparation)
