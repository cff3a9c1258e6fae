"""The options of one stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hierclf.config.values import Model, Names
from hierclf.metalearners.recipes import MOST_NETWORKS, NETWORK, SIDE_BY_SIDE
from hierclf.training.options import NetworkOptions

StageName = Literal["screen", "refine", "flat"]
STAGE_NAMES: tuple[StageName, ...] = ("screen", "refine", "flat")
"""The stages, and the flat classifier, which takes the common options."""


class StageOptions(NetworkOptions):
    """A stage: its network, and whether a learner stands on it."""

    model: Model = Field(
        NETWORK,
        description="network, or a learner on its features: pooled, gradcam, scda or "
        "scda_flat, then + and logistic, svm, linear_svm, forest, boosting, knn or "
        "tree, then maybe @ and a number of principal components: scda+svm@16",
    )

    also: Names = Field(
        (),
        description="further networks beside --backbone, separated by commas; behind @ "
        "may stand the size at which one looks: resnet18,efficientnet_lite2@260",
    )
    combine: Literal["features", "logistic", "mean", "geometric"] = Field(
        SIDE_BY_SIDE,
        description="what is made of several networks: features, side by side before "
        "one learner; or one model for each, whose probabilities are combined by "
        "logistic regression on held-out ones, their mean or their geometric mean",
    )

    def check(self) -> None:
        """Check what options must have beside each other.

        Raises
        ------
        ValueError
            If they do not fit together.
        """
        if self.also and self.model == NETWORK and self.combine == SIDE_BY_SIDE:
            raise ValueError(
                "also: expected a learner beside it, got model 'network'. Add --model "
                "pooled+logistic, which sets their features side by side, or combine "
                "what the networks say: --combine logistic."
            )
        seen = [f"{one.backbone}@{one.image_size}" for one in self.networks()]
        twins = [name for name in seen if seen.count(name) > 1]
        if twins:
            raise ValueError(
                f"also: expected networks beside the backbone, each once, got "
                f"{twins[0]!r} again. Leave it out."
            )
        if len(seen) > MOST_NETWORKS:
            raise ValueError(
                f"also: expected at most {MOST_NETWORKS} networks in all, got "
                f"{len(seen)}. A bundle holds no more: leave some out."
            )
        if not self.also and self.combine != SIDE_BY_SIDE:
            raise ValueError(
                f"combine: expected several networks for {self.combine!r}, got one. "
                "Name further ones: --also efficientnet_lite1,resnet18."
            )
        if self.model != NETWORK and self.part != "head":
            raise ValueError(
                f"model: expected part head beside {self.model!r}, got {self.part!r}. "
                "A network that learns as a whole would be fitted again in each fold "
                "of the learner."
            )

    def networks(self) -> tuple[StageOptions, ...]:
        """Give the options for each network, the backbone's first.

        Returns
        -------
        networks : tuple of StageOptions
            The same but for backbone and size.

        Raises
        ------
        ValueError
            If a size is none.
        """
        found = [self]
        for told in self.also:
            name, at, size = told.partition("@")
            changed: dict[str, object] = {"backbone": name}
            if at and not (size.isdecimal() and size.isascii() and int(size) >= 32):
                raise ValueError(
                    "also: expected a size in pixels of at least 32 behind @, got "
                    f"{told!r}. Write a network like efficientnet_lite2@260."
                )
            if at:
                changed["image_size"] = size
            found.append(StageOptions.model_validate(self.model_dump() | changed))
        return tuple(found)

    def of_network(self) -> NetworkOptions:
        """Give the options that the network needs to know."""
        values = self.model_dump(exclude={"model", "also", "combine"})
        return NetworkOptions.model_validate(values)
