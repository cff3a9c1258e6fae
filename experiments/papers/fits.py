"""Models fitted for rows; rows that ask for the same fit share it.

``job`` is ``hierclf train``, and ``flat`` its flat classifier alone, which is all that
some rows read. The others are systems that no command builds: ``last`` (He 2019, one
learner on features of whichever network decided), ``leak`` (features weighted for the
true class), ``literal`` (a learner with the published parameters).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ConfigDict

from experiments.console import Marked
from experiments.features.last import last_system
from experiments.features.leak import leaking
from experiments.papers.figures import Figure
from experiments.papers.flat import flat_system
from experiments.papers.literal import literal_system
from experiments.papers.paper import PHANTOM, Row, Strict, Variant
from experiments.papers.plans import Told, folder_of, make_phantoms, options_of
from experiments.papers.records import chosen_options
from experiments.papers.segmenting import segmenter, told_of
from experiments.papers.sets import plain
from hierclf.assembly.division import divide, folds_of
from hierclf.assembly.scans import data_options, tell
from hierclf.cascade.hierarchical import Folds
from hierclf.config.commands import TrainOptions
from hierclf.data.dataset import read_dataset
from hierclf.foundation.files import sha256_bytes, write_text
from hierclf.jobs.train import train
from hierclf.metalearners.recipes import parse_model
from hierclf.networks.backbones import make_backbone
from hierclf.networks.heads import HeadShape, make_head
from hierclf.problem.labels import Hierarchy, hierarchy_of
from hierclf.results.run import EpochFigures, RunResults, read_results
from hierclf.training.estimator import NetworkClassifier


class Facts(Strict):
    """What is known of a fit beside its ``predictions.csv``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    labels: tuple[str, ...]
    fingerprint: str
    phantom: bool
    n_scans: int
    n_patients: int
    protocol: str
    seconds: float
    figures: dict[str, Figure]


_NOTHING = Facts(
    labels=(),
    fingerprint="",
    phantom=False,
    n_scans=0,
    n_patients=0,
    protocol="no scans",
    seconds=0.0,
    figures={},
)


_MADE: dict[Path, Facts] = {}
"""Fits of this process. What another one left may be of other code or other scans."""


@dataclass(frozen=True)
class Fitted:
    """A fit: its folder, the options that it was made with, and its facts."""

    folder: Path
    options: TrainOptions
    facts: Facts


def fit(
    row: Row, rows: Mapping[str, Row], variant: Variant, data: str, told: Told
) -> Fitted:
    """Fit what a row asks for, or find it where another row already did.

    Parameters
    ----------
    row : Row
        What to run.
    rows : mapping of str to Row
        All rows of the paper by ``table/row``; one of them may come first.
    variant : str
        As published, or what stands in.
    data : str
        Name of the set.
    told : Told
        Where things lie.
    """
    with contextlib.redirect_stdout(Marked(told.mark)):
        return _fit(row, rows, variant, data, told, other=False)


def _fit(
    row: Row,
    rows: Mapping[str, Row],
    variant: Variant,
    data: str,
    told: Told,
    *,
    other: bool,
) -> Fitted:
    if row.by == "segmenter":
        return _segmenter(row, told)
    if data == PHANTOM:
        make_phantoms(row, told, other=other)
    options = options_of(row, variant, data, told)
    update: dict[str, Any] = {"data": folder_of(row, data, told, other=other)}
    if row.lungs:
        update["lungs"] = segmenter(row, told)
    if row.first:
        first = PHANTOM if data == PHANTOM else _first_data(row, told)
        before = _fit(rows[row.first], rows, variant, first, told, other=True)
        weights = {"weights": str(before.folder / "bundle")}
        update["network"] = options.network.model_copy(update=weights)
    options = options.model_copy(update=update)
    folder = told.work / "runs" / _key(row, options)
    options = options.model_copy(update={"out": folder})
    if folder in _MADE:
        return Fitted(folder, options, _MADE[folder])
    facts = _MAKERS.get(row.by, _own)(row, options)
    _MADE[folder] = facts
    return Fitted(folder, options, facts)


def _first_data(row: Row, told: Told) -> str:
    """Find the set of the first network, however it lies on disk."""
    return next(name for name in told.data if plain(name) == row.first_data)


def _segmenter(row: Row, told: Told) -> Fitted:
    start = monotonic()
    folder = segmenter(row, told)
    seconds = round(monotonic() - start, 1)
    about = told_of(folder)
    dice = {name: about["dice"][name] for name in ("value", "low", "high")}
    facts = Facts(
        labels=(),
        fingerprint=about["fingerprint"],
        phantom=about["phantom"],
        n_scans=about["n_scans"] + about["n_held_out"],
        n_patients=about["n_patients"] + about["n_patients_held_out"],
        protocol=f"{about['n_held_out']} scans held out by patient",
        seconds=seconds,
        figures={"dice": dice},
    )
    return Fitted(folder, options_of(row, "published", PHANTOM, told), facts)


def _key(row: Row, options: TrainOptions) -> str:
    told = [row.by, row.way, row.learner, str(options.data), chosen_options(options)]
    if row.lungs:
        told.append("lungs")
    return sha256_bytes(json.dumps(told, sort_keys=True).encode())[:16]


