"""Fitted cascades on disk: written whole, audited, and only then used.

A bundle is read in this order, and refused at the first thing that is wrong: names
and sizes; hashes; the forms of the JSON files; the types that a learner asks for;
names, shapes, types and finiteness of weights; its own test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hierclf.bundle.card import render_card
from hierclf.bundle.container import kind_of, read_container, write_container
from hierclf.bundle.description import facts_of
from hierclf.bundle.guard_files import pack_guards, unpack_guards
from hierclf.bundle.info import BundleInfo, current_versions
from hierclf.bundle.learner import refusing_anything
from hierclf.bundle.packing import pack_stage
from hierclf.bundle.records import (
    LearnerRecord,
    StageRecord,
    files_of,
    members_in,
    read_record,
    trunks_of,
)
from hierclf.bundle.restore import restore_cascade
from hierclf.bundle.segmenter import (
    ABOUT,
    WEIGHTS,
    pack_segmenter,
    unpack_segmenter,
)
from hierclf.bundle.self_test import (
    SELF_TEST,
    check_self_test,
    make_self_test,
    takes_rows,
    tolerance_of,
)
from hierclf.bundle.strict_json import parse, refuse, to_json
from hierclf.bundle.unpacking import unpack_stage
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.features.readers import preparation_of
from hierclf.foundation.errors import InputError
from hierclf.inference.runtimes import current_runtime
from hierclf.networks.choices import RuntimeName
from hierclf.segmentation.segmenter import Segmenter

_INFO = "info.json"
_CARD = "model_card.md"
_SCHEMA = TypeAdapter(BundleInfo)


@dataclass(frozen=True)
class Bundle:
    """A cascade that was read from disk.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted, ready to score.
    info : BundleInfo
        What is known of it.
    digest : str
        SHA-256 of its manifest, which names the SHA-256 of every other file; 64
        hexadecimal digits.
    guards : Guards
        What stands between its decisions and their use; maybe nothing.
    lungs : Segmenter or None
        What cuts the lungs out of each frame before its networks see it.
    runtime : str
        What runs its networks: the runtime of the process when it was loaded.
    folder : Path or None
        Where it was read from.
    """

    cascade: HierarchicalClassifier
    info: BundleInfo
    digest: str
    guards: Guards = field(default_factory=Guards)
    lungs: Segmenter | None = None
    runtime: RuntimeName = field(default_factory=current_runtime)
    folder: Path | None = None

    def guarded(self, scans: Any, said: Decisions) -> Guarded | None:
        """Ask the guards about scans and the decisions on them; None without any."""
        if not self.guards.active:
            return None
        return self.guards.look(self.cascade, scans, said)


def save_bundle(
    folder: Path,
    cascade: HierarchicalClassifier,
    info: BundleInfo,
    guards: Guards | None = None,
    *,
    overwrite: bool = False,
) -> str:
    """Write a fitted cascade, whole or not at all.

    Parameters
    ----------
    folder : Path
        Final name; its parents are made.
    cascade : HierarchicalClassifier
        Fitted, with networks or with learners on feature tables.
    info : BundleInfo
        As `hierclf.bundle.info.describe` makes it.
    guards : Guards, optional
        Fitted with the cascade.
    overwrite : bool, default=False
        Replace a bundle that is already there.

    Returns
    -------
    digest : str
        That `load_bundle` will tell.

    Raises
    ------
    InputError
        If a stage cannot be stored, `info` is of another cascade, or `folder`
        exists.
    ResourceError
        If it cannot be written.
    """
    facts = facts_of(cascade, guards)
    stranger = next((k for k in facts if getattr(info, k) != facts[k]), None)
    if stranger:
        raise InputError(
            f"bundle: expected the description of this cascade, got another "
            f"{stranger}. Call describe after fit."
        )
    files = {
        **pack_stage("screen", cascade.screen_),
        **pack_stage("refine", cascade.refine_),
        **({} if guards is None else pack_guards(guards)),
        **_pack_lungs(cascade),
    }
    rows = takes_rows([read_record("screen", files), read_record("refine", files)])
    files[SELF_TEST] = make_self_test(cascade, info, rows=rows)
    return write_container(folder, {**files, **tell(info)}, overwrite=overwrite)


def tell(info: BundleInfo) -> dict[str, bytes]:
    """Write a description as ``info.json`` and as the model card."""
    return {
        _INFO: to_json(_INFO, info.model_dump(mode="json")),
        _CARD: render_card(info).encode(),
    }


def read_info(folder: Path) -> BundleInfo:
    """Read what a bundle tells of itself, without building it.

    Parameters
    ----------
    folder : Path
        The bundle.

    Returns
    -------
    info : BundleInfo
        Verified; the other files were looked at by name and size only.

    Raises
    ------
    BundleError
        If it is no bundle, or not what was written.
    """
    return parse_info(read_container(folder, _INFO).files)


def trunk_file(folder: Path, backbone: str) -> Path:
    """Find the weights that a bundle has of a network, to go on from them.

    Parameters
    ----------
    folder : Path
        The bundle.
    backbone : str
        Name of the network; one of the screen's.

    Returns
    -------
    path : Path
        File with its trunk; verified.

    Raises
    ------
    BundleError
        If it is no bundle.
    InputError
        If its screen looks through another network.
    """
    files = read_container(folder).files
    trunks = trunks_of(read_record("screen", files))
    if backbone not in trunks:
        raise InputError(
            f"weights: expected a bundle whose screen is a {backbone}, got one of "
            f"{', '.join(sorted(trunks)) or 'no network'}. Pass --backbone to match."
        )
    return folder / trunks[backbone]


def parse_info(files: Mapping[str, bytes]) -> BundleInfo:
    """Read the description among the verified files of a bundle."""
    return parse(_INFO, files[_INFO], _SCHEMA)


def load_bundle(folder: Path) -> Bundle:
    """Read a cascade that anybody may have written.

    Parameters
    ----------
    folder : Path
        The bundle.

    Returns
    -------
    bundle : Bundle
        It scores as the cascade that was saved.

    Raises
    ------
    BundleError
        If anything is wrong with it; nothing in it was executed.
    ResourceError
        If the system does not let it be read.
    """
    container = read_container(folder)
    files = container.files
    info = parse_info(files)
    screen, refine = read_record("screen", files), read_record("refine", files)
    _check_files(files, screen, refine)
    _check_versions(info, screen, refine)
    _check_inputs(info, screen, refine)
    lungs = _unpack_lungs(info, files)
    stages = (
        unpack_stage("screen", screen, files, lungs),
        unpack_stage("refine", refine, files, lungs),
    )
    cascade = restore_cascade(info, *stages)
    with refusing_anything(SELF_TEST, "inputs that the bundle can score"):
        tolerance = tolerance_of([screen, refine])
        check_self_test(files[SELF_TEST], cascade, info, tolerance)
    guards = unpack_guards(info, files, cascade)
    digest = container.digest
    return Bundle(cascade, info, digest, guards, lungs, folder=Path(folder))


def _pack_lungs(cascade: HierarchicalClassifier) -> dict[str, bytes]:
    lungs = preparation_of(unweighted(cascade.screen_))
    return pack_segmenter(lungs) if isinstance(lungs, Segmenter) else {}


def _unpack_lungs(info: BundleInfo, files: Mapping[str, bytes]) -> Segmenter | None:
    found = {name for name in files if kind_of(name) == "lungs"}
    if found != (set() if info.lungs is None else {ABOUT, WEIGHTS}):
        raise refuse(_INFO, "lungs beside the files of a segmenter", sorted(found))
    if info.lungs is None:
        return None
    lungs = unpack_segmenter(files)
    if lungs.about != info.lungs:
        raise refuse(_INFO, f"lungs as {ABOUT} has them", "others")
    return lungs


def _check_files(files: Mapping[str, bytes], *records: StageRecord) -> None:
    """Refuse weights that no stage uses."""
    used = {name for record in records for name in files_of(record)}
    carried = {name for name in files if kind_of(name) in ("weights", "learner")}
    if carried != used:
        raise refuse("manifest.json", f"weights {sorted(used)!a}", sorted(carried))


def _check_versions(info: BundleInfo, *records: StageRecord) -> None:
    """Refuse learners of another scikit-learn; networks are plain tensors."""
    files = [name for record in records for name in files_of(record)]
    if not any(kind_of(name) == "learner" for name in files):
        return
    theirs = info.versions.get("scikit-learn", "none")
    ours = current_versions()["scikit-learn"]
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        advice = f"Install scikit-learn {theirs!a}, or train it again."
        raise refuse(_INFO, f"a learner of scikit-learn {ours}", ascii(theirs), advice)


def _check_inputs(info: BundleInfo, *records: StageRecord) -> None:
    """Refuse feature tables for networks, and scans for learners."""
    parts = [one for record in records for one in members_in(record)]
    learner = any(isinstance(part, LearnerRecord) for part in parts)
    if learner != (info.n_features is not None):
        raise refuse(_INFO, "n_features for learners only", info.n_features)
