"""Options to estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache as cache_calls
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.bundle.store import trunk_file
from hierclf.cascade.hierarchical import Folds, HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.config.commands import TrainOptions
from hierclf.config.stage import StageOptions
from hierclf.features.extractor import FeatureExtractor
from hierclf.features.readers import Reader, members_of, networks_of, readers_of, union
from hierclf.foundation.errors import InputError
from hierclf.inference.frozen import FrozenTrunk
from hierclf.loading.scans import Preparation
from hierclf.metalearners.learners import find_learner
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.recipes import SIDE_BY_SIDE, parse_model
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.problem.costs import (
    check_cost_matrix,
    check_cost_vector,
    ordered_costs,
    vector_as_matrix,
)
from hierclf.problem.labels import Hierarchy
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions
from hierclf.training.trunks import backbone_of, trunk_of

Matrix = NDArray[np.float64]
_COSTLY = {"expected_cost", "cross_entropy_cost"}
POWERS: Mapping[str, float] = MappingProxyType({"linear": 1.0, "quadratic": 2.0})
"""Costs by the distance of two stages, to a power."""


class Builder:
    """Make the estimators of a run.

    Parameters
    ----------
    options : TrainOptions
        What was asked for.
    hierarchy : Hierarchy
        Labels of the data, healthy first.
    cache : Path or None
        Folder for features and frames.
    checkpoints : Path or None
        Folder for the states of epoch loops.
    preparation : Preparation, optional
        What all networks do to each frame before.

    Raises
    ------
    InputError
        If the costs do not fit the stages.
    """

    def __init__(
        self,
        options: TrainOptions,
        hierarchy: Hierarchy[str],
        *,
        cache: Path | None,
        checkpoints: Path | None,
        preparation: Preparation | None = None,
    ) -> None:
        self.options = options
        self.hierarchy = hierarchy
        self._cache = cache
        self._checkpoints = checkpoints
        self._preparation = preparation
        self._trunk_file = cache_calls(trunk_file)  # each reads and hashes a bundle
        self._vector, self._matrix = self._read_costs()

    @property
    def whole_networks(self) -> bool:
        """Whether a stage trains more than its head, so that folds are dear."""
        parts = [self.options.stage(name).part for name in ("screen", "refine")]
        return parts != ["head", "head"]

    def cascade(self, cut_point: float | str, cv: int | Folds) -> Any:
        """Build the cascade.

        Parameters
        ----------
        cut_point : float or str
            A number or a rule.
        cv : int or list of (train, test)
            Folds, or the one validation part.

        Returns
        -------
        cascade : HierarchicalClassifier
            Not fitted.
        """
        options = self.options
        refinement = options.refinement if len(self.hierarchy.diseased) > 1 else "plain"
        if refinement == "ordered":
            refine = self._ladder()
        else:
            refine = self._weighted(self._stage("refine", self._named_matrix()))
        decides = options.decision == "least_cost" or cut_point == "expected_cost"
        return HierarchicalClassifier(
            self._stage("screen", None),
            refine,
            healthy=self.hierarchy.healthy,
            stages=self.hierarchy.diseased,
            ordered=self.hierarchy.ordered,
            cut_point=cut_point,
            points=options.points,
            costs=self.costs() if decides else None,
            adjustment=options.adjustment,
            calibration=options.calibration,
            refinement=refinement,
            cv=cv,
            seed=options.seed,
        )

    def check(self) -> None:
        """Build everything once, so that what cannot be built is told at once.

        Raises
        ------
        InputError
            If costs and models do not fit together, or a network is unknown.
        """
        names = self.options.candidates
        for builder in [self.of_candidate(name) for name in names] or [self]:
            cascade = builder.cascade(self.options.cut_point, 0)
            for stage in (cascade.screen, cascade.refine, builder.balanced_flat()):
                for reader in readers_of(getattr(stage, "estimator", stage)):
                    _check_backbone(reader)

    def reader(self) -> NetworkClassifier:
        """Build a network like the screen's, to read every scan once."""
        return self._network(self.options.stage("screen"), None)

    def looking_by(self, views: str) -> Builder:
        """Give the builder of the same models with other views."""
        return self._with(self.options.looking_by(views))

    def trunks(self) -> list[FrozenTrunk]:
        """List what the networks of screen and refinement start from."""
        stages = [self._stage(name, None) for name in ("screen", "refine")]
        networks = [one for stage in stages for one in networks_of(stage)]
        seed = self.options.seed
        return [trunk_of(one.resolved_options(), None, seed) for one in networks]

    def of_candidate(self, name: str) -> Builder:
        """Give the builder of one candidate."""
        return self._with(self.options.of_candidate(name))

    def _with(self, options: TrainOptions) -> Builder:
        return Builder(
            options,
            self.hierarchy,
            cache=self._cache,
            checkpoints=self._checkpoints,
            preparation=self._preparation,
        )

    def flat(self) -> Any:
        """Build the plain flat classifier: no balance, no weights, no costs."""
        plain = self._flat_options().model_copy(
            update={"balance": 1.0, "loss": "cross_entropy", "class_weights": "none"}
        )
        return self._classifier(plain, None)

    def _flat_options(self) -> StageOptions:
        """Resolve options; several labels have the order of the alphabet there."""
        options = self.options.stage("flat")
        if len(self.hierarchy.labels) < 3:
            return options
        return options.model_copy(update={"output": "softmax"})

    def balanced_flat(self) -> Any:
        """Build the flat classifier with the balance and costs of the cascade.

        Its costs come from recalls where the cascade's do, for all labels; fixed
        costs are those of the stages, with their mean for healthy.
        """
        options = self._flat_options()
        own = self.options.refine.get("balance", options.balance)
        balanced = options.model_copy(update={"balance": own, "loss": "cross_entropy"})
        network = self._classifier(balanced, None)
        if self.options.costs == "recall":
            return self._cost_weighted(network, "recall")
        if self._vector is None:
            return network
        named = dict(zip(self.hierarchy.diseased, self._vector, strict=True))
        named[self.hierarchy.healthy] = float(np.mean(self._vector))
        return self._cost_weighted(network, named)

    def costs(self) -> Matrix:
        """Cost matrix over all labels, healthy first.

        Where costs follow the distance, healthy is one step below the first stage.
        Else confusing healthy and diseased costs as much as the dearest confusion of
        two stages; all errors cost the same where no costs were given.
        """
        n_stages = len(self.hierarchy.diseased)
        if isinstance(self.options.costs, str) and self.options.costs in POWERS:
            return ordered_costs(n_stages + 1, power=POWERS[self.options.costs])
        inner = self._matrix
        if inner is None and self._vector is not None:
            inner = vector_as_matrix(self._vector)
        if inner is None:
            inner = np.ones((n_stages, n_stages))
        whole = np.full((n_stages + 1, n_stages + 1), inner.max())
        whole[1:, 1:] = inner
        np.fill_diagonal(whole, 0.0)
        return check_cost_matrix(whole, n_stages + 1)

    def _read_costs(self) -> tuple[Matrix | None, Matrix | None]:
        costs, n_stages = self.options.costs, len(self.hierarchy.diseased)
        if isinstance(costs, str) and costs not in POWERS:
            return None, None
        if isinstance(costs, str) and n_stages > 1 and not self.hierarchy.ordered:
            raise InputError(
                f"costs: expected stages in an order for {costs!r}, got ones without. "
                "Pass --ordered, and --stages from the least to the most."
            )
        if n_stages < 2:
            raise InputError(
                f"costs: expected at least two stages, got {n_stages}. "
                "Leave --costs out: there is no refinement."
            )
        if isinstance(costs, str):
            return None, ordered_costs(n_stages, power=POWERS[costs])
        if len(costs) == 1:
            return check_cost_vector(costs[0], n_stages), None
        return None, check_cost_matrix(costs, n_stages)

    def _named_matrix(self) -> pd.DataFrame | None:
        """Matrix of the stages by their names: a fold may lack one of them."""
        names = list(self.hierarchy.diseased)
        if self._matrix is not None:
            return pd.DataFrame(self._matrix, index=names, columns=names)
        if self._vector is None or self._options_of("refine").loss not in _COSTLY:
            return None
        return pd.DataFrame(vector_as_matrix(self._vector), index=names, columns=names)

    def _weighted(self, network: Any) -> Any:
        if getattr(members_of(network)[0], "costs", None) is not None:
            return network
        if self.options.costs == "recall":
            return self._cost_weighted(network, "recall")
        if self._vector is None:
            return network
        named = dict(zip(self.hierarchy.diseased, self._vector, strict=True))
        return self._cost_weighted(network, named)

    def _cost_weighted(self, stage: Any, costs: Any) -> CostWeighted:
        for member in members_of(stage):
            learner = getattr(member, "learner", None)
            if learner is not None and not find_learner(learner).takes_weights:
                raise InputError(
                    f"costs: expected a learner that takes weights, got {learner!r}. "
                    "Take another, or leave --costs out."
                )
        return CostWeighted(stage, costs, seed=self.options.seed)

    def _options_of(self, stage: Any) -> StageOptions:
        """Resolve options; errors of a screen all cost the same."""
        options = self.options.stage(stage)
        if (
            stage == "screen"
            and options.loss in _COSTLY
            and "loss" not in (self.options.screen)
        ):
            return options.model_copy(update={"loss": "cross_entropy"})
        return options

    def _stage(self, stage: Any, costs: pd.DataFrame | None) -> Any:
        options = self._options_of(stage)
        several = stage == "refine" and len(self.hierarchy.diseased) > 2
        if several and options.output == "ordered":
            # the network sees labels, and would take them by the alphabet
            raise InputError(
                "output: expected softmax for a plain refinement of several stages, "
                "got ordered. Pass --refinement ordered, or --screen.output instead."
            )
        if costs is not None and options.loss == "cross_entropy":
            # a matrix that no loss looked at would be an option without effect
            options = options.model_copy(update={"loss": "cross_entropy_cost"})
        return self._classifier(options, costs)

    def _ladder(self) -> Any:
        """Build a refinement of ordered stages, which is fitted on all labels."""
        if not self.hierarchy.ordered:
            raise InputError(
                "refinement: expected stages in an order, got ones without. Pass "
                "--ordered, and --stages from the least to the most."
            )
        if self.options.costs == "recall" or self._vector is not None:
            raise InputError(
                "costs: expected linear, quadratic, a matrix or none beside an ordered "
                "refinement, got weights of stages. Its steps have cut points instead."
            )
        told = self._options_of("refine")
        changed: dict[str, str] = {}
        if told.loss in _COSTLY:
            changed["loss"] = "cross_entropy"
        if told.part != "head":  # one network instead of one for each step
            changed["output"] = "ordered"
        return self._classifier(told.model_copy(update=changed), None, climbs=True)

    def _classifier(
        self, options: StageOptions, costs: pd.DataFrame | None, *, climbs: bool = False
    ) -> Any:
        """Build a network, a learner on features, or a stack of one of these."""

        def member(some: Sequence[StageOptions]) -> Any:
            one = self._member(some, costs)
            return (
                OrdinalClassifier(one, order=self.hierarchy.labels) if climbs else one
            )

        networks = options.networks()
        if len(networks) == 1 or options.combine == SIDE_BY_SIDE:
            return member(networks)
        names = [options.backbone, *options.also]
        members = [member([one]) for one in networks]
        return ProbabilityStack(
            list(zip(names, members, strict=True)),
            combine=options.combine,
            cv=max(2, self.options.folds),
            seed=self.options.seed,
        )

    def _member(
        self, networks: Sequence[StageOptions], costs: pd.DataFrame | None
    ) -> Any:
        """Build a network, or a learner on the features of some."""
        options = networks[0]
        model = parse_model(options.model)
        if model.features is None or model.learner is None:
            return self._network(options, costs)
        if costs is not None:
            raise InputError(
                f"costs: expected a weight for each stage beside {options.model!r}, "
                "got a matrix. Weigh the stages (5,8,9), or leave the learner out."
            )
        seed, folds = self.options.seed, max(2, self.options.folds)
        extractors = [
            FeatureExtractor(
                self._network(one, None), kind=model.features, cv=folds, seed=seed
            )
            for one in networks
        ]
        return MetaLearner(
            union(extractors) if len(extractors) > 1 else extractors[0],
            model.learner,
            components=model.components,
            balance=options.balance,
            cv=folds,
            seed=seed,
        )

    def _network(
        self, options: StageOptions, costs: pd.DataFrame | None
    ) -> NetworkClassifier:
        return NetworkClassifier(
            self._with_weights(options.of_network()),
            costs=costs,
            cache=self._cache,
            checkpoints=self._checkpoints,
            preparation=self._preparation,
            seed=self.options.seed,
        )

    def _with_weights(self, options: NetworkOptions) -> NetworkOptions:
        """Name the file where the weights are to come from a bundle."""
        folder = Path(options.weights)
        if options.weights in {"imagenet", "none"} or not folder.is_dir():
            return options
        path = self._trunk_file(folder, options.backbone)
        return options.model_copy(update={"weights": str(path)})


def _check_backbone(reader: Reader) -> None:
    """Make a backbone, which tells of unknown names and lost weights."""
    network = reader
    if not isinstance(network, NetworkClassifier):
        network = network.given_network()
    options = network.resolved_options()
    backbone_of(options.backbone, options.weights, options.weights_dir, network.seed)
