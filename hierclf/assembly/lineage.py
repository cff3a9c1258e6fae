"""Whether networks whose weights are taken have learned from the tested scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hierclf.assembly.outputs import weights_place
from hierclf.assembly.scans import RunData, tell
from hierclf.bundle.info import BundleInfo
from hierclf.bundle.store import read_info
from hierclf.foundation.counting import count


def with_lineage(data: RunData, weights: Sequence[str]) -> RunData:
    """Say how many of the tested scans a taken network was fitted on.

    Parameters
    ----------
    data : RunData
        Scans with a column ``split``.
    weights : sequence of str
        Options ``weights`` of the stages; those that are folders are bundles.

    Returns
    -------
    data : RunData
        With a remark for each bundle that knows patients of tested scans: one of whose
        scans, by the bytes of its file, it was fitted on. A network that was frozen
        there has learned nothing.
    """
    places = {place for told in weights if (place := weights_place(told))}
    remarks = []
    for folder in sorted(place for place in places if place.is_dir()):
        remarks += _remark(data, folder)
    tell(remarks)
    told = replace(data.dataset, remarks=(*data.dataset.remarks, *remarks))
    return replace(data, dataset=told)


def _remark(data: RunData, folder: Path) -> list[str]:
    info = read_info(folder)
    manifest = data.manifest
    learned = np.isin(data.digests, info.data.digests)
    patients = manifest.loc[learned, "patient_id"]
    tested = manifest[manifest["split"] != "train"]
    n_known = int(tested["patient_id"].isin(patients).sum())
    if not n_known or _frozen(info):
        return []
    are = "is" if n_known == 1 else "are"
    return [
        f"{n_known} of {count(len(tested), 'tested scan')} {are} of patients who were "
        "in the training of the network that --weights names: figures on them are no "
        "evidence for new scans. Pass --splits with the splits.csv of its run."
    ]


def _frozen(info: BundleInfo) -> bool:
    """Tell whether the screen's network is one that never saw the data."""
    told: dict[str, object] = {}
    for name in ("network", "screen"):
        part = info.options.get(name)
        told |= part if isinstance(part, dict) else {}
    return told.get("part") == "head" and told.get("weights") in ("imagenet", "none")
