"""A cascade that computes in single precision, whatever its bundle says."""

from __future__ import annotations

import copy
from typing import Any

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import extractors_of, union
from hierclf.features.state import extractor_of, extractor_state
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.state import NetworkState, put_together, take_apart


def in_single_precision(cascade: HierarchicalClassifier) -> HierarchicalClassifier:
    """Copy a fitted cascade so that its networks compute in float32.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted; it is not changed.

    Returns
    -------
    exact : HierarchicalClassifier
        With the same weights. Half precision moves its scores by up to 0.01, more
        than an exported graph may differ from what it was made of.
    """
    exact = copy.copy(cascade)
    exact.screen_ = _exact(cascade.screen_)
    exact.refine_ = _exact(cascade.refine_)
    return exact


def _exact(stage: Any) -> Any:
    if isinstance(stage, ProbabilityStack):
        stage, members = copy.copy(stage), stage.members_
        stage.members_ = tuple(_exact(member) for member in members)
        return stage
    if isinstance(stage, NetworkClassifier):
        return put_together(_in_float32(take_apart(stage)))
    if isinstance(stage, MetaLearner) and extractors_of(stage.features_):
        found = [_exact_extractor(one) for one in extractors_of(stage.features_)]
        stage = copy.copy(stage)
        stage.features_ = found[0] if len(found) == 1 else union(found)
    return stage


def _exact_extractor(extractor: FeatureExtractor) -> FeatureExtractor:
    state = _in_float32(extractor_state(extractor))
    return extractor_of(state, kind=extractor.kind, views=extractor.views)


def _in_float32(state: NetworkState) -> NetworkState:
    options = state.description.options.model_copy(update={"precision": "float32"})
    description = state.description.model_copy(update={"options": options})
    return NetworkState(description, state.featurizer, state.head)
