"""A survey to findings: what ``check`` looks at, and what ``train`` has time for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import RunData, cache_folder
from hierclf.checking.copies import find_pairs
from hierclf.checking.copy_rules import judge_copies
from hierclf.checking.findings import Finding, ordered
from hierclf.checking.looks import file_facts
from hierclf.checking.probe_rules import judge_probes
from hierclf.checking.rows import judge_rows, judge_scans, judge_unreadable
from hierclf.checking.shortcuts import Family, Probe, Prober, probe_all
from hierclf.checking.survey import Survey, other_columns
from hierclf.config.commands import CheckOptions
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

Floats = NDArray[np.floating]
_QUICK_RESAMPLES = 200


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
    from hierclf.training.estimator import NetworkClassifier  # torch takes seconds
    from hierclf.training.options import NetworkOptions

    network = NetworkOptions(
        backbone=options.backbone,
        weights=options.weights,
        weights_dir=options.weights_dir,
        views="center",
    )
    trunk = NetworkClassifier(network, cache=cache_folder(options)).look()
    seen: Floats = trunk.features(manifest)[:, 0].astype(np.float32)
    return seen


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
    pairs = find_pairs(
        [look.picture for look in survey.looks],
        [look.instance for look in survey.looks],
        survey.waves,
        features,
    )
    rows = survey.manifest
    found = [
        *judge_probes(probes),
        *judge_rows(rows, has_patients=has_patients, remarks=remarks),
        *judge_copies(rows, pairs, has_patients=has_patients),
        *judge_unreadable(survey.errors),
        *judge_scans(rows, survey.scans),
    ]
    return ordered(found)


def quick_findings(data: RunData, *, seed: int) -> tuple[Finding, ...]:
    """Judge what costs next to nothing: rows, headers, columns; no pixels.

    Parameters
    ----------
    data : RunData
        What a run works on. Whatever `load_scans` remarks or refuses is not
        judged again.
    seed : int
        Of probes.

    Returns
    -------
    findings : tuple of Finding
        Those that are more than a remark.
    """
    rows = data.manifest
    given = rows.drop(columns="split", errors="ignore")
    families: dict[Family, pd.DataFrame] = {
        "file": file_facts(rows["path"]),
        "manifest": other_columns(rows),
    }
    prober = Prober(
        rows["label"], rows["patient_id"], n_resamples=_QUICK_RESAMPLES, seed=seed
    )
    probes = probe_all(prober, families, alone=())
    known = judge_rows(given, has_patients=data.dataset.has_patients)
    found = [*judge_probes(probes), *known]
    told = [one for one in found if one.severity != "remark" and one.code != "patients"]
    return ordered(told)
