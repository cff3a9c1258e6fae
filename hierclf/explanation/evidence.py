"""What the trunks behind a stage saw, and how each cell of it moves a class score.

Four kinds of stage are explained, each by the gradient of its own score before the
softmax: a network; a learner on features of networks, by the slope of its calibrated
logit over the features and the chain rule through how these are made; a stack, by
those of its members, each times the slope of the combined log-odds over the member's
logit; a ladder, by that of the step that a label lies above. What is locally constant
is held: the main region of SCDA features and the class whose channel weights are
written into features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import (
    extractors_of,
    leaves_of,
    members_of,
    readers_of,
)
from hierclf.features.regions import discriminative_maps, main_regions
from hierclf.foundation.errors import InputError
from hierclf.inference.frozen import FrozenTrunk
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import Scans
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.slopes import check_smooth, logit_slopes, member_slopes
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.networks.activation_maps import class_gradients
from hierclf.training.estimator import NetworkClassifier

Floats = NDArray[np.floating]
Labels = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one trunk saw in some scans.

    Parameters
    ----------
    trunk : FrozenTrunk
        It knows views, sizes and the side of the frame.
    maps : ndarray of float32, shape (n_scans, n_views, n_channels, h, w)
        Activations of its last convolutional block.
    gradients : ndarray of float32, the same shape
        Slope of the class score over each of them; the score of each view counts as
        if the scan had no other.
    share : ndarray of float, shape (n_scans,)
        What the score of this reader counts in that of the stage.
    """

    trunk: FrozenTrunk
    maps: Floats
    gradients: Floats
    share: Floats


def check_explainable(stage: Any) -> None:
    """Refuse a stage that looks at no scan, or whose score has no slope.

    Parameters
    ----------
    stage : classifier or None
        A stage of a cascade.

    Raises
    ------
    InputError
        If there is nothing to be shown.
    """
    if not readers_of(stage):
        raise InputError(
            "stage: expected a network or a learner on features of one, got one that "
            "looks at no scan. Explain a bundle with networks."
        )
    for leaf in leaves_of(stage):
        if isinstance(leaf, MetaLearner):
            check_smooth(leaf)


def evidence_of(stage: Any, scans: Scans, labels: Labels) -> list[Evidence]:
    """Look at scans as a stage does, and ask for the evidence for a class.

    Parameters
    ----------
    stage : NetworkClassifier, MetaLearner, ProbabilityStack or OrdinalClassifier
        Fitted; see `check_explainable`.
    scans : DataFrame or sequence of ndarray, length n_scans
        Manifest rows, or scans in memory.
    labels : ndarray, shape (n_scans,)
        The class that is asked about, for each scan.

    Returns
    -------
    evidence : list of Evidence
        One for each reader of the stage; the evidence for the class is their sum.

    Raises
    ------
    InputError
        If the stage cannot be explained, or a scan cannot be read.
    """
    check_explainable(stage)
    if isinstance(stage, ProbabilityStack):
        return list(_of_stack(stage, scans, labels))
    if isinstance(stage, OrdinalClassifier):
        return list(_of_ladder(stage, scans, labels))
    if isinstance(stage, NetworkClassifier):
        return [_of_network(stage, scans, labels)]
    return list(_of_learner(stage, scans, labels))


def _of_stack(stage: ProbabilityStack, scans: Scans, labels: Labels) -> Iterator[Any]:
    members = members_of(stage)
    targets = np.searchsorted(stage.classes_, labels)
    slopes = member_slopes(stage, stage.told(members, scans), targets)
    for member, share in zip(members, slopes.T, strict=True):
        known = np.isin(labels, member.classes_)  # else it has nothing to say
        asked = np.where(known, labels, member.classes_[0])
        for one in evidence_of(member, scans, asked):
            yield replace(one, share=one.share * np.where(known, share, 0.0))


def _of_ladder(
    stage: OrdinalClassifier, scans: Scans, labels: Labels
) -> Iterator[Evidence]:
    """Ask the step that a label lies above; of the lowest, the one that it is below."""
    places = np.asarray([stage.order_.index(label) for label in labels.tolist()])
    if getattr(stage.rungs_[0], "knows_order", False):
        yield from evidence_of(stage.rungs_[0], scans, places)
        return
    asked = np.maximum(places - 1, 0)
    for step, rung in enumerate(stage.rungs_):
        share = (asked == step).astype(float)
        if share.any():
            for one in evidence_of(rung, scans, places > step):
                yield replace(one, share=one.share * share)


