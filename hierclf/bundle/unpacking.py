"""Files to fitted stages; see `hierclf.bundle.packing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors.torch import load
from sklearn.dummy import DummyClassifier
from torch import Tensor

from hierclf.bundle.info import plain
from hierclf.bundle.learner import (
    check_combiner,
    check_parts,
    load_learner,
    refusing_anything,
)
from hierclf.bundle.packing import is_finite
from hierclf.bundle.records import (
    ConstantRecord,
    EmptyRecord,
    FeatureRecord,
    Files,
    LearnerRecord,
    MetaRecord,
    NetworkRecord,
    OrdinalRecord,
    Role,
    StackRecord,
    StageRecord,
    content_of,
)
from hierclf.bundle.strict_json import refuse
from hierclf.features.readers import union
from hierclf.features.state import extractor_of
from hierclf.foundation.errors import InputError
from hierclf.loading.scans import Preparation
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner, Trial
from hierclf.metalearners.stacking import LEARNED, ProbabilityStack
from hierclf.training.state import (
    NetworkState,
    put_together,
)

Maybe = Preparation | None


def unpack_stage(
    role: Role,
    record: StageRecord,
    files: Files,
    preparation: Preparation | None = None,
) -> Any:
    """Build a fitted stage from its record and its files.

    Parameters
    ----------
    role : {"screen", "refine"}
        Which stage.
    record : StageRecord
        What it is.
    files : mapping of str to bytes
        Verified files of a bundle.
    preparation : Preparation, optional
        What its networks do to each frame before.

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
    return _UNPACK[type(record)](role, record, files, preparation)


def _unpack_network(
    role: Role, record: NetworkRecord, files: Files, preparation: Maybe
) -> Any:
    if record.network.options.precision == "auto":
        raise refuse(f"{role}.json", "float32 or bfloat16", "precision 'auto'")
    state = NetworkState(
        record.network, _tensors(record.trunk, files), _tensors(record.head, files)
    )
    try:
        return put_together(state, preparation)
    except InputError as error:
        raise refuse(f"{role}.json", "a network that its files fit", error) from error


def _unpack_meta(
    role: Role, record: MetaRecord, files: Files, preparation: Maybe
) -> Any:
    extractors = [
        _unpack_features(role, one, files, preparation) for one in record.features
    ]
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


def _unpack_stack(
    role: Role, record: StackRecord, files: Files, preparation: Maybe
) -> Any:
    members = [
        _UNPACK[type(one)](role, one, files, preparation) for one in record.members
    ]
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


def _unpack_ladder(
    role: Role, record: OrdinalRecord, files: Files, preparation: Maybe
) -> Any:
    rungs = [_UNPACK[type(one)](role, one, files, preparation) for one in record.rungs]
    n_labels = len(record.order)
    stage = OrdinalClassifier(order=record.order)
    stage.order_, stage.rungs_ = record.order, tuple(rungs)
    stage.classes_ = np.unique(np.asarray(record.order))
    steps = [[False, True]] * (n_labels - 1)
    found = [rung.classes_.tolist() for rung in rungs]
    fits = found in (steps, [list(range(n_labels))])
    if not fits or len(stage.classes_) != n_labels:
        told = f"a rung for each step of {record.order!a}"
        raise refuse(f"{role}.json", told, f"{found!a}")
    return stage


def _unpack_features(
    role: Role, record: FeatureRecord, files: Files, preparation: Maybe
) -> Any:
    if record.network.options.precision == "auto":
        raise refuse(f"{role}.json", "float32 or bfloat16", "precision 'auto'")
    head = {} if record.head is None else _tensors(record.head, files)
    state = NetworkState(record.network, _tensors(record.trunk, files), head)
    try:
        return extractor_of(
            state, kind=record.feature, views=record.views, preparation=preparation
        )
    except InputError as error:
        raise refuse(f"{role}.json", "features that its files fit", error) from error


def _tensors(name: str, files: Files) -> dict[str, Tensor]:
    with refusing_anything(name, "a safetensors file"):
        tensors: dict[str, Tensor] = load(content_of(files, name))
    if not is_finite(tensors):
        raise refuse(name, "finite weights", "NaN or infinity")
    return tensors


def _unpack_learner(
    role: Role, record: LearnerRecord, files: Files, preparation: Maybe
) -> Any:
    learner = load_learner(record.file, content_of(files, record.file))
    classes = getattr(learner, "classes_", None)
    found = None if classes is None else tuple(map(plain, classes))
    if found != record.classes:
        raise refuse(record.file, f"a classifier of {record.classes!a}", f"{found!a}")
    return learner


def _unpack_constant(
    role: Role, record: ConstantRecord, files: Files, preparation: Maybe
) -> Any:
    return DummyClassifier().fit(np.zeros((1, 1)), [record.label])


def _unpack_nothing(
    role: Role, record: EmptyRecord, files: Files, preparation: Maybe
) -> None:
    return None


_UNPACK: Mapping[type[StageRecord], Callable[..., Any]] = MappingProxyType(
    {
        NetworkRecord: _unpack_network,
        OrdinalRecord: _unpack_ladder,
        LearnerRecord: _unpack_learner,
        MetaRecord: _unpack_meta,
        StackRecord: _unpack_stack,
        ConstantRecord: _unpack_constant,
        EmptyRecord: _unpack_nothing,
    }
)
