"""Probes of shortcuts, judged: not by one number, but by what the facts are."""

from __future__ import annotations

from collections.abc import Iterable

from hierclf.checking.findings import Finding, Severity
from hierclf.checking.shortcuts import Probe

CLEAR = 0.6
"""A shortcut: the lower bound of the area by facts of file or manifest is above."""

MARKED = 0.9
"""The same for the border, of which a part is body."""


def judge_probes(probes: Iterable[Probe]) -> list[Finding]:
    """Judge how well facts tell the label.

    Parameters
    ----------
    probes : iterable of Probe
        Families together are judged; single facts only illustrate.

    Returns
    -------
    findings : list of Finding
        Severe for file and manifest where the lower bound of the area is above
        `CLEAR`, and for the border where it is above `MARKED`; a remark where another
        family tells something.
    """
    listed = list(probes)
    image = next((p for p in listed if p.family == "image"), None)
    beside = "" if image is None else f" The picture itself reaches {_area(image)}."
    found = []
    for probe in listed:
        if probe.name or probe.family in {"image", "records"} or _low(probe) <= CLEAR:
            continue
        bound = {"file": CLEAR, "manifest": CLEAR, "border": MARKED}.get(probe.family)
        severe = bound is not None and _low(probe) > bound
        best = [p for p in listed if p.family == probe.family and p.name]
        first = max(best, key=lambda p: p.auc.value or 0, default=None)
        alone = "" if first is None else f", {first.name} alone {_area(first)}"
        facts = ", ".join(probe.facts[:6]) if probe.family != "border" else "its grays"
        message = (
            f"{_WHAT[probe.family]} ({facts}) tells the label with an area under the "
            f"ROC curve of {_area(probe)}{alone}.{beside} {_ADVICE[probe.family]}"
        )
        severity: Severity = "severe" if severe else "remark"
        found.append(Finding(code="shortcut", severity=severity, message=message))
    return found


_WHAT = {
    "file": "What describes the file and not the patient",
    "manifest": "What the manifest says besides",
    "expected": "What is expected to tell the label",
    "border": "The outermost eighth of the scan",
    "pixels": "The mere grays and bytes of the scan",
}
_ADVICE = {
    "file": "A network can learn this instead of the disease; collect or export both "
    "labels alike.",
    "manifest": "Labels were collected differently; name the column to hierclf check "
    "with --may-tell if it may tell the label (age, sex, a second label).",
    "expected": "No finding, as was asked for.",
    "border": "A part of this is body and how it was framed; look for letters and "
    "marks that stand with one label.",
    "pixels": "Disease changes grays, and bytes measure texture; by itself this is no "
    "shortcut, but look whether exposure or export differ by label.",
}


def _area(probe: Probe) -> str:
    value, low, high = probe.auc.value, probe.auc.low, probe.auc.high
    if value is None or low is None or high is None:
        return "an unknown area"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _low(probe: Probe) -> float:
    return 0.0 if probe.auc.low is None else probe.auc.low
