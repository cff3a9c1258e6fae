"""What a record is worth beside a claim: whose scans, which network, which run."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from experiments.papers.paper import PHANTOM, Experiment, Variant
from experiments.papers.records import Record
from experiments.papers.sets import DISEASES
from hierclf.data.dataset import DataOptions

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "published": "source's set, as published",
        "stand_in": "source's set, stand-in network",
        "kin": "other scans of the disease",
        "other": "another disease",
        "phantom": "phantoms",
        "smoke": "smoke run alone",
        "count": "a count without scans",
    }
)
"""From what says most of a claim to what says least, and the words for it."""
_VARIANTS: tuple[Variant, ...] = ("published", "lite0", "scratch")
_READING = tuple(name for name in DataOptions.model_fields if name != "data")


def kind_of(experiment: Experiment, record: Record) -> str:
    """Say what a record is beside the claims of its row.

    Parameters
    ----------
    experiment : Experiment
        Its paper.
    record : Record
        One of its rows, run.

    Returns
    -------
    kind : str
        One of `KINDS`. ``published`` and ``stand_in`` are of a set that the source
        names, though maybe of another part of it.
    """
    source = experiment.paper.data
    if record.data == "none":
        return "count"
    if record.smoke:
        return "smoke"
    if record.phantom:
        return "phantom"
    if record.data in source.own:
        return "published" if record.variant == "published" else "stand_in"
    return "kin" if DISEASES.get(record.data) == source.disease else "other"


def best(experiment: Experiment, records: list[Record]) -> list[Record]:
    """Keep what was run in earnest, what says most of the claim first.

    Smoke runs only where there is nothing else.
    """
    earnest = [record for record in records if not record.smoke]
    order = list(KINDS)

    def place(one: Record) -> tuple[int, str, int, int]:
        kind = order.index(kind_of(experiment, one))
        return kind, one.data, _VARIANTS.index(one.variant), one.seed

    return sorted(earnest or records, key=place)


def run_of(experiment: Experiment, record: Record) -> str:
    """Name the run that a record was read from.

    Rows whose options, scans and seed are the same are figures of one model, also
    where the source has a network of its own for each: they share a stand-in.
    """
    row = experiment.rows[record.table][record.row]
    options = {name: told for name, told in record.options.items() if name != "reads"}
    told = [row.by, row.way, row.learner, record.data, record.fingerprint]
    return json.dumps([*told, record.smoke, record.seed, options], sort_keys=True)


def disagreeing(
    found: Iterable[tuple[Experiment, list[Record]]], *, like: Record | None = None
) -> list[str]:
    """Tell of records that say to be of one set, and are not.

    Parameters
    ----------
    found : iterable of (Experiment, list of Record)
        Papers and their records.
    like : Record, optional
        Of these records; the sets of others are then left out.

    Returns
    -------
    lines : list of str
        One for each set of which there are two.
    """
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    asked = set()
    for experiment, records in found:
        for record in records:
            if record.data != "none":
                key = _set_of(experiment, record)
                names[key][record.fingerprint] += 1
                asked |= {key} if like in (None, record) else set()
    return [
        f"{json.loads(key)[0]}: expected one set of scans, got {len(prints)}: "
        + ", ".join(f"{name[:12]} of {n} records" for name, n in prints.most_common())
        + ". Run the rows of all but one again."
        for key, prints in sorted(names.items())
        if len(prints) > 1 and key in asked
    ]


def _set_of(experiment: Experiment, record: Record) -> str:
    """Name what scans, labels and patients a row reads, as far as it can be told."""
    row = experiment.rows[record.table][record.row]
    reading = {name: record.options.get(name) for name in _READING}
    told: list[Any] = [record.data, row.task, reading]
    if record.data == PHANTOM:
        kind = "smoke" if record.smoke else row.phantom.model_dump()
        told += [kind, record.seed, row.by == "segmenter"]
    return json.dumps(told, sort_keys=True)
