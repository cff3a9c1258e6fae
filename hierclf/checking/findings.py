"""What a check has to say, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["severe", "warning", "remark"]
SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "remark")
"""From the one that makes a set unusable to the one that is only worth knowing."""

Code = Literal[
    "manifest",
    "straddle",
    "conflict",
    "shortcut",
    "duplicate",
    "unreadable",
    "blank",
    "tiny",
    "inverted",
    "lungs",
    "burned_in",
    "odd_file",
    "few",
    "patients",
    "labels",
    "reading",
]
"""Kinds of findings; stable, so that a program can rely on them.

``manifest``
    A row that `hierclf.data.dataset.read_dataset` refuses.
``straddle``
    A patient, or one picture, in several given splits.
``conflict``
    One picture under several labels, or several patients.
``shortcut``
    Something that is no picture of the body tells the label.
``duplicate``
    One picture several times, without harm to labels and splits.
``unreadable``, ``blank``, ``tiny``
    A scan that cannot be read, shows nothing, or is too small.
``inverted``
    A scan whose grays run against those of the others.
``lungs``
    Scans in which a segmenter finds no lungs.
``burned_in``, ``odd_file``
    The header says that text is burned into the pixels; a decoder remarked on it.
``few``
    A label with too few patients.
``patients``, ``labels``
    No patients are known; patients with scans of several labels.
``reading``
    What the reader of folders and manifests remarked.
"""


class Finding(BaseModel):
    """One thing that was found.

    Parameters
    ----------
    code : Code
        Its kind.
    severity : {"severe", "warning", "remark"}
        Severe is what must be mended, or figures on the set mean nothing.
    message : str
        One line for people.
    scans : tuple of str, default=()
        The scans it is about; empty where it is about the whole set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Code
    severity: Severity
    message: str
    scans: tuple[str, ...] = ()


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put findings in order: the severe first, then as they were found.

    Parameters
    ----------
    findings : iterable of Finding
        In any order.

    Returns
    -------
    findings : tuple of Finding
        All of them.
    """
    return tuple(sorted(findings, key=lambda one: SEVERITIES.index(one.severity)))


def is_severe(findings: Iterable[Finding]) -> bool:
    """Tell whether one of the findings is severe."""
    return any(one.severity == "severe" for one in findings)
