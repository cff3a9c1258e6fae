"""Pairs of scans that show the same, judged by labels, patients and splits."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from hierclf.checking.copies import Pair, groups_of
from hierclf.checking.findings import Code, Finding, Severity


def judge_copies(
    manifest: pd.DataFrame, pairs: Sequence[Pair], *, has_patients: bool
) -> list[Finding]:
    """Judge groups of scans that show the same.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        As for `judge_rows`.
    pairs : sequence of Pair
        Equal and near ones.
    has_patients : bool
        Whether patients are known.

    Returns
    -------
    findings : list of Finding
        One for each group of equal scans, and for each chain of near ones;
        ``straddle`` where a pair of it sits in two splits, ``conflict`` where it has
        two labels or, of equal scans, two patients; else ``duplicate``. Groups within
        one patient, label and split are put together.
    """
    equal = [pair for pair in pairs if pair.kind == "equal"]
    others = [pair for pair in pairs if pair.kind != "equal"]
    found: list[Finding] = []
    for some in (equal, others):
        harmless = []
        for rows in groups_of(some, len(manifest)):
            inside = set(rows)
            chain = [pair for pair in some if pair.first in inside]
            judged = _judge_group(manifest, rows, chain, has_patients=has_patients)
            found += judged
            harmless += [] if judged else [rows]
        if harmless:
            same = _SAME[some[0].kind]
            told = _harmless(manifest, harmless, same, has_patients=has_patients)
            found.append(told)
    return found


_SAME = {"equal": "are the same picture", "near": "show the same"}


def _harmless(
    manifest: pd.DataFrame, groups: list[list[int]], same: str, *, has_patients: bool
) -> Finding:
    """Put groups together that contradict in nothing that is known."""
    scans = tuple(manifest["scan"].iloc[[row for rows in groups for row in rows]])
    number = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    if has_patients:
        message = f"{number} of scans that {same}, each group of one patient and label."
        return _about("duplicate", "remark", message, scans)
    message = (
        f"{number} of scans that {same}, each group of one label. No patients are "
        "known, so they may sit on both sides of a split."
    )
    return _about("duplicate", "warning", message, scans)


def _judge_group(
    manifest: pd.DataFrame, rows: list[int], pairs: list[Pair], *, has_patients: bool
) -> list[Finding]:
    scans = tuple(manifest["scan"].iloc[rows])
    shown = _shown(scans, pairs)
    found = []
    worst = _between(manifest, pairs, "split") if "split" in manifest else None
    if worst is not None:
        message = f"{shown} sit in several splits."
        found.append(_about("straddle", "severe", message, scans))
    worst = _between(manifest, pairs, "label")
    if worst is not None:
        severity = _contradiction(manifest, worst, has_patients=has_patients)
        message = f"{shown} have several labels."
        found.append(_about("conflict", severity, message, scans))
    worst = _between(manifest, pairs, "patient_id") if has_patients else None
    if worst is not None and worst.kind == "equal":
        message = f"{shown} belong to several patients."
        found.append(_about("conflict", "severe", message, scans))
    if found:
        return found
    if worst is not None:
        message = f"{shown} belong to several patients; look whether they are one."
        return [_about("duplicate", "warning", message, scans)]
    return []


def _contradiction(
    manifest: pd.DataFrame, pair: Pair, *, has_patients: bool
) -> Severity:
    """Judge two labels: near scans of one patient may be neighbors that differ."""
    patients = manifest["patient_id"].to_numpy()
    one_body = not has_patients or patients[pair.first] == patients[pair.second]
    near = pair.kind == "near" and not one_body
    return "severe" if pair.kind == "equal" or near else "warning"


def _between(manifest: pd.DataFrame, pairs: list[Pair], column: str) -> Pair | None:
    """Give the surest pair that differs in a column."""
    cells = manifest[column].to_numpy()
    apart = [pair for pair in pairs if cells[pair.first] != cells[pair.second]]
    return min(apart, key=lambda pair: pair.kind, default=None)  # equal before near


def _shown(scans: tuple[str, ...], pairs: list[Pair]) -> str:
    names = " and ".join(map(repr, scans[:2]))
    more = f" and {len(scans) - 2} more" if len(scans) > 2 else ""
    hows = dict.fromkeys(pair.how for pair in pairs)
    rest = f" and {len(hows) - 1} more" if len(hows) > 1 else ""
    return f"{names}{more} {_SAME[pairs[0].kind]} ({next(iter(hows))}{rest}) and"


def _about(
    code: Code, severity: Severity, message: str, scans: tuple[str, ...]
) -> Finding:
    return Finding(code=code, severity=severity, message=message, scans=scans)
