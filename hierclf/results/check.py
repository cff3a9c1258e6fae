"""What a check found, as it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from hierclf.checking.findings import SEVERITIES, Finding
from hierclf.checking.shortcuts import Probe, encode_facts
from hierclf.checking.survey import Survey, other_columns
from hierclf.data.dataset import Dataset
from hierclf.evaluation.intervals import Estimate
from hierclf.foundation.counting import count
from hierclf.results.data import Strict, Text, readable

_MOST_NAMES = 3
_LINES = 3


class FactFigures(Strict):
    """How a fact lies in each label.

    Parameters
    ----------
    family, name : str
        Where it comes from, and what it is called.
    by_label : dict of str to str
        Median with 5th and 95th percentile, or the commonest names with their
        shares.
    auc : Estimate or None
        How well it tells the label alone; None where it never changes.
    """

    family: str
    name: Text
    by_label: dict[str, Text]
    auc: Estimate | None


class CheckResults(Strict):
    """What a check found.

    Parameters
    ----------
    name : str
        Of the data set.
    fingerprint : str
        Digest of its scans, labels, patients and splits.
    phantom, has_patients : bool
        Whether the scans are synthetic; whether patients are known.
    n_scans, n_patients, n_unreadable : int
        Those that could be read, and the others.
    counts : dict of str to dict of str to int
        Scans by label and split.
    patients : dict of str to int
        Patients by label.
    findings : tuple of Finding
        The severe first.
    probes : tuple of Probe
        What tells the label.
    facts : tuple of FactFigures
        How facts lie in each label.
    """

    name: Text
    fingerprint: str
    phantom: bool
    has_patients: bool
    n_scans: int
    n_patients: int
    n_unreadable: int
    counts: dict[Text, dict[str, int]]
    patients: dict[Text, int]
    findings: tuple[Finding, ...]
    probes: tuple[Probe, ...]
    facts: tuple[FactFigures, ...]

    def number(self, severity: str) -> int:
        """Count the findings of a severity."""
        return sum(one.severity == severity for one in self.findings)


def check_results(
    dataset: Dataset,
    survey: Survey,
    findings: Sequence[Finding],
    probes: Sequence[Probe],
    *,
    phantom: bool,
) -> CheckResults:
    """Put together what a check found.

    Parameters
    ----------
    dataset : Dataset
        What was looked at.
    survey : Survey
        What was seen.
    findings : sequence of Finding
        In their order.
    probes : sequence of Probe
        Of shortcuts.
    phantom : bool
        Whether the scans are synthetic.

    Returns
    -------
    results : CheckResults
        The same for the same arguments.
    """
    rows = survey.manifest
    splits = rows["split"] if "split" in rows else pd.Series("all", rows.index)
    table = pd.crosstab(rows["label"], splits)
    word = " (phantom)" if phantom else ""
    return CheckResults(
        name=dataset.root.name + word,
        fingerprint=dataset.fingerprint,
        phantom=phantom,
        has_patients=dataset.has_patients,
        n_scans=len(rows),
        n_patients=int(rows["patient_id"].nunique()),
        n_unreadable=len(survey.errors),
        counts={
            str(label): {str(name): int(row[name]) for name in table.columns}
            for label, row in table.iterrows()
        },
        patients={
            str(label): int(number)
            for label, number in rows.groupby("label")["patient_id"].nunique().items()
        },
        findings=tuple(_writable(findings)),
        probes=tuple(Probe.model_validate(readable(p.model_dump())) for p in probes),
        facts=tuple(_facts(survey, probes)),
    )


def _writable(findings: Iterable[Finding]) -> Iterator[Finding]:
    for one in findings:
        yield Finding.model_validate(readable(one.model_dump()))


def _facts(survey: Survey, probes: Sequence[Probe]) -> Iterator[FactFigures]:
    areas = {(str(p.family), p.facts): p.auc for p in probes if len(p.facts) == 1}
    families = {
        "file": survey.file,
        "manifest": other_columns(survey.manifest),
        "pixels": survey.pixels,
    }
    labels = survey.manifest["label"]
    for family, facts in families.items():
        numbers = encode_facts(facts)
        for name in facts:
            auc = areas.get((family, (str(name),)))
            if family == "manifest" and auc is None:
                auc = areas.get(("expected", (str(name),)))
            numeric = pd.api.types.is_numeric_dtype(facts[name])
            if name not in numbers and not numeric and facts[name].nunique() > 1:
                continue  # identifiers
            column = facts[name].groupby(labels, sort=True)
            told = {
                str(label): _quantiles(some) if numeric else _names(some)
                for label, some in column
            }
            yield FactFigures(family=family, name=str(name), by_label=told, auc=auc)


def _quantiles(column: pd.Series) -> str:
    low, mid, high = (f"{v:.4g}" for v in column.quantile([0.05, 0.5, 0.95]))
    return mid if low == mid == high else f"{mid} ({low} to {high})"


def _names(column: pd.Series) -> str:
    text = column.where(column.notna(), "").astype(str)
    shares = text.value_counts(normalize=True, sort=True)
    told = [f"{name or 'none'} {share:.0%}" for name, share in shares.items()]
    more = len(told) - _MOST_NAMES
    return ", ".join(told[:_MOST_NAMES]) + (f", {more} more" if more > 0 else "")


def lines_of(results: CheckResults) -> list[str]:
    """Write a check for the terminal.

    Parameters
    ----------
    results : CheckResults
        What was found.

    Returns
    -------
    lines : list of str
        A summary, then the first three findings of each kind.
    """
    n_severe, *others = (results.number(severity) for severity in SEVERITIES)
    warnings, remarks = map(count, others, SEVERITIES[1:])
    numbers = f"{n_severe} severe, {warnings}, {remarks}"
    patients = count(results.n_patients, "patient")
    scans = count(results.n_scans, "scan")
    seen = f"{scans} of {patients}" if results.has_patients else scans
    lines = [f"{results.name}: {seen}: {numbers}"]
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for one in results.findings:
        kinds.setdefault((one.severity, one.code), []).append(one)
    for (severity, code), some in kinds.items():
        lines += [f"  {severity} {code}: {one.message}" for one in some[:_LINES]]
        if len(some) > _LINES:
            lines.append(f"  {severity} {code}: and {len(some) - _LINES} more")
    return lines
