"""A bundle's own test: inputs and the scores that they once got.

Hashes show that the files are what was written, not that the libraries still make
of them what they made. The inputs follow a formula and are nobody's scans; they
are stored beside the scores, so that the formula may change.

Where lungs are cut out, the stages are tested on inputs that are not, and the network
that finds lungs by its probabilities: a rounding error may move the border of a mask
by a pixel, or add a part to it, and scores with it.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load, save

from hierclf.bundle.info import RUNTIME, BundleInfo
from hierclf.bundle.records import (
    LearnerRecord,
    MetaRecord,
    NetworkRecord,
    StageRecord,
    members_in,
)
from hierclf.bundle.strict_json import refuse
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.features.readers import preparation_of, unprepared
from hierclf.foundation.errors import InputError
from hierclf.inference.runtimes import current_runtime
from hierclf.segmentation.segmenter import Segmenter
from hierclf.transforms.geometry import fit_frame

_log = logging.getLogger(__name__)
SELF_TEST = "self-test.safetensors"
TOLERANCE: Mapping[str, float] = MappingProxyType({"float32": 1e-3, "bfloat16": 0.05})
"""How far a probability may move.

Measured with EfficientNet-Lite0 on radiographs, one implementation of convolution
against another: at most 2e-5 in float32 and 0.011 in bfloat16.
"""
_LEARNER_TOLERANCE = 1e-6
STEP_LEARNERS = frozenset({"forest", "boosting", "knn", "tree"})
_STEP_TOLERANCE = 0.3  # where a feature crosses a step, a score jumps
_OTHER_RUNTIME = 0.5
"""In bfloat16, between two runtimes. Of frozen EfficientNet-Lite0 on knees and Kermany
probabilities of these inputs, which are no scans, moved by 0.02 to 0.35."""
_OTHER_VERSIONS = "Use the versions of the libraries that its info.json names."
_N_KEPT = 4
_LUNGS, _MAP_SIDE = "lungs", 16


def probe_scans() -> NDArray[np.uint8]:
    """Draw pictures that are as dark and bright as a radiograph.

    Returns
    -------
    scans : ndarray of uint8, shape (12, 64, 96)
        Two dark fields on a bright ground under waves of different lengths.
    """
    down = np.linspace(0, 1, 64)[:, None]
    right = np.linspace(0, 1, 96)[None, :]
    fields = sum(
        np.exp(-8 * ((down - 0.5) ** 2 + (right - center) ** 2))
        for center in (0.3, 0.7)
    )
    scans = [
        0.75
        - 0.5 * fields
        + 0.12 * np.sin(2 * np.pi * (0.7 * (k % 4) * down + 0.9 * (k // 4) * right) + k)
        for k in range(12)
    ]
    gray: NDArray[np.uint8] = (np.clip(scans, 0, 1) * 255).round().astype(np.uint8)
    return gray


def probe_rows(n_features: int) -> NDArray[np.float64]:
    """Draw rows of a feature table, of values between -2 and 2."""
    places = np.arange(12 * n_features).reshape(12, n_features)
    rows: NDArray[np.float64] = 2 * np.sin(places * 1.7 + 0.3)
    return rows


def takes_rows(records: Sequence[StageRecord]) -> bool:
    """Tell whether a cascade looks at feature tables and not at scans.

    Parameters
    ----------
    records : sequence of StageRecord
        Of its stages.

    Returns
    -------
    rows : bool
        True where a stage is a learner.

    Raises
    ------
    InputError
        If one stage is a learner and the other a network.
    """
    parts = [one for record in records for one in members_in(record)]
    learner = any(isinstance(part, LearnerRecord) for part in parts)
    reads = any(isinstance(part, NetworkRecord | MetaRecord) for part in parts)
    if learner and reads:
        raise InputError(
            "bundle: expected stages that look at the same thing, got a network and "
            "a learner on feature tables. Make both of one kind."
        )
    return learner


def make_self_test(
    cascade: HierarchicalClassifier, info: BundleInfo, *, rows: bool
) -> bytes:
    """Score the inputs that tell most, and keep both.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    info : BundleInfo
        Its description.
    rows : bool
        Whether it looks at feature tables.

    Returns
    -------
    content : bytes
        A safetensors file. Of twelve inputs the four with the least certain
        scores are in it: a score near 0 or 1 would hardly move.

    Raises
    ------
    InputError
        If a score is not finite.
    """
    inputs = probe_rows(info.n_features or 1) if rows else probe_scans()
    told = _decide(cascade, info, inputs)
    if not np.isfinite(told.probabilities).all():
        raise InputError(
            "bundle: expected finite scores, got NaN. Train it again with a lower "
            "learning rate."
        )
    doubt = np.abs(told.screen_score - 0.5)
    kept = np.sort(np.argsort(doubt, kind="stable")[:_N_KEPT])
    again = _decide(cascade, info, inputs[kept])
    stored: dict[str, NDArray[Any]] = {
        "inputs": inputs[kept],
        "probabilities": again.probabilities,
    }
    lungs = preparation_of(unweighted(cascade.screen_))
    if isinstance(lungs, Segmenter):
        stored[_LUNGS] = _lung_maps(lungs, inputs[kept])
    content: bytes = save(stored)
    return content


def check_self_test(
    content: bytes, cascade: HierarchicalClassifier, info: BundleInfo, tolerance: float
) -> None:
    """Refuse a cascade that scores its own inputs otherwise than it once did.

    Parameters
    ----------
    content : bytes
        As `make_self_test` gave it.
    cascade : HierarchicalClassifier
        Built from files.
    info : BundleInfo
        Its description.
    tolerance : float
        How far a probability may move.

    Raises
    ------
    BundleError
        If one moved further, or is not finite.
    """
    stored = load(content)
    expected = stored["probabilities"]
    got = _decide(cascade, info, stored["inputs"]).probabilities
    if got.shape != expected.shape or not len(got):
        raise refuse(SELF_TEST, f"scores of shape {got.shape}", expected.shape)
    advice = _OTHER_VERSIONS
    if _is_coarse(info, tolerance):
        _warn_if_moved(got, expected, tolerance)
        tolerance, advice = _OTHER_RUNTIME, "Take the runtime that it was made by."
    _refuse_moved(got, expected, tolerance, advice)
    lungs = preparation_of(unweighted(cascade.screen_))
    if isinstance(lungs, Segmenter):
        found = _lung_maps(lungs, stored["inputs"])
        _refuse_moved(found, stored[_LUNGS], TOLERANCE["float32"])


def _is_coarse(info: BundleInfo, tolerance: float) -> bool:
    """Tell whether another runtime than the bundle's computes in bfloat16."""
    made_by = info.versions.get(RUNTIME, "eager")
    return made_by != current_runtime() and tolerance >= TOLERANCE["bfloat16"]


