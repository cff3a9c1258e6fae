"""Models of a stage by name: a network, or a learner on a network's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

NETWORK = "network"
MOST_NETWORKS = 8
"""In one stage; the files of a bundle are numbered by one digit."""
FEATURES = ("pooled", "gradcam", "scda", "scda_flat")
SIDE_BY_SIDE: Literal["features"] = "features"
LEARNER_NAMES = (
    *("logistic", "svm", "linear_svm", "forest", "boosting", "knn", "tree"),
)
_FORM = "network, or features+learner like pooled+svm or scda+logistic@16"


@dataclass(frozen=True)
class ModelName:
    """A parsed name.

    Parameters
    ----------
    features, learner : str or None
        None for a network.
    components : tuple of int or None, or None
        Principal components to try; None for those of the learner.
    """

    features: str | None = None
    learner: str | None = None
    components: tuple[int | None, ...] | None = None


def parse_model(name: str) -> ModelName:
    """Read the name of a stage's model.

    Parameters
    ----------
    name : str
        ``network``, or features and learner joined by ``+``, with ``@`` and the
        number of principal components (or ``none``) where it is not to be chosen.

    Returns
    -------
    model : ModelName
        Its parts.

    Raises
    ------
    InputError
        If it is no such name.

    Examples
    --------
    >>> parse_model("scda+svm@16")
    ModelName(features='scda', learner='svm', components=(16,))
    """
    if name == NETWORK:
        return ModelName()
    features, plus, rest = name.partition("+")
    learner, at, number = rest.partition("@")
    if not plus:
        raise InputError(f"model: expected {_FORM}, got {name!r}. Join two with +.")
    choose("model, features", features, dict.fromkeys(FEATURES))
    choose("model, learner", learner, dict.fromkeys(LEARNER_NAMES))
    if not at:
        return ModelName(features, learner)
    if number == "none":
        return ModelName(features, learner, (None,))
    if not number.isdecimal() or int(number) < 1:
        raise InputError(
            f"model: expected {_FORM}, got {name!r}. Behind @ stands the number of "
            "principal components, or none."
        )
    return ModelName(features, learner, (int(number),))