def _of_network(stage: NetworkClassifier, scans: Scans, labels: Labels) -> Evidence:
    trunk = stage.look(output="maps")
    maps = trunk.features(scans).astype(np.float32)
    targets = np.searchsorted(stage.classes_, labels)
    flat = torch.from_numpy(maps.reshape(-1, *maps.shape[2:]))
    repeated = torch.from_numpy(np.repeat(targets, maps.shape[1]))
    gradients = class_gradients(stage.network_, flat, repeated).numpy()
    shaped = gradients.reshape(maps.shape)
    return Evidence(trunk, maps, shaped, np.ones(len(maps)))


def _of_learner(stage: MetaLearner, scans: Scans, labels: Labels) -> Iterator[Evidence]:
    parts = extractors_of(stage.features_)
    tables = [part.transform(scans) for part in parts]
    targets = np.searchsorted(stage.classes_, labels)
    slopes = logit_slopes(stage, np.concatenate(tables, axis=1), targets)
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]
    for part, slope in zip(parts, np.split(slopes, ends, axis=1), strict=True):
        trunk = shared_trunk(
            part.trunk_.featurizer,
            replace(part.trunk_.options, output="maps"),
            preparation=part.trunk_.preparation,
        )
        maps = trunk.features(scans).astype(np.float32)
        gradients = _through(part, maps, slope.astype(np.float32))
        yield Evidence(trunk, maps, gradients, np.ones(len(maps)))


def _through(part: FeatureExtractor, maps: Floats, slope: Floats) -> Floats:
    """Go from the slope over features back to that over the cells of the maps."""
    n_scans, n_views, n_channels, *_ = maps.shape
    repeated = np.repeat(slope, n_views, axis=0)
    flat = maps.reshape(n_scans * n_views, *maps.shape[2:])
    if part.network_ is None:
        weights = np.ones((len(flat), n_channels), dtype=np.float32)
    else:
        weights = part.class_weights(maps).reshape(len(flat), n_channels)
    gradients = _BACK[part.kind](flat, weights, repeated)
    return gradients.reshape(maps.shape)


def _means_back(maps: Floats, weights: Floats, slope: Floats) -> Floats:
    """Differentiate weighted means of channels."""
    area = maps.shape[2] * maps.shape[3]
    each = (slope * weights / area)[:, :, None, None]
    gradients: Floats = np.broadcast_to(each, maps.shape)
    return gradients


def _regions_back(maps: Floats, weights: Floats, slope: Floats) -> Floats:
    """Differentiate mean and maximum within the main region; the rest has 0."""
    weighed = discriminative_maps(maps, weights)
    inside = main_regions(weighed.sum(axis=1))[:, None]
    means, tops = np.split(slope * np.tile(weights, 2), 2, axis=1)
    shown = np.where(inside, weighed, -np.inf)
    is_top = shown == shown.max(axis=(2, 3), keepdims=True)
    is_top = is_top / is_top.sum(axis=(2, 3), keepdims=True)  # equals share it
    area = inside.sum(axis=(2, 3), keepdims=True)
    gradients: Floats = (
        inside * means[:, :, None, None] / area + is_top * tops[:, :, None, None]
    ).astype(np.float32)
    return gradients


def _cells_back(maps: Floats, weights: Floats, slope: Floats) -> Floats:
    """Differentiate the weighted cells of the main region; the rest has 0."""
    weighed = discriminative_maps(maps, weights)
    inside = main_regions(weighed.sum(axis=1))[:, None]
    gradients: Floats = slope.reshape(maps.shape) * weights[:, :, None, None] * inside
    return gradients


_BACK: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = MappingProxyType(
    {
        "pooled": _means_back,
        "gradcam": _means_back,
        "scda": _regions_back,
        "scda_flat": _cells_back,
    }
)
"""Kinds of features, as in `hierclf.features.extractor.KINDS`, to their gradient."""