def _warn_if_moved(
    got: NDArray[np.floating], expected: NDArray[np.floating], tolerance: float
) -> None:
    moved = float(np.abs(got - expected).max())
    if moved > tolerance:
        _log.warning(
            "bundle: by %s a probability of its own test differs by %.2f from the one "
            "that was stored, since bfloat16 is coarse. Measure it by this runtime "
            "(hierclf evaluate), take the one that it was trained by, or train with "
            "--precision float32.",
            current_runtime(),
            moved,
        )


def _lung_maps(lungs: Segmenter, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Give the coarse probabilities of lung, shape (n, 16, 16)."""
    scans = [scan.astype(np.float32) / 255 for scan in inputs]
    frames = [fit_frame(scan, lungs.image_size) for scan in scans]
    return np.stack([fit_frame(lungs.probabilities(f), _MAP_SIDE) for f in frames])


def _refuse_moved(
    got: NDArray[np.floating],
    expected: NDArray[np.floating],
    tolerance: float,
    advice: str = _OTHER_VERSIONS,
) -> None:
    moved = float(np.abs(got - expected).max())
    if not moved <= tolerance:
        rule = f"probabilities within {tolerance:g} of the stored ones"
        raise refuse(SELF_TEST, rule, f"a difference of {moved:.3g}", advice)


def tolerance_of(records: Sequence[StageRecord]) -> float:
    """Give the tolerance of the least exact stage."""
    return max(_tolerance(one) for record in records for one in members_in(record))


def _tolerance(record: StageRecord) -> float:
    if isinstance(record, NetworkRecord):
        return TOLERANCE[record.network.options.precision]
    if not isinstance(record, MetaRecord):
        return _LEARNER_TOLERANCE
    if record.learner in STEP_LEARNERS:
        return _STEP_TOLERANCE
    return max(TOLERANCE[one.network.options.precision] for one in record.features)


def _decide(
    cascade: HierarchicalClassifier, info: BundleInfo, inputs: NDArray[Any]
) -> Decisions:
    cascade = copy.copy(cascade)  # as the stages say it: a calibrator may stretch
    cascade.calibrators_ = (None, None)  # a rounding error to whatever
    cascade.screen_ = unprepared(unweighted(cascade.screen_))
    cascade.refine_ = unprepared(unweighted(cascade.refine_))
    if inputs.ndim == 3:
        return cascade.decide(list(inputs.astype(np.float32) / 255))
    if info.feature_names is not None:
        return cascade.decide(pd.DataFrame(inputs, columns=list(info.feature_names)))
    return cascade.decide(inputs)
