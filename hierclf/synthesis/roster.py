"""Who is in a cohort: patients, their stages, their scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hierclf.foundation.seeding import generator
from hierclf.synthesis.opacities import Stage

PREVALENCE: Mapping[Stage, int] = MappingProxyType(
    {"healthy": 316, "stage1": 2533, "stage2": 389, "stage3": 79}
)
"""Scans of each stage in He 2019: the proportions of a cohort by default."""

LEAST_SCANS = 2
"""Scans, and patients, that every stage has: a split needs one on each side."""

_SCANS_PER_PATIENT = {1: 0.5, 2: 0.3, 3: 0.2}


@dataclass(frozen=True)
class Entry:
    """One scan to be drawn.

    Attributes
    ----------
    patient : int
        Number of the patient, from 1; it tells nothing about the stage.
    scan : int
        Number of the scan among those of the patient, from 1.
    stage : {"healthy", "stage1", "stage2", "stage3"}
        Stage of the patient.
    """

    patient: int
    scan: int
    stage: Stage


def count_scans(cases: int, *, balanced: bool) -> dict[Stage, int]:
    """Share a number of scans out among the stages.

    Parameters
    ----------
    cases : int, at least 8
        Scans in all.
    balanced : bool
        Equal shares rather than those of `PREVALENCE`.

    Returns
    -------
    counts : dict of int
        They sum to `cases`. Shares are rounded by largest remainder; a stage
        that would get fewer than two scans gets two, at the cost of the largest.

    Examples
    --------
    >>> count_scans(3317, balanced=False) == dict(PREVALENCE)
    True
    >>> count_scans(10, balanced=False)
    {'healthy': 2, 'stage1': 4, 'stage2': 2, 'stage3': 2}
    """
    shares = np.array([1 if balanced else n for n in PREVALENCE.values()], dtype=float)
    exact = shares / shares.sum() * cases
    counts = np.floor(exact).astype(int)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: cases - counts.sum()]] += 1
    missing = np.maximum(LEAST_SCANS - counts, 0)
    counts += missing
    counts[np.argmax(counts)] -= missing.sum()
    return dict(zip(PREVALENCE, counts.tolist(), strict=True))


def make_roster(cases: int, *, seed: int, balanced: bool) -> list[Entry]:
    """Decide the scans of a cohort.

    Parameters
    ----------
    cases : int, at least 8
        Scans in all.
    seed : int
        Root seed.
    balanced : bool
        Equal shares of the stages.

    Returns
    -------
    roster : list of Entry
        Sorted by patient and scan. A patient has one stage and one to three
        scans; a stage has at least two patients.
    """
    rng = generator(seed, "phantom", "roster")
    patients: list[tuple[Stage, int]] = []
    for stage, scans in count_scans(cases, balanced=balanced).items():
        patients += [(stage, number) for number in _split(scans, rng)]
    order = rng.permutation(len(patients))
    return [
        Entry(number, scan, patients[place][0])
        for number, place in enumerate(order, start=1)
        for scan in range(1, patients[place][1] + 1)
    ]


def _split(scans: int, rng: np.random.Generator) -> list[int]:
    """Share the scans of a stage out among at least two patients."""
    sizes: list[int] = []
    left = scans
    while left:
        wanted = int(
            rng.choice(list(_SCANS_PER_PATIENT), p=list(_SCANS_PER_PATIENT.values()))
        )
        sizes.append(min(wanted, left if sizes else left - 1))
        left -= sizes[-1]
    return sizes