def _job(row: Row, options: TrainOptions) -> Facts:
    train(options)
    results = read_results(options.out)
    return Facts(
        labels=results.labels,
        fingerprint=results.data.fingerprint,
        phantom=results.data.phantom,
        n_scans=results.data.n_scans,
        n_patients=results.data.n_patients,
        protocol=results.protocol,
        seconds=round(sum(results.seconds.values()), 1),
        figures=_beside(results),
    )


def _parameters(row: Row, options: TrainOptions) -> Facts:
    """Count the numbers of a network with one logit; BatchNorm's means do not learn."""
    backbone = make_backbone(options.network.backbone, weights="none")
    head = make_head(HeadShape(output="ordered"), backbone, 2)
    parts = [backbone.trunk, head]
    learnt = sum(p.numel() for part in parts for p in part.parameters())
    kept = sum(
        buffer.numel()
        for part in parts
        for name, buffer in part.named_buffers()
        if name.endswith(("running_mean", "running_var"))
    )
    figures: dict[str, Figure] = {
        "parameters": {"value": learnt + kept},
        "parameters_fixed": {"value": kept},
    }
    return _NOTHING.model_copy(update={"figures": figures})


def _beside(results: RunResults) -> dict[str, Figure]:
    """Take figures that do not stand in the predictions."""
    found: dict[str, Figure] = {}
    if results.cut_point is not None:
        cut = results.cut_point
        bounds = {"low": cut.threshold_low, "high": cut.threshold_high}
        found["cut_point"] = {"value": cut.threshold, **bounds}
    epochs = results.histories.get("screen", ())
    if settled := settled_epoch(epochs):
        found["settled_epoch"] = {"value": settled}
    return found


def settled_epoch(epochs: tuple[EpochFigures, ...]) -> int | None:
    """Say from which epoch on the training loss stays near its lowest.

    Within a tenth of the whole way down; the sources read it off a plot. None where the
    last epoch is still farther off.
    """
    losses = [epoch.train_loss for epoch in epochs]
    if not losses or any(loss is None for loss in losses):
        return None
    known = np.array(losses, dtype=float)
    far = np.flatnonzero(known > known.min() + 0.1 * (known.max() - known.min()))
    settled = int(far[-1]) + 2 if far.size else 1
    return settled if settled <= len(known) else None


def _own(row: Row, options: TrainOptions) -> Facts:
    """Run what is no whole command, on the folds that the command takes."""
    start = monotonic()
    dataset = read_dataset(data_options(options))
    tell(dataset.remarks)
    manifest = dataset.manifest
    hierarchy = hierarchy_of(
        manifest["label"].to_numpy(),
        options.healthy,
        options.stages,
        ordered=options.ordered,
    )
    known = dataset.has_patients
    division = divide(options, manifest, has_patients=known)
    folds = folds_of(manifest.assign(split=division.names))
    said = _SYSTEMS[row.by](row, options, manifest, hierarchy, folds)
    tested = np.sort(np.concatenate([test for _, test in folds]))
    columns = {"patient_id": manifest["patient_id"], "label": manifest["label"], **said}
    table = pd.DataFrame(columns).iloc[tested]
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "predictions.csv", table.to_csv(index=False))
    return Facts(
        labels=hierarchy.labels,
        fingerprint=dataset.fingerprint,
        phantom=(dataset.root / "cohort.json").exists(),
        n_scans=len(manifest),
        n_patients=manifest["patient_id"].nunique(),
        protocol=division.how,
        seconds=round(monotonic() - start, 1),
        figures={},
    )


def _network(options: TrainOptions) -> NetworkClassifier:
    told = options.network.of_network()
    return NetworkClassifier(told, cache=options.cache, seed=options.seed)


def _last(
    row: Row,
    options: TrainOptions,
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    folds: Folds,
) -> dict[str, Any]:
    model = parse_model(options.network.model)
    plain, corrected = last_system(
        manifest,
        hierarchy,
        _network(options),
        folds,
        kind=str(model.features),
        learner=str(model.learner),
        components=(model.components or (16,))[0],
        adjustment=options.adjustment,
        cv=max(2, options.folds),
        seed=options.seed,
    )
    names = np.asarray(hierarchy.labels)
    return {"argmax": names[plain], "prior-corrected": names[corrected]}


def _leak(
    row: Row,
    options: TrainOptions,
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    folds: Folds,
) -> dict[str, Any]:
    model = parse_model(options.network.model)
    said = leaking(
        manifest,
        _network(options),
        folds,
        kind=str(model.features),
        way=row.way,
        seed=options.seed,
    )
    return {"prior-corrected": said}


def _literal(
    row: Row,
    options: TrainOptions,
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    folds: Folds,
) -> dict[str, Any]:
    model = parse_model(options.network.model)
    said = literal_system(
        manifest,
        _network(options),
        folds,
        kind=str(model.features),
        learner=row.learner,
        components=(model.components or (16,))[0] or 16,
        cv=max(2, options.folds),
        seed=options.seed,
    )
    return {"argmax": said}


def _flat(
    row: Row,
    options: TrainOptions,
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    folds: Folds,
) -> dict[str, Any]:
    return {"flat": flat_system(options, manifest, hierarchy, folds)}


_SYSTEMS: Mapping[str, Callable[..., dict[str, Any]]] = MappingProxyType(
    {"flat": _flat, "last": _last, "leak": _leak, "literal": _literal}
)
_MAKERS: Mapping[str, Callable[[Row, TrainOptions], Facts]] = MappingProxyType(
    {"job": _job, "parameters": _parameters}
)
