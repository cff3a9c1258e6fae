"""The scans of a ward and the reference of a bundle, ready to be compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.assembly.scans import RunData, data_options, load_scans, tell
from hierclf.assembly.trained import asked_part, bundle_remarks, decide, positions
from hierclf.bundle.store import Bundle
from hierclf.cascade.curve import cases_of
from hierclf.config.shift import ShiftOptions
from hierclf.data.dataset import read_dataset
from hierclf.evaluation.wards import labelled, unlabelled
from hierclf.features.readers import readers_of
from hierclf.features.scope import ScopeGate, ScopeReader
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError
from hierclf.wards.shift import Known, Ward, check_reference, cut_points
from hierclf.wards.shift_results import Told

_MANY = 0.1
MOST_COMPONENTS = 32
"""Principal components of the features that are compared."""

Floats = NDArray[np.float64]


def known_of(bundle: Bundle) -> Known:
    """Take the reference out of a bundle.

    Parameters
    ----------
    bundle : Bundle
        With held-out scores of its training scans.

    Returns
    -------
    known : Known
        The reference.

    Raises
    ------
    InputError
        If the bundle holds none, or too few patients of a kind.
    """
    reference, gate = bundle.guards.reference, bundle.guards.gate
    cascade = bundle.cascade
    if reference is None:
        raise InputError(
            "bundle: expected held-out scores of its training scans, got none. Train "
            "it again with a rule as the cut point."
        )
    truth = np.asarray(reference.truth)
    scans = labelled(truth > 0, reference.screen_score, reference.patients)
    check_reference(scans)
    cases = cases_of(
        truth,
        reference.screen_score,
        reference.refined,
        n_classes=len(cascade.hierarchy_.labels),
    )
    return Known(
        cases,
        scans,
        None if gate is None else _scaled(reference.projections, gate),
        float(cascade.cut_point_),
        cut_points(cases.scores, bundle.info.points),
    )


def read_ward(bundle: Bundle, options: ShiftOptions) -> tuple[Ward, Told]:
    """Read the scans of a ward and score them; labels are not needed.

    Parameters
    ----------
    bundle : Bundle
        It scores them.
    options : ShiftOptions
        Where they are.

    Returns
    -------
    ward : Ward
        Scores, features, and truth where every label is one that the bundle knows.
    told : Told
        What a page says about them.

    Raises
    ------
    InputError
        If there is no scan, one cannot be read, or the bundle reads none.
    """
    readers = readers_of(bundle.cascade.screen_)
    if not readers:
        raise InputError(
            "bundle: expected stages that read scans, got ones for tables of numbers. "
            "Use a bundle that hierclf train made."
        )
    dataset = read_dataset(data_options(options), needs_labels=False)
    tell(dataset.remarks)
    dataset = asked_part(dataset, options)
    scans = load_scans(dataset, readers[0], skip=options.unreadable == "skip")
    features = _features(bundle, scans)
    known = (*bundle_remarks(bundle, scans), *scope_remarks(bundle, features))
    tell(known)
    told = Told(
        name=scans.name,
        reference=bundle.info.data.name,
        phantom=scans.phantom or bundle.info.data.phantom,
        labels=tuple(map(str, bundle.cascade.hierarchy_.labels)),
        has_patients=dataset.has_patients,
        remarks=(*known, *scans.dataset.remarks),
    )
    said = decide(bundle, scans)
    patients = scans.manifest["patient_id"].to_numpy()
    ward = Ward(
        unlabelled(said.screen_score, patients),
        _projected(bundle, features),
        _truth(bundle, scans),
    )
    return ward, told


def scope_remarks(bundle: Bundle, features: Floats | None) -> tuple[str, ...]:
    """Say where many scans of a ward are out of scope: maybe it is the wrong folder.

    Parameters
    ----------
    bundle : Bundle
        With a gate, or without.
    features : ndarray of float, shape (n_scans, n_features), or None
        Of the gate.

    Returns
    -------
    remarks : tuple of str
        One from a tenth of the scans on.
    """
    gate = bundle.guards.gate
    if gate is None or features is None:
        return ()
    n_out, n_scans = int((~(gate.excess(features) <= 0)).sum()), len(features)
    if n_out < _MANY * n_scans:
        return ()
    return (
        f"{n_out} of {count(n_scans, 'scan')} {'is' if n_out == 1 else 'are'} out of "
        "scope, unlike the training scans one "
        "by one: another body part, inverted or turned. Look at them before any is "
        "labelled.",
    )


def _features(bundle: Bundle, scans: RunData) -> Floats | None:
    """Give the features that the gate looks at."""
    if bundle.guards.gate is None:
        return None
    reader = ScopeReader(readers_of(bundle.cascade.screen_)[0])
    return reader(scans.manifest)


def _projected(bundle: Bundle, features: Floats | None) -> Floats | None:
    """Project the features of the ward as those of the reference were."""
    gate = bundle.guards.gate
    if gate is None or features is None:
        return None
    return _scaled(gate.project(features), gate)


def _scaled(projections: Floats, gate: ScopeGate) -> Floats:
    """Give the first components unit variance."""
    spread = np.sqrt(gate.variances[:MOST_COMPONENTS])
    scaled: Floats = projections[:, :MOST_COMPONENTS] / spread
    return scaled


def _truth(bundle: Bundle, scans: RunData) -> Any:
    """Positions of the labels, where each of them is one of the bundle's."""
    hierarchy = bundle.cascade.hierarchy_
    if not set(scans.manifest["label"]) <= set(hierarchy.labels):
        return None
    return positions(hierarchy, scans.manifest)
