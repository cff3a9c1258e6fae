"""What of a stage reads scans."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion

from hierclf.features.extractor import FeatureExtractor
from hierclf.inference.frozen import FrozenTrunk
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import Preparation
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier

Reader = NetworkClassifier | FeatureExtractor


def readers_of(stage: Any) -> tuple[Reader, ...]:
    """List the parts of a stage that look at scans.

    Parameters
    ----------
    stage : classifier or None
        A network, a learner on features of some, a stack or a ladder of these, or a
        learner on tables.

    Returns
    -------
    readers : tuple of NetworkClassifier or FeatureExtractor
        Empty for a stage that looks at tables, and for none.
    """
    if isinstance(stage, ProbabilityStack):
        return tuple(one for member in members_of(stage) for one in readers_of(member))
    if isinstance(stage, OrdinalClassifier):
        rungs = getattr(stage, "rungs_", (stage.estimator,))
        return tuple(one for rung in rungs for one in readers_of(rung))
    if isinstance(stage, NetworkClassifier):
        return (stage,)
    if not isinstance(stage, MetaLearner):
        return ()
    return extractors_of(getattr(stage, "features_", stage.features))


def trunk_in(reader: Reader) -> FrozenTrunk:
    """Give the trunk that a fitted reader looks with, one that learned as well."""
    if isinstance(reader, NetworkClassifier):
        return reader.look() if reader.trunk_ is None else reader.trunk_
    return reader.trunk_


def leaves_of(stage: Any) -> tuple[Any, ...]:
    """List the classifiers that a stage is made of, those of ladders in stacks too."""
    if isinstance(stage, OrdinalClassifier):
        return tuple(one for rung in stage.rungs_ for one in leaves_of(rung))
    if isinstance(stage, ProbabilityStack):
        return tuple(one for part in members_of(stage) for one in leaves_of(part))
    return (stage,)


def members_of(stage: Any) -> tuple[Any, ...]:
    """List the classifiers of a stack; any other stage is one by itself."""
    if not isinstance(stage, ProbabilityStack):
        return (stage,)
    return tuple(getattr(stage, "members_", [one for _, one in stage.members]))


def extractors_of(features: Any) -> tuple[FeatureExtractor, ...]:
    """List the extractors of a learner: one, those of a union, or none."""
    if isinstance(features, FeatureUnion):
        return tuple(one for _, one in features.transformer_list)
    return (features,) if isinstance(features, FeatureExtractor) else ()


def networks_of(stage: Any) -> tuple[NetworkClassifier, ...]:
    """List the networks of a stage or of one reader of it."""
    readers = (stage,) if isinstance(stage, FeatureExtractor) else readers_of(stage)
    return tuple(
        one if isinstance(one, NetworkClassifier) else one.given_network()
        for one in readers
    )


def preparation_of(stage: Any) -> Preparation | None:
    """Give what a stage, or one reader of it, does to each frame before; maybe None."""
    networks = networks_of(stage)
    return networks[0].preparation if networks else None


def unprepared(stage: Any) -> Any:
    """Copy a fitted stage so that it takes frames that were prepared before.

    Parameters
    ----------
    stage : classifier
        As `readers_of` takes it; it is not changed.

    Returns
    -------
    bare : classifier
        Of a prepared frame it says what `stage` says of the frame.
    """
    if preparation_of(stage) is None:
        return stage
    bare = copy.copy(stage)
    if isinstance(stage, ProbabilityStack):
        bare.members_ = tuple(unprepared(one) for one in members_of(stage))
    elif isinstance(stage, OrdinalClassifier):
        bare.rungs_ = tuple(unprepared(rung) for rung in stage.rungs_)
    elif isinstance(stage, NetworkClassifier):
        bare.preparation = None
        bare.trunk_ = None if stage.trunk_ is None else _bare_trunk(stage.trunk_)
    else:
        parts = [_bare_extractor(one) for one in extractors_of(stage.features_)]
        bare.features_ = parts[0] if len(parts) == 1 else union(parts)
    return bare


def _bare_extractor(extractor: FeatureExtractor) -> FeatureExtractor:
    bare = copy.copy(extractor)
    bare.network = copy.copy(extractor.given_network())
    bare.network.preparation = None
    if extractor.network_ is not None:
        bare.network_ = unprepared(extractor.network_)
    bare.trunk_ = _bare_trunk(extractor.trunk_)
    return bare


def _bare_trunk(trunk: FrozenTrunk) -> FrozenTrunk:
    return shared_trunk(trunk.featurizer, trunk.options, trunk.cache)


def union(extractors: Sequence[FeatureExtractor]) -> FeatureUnion:
    """Set the features of several extractors side by side."""
    return FeatureUnion([(f"network{n}", one) for n, one in enumerate(extractors)])
