"""A cascade to the files of an export."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
import onnx
import skops.io
import torch
from numpy.typing import NDArray

from hierclf.bundle.self_test import probe_rows, probe_scans
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.exporting.decision_graphs import DecisionGraph, LadderGraph
from hierclf.exporting.graphs import (
    FRAMES,
    ScanGraph,
    joined,
    looks_of,
    renamed,
    side_of,
    to_onnx,
)
from hierclf.exporting.learner_graphs import (
    PROBABILITIES,
    TABLE,
    beside_graph,
    combination_graph,
    learner_graph,
)
from hierclf.exporting.options import Format
from hierclf.exporting.proof import Arrays, Part, run_onnx
from hierclf.features.readers import members_of, readers_of
from hierclf.foundation.errors import InputError
from hierclf.loading.scans import FrameReader
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack

_DECISIONS = ("screen_score", PROBABILITIES, "decided")
Stages = dict[str, Any]


def example_scans() -> list[NDArray[np.float32]]:
    """Give pictures to try networks on: nobody's scans."""
    return list(probe_scans().astype(np.float32) / 255)


def example_frames(side: int) -> NDArray[np.float32]:
    """Give these pictures as frames of one side."""
    reader = FrameReader(side)
    return np.stack([reader.frame_of(scan) for scan in example_scans()])


def stages_of(cascade: HierarchicalClassifier) -> Stages:
    """Give the stages by name, without a refinement that always says the same."""
    found = {"screen": cascade.screen_}
    refine = cascade.refine_
    if refine is not None and len(refine.classes_) > 1:
        found["refine"] = refine
    return found


def units_of(stages: Stages) -> Stages:
    """Give the models that stages are made of: members of stacks, rungs of ladders."""
    units: Stages = {}
    for name, stage in stages.items():
        inner = inside(name, stage)
        units |= units_of(inner) if inner else {name: stage}
    return units


def inside(name: str, stage: Any) -> Stages:
    """Give what a stack or a ladder is made of, by names; nothing of other models."""
    parts: Sequence[Any] = ()
    if isinstance(stage, ProbabilityStack):
        parts = members_of(stage)
    if isinstance(stage, OrdinalClassifier):
        parts = stage.rungs_
    return {f"{name}-{place}": part for place, part in enumerate(parts)}


def network_parts(cascade: HierarchicalClassifier) -> list[Part]:
    """Make a graph for each stage that looks at scans.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        In single precision.

    Returns
    -------
    parts : list of Part
        Frames to probabilities of the stage, or to the features of its learner.

    Raises
    ------
    InputError
        If no stage does, or one cannot be written.
    """
    parts = []
    for name, stage in units_of(stages_of(cascade)).items():
        looks = looks_of(stage)
        if not looks:
            continue
        frames = example_frames(side_of(looks))
        output = TABLE if isinstance(stage, MetaLearner) else PROBABILITIES
        graph = ScanGraph([looks])
        model = to_onnx(graph, {FRAMES: torch.from_numpy(frames[:2])}, [output])
        scans = example_scans()
        answer = (
            stage.features_.transform(scans)
            if isinstance(stage, MetaLearner)
            else stage.predict_proba(scans)
        )
        expected = {output: np.asarray(answer)}
        content = model.SerializeToString()
        inputs = {FRAMES: frames}
        parts.append(Part(f"{name}.onnx", content, inputs, expected, run_onnx))
    if not parts:
        raise InputError(
            "export: expected a bundle with networks, got one for tables. Take --what "
            "cascade."
        )
    return parts


def meta_parts(cascade: HierarchicalClassifier, form: Format) -> list[Part]:
    """Make a file for each learner, from its features to its probabilities.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        In single precision.
    form : {"skops", "onnx", "joblib"}
        Of the files.

    Returns
    -------
    parts : list of Part
        At least one.

    Raises
    ------
    InputError
        If no stage is a learner, or one cannot be written.
    """
    parts = []
    for name, stage in _learners_of(stages_of(cascade)).items():
        learner, table = _on_tables(stage), _example_table(stage)
        inputs = {TABLE: table}
        expected = {PROBABILITIES: learner.predict_proba(table)}
        if form == "onnx":
            model = learner_graph(learner, table.shape[1])
            content = model.SerializeToString()
            parts.append(Part(f"{name}.onnx", content, inputs, expected, run_onnx))
            continue
        content = _dump(learner, form)
        run = _runner(form, lambda one, told: _probabilities(one, told[TABLE]))
        parts.append(Part(f"{name}.{form}", content, inputs, expected, run))
    if not parts:
        raise InputError(
            "export: expected a bundle with learners, got one of networks. Train with "
            "--model pooled+logistic, or take --what network."
        )
    return parts


def _learners_of(stages: Stages) -> Stages:
    """Give all that was learned on tables, the combination of a stack too."""
    found = {}
    for name, stage in stages.items():
        for unit, member in units_of({name: stage}).items():
            if isinstance(member, MetaLearner) or not readers_of(member):
                found[unit] = member
        combiner = getattr(stage, "combiner_", None)
        if combiner is not None:
            found[name] = combiner
    return found


def _on_tables(stage: Any) -> Any:
    """Cut a learner off its networks."""
    if not isinstance(stage, MetaLearner):
        return stage
    learner = copy.copy(stage)
    learner.features = learner.features_ = None
    learner.trials_ = ()
    del learner.best_
    return learner


def _example_table(stage: Any) -> NDArray[np.float32]:
    """Draw rows as a learner met them in training."""
    if not isinstance(stage, MetaLearner):
        return probe_rows(stage.n_features_in_).astype(np.float32)
    scaler = stage.learner_["scale"]
    rows = probe_rows(len(scaler.scale_)) / 2
    table: NDArray[np.float32] = (scaler.mean_ + scaler.scale_ * rows).astype(
        np.float32
    )
    return table


