"""A fitted cascade in the words of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pydantic import ValidationError

from hierclf.bundle.info import (
    CARD,
    NUMBER_FORMAT,
    RUNTIME,
    BundleInfo,
    DataSummary,
    GateNumbers,
    current_versions,
    plain,
)
from hierclf.bundle.strict_json import first_trouble
from hierclf.cascade.guards import Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.features.readers import networks_of
from hierclf.foundation.errors import InputError
from hierclf.inference.runtimes import current_runtime
from hierclf.loading.scans import name_of
from hierclf.segmentation.about import SegmenterAbout


def facts_of(
    cascade: HierarchicalClassifier, guards: Guards | None = None
) -> dict[str, Any]:
    """Read off a fitted cascade what `BundleInfo` repeats of it.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    guards : Guards, optional
        Fitted with it.

    Returns
    -------
    facts : dict of str to object
        Plain Python values by the names of the fields.
    """
    names = getattr(cascade, "feature_names_in_", None)
    costs = None if cascade.costs is None else np.asarray(cascade.costs, dtype=float)
    rungs = cascade.naming_.rungs
    gate = None if guards is None else guards.gate
    numbers = (
        None
        if gate is None
        else {k: getattr(gate, k) for k in GateNumbers.model_fields}
    )
    return {
        "lungs": _lungs_of(cascade),
        "gate": None if numbers is None else GateNumbers.model_validate(numbers),
        "deferral": None if guards is None else guards.deferral,
        "calibration": cascade.calibration,
        "calibrators": cascade.calibrators_,
        "labels": tuple(plain(label) for label in cascade.hierarchy_.labels),
        "ordered": cascade.hierarchy_.ordered,
        "cut_point": float(cascade.cut_point_),
        "choice": cascade.choice_,
        "points": cascade.points,
        "refinement": cascade.refinement,
        "adjustment": float(cascade.naming_.adjustment),
        "rungs": None if rungs is None else tuple(map(float, rungs)),
        "priors": tuple(map(float, cascade.naming_.priors)),
        "costs": None if costs is None else tuple(map(tuple, costs.tolist())),
        "n_features": getattr(cascade, "n_features_in_", None),
        "feature_names": None if names is None else tuple(map(str, names)),
    }


def _lungs_of(cascade: HierarchicalClassifier) -> SegmenterAbout | None:
    """Give what is known of the one segmenter of all readers."""
    stages = (unweighted(cascade.screen_), unweighted(cascade.refine_))
    found = [one.preparation for stage in stages for one in networks_of(stage)]
    if len({name_of(one) for one in found}) > 1:
        raise InputError(
            "bundle: expected one preparation of frames for all networks, got "
            "several. Give each stage the same segmenter, or none."
        )
    if not found or found[0] is None:
        return None
    about = getattr(found[0], "about", None)
    if not isinstance(about, SegmenterAbout):
        raise InputError(
            "bundle: expected a segmenter that hierclf segment made, got a "
            f"{type(found[0]).__name__}. A bundle can hold no other preparation."
        )
    return about


def _number_format(cascade: HierarchicalClassifier) -> str:
    """Name what the networks compute in, ``none`` where there are none."""
    stages = (unweighted(cascade.screen_), unweighted(cascade.refine_))
    networks = [one for stage in stages for one in networks_of(stage)]
    found = dict.fromkeys(one.resolved_options().precision for one in networks)
    return ", ".join(found) or "none"


def describe(
    cascade: HierarchicalClassifier,
    guards: Guards | None = None,
    *,
    data: DataSummary,
    seed: int,
    options: Mapping[str, Any],
    card: Mapping[str, str] = CARD,
) -> BundleInfo:
    """Describe a fitted cascade for its bundle, as of now.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    guards : Guards, optional
        Fitted with it.
    data : DataSummary
        What it was fitted on.
    seed : int
        Root seed of the run.
    options : mapping
        Options of the run, as JSON. Whoever gets the bundle can read them:
        leave out folders whose names tell something.
    card : mapping of str to str, optional
        Model card; keys of `CARD` that are missing are taken from there.

    Returns
    -------
    info : BundleInfo
        With the versions of this environment.

    Raises
    ------
    InputError
        If a label is neither text nor an integer nor a truth value, the cut
        point lies outside [0, 1], or the costs are no matrix of the labels.
    """
    try:
        return BundleInfo(
            created_utc=datetime.now(UTC).replace(microsecond=0),
            versions={
                **current_versions(),
                RUNTIME: current_runtime(),
                NUMBER_FORMAT: _number_format(cascade),
            },
            data=data,
            seed=seed,
            options=dict(options),
            card={**CARD, **card},
            **facts_of(cascade, guards),
        )
    except ValidationError as error:
        raise InputError(
            f"bundle: expected values that it can hold, got {first_trouble(error)}. "
            "Correct the value before it is written."
        ) from error
