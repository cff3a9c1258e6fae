"""A fitted cascade in the words of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pydantic import ValidationError

from hierclf.bundle.info import (
    CARD,
    BundleInfo,
    DataSummary,
    GateNumbers,
    current_versions,
    plain,
)
from hierclf.bundle.strict_json import first_trouble
from hierclf.cascade.guards import Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.foundation.errors import InputError


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
    gate = None if guards is None else guards.gate
    numbers = (
        None
        if gate is None
        else {k: getattr(gate, k) for k in GateNumbers.model_fields}
    )
    return {
        "gate": None if numbers is None else GateNumbers.model_validate(numbers),
        "deferral": None if guards is None else guards.deferral,
        "calibration": cascade.calibration,
        "calibrators": cascade.calibrators_,
        "labels": tuple(plain(label) for label in cascade.hierarchy_.labels),
        "ordered": cascade.hierarchy_.ordered,
        "cut_point": float(cascade.cut_point_),
        "choice": cascade.choice_,
        "points": cascade.points,
        "adjustment": float(cascade.adjustment_),
        "priors": tuple(map(float, cascade.priors_)),
        "costs": None if costs is None else tuple(map(tuple, costs.tolist())),
        "n_features": getattr(cascade, "n_features_in_", None),
        "feature_names": None if names is None else tuple(map(str, names)),
    }


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
            versions=current_versions(),
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
