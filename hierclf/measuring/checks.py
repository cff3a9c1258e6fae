"""A survey to findings: what ``check`` looks at, and what ``train`` has time for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import RunData, cache_folder, tell
from hierclf.checking.copies import (
    MOST_PAIRS,
    Candidate,
    Pair,
    alike_candidates,
    equal_pairs,
    near_candidates,
    near_pairs,
)
from hierclf.checking.copy_rules import judge_copies
from hierclf.checking.findings import Finding, ordered
from hierclf.checking.looks import file_facts
from hierclf.checking.polarity import judge_polarity
from hierclf.checking.probe_rules import judge_probes
from hierclf.checking.registration import frame_of
from hierclf.checking.rows import judge_rows, judge_scans, judge_unreadable
from hierclf.checking.shortcuts import Family, Probe, Prober, probe_all
from hierclf.checking.survey import Survey, other_columns
from hierclf.config.checking import CheckOptions
from hierclf.data.pixels import read_scan
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

Floats = NDArray[np.floating]
_QUICK_RESAMPLES = 200
_log = logging.getLogger(__name__)


def frozen_features(manifest: pd.DataFrame, options: CheckOptions) -> Floats | None:
    """Look at scans with a frozen network.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Scans that can be read.
    options : CheckOptions
        Which network, which cache.

    Returns
    -------
    features : ndarray of float32, shape (n_scans, n_features), or None
        Of one view; None where ``image`` is off.
    """
    if not options.image:
        return None
    from hierclf.inference.trials import use_runtime  # torch takes seconds
    from hierclf.training.estimator import NetworkClassifier
    from hierclf.training.options import NetworkOptions

    network = NetworkOptions(
        backbone=options.backbone,
        weights=options.weights,
        weights_dir=options.weights_dir,
        views="center",
    )
    stage = NetworkClassifier(network, cache=cache_folder(options))
    use_runtime(options.runtime, lambda: [stage.look()])
    seen: Floats = stage.look().features(manifest)[:, 0].astype(np.float32)
    return seen


def judge_lungs(manifest: pd.DataFrame, options: CheckOptions) -> list[Finding]:
    """Name scans in which a segmenter finds no lungs.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Scans that can be read.
    options : CheckOptions
        Which segmenter; none is none.

    Returns
    -------
    findings : list of Finding
        At most one.

    Raises
    ------
    BundleError
        If the segmenter is none, or not what was written.
    """
    if options.lungs is None:
        return []
    from hierclf.bundle.segmenter import load_segmenter  # torch takes seconds
    from hierclf.segmentation.census import lungs_found
    from hierclf.training.estimator import NetworkClassifier

    side, paths = NetworkClassifier().frame_side, manifest["path"].tolist()
    segmenter = load_segmenter(options.lungs)
    found = lungs_found(segmenter, paths, side, cache_folder(options))
    scans = tuple(manifest["scan"][~found])
    if not scans:
        return []
    told = f"{len(scans)} scans in which no lungs are found: they would be seen whole"
    return [Finding(code="lungs", severity="warning", message=told, scans=scans)]


def families_of(
    survey: Survey, features: Floats | None, may_tell: tuple[str, ...]
) -> dict[Family, pd.DataFrame]:
    """Sort what was seen by what it may say of a label.

    Parameters
    ----------
    survey : Survey
        Of all scans.
    features : ndarray of float or None
        Of a frozen network.
    may_tell : tuple of str
        Columns that may tell the label.

    Returns
    -------
    families : dict of str to DataFrame
        Facts by family.

    Raises
    ------
    InputError
        If a column of `may_tell` is none.
    """
    others, file = other_columns(survey.manifest), survey.file
    for name in may_tell:
        if name not in others:
            raise InputError(
                f"may_tell: expected columns of the manifest, got {name!r}. "
                f"{nearest(name, map(str, others.columns))}"
            )
    judged = others.drop(columns=list(may_tell))
    families: dict[Family, pd.DataFrame] = {"file": file, "manifest": judged}
    if len(judged.columns):
        families["records"] = pd.concat([file, judged], axis=1)
    families |= {
        "expected": others[list(may_tell)],
        "border": survey.border,
        "pixels": survey.pixels,
    }
    if features is not None:
        families["image"] = pd.DataFrame(features)
    return families


def probe(
    manifest: pd.DataFrame, families: Mapping[Family, pd.DataFrame], **told: Any
) -> list[Probe]:
    """Probe families for shortcuts; see `hierclf.checking.shortcuts`."""
    prober = Prober(manifest["label"], manifest["patient_id"], **told)
    return probe_all(prober, families)


def find_pairs(survey: Survey, features: Floats | None) -> list[Pair]:
    """Find the scans that show the same.

    Parameters
    ----------
    survey : Survey
        Of all scans.
    features : ndarray of float or None
        Of a frozen network.

    Returns
    -------
    pairs : list of Pair
        Of equal scans only the first is compared with others.
    """
    pairs = equal_pairs([look.picture for look in survey.looks], "equal pixels")
    copies = {pair.second for pair in pairs}
    rows = [row for row in range(len(survey.looks)) if row not in copies]
    uids = [survey.looks[row].instance for row in rows]
    waves = survey.waves[rows]
    found = near_candidates(waves)
    if features is not None:
        found += alike_candidates(features[rows], waves)
    paths = survey.manifest["path"].to_numpy()[rows]
    near = near_pairs(
        _nearest(found), lambda place: frame_of(read_scan(Path(paths[place])).pixels)
    )
    near += equal_pairs(uids, "one SOPInstanceUID", "near")
    return pairs + [
        replace(pair, first=rows[pair.first], second=rows[pair.second]) for pair in near
    ]


def _nearest(candidates: list[Candidate]) -> list[Candidate]:
    if len(candidates) > MOST_PAIRS:
        _log.warning(
            "%d pairs of scans look alike; the nearest %d are compared closely.",
            len(candidates),
            MOST_PAIRS,
        )
    return sorted(candidates)[:MOST_PAIRS]


def find(
    survey: Survey,
    features: Floats | None,
    probes: list[Probe],
    *,
    has_patients: bool,
    remarks: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Judge a survey.

    Parameters
    ----------
    survey : Survey
        Of all scans.
    features : ndarray of float or None
        Of a frozen network.
    probes : list of Probe
        Of shortcuts.
    has_patients : bool
        Whether patients are known.
    remarks : tuple of str
        Of whoever read the rows.

    Returns
    -------
    findings : tuple of Finding
        The severe first.
    """
    rows, pairs = survey.manifest, find_pairs(survey, features)
    found = [
        *judge_probes(probes),
        *judge_rows(rows, has_patients=has_patients, remarks=remarks),
        *judge_copies(rows, pairs, has_patients=has_patients),
        *judge_unreadable(survey.errors),
        *judge_scans(rows, survey.scans),
        *judge_polarity(rows, survey.waves),
    ]
    return ordered(found)


