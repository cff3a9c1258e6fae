"""Stages as files: networks, learners, the constant one, and none at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from sklearn.dummy import DummyClassifier
from torch import Tensor

from hierclf.bundle.info import plain
from hierclf.bundle.learner import (
    check_combiner,
    check_parts,
    dump_learner,
    load_learner,
    refusing_anything,
)
from hierclf.bundle.records import (
    ConstantRecord,
    EmptyRecord,
    FeatureRecord,
    Files,
    LearnerRecord,
    MetaRecord,
    NetworkRecord,
    Role,
    StackRecord,
    StageRecord,
    TrialRecord,
    content_of,
)
from hierclf.bundle.strict_json import refuse, to_json
from hierclf.cascade.weighting import CostWeighted
from hierclf.features.readers import extractors_of, members_of, union
from hierclf.features.state import extractor_of, extractor_state
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import sha256_bytes
from hierclf.metalearners.search import MetaLearner, Trial
from hierclf.metalearners.stacking import LEARNED, ProbabilityStack
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.state import (
    NetworkDescription,
    NetworkState,
    put_together,
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
    elif _looks_at_scans(stage):
        files, record = _pack_member(role, stage, costs)
    elif isinstance(stage, DummyClassifier) and len(stage.classes_) == 1:
        record = ConstantRecord(label=plain(stage.classes_[0]))
    else:
        file, classes = f"{role}.skops", tuple(map(plain, stage.classes_))
        files[file] = dump_learner(role, stage)
        record = LearnerRecord(file=file, classes=classes, costs=costs)
    name = f"{role}.json"
    return {**files, name: to_json(name, record.model_dump(mode="json"))}


def _looks_at_scans(stage: Any) -> bool:
    if isinstance(stage, MetaLearner):
        return bool(extractors_of(stage.features_))
    return isinstance(stage, NetworkClassifier)


def _pack_member(
    name: str, stage: Any, costs: Costs
) -> tuple[dict[str, bytes], NetworkRecord | MetaRecord]:
    pack = _pack_network if isinstance(stage, NetworkClassifier) else _pack_meta
    return pack(name, stage, costs)


def _pack_stack(
    role: Role, stage: ProbabilityStack, costs: Costs
) -> tuple[dict[str, bytes], StackRecord]:
    files: dict[str, bytes] = {}
    records = []
    for place, member in enumerate(members_of(stage)):
        if not _looks_at_scans(member):
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
    if not _is_finite(tensors):
        raise InputError(
            f"{role}: expected finite weights, got NaN or infinity. Train it again "
            "with a lower learning rate."
        )
    return {k: v.detach().cpu().contiguous() for k, v in tensors.items()}


def _is_finite(tensors: dict[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def unpack_stage(role: Role, record: StageRecord, files: Files) -> Any:
    """Build a fitted stage from its record and its files.

    Parameters
    ----------
    role : {"screen", "refine"}
        Which stage.
    record : StageRecord
        What it is.
    files : mapping of str to bytes
        Verified files of a bundle.

    Returns
    -------
    stage : classifier or None
        Scores as the one that was packed.

    Raises
    ------
    BundleError
        If weights do not fit the network, are not finite, or a learner is made
        of something unknown.
    """
    return _UNPACK[type(record)](role, record, files)


def _unpack_network(role: Role, record: NetworkRecord, files: Files) -> Any:
    if record.network.options.precision == "auto":
        raise refuse(f"{role}.json", "float32 or bfloat16", "precision 'auto'")
    state = NetworkState(
        record.network, _tensors(record.trunk, files), _tensors(record.head, files)
    )
    try:
        return put_together(state)
    except InputError as error:
        raise refuse(f"{role}.json", "a network that its files fit", error) from error


def _unpack_meta(role: Role, record: MetaRecord, files: Files) -> Any:
    extractors = [_unpack_features(role, one, files) for one in record.features]
    parts = load_learner(record.file, content_of(files, record.file))
    classes = np.asarray(record.classes)
    with refusing_anything(f"{role}.json", "a learner that its files fit"):
        learner, calibrator = check_parts(parts, record.learner, len(classes))
        best = Trial(**record.best.model_dump())
        stage = MetaLearner(None, record.learner, components=(best.components,))
        stage.features_ = extractors[0] if len(extractors) == 1 else union(extractors)
        stage.classes_, stage.trials_, stage.best_ = classes, (best,), best
        stage.learner_, stage.calibrator_ = learner, calibrator
    return stage


def _unpack_stack(role: Role, record: StackRecord, files: Files) -> Any:
    members = [_UNPACK[type(one)](role, one, files) for one in record.members]
    classes = np.asarray(record.classes)
    told = f"{role}.json"
    strangers = {c for one in members for c in one.classes_} - set(record.classes)
    if strangers or len(record.names) != len(members):
        raise refuse(told, "members that know its classes", sorted(map(str, strangers)))
    if (record.file is None) != (record.combine != LEARNED):
        raise refuse(told, f"a file for {LEARNED!r} only", ascii(record.file))
    named = list(zip(record.names, members, strict=True))
    stage = ProbabilityStack(named, combine=record.combine)
    stage.classes_, stage.members_, stage.combiner_ = classes, tuple(members), None
    if record.file is not None:
        combiner = load_learner(record.file, content_of(files, record.file))
        with refusing_anything(told, "a combination that its files fit"):
            stage.combiner_ = check_combiner(combiner, len(members), len(classes))
    return stage


def _unpack_features(role: Role, record: FeatureRecord, files: Files) -> Any:
    if record.network.options.precision == "auto":
        raise refuse(f"{role}.json", "float32 or bfloat16", "precision 'auto'")
    head = {} if record.head is None else _tensors(record.head, files)
    state = NetworkState(record.network, _tensors(record.trunk, files), head)
    try:
        return extractor_of(state, kind=record.feature, views=record.views)
    except InputError as error:
        raise refuse(f"{role}.json", "features that its files fit", error) from error


def _tensors(name: str, files: Files) -> dict[str, Tensor]:
    with refusing_anything(name, "a safetensors file"):
        tensors: dict[str, Tensor] = load(content_of(files, name))
    if not _is_finite(tensors):
        raise refuse(name, "finite weights", "NaN or infinity")
    return tensors


def _unpack_learner(role: Role, record: LearnerRecord, files: Files) -> Any:
    learner = load_learner(record.file, content_of(files, record.file))
    classes = getattr(learner, "classes_", None)
    found = None if classes is None else tuple(map(plain, classes))
    if found != record.classes:
        raise refuse(record.file, f"a classifier of {record.classes!a}", f"{found!a}")
    return learner


def _unpack_constant(role: Role, record: ConstantRecord, files: Files) -> Any:
    return DummyClassifier().fit(np.zeros((1, 1)), [record.label])


def _unpack_nothing(role: Role, record: EmptyRecord, files: Files) -> None:
    return None


_UNPACK: Mapping[type[StageRecord], Callable[..., Any]] = MappingProxyType(
    {
        NetworkRecord: _unpack_network,
        LearnerRecord: _unpack_learner,
        MetaRecord: _unpack_meta,
        StackRecord: _unpack_stack,
        ConstantRecord: _unpack_constant,
        EmptyRecord: _unpack_nothing,
    }
)
