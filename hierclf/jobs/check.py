"""What is wrong with a data set, before anything is trained on it."""

from __future__ import annotations

from hierclf.assembly.outputs import keep_apart
from hierclf.assembly.scans import data_options, is_phantom
from hierclf.checking.findings import is_severe, ordered
from hierclf.checking.rows import judge_troubles
from hierclf.checking.survey import survey_scans
from hierclf.config.checking import CheckOptions
from hierclf.data.dataset import survey_dataset
from hierclf.foundation.errors import InputError, join_troubles
from hierclf.foundation.files import check_new, new_folder
from hierclf.inference.machine import prepare_machine
from hierclf.measuring.checks import (
    families_of,
    find,
    frozen_features,
    judge_lungs,
    probe,
)
from hierclf.reporting.check_page import CHECK, write_check
from hierclf.results.check import check_results, lines_of

FOUND = 3
"""Exit code where a finding is severe."""


def check(options: CheckOptions) -> int:
    """Look at a data set, and write findings and a page.

    Parameters
    ----------
    options : CheckOptions
        Everything that can be chosen.

    Returns
    -------
    code : int
        `FOUND` where a finding is severe, else 0.

    Raises
    ------
    HierclfError
        If there is nothing to look at, or the disk is full.
    """
    prepare_machine(options.threads)
    keep_apart(options.out, data=options.data)
    check_new(options.out, overwrite=options.overwrite, mark=CHECK)
    dataset, troubles = survey_dataset(data_options(options))
    if dataset.manifest.empty:
        raise InputError(join_troubles([t for told in troubles.values() for t in told]))
    survey = survey_scans(dataset.manifest)
    if survey.manifest.empty:
        told = [f"{scan}: {code}, {m}" for scan, (code, m) in survey.errors.items()]
        raise InputError(join_troubles(told))
    features = frozen_features(survey.manifest, options)
    families = families_of(survey, features, options.may_tell)
    probes = probe(
        survey.manifest, families, n_resamples=options.resamples, seed=options.seed
    )
    found = find(
        survey,
        features,
        probes,
        has_patients=dataset.has_patients,
        remarks=dataset.remarks,
    )
    lungs = judge_lungs(survey.manifest, options)
    findings = ordered([*judge_troubles(troubles), *found, *lungs])
    phantom = is_phantom(dataset.root)
    results = check_results(dataset, survey, findings, probes, phantom=phantom)
    with new_folder(options.out, overwrite=options.overwrite, mark=CHECK) as folder:
        write_check(folder, results, survey)
    page = options.out / "check.html"
    print("\n".join([*lines_of(results), f"page: {page}"]))  # noqa: T201
    return FOUND if is_severe(findings) else 0
