"""Fitted stages to files: networks, learners, ladders, stacks, and none at all."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from safetensors.torch import save
from sklearn.dummy import DummyClassifier
from torch import Tensor

from hierclf.bundle.info import plain
from hierclf.bundle.learner import (
    dump_learner,
)
from hierclf.bundle.records import (
    MOST_RUNGS,
    ConstantRecord,
    EmptyRecord,
    FeatureRecord,
    LearnerRecord,
    MetaRecord,
    NetworkRecord,
    OrdinalRecord,
    Role,
    StackRecord,
    StageRecord,
    TrialRecord,
)
from hierclf.bundle.strict_json import to_json
from hierclf.cascade.weighting import CostWeighted
from hierclf.features.readers import extractors_of, members_of, readers_of
from hierclf.features.state import extractor_state
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import sha256_bytes
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.state import (
    NetworkDescription,
    NetworkState,
    take_apart,
)

_NAMED_WEIGHTS = ("imagenet", "none")
Costs = tuple[float, ...] | None


def pack_stage(role: Role, stage: Any) -> dict[str, bytes]:
    """Turn a fitted stage into files.

    A `CostWeighted` stage is stored as the classifier inside it, which scores the
    same; its costs stay in the record.

    Parameters
    ----------
    role : {"screen", "refine"}
        Which stage it is.
    stage : classifier or None
        Fitted.

    Returns
    -------
    files : dict of str to bytes
        ``<role>.json`` and the files that it names.

    Raises
    ------
    InputError
        If it is made of something that no bundle holds.
    """
    costs = None
    if isinstance(stage, CostWeighted):
        costs, stage = tuple(stage.costs_.tolist()), stage.estimator_
    files: dict[str, bytes] = {}
    record: StageRecord
    if stage is None:
        record = EmptyRecord()
    elif isinstance(stage, ProbabilityStack):
        files, record = _pack_stack(role, stage, costs)
    elif _looks_at_scans(stage) or isinstance(stage, OrdinalClassifier):
        files, record = _pack_member(role, stage, costs)
    elif isinstance(stage, DummyClassifier) and len(stage.classes_) == 1:
        record = ConstantRecord(label=plain(stage.classes_[0]))
    else:
        files, record = _pack_learner(role, stage, costs)
    name = f"{role}.json"
    return {**files, name: to_json(name, record.model_dump(mode="json"))}


def _looks_at_scans(stage: Any) -> bool:
    return isinstance(stage, NetworkClassifier | MetaLearner) and bool(
        readers_of(stage)
    )


def _pack_member(
    name: str, stage: Any, costs: Costs
) -> tuple[dict[str, bytes], NetworkRecord | MetaRecord | OrdinalRecord]:
    if isinstance(stage, OrdinalClassifier):
        return _pack_ladder(name, stage)
    pack = _pack_network if isinstance(stage, NetworkClassifier) else _pack_meta
    return pack(name, stage, costs)


def _pack_ladder(
    role: str, stage: OrdinalClassifier
) -> tuple[dict[str, bytes], OrdinalRecord]:
    if len(stage.rungs_) > MOST_RUNGS:
        raise InputError(
            f"{role}: expected at most {MOST_RUNGS + 1} ordered labels, got "
            f"{len(stage.order_)}. A bundle holds no more: put some together."
        )
    files: dict[str, bytes] = {}
    records: list[Any] = []
    for step, rung in enumerate(stage.rungs_):
        pack = _pack_member if _looks_at_scans(rung) else _pack_learner
        told, record = pack(f"{role}-{step}", rung, None)
        files |= told
        records.append(record)
    order = tuple(map(plain, stage.order_))
    return files, OrdinalRecord(rungs=tuple(records), order=order)


def _pack_learner(
    role: str, stage: Any, costs: Costs
) -> tuple[dict[str, bytes], LearnerRecord]:
    file, classes = f"{role}.skops", tuple(map(plain, stage.classes_))
    record = LearnerRecord(file=file, classes=classes, costs=costs)
    return {file: dump_learner(role, stage)}, record


def _pack_stack(
    role: Role, stage: ProbabilityStack, costs: Costs
) -> tuple[dict[str, bytes], StackRecord]:
    files: dict[str, bytes] = {}
    records = []
    for place, member in enumerate(members_of(stage)):
        if not readers_of(member):
            raise InputError(
                f"{role}: expected a stack of networks or of learners on their "
                f"features, got a {type(member).__name__} in it. Stack these."
            )
        told, record = _pack_member(f"{role}-{place}", member, None)
        files |= told
        records.append(record)
    file = None
    if stage.combiner_ is not None:
        file = f"{role}.skops"
        files[file] = dump_learner(role, stage.combiner_)
    return files, StackRecord(
        members=tuple(records),
        names=tuple(str(name) for name, _ in stage.members),
        combine=stage.combine,
        file=file,
        classes=tuple(map(plain, stage.classes_)),
        costs=costs,
    )


def _pack_network(
    role: str, stage: NetworkClassifier, costs: Costs
) -> tuple[dict[str, bytes], NetworkRecord]:
    state = take_apart(stage)
    trunk_name, trunk = _pack_trunk(role, state)
    head_name = f"{role}-head.safetensors"
    files = {trunk_name: trunk, head_name: save(_compact(role, state.head))}
    record = NetworkRecord(
        network=_without_places(state.description),
        trunk=trunk_name,
        head=head_name,
        costs=costs,
    )
    return files, record


def _pack_trunk(role: str, state: NetworkState) -> tuple[str, bytes]:
    trunk = save(_compact(role, state.featurizer))
    return f"trunk-{sha256_bytes(trunk)[:16]}.safetensors", trunk


def _without_places(description: NetworkDescription) -> NetworkDescription:
    """Leave out where weights lay: a path tells something of a user."""
    weights = description.options.weights
    named = weights in _NAMED_WEIGHTS
    told = {"weights_dir": None, "weights": weights if named else "file"}
    options = description.options.model_copy(update=told)
    return description.model_copy(update={"options": options})


def _pack_meta(
    role: str, stage: MetaLearner, costs: Costs
) -> tuple[dict[str, bytes], MetaRecord]:
    files: dict[str, bytes] = {}
    records = []
    for place, extractor in enumerate(extractors_of(stage.features_)):
        state = extractor_state(extractor)
        trunk_name, files[trunk_name] = _pack_trunk(role, state)
        head_name = f"{role}-head-{place}.safetensors" if state.head else None
        if head_name is not None:
            files[head_name] = save(_compact(role, state.head))
        records.append(
            FeatureRecord(
                feature=extractor.kind,
                views=extractor.views,
                network=_without_places(state.description),
                trunk=trunk_name,
                head=head_name,
            )
        )
    name = f"{role}.skops"
    parts = {"learner": stage.learner_, "calibrator": stage.calibrator_}
    files[name] = dump_learner(role, parts)
    record = MetaRecord(
        features=tuple(records),
        learner=stage.learner,
        file=name,
        classes=tuple(map(plain, stage.classes_)),
        best=TrialRecord(**asdict(stage.best_)),
        costs=costs,
    )
    return files, record


def _compact(role: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if not is_finite(tensors):
        raise InputError(
            f"{role}: expected finite weights, got NaN or infinity. Train it again "
            "with a lower learning rate."
        )
    return {k: v.detach().cpu().contiguous() for k, v in tensors.items()}


def is_finite(tensors: dict[str, Tensor]) -> bool:
    """Tell whether no weight is NaN or infinite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
