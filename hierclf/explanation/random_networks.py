"""Networks that learned nothing, to be explained as the learned ones are.

A map that hardly changes when the weights are drawn at random tells of the scan and
not of the model (Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018).
"""

from __future__ import annotations

from typing import Any

import torch

from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import preparation_of, readers_of
from hierclf.foundation.seeding import derive_seed
from hierclf.networks.backbones import make_backbone
from hierclf.networks.heads import make_head
from hierclf.networks.network import make_featurizer
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.state import NetworkDescription, NetworkState, put_together
from hierclf.training.trunks import head_shape_of


def random_twin(stage: Any, seed: int, number: int = 0) -> NetworkClassifier:
    """Make a network like that of a stage, with trunk and head drawn at random.

    Parameters
    ----------
    stage : classifier
        A stage that looks at scans. The twin of a learner on features is its first
        network with a head of its own; that of a stack likewise.
    seed : int
        Root seed.
    number : int, default=0
        Another number is another draw.

    Returns
    -------
    twin : NetworkClassifier
        Of the same backbone, views and classes.
    """
    reader = readers_of(stage)[0]
    options = _options_of(reader)
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "random network", number))
        backbone = make_backbone(options.backbone, weights="none")
        head = make_head(head_shape_of(options), backbone, len(stage.classes_))
        featurizer = make_featurizer(options.head, backbone)
    description = NetworkDescription(
        options=options,
        classes=tuple(stage.classes_.tolist()),
        seed=seed,
        history=(),
    )
    state = NetworkState(
        description, dict(featurizer.state_dict()), dict(head.state_dict())
    )
    return put_together(state, preparation_of(stage))


def _options_of(reader: NetworkClassifier | FeatureExtractor) -> Any:
    if isinstance(reader, NetworkClassifier):
        return reader.resolved_options()
    network = reader.network_ or reader.given_network()
    seen = reader.trunk_.options
    told = {"views": seen.views, "image_size": seen.image_size}
    return network.resolved_options().model_copy(update=told)
