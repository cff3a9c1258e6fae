"""What a row comes to: the options of ``hierclf train`` for one variant and set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.folders import made_once
from experiments.papers.paper import PHANTOM, Cohort, Row, Variant, merge
from experiments.papers.sets import TASKS
from hierclf.config.commands import TrainOptions
from hierclf.config.stage import STAGE_NAMES
from hierclf.foundation.errors import InputError
from hierclf.networks.weights import LITES, local_weights
from hierclf.synthesis.cohort import PhantomOptions, make_cohort

SMOKE: Mapping[str, Any] = MappingProxyType(
    {
        "resamples": 100,
        "outer_folds": 0,
        "folds": 2,
        "test_part": 0.3,
        "network": {
            "image_size": 32,
            "views": "center",
            "epochs": 1,
            "rounds": 1,
            "precision": "float32",
        },
    }
)
"""What every smoke run changes: it shows that a row runs, and nothing else."""
SMOKE_COHORT = Cohort(cases=120, balanced=True, size=64)
STAND_INS: tuple[Variant, ...] = ("lite0", "scratch")
"""What is run instead; a smoke run takes the last, which has the named network."""
_QUIET = {"gate": 0.0, "pictured": 0, "subgroups": ("none",), "overwrite": True}
_WITHOUT_WEIGHTS = ("pixels", *LITES)


@dataclass(frozen=True)
class Told:
    """What the caller asked for.

    Parameters
    ----------
    work : Path
        Folder for cohorts and runs, which may be thrown away.
    data : dict of str to Path
        Sets of scans by name; the phantom is made.
    weights_dir : Path, optional
        ImageNet weights of the named networks.
    smoke : bool
        Tiny phantoms, tiny frames, one epoch.
    seed : int
        Root seed.
    """

    work: Path
    data: Mapping[str, Path]
    weights_dir: Path | None = None
    smoke: bool = False
    seed: int = 0

    @property
    def mark(self) -> str:
        """Word before each line of a smoke run, so that nobody quotes its figures."""
        return "SMOKE " if self.smoke else ""


def variants_of(row: Row, told: Told) -> tuple[Variant, ...]:
    """Choose what is run of a row.

    As published where its weights can be had or it needs none; else its stand-ins.
    """
    if row.by in {"parameters", "segmenter"}:
        return ("published",)
    if not missing_weights(options_of(row, "published", PHANTOM, told), told):
        return ("published",)
    able = tuple(name for name in STAND_INS if name in row.variants)
    return able[-1:] if told.smoke else able


def missing_weights(options: TrainOptions, told: Told) -> tuple[str, ...]:
    """Name the networks whose ImageNet weights are nowhere to be had."""
    stages = [options.stage(name) for name in STAGE_NAMES]
    wanted = {
        network.backbone.partition("+")[0]
        for stage in stages
        for network in stage.networks()
        if network.weights == "imagenet"
    }
    folder = told.weights_dir
    absent = {
        name
        for name in wanted - set(_WITHOUT_WEIGHTS)
        if folder is None or local_weights(folder, name) is None
    }
    return tuple(sorted(absent))


def options_of(row: Row, variant: Variant, data: str, told: Told) -> TrainOptions:
    """Resolve the options of one run, all but its folder.

    Parameters
    ----------
    row : Row
        What the table asks for.
    variant : str
        As published, or what stands in.
    data : str
        Name of the set.
    told : Told
        Where it lies.

    Raises
    ------
    InputError
        If the row cannot be asked of the set.
    """
    if row.task not in TASKS[data]:
        able = ", ".join(name for name, tasks in TASKS.items() if row.task in tasks)
        raise InputError(
            f"data: expected a set that can be asked for {row.task}: {able}; got "
            f"{data}. Take another."
        )
    task = TASKS[data][row.task]
    labels = {
        "healthy": task.healthy,
        "stages": task.stages,
        "ordered": task.ordered,
        "name_rule": task.name_rule,
    }
    values = merge(
        {**_QUIET, "cache": told.work / "cache", "out": told.work, "seed": told.seed},
        labels,
        row.train,
        row.variants.get(variant, {}) if variant != "published" else {},
        merge(dict(SMOKE), row.smoke) if told.smoke else {},
        {"data": folder_of(row, data, told)},
    )
    if variant == "published" and told.weights_dir is not None:
        values = merge(values, {"network": {"weights_dir": told.weights_dir}})
    return TrainOptions.model_validate(values)


def folder_of(row: Row, data: str, told: Told, *, other: bool = False) -> Path:
    """Say where the scans of a row lie; phantoms are told apart by how they are made.

    Parameters
    ----------
    row : Row
        Which phantoms it wants.
    data : str
        Name of the set.
    told : Told
        Where sets lie.
    other : bool, default=False
        Phantoms of other patients, for a network that is trained first.
    """
    if data != PHANTOM:
        return told.data[data]
    kind = SMOKE_COHORT if told.smoke else row.phantom
    shape = "balanced" if kind.balanced else "rare"
    seed = told.seed + 1000 * other
    return told.work / f"phantom-{kind.cases}-{kind.size}-{shape}-{seed}"


def make_phantoms(row: Row, told: Told, *, other: bool = False) -> Path:
    """Draw the phantoms of a row, where they are not there."""
    folder = folder_of(row, PHANTOM, told, other=other)
    kind = SMOKE_COHORT if told.smoke else row.phantom
    seed = told.seed + 1000 * other
    with made_once(folder) as missing:
        if missing:
            make_cohort(PhantomOptions(out=folder, seed=seed, **kind.model_dump()))
    return folder