def checked(data: RunData, *, seed: int) -> RunData:
    """Judge what costs next to nothing, and say so: rows, headers, columns; no pixels.

    Parameters
    ----------
    data : RunData
        What a run works on. What `load_scans` remarks or refuses is not judged again.
    seed : int
        Of probes.

    Returns
    -------
    data : RunData
        The same, with what is more than a remark among its remarks.
    """
    findings = quick_findings(
        data.manifest, has_patients=data.dataset.has_patients, seed=seed
    )
    told = [f"{one.severity} {one.code}: {one.message}" for one in findings]
    tell(told)
    remarks = (*data.dataset.remarks, *told)
    return replace(data, dataset=replace(data.dataset, remarks=remarks))


def quick_findings(
    manifest: pd.DataFrame, *, has_patients: bool, seed: int
) -> tuple[Finding, ...]:
    """Judge rows, headers of files and columns; see `checked`."""
    families: dict[Family, pd.DataFrame] = {
        "file": file_facts(manifest["path"]),
        "manifest": other_columns(manifest),
    }
    told = {"n_resamples": _QUICK_RESAMPLES, "seed": seed}
    prober = Prober(manifest["label"], manifest["patient_id"], **told)
    probes = probe_all(prober, families, alone=())
    rows = manifest.drop(columns="split", errors="ignore")  # refused before
    known = judge_rows(rows, has_patients=has_patients)
    found = [*judge_probes(probes), *known]
    return ordered(
        one for one in found if one.severity != "remark" and one.code != "patients"
    )
