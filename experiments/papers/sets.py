"""Sets of scans, recognized by their labels, and what they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from experiments.papers.paper import PHANTOM
from hierclf.assembly.scans import is_phantom
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.foundation.errors import InputError


@dataclass(frozen=True)
class Task:
    """Which labels are told apart, and where they stand.

    Parameters
    ----------
    healthy : str
        The label of the healthy scans.
    stages : tuple of str
        The other ones, in their order.
    name_rule : str, optional
        Finds labels in paths where those of the set are too fine.
    ordered : bool, default=False
        Whether the stages are an order of severity.
    """

    healthy: str
    stages: tuple[str, ...]
    name_rule: str | None = None
    ordered: bool = False


_PERSON = r"(?P<patient_id>person\d+|IM-\d+)"
_COVID = Task("non_covid", ("covid",))
_KERMANY = "normal", ("pneumonia",)
_BY_FOLDER = r"(?P<label>NORMAL|PNEUMONIA)/"

TASKS: Mapping[str, Mapping[str, Task]] = MappingProxyType(
    {
        PHANTOM: {
            "grades": Task("healthy", ("stage1", "stage2", "stage3"), ordered=True),
            "screen": Task("healthy", ("stage",), "scans/(?P<label>healthy|stage)"),
            "types": Task(
                "healthy", ("stage1", "stage"), "scans/(?P<label>healthy|stage1|stage)"
            ),
        },
        "knee_oa": {
            "grades": Task("kl0", ("kl1", "kl2", "kl3", "kl4"), ordered=True),
        },
        "kermany": {
            "screen": Task(*_KERMANY, _BY_FOLDER),
            "types": Task("normal", ("bacteria", "virus")),
        },
        "kermany (folders)": {
            "screen": Task(*_KERMANY, _PERSON),
            "types": Task(
                "normal",
                ("bacteria", "virus"),
                rf"{_PERSON}_?(?P<label>bacteria|virus)?",
            ),
        },
        "covid_ct": {"screen": _COVID},
        "covid_ct (folders)": {"screen": Task("ct_noncovid", ("ct_covid",))},
        "sars_cov2_ct": {"screen": _COVID},
        "sars_cov2_ct (folders)": {"screen": Task("non-covid", ("covid",))},
    }
)
"""What each set can be asked for. ``(folders)``: as published, without a manifest."""

DISEASES: Mapping[str, str] = MappingProxyType(
    {
        "knee_oa": "osteoarthritis",
        "kermany": "pneumonia",
        "covid_ct": "COVID-19",
        "sars_cov2_ct": "COVID-19",
    }
)
"""What the real sets are scans of, in the words of ``disease`` in ``paper.yml``."""

_LABELS: Mapping[frozenset[str], str] = MappingProxyType(
    {
        frozenset({"healthy", "stage1", "stage2", "stage3"}): PHANTOM,
        frozenset({"kl0", "kl1", "kl2", "kl3", "kl4"}): "knee_oa",
        frozenset({"normal", "bacteria", "virus"}): "kermany",
        frozenset({"normal", "pneumonia"}): "kermany (folders)",
        frozenset({"ct_covid", "ct_noncovid"}): "covid_ct (folders)",
        frozenset({"covid", "non-covid"}): "sars_cov2_ct (folders)",
    }
)


def name_of(folder: Path) -> str:
    """Recognize a set of scans by its labels.

    Raises
    ------
    InputError
        If it is none of those that the papers are run on, or phantoms that are
        called as one of them.
    """
    found = read_dataset(DataOptions(data=folder))
    labels = frozenset(found.manifest["label"])
    if is_phantom(found.root) and _LABELS.get(labels) != PHANTOM:
        raise InputError(
            f"data: expected real scans, got phantoms with other labels in {folder}. "
            "Leave --data out to run on phantoms."
        )
    if labels == {"covid", "non_covid"}:
        return "covid_ct" if found.has_patients else "sars_cov2_ct"
    if labels not in _LABELS:
        known = "; ".join(", ".join(sorted(names)) for names in _LABELS)
        raise InputError(
            f"data: expected a set with one of these labels: {known}; got "
            f"{', '.join(sorted(labels)[:8])} in {folder}. Take another folder."
        )
    return _LABELS[labels]


def plain(name: str) -> str:
    """Give the name of a set without how it lies on disk."""
    return name.partition(" (")[0]