def cascade_part(cascade: HierarchicalClassifier, form: Format) -> Part:
    """Make one file of a whole cascade.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        In single precision.
    form : {"skops", "onnx", "joblib"}
        Of the file.

    Returns
    -------
    part : Part
        Frames (or a table) to scores, probabilities and decisions.

    Raises
    ------
    InputError
        If it cannot be written so.
    """
    scans = bool(readers_of(cascade.screen_) or readers_of(cascade.refine_))
    if form == "onnx":
        model, inputs = _whole_graph(cascade, scans=scans)
        told = example_scans() if scans else inputs[TABLE]
        expected = _as_arrays(cascade.decide(told))
        content = model.SerializeToString()
        return Part("cascade.onnx", content, inputs, expected, run_onnx)
    if form == "skops" and scans:
        raise InputError(
            "export: expected a cascade on tables for skops, got networks, which it "
            "does not hold. Take --format onnx, or the bundle as it is."
        )
    inputs = {FRAMES: np.stack(example_scans())} if scans else _table_inputs(cascade)
    expected = _as_arrays(cascade.decide(_told(inputs)))
    run = _runner(form, lambda one, told: _as_arrays(one.decide(_told(told))))
    content = _dump(cascade, form)
    return Part(f"cascade.{form}", content, inputs, expected, run)


def _table_inputs(cascade: HierarchicalClassifier) -> Arrays:
    return {TABLE: probe_rows(cascade.n_features_in_).astype(np.float32)}


def _told(inputs: Arrays) -> Any:
    return list(inputs[FRAMES]) if FRAMES in inputs else inputs[TABLE]


def _as_arrays(said: Decisions) -> dict[str, NDArray[Any]]:
    found = (said.screen_score, said.probabilities, said.decided.astype(np.int64))
    return dict(zip(_DECISIONS, found, strict=True))


def _whole_graph(
    cascade: HierarchicalClassifier, *, scans: bool
) -> tuple[onnx.ModelProto, Arrays]:
    """Put together what looks at scans, the learners, and the decision."""
    stages = stages_of(cascade)
    units = units_of(stages)
    inputs, models = _scan_graphs(units) if scans else (_table_inputs(cascade), {})
    for name, stage in units.items():
        if isinstance(stage, MetaLearner):
            width = len(stage.learner_["scale"].scale_)
            names = {TABLE: f"{name}_seen", PROBABILITIES: name}
            models[name] = renamed(learner_graph(stage, width), names)
        elif not scans:
            width = inputs[TABLE].shape[1]
            models[name] = renamed(learner_graph(stage, width), {PROBABILITIES: name})
    for name, stage in stages.items():
        models |= _combinations(name, stage)
    return joined({**models, "decision": _decision_graph(cascade, stages)}), inputs


def _combinations(name: str, stage: Any) -> dict[str, onnx.ModelProto]:
    """Write what puts members and rungs together, the inner ones first."""
    models: dict[str, onnx.ModelProto] = {}
    parts = inside(name, stage)
    for inner, part in parts.items():
        models |= _combinations(inner, part)
    if isinstance(stage, ProbabilityStack):
        models[name] = combination_graph(stage, list(parts), name)
    if isinstance(stage, OrdinalClassifier):
        widths = {inner: len(rung.classes_) for inner, rung in parts.items()}
        told, width = f"{name}_rungs", sum(widths.values())
        models[told] = beside_graph(widths, told)
        example = {told: torch.full((2, width), 0.5)}
        models[name] = to_onnx(LadderGraph(stage), example, [name])
    return models


def _scan_graphs(units: Stages) -> tuple[Arrays, dict[str, onnx.ModelProto]]:
    """Write what looks at frames: a graph, and an input, for each size of these."""
    by_side: dict[int, Stages] = {}
    for name, unit in units.items():
        by_side.setdefault(side_of(looks_of(unit)), {})[name] = unit
    inputs, models = {}, {}
    for side, some in by_side.items():
        name = FRAMES if len(by_side) == 1 else f"{FRAMES}_{side}"
        inputs[name] = example_frames(side)
        models[f"scan{side}"] = _scan_graph(some, name, inputs[name])
    return inputs, models


def _scan_graph(units: Stages, name: str, frames: NDArray[Any]) -> onnx.ModelProto:
    outputs = [
        f"{unit}_seen" if isinstance(one, MetaLearner) else unit
        for unit, one in units.items()
    ]
    graph = ScanGraph([looks_of(unit) for unit in units.values()])
    return to_onnx(graph, {name: torch.from_numpy(frames[:2])}, outputs)


def _decision_graph(cascade: HierarchicalClassifier, stages: Stages) -> onnx.ModelProto:
    example = {
        name: torch.full((2, len(stage.classes_)), 1 / len(stage.classes_))
        for name, stage in stages.items()
    }
    return to_onnx(DecisionGraph(cascade), example, _DECISIONS)


def _dump(estimator: Any, form: Format) -> bytes:
    if form == "skops":
        content: bytes = skops.io.dumps(estimator)
        return content
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    return stream.getvalue()


def _load(content: bytes, form: Format) -> Any:
    """Load what this process has just made; nothing else comes here."""
    if form == "skops":
        trusted = skops.io.get_untrusted_types(data=content)
        return skops.io.loads(content, trusted=trusted)
    return joblib.load(io.BytesIO(content))


def _runner(
    form: Format, ask: Callable[[Any, Arrays], Arrays]
) -> Callable[[bytes, Arrays], Arrays]:
    return lambda content, inputs: ask(_load(content, form), inputs)


def _probabilities(learner: Any, table: Any) -> Arrays:
    return {PROBABILITIES: learner.predict_proba(table)}
