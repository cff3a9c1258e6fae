"""A fitted extractor as tensors and JSON, and back."""

from __future__ import annotations

from sklearn.frozen import FrozenEstimator

from hierclf.features.extractor import POOLED, FeatureExtractor
from hierclf.foundation.errors import InputError
from hierclf.inference.shared import shared_trunk
from hierclf.loading.scans import Preparation
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.state import (
    NetworkDescription,
    NetworkState,
    build_featurizer,
    put_together,
    take_apart,
)
from hierclf.training.trunks import view_of


def extractor_state(extractor: FeatureExtractor) -> NetworkState:
    """Take a fitted extractor apart.

    Parameters
    ----------
    extractor : FeatureExtractor
        Fitted.

    Returns
    -------
    state : NetworkState
        Of its network; without a head and classes where features need none.
    """
    if extractor.network_ is not None:
        return take_apart(extractor.network_)
    network = extractor.given_network()
    description = NetworkDescription(
        options=network.resolved_options(), classes=(), seed=network.seed, history=()
    )
    return NetworkState(description, dict(extractor.trunk_.featurizer.state_dict()), {})


def extractor_of(
    state: NetworkState,
    *,
    kind: str,
    views: str | None,
    preparation: Preparation | None = None,
) -> FeatureExtractor:
    """Build a fitted extractor from its parts.

    Parameters
    ----------
    state : NetworkState
        From `extractor_state`, or read from files.
    kind, views : str
        As the extractor had them.
    preparation : Preparation, optional
        What is done to each frame before.

    Returns
    -------
    extractor : FeatureExtractor
        Gives the same features.

    Raises
    ------
    InputError
        If the parts do not fit each other.
    """
    if (kind == POOLED) != (not state.head):
        raise InputError(
            f"features: expected a head for all kinds but {POOLED}, got {kind!r} with "
            f"{len(state.head)} tensors of a head. Take the files of one bundle."
        )
    if kind != POOLED:
        network = put_together(state, preparation)
        return FeatureExtractor(FrozenEstimator(network), kind=kind, views=views).fit(
            []
        )
    options = state.description.options
    seed = state.description.seed
    network = NetworkClassifier(options, preparation=preparation, seed=seed)
    extractor = FeatureExtractor(network, kind=kind, views=views)
    extractor.network_ = None
    view = view_of(options.model_copy(update={"views": views or options.views}))
    extractor.trunk_ = shared_trunk(
        build_featurizer(state), view, preparation=preparation
    )
    return extractor
