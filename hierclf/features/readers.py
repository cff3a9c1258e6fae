"""What of a stage reads scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion

from hierclf.features.extractor import FeatureExtractor
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier

Reader = NetworkClassifier | FeatureExtractor


def readers_of(stage: Any) -> tuple[Reader, ...]:
    """List the parts of a stage that look at scans.

    Parameters
    ----------
    stage : classifier or None
        A network, a learner on features of some, a stack of these, or a learner on
        tables.

    Returns
    -------
    readers : tuple of NetworkClassifier or FeatureExtractor
        Empty for a stage that looks at tables, and for none.
    """
    if isinstance(stage, ProbabilityStack):
        return tuple(one for member in members_of(stage) for one in readers_of(member))
    if isinstance(stage, NetworkClassifier):
        return (stage,)
    if not isinstance(stage, MetaLearner):
        return ()
    return extractors_of(getattr(stage, "features_", stage.features))


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


def union(extractors: Sequence[FeatureExtractor]) -> FeatureUnion:
    """Set the features of several extractors side by side."""
    return FeatureUnion([(f"network{n}", one) for n, one in enumerate(extractors)])
