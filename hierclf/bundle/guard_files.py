"""Guards as files: the held-out scans, in numbers, and the input gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from hierclf.bundle.info import BundleInfo
from hierclf.bundle.learner import refusing_anything
from hierclf.bundle.strict_json import refuse
from hierclf.cascade.deferral import Deferral, choose_deferral
from hierclf.cascade.guards import Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.reference import Reference
from hierclf.features.readers import readers_of
from hierclf.features.scope import ScopeGate, ScopeReader

Arrays = dict[str, NDArray[Any]]
REFERENCE = "reference.safetensors"
GATE = "gate.safetensors"
_ARRAYS = ("mean", "spread", "components", "variances", "weights")


def pack_guards(guards: Guards) -> dict[str, bytes]:
    """Turn guards into files.

    Parameters
    ----------
    guards : Guards
        Fitted. The deferral and the numbers of the gate stand in ``info.json``.

    Returns
    -------
    files : dict of str to bytes
        At most ``reference.safetensors`` and ``gate.safetensors``.
    """
    files = {}
    if guards.reference is not None:
        told = {k: np.ascontiguousarray(v) for k, v in vars(guards.reference).items()}
        told["projections"] = told["projections"].astype(np.float32)
        files[REFERENCE] = save(told)
    if guards.gate is not None:
        arrays = {k: getattr(guards.gate, k) for k in _ARRAYS}
        files[GATE] = save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    return files


def unpack_guards(
    info: BundleInfo, files: Mapping[str, bytes], cascade: HierarchicalClassifier
) -> Guards:
    """Build the guards of a bundle from its files.

    Parameters
    ----------
    info : BundleInfo
        Validated.
    files : mapping of str to bytes
        Verified.
    cascade : HierarchicalClassifier
        Whose guards they are.

    Returns
    -------
    guards : Guards
        Maybe none.

    Raises
    ------
    BundleError
        If an array is absent, or of another shape, type or range than it must be.
    """
    if (info.gate is not None) != (GATE in files):
        raise refuse(GATE, "it beside the gate that info.json names", "one alone")
    reference, gate = _reference(info, files), _gate(info, files, cascade)
    if reference is None and (gate is not None or info.deferral is not None):
        raise refuse(REFERENCE, "it beside a gate or a deferral", "none")
    if reference is not None:
        widths = (0, 0) if gate is None else (len(gate.variances), 2)
        got = (reference.projections.shape[1], reference.scope.shape[1])
        if got != widths:
            raise refuse(REFERENCE, f"{widths} columns of projections and scope", got)
    return Guards(reference, gate, info.deferral)


def deferral_at(
    info: BundleInfo, files: Mapping[str, bytes], cut_point: float
) -> Deferral | None:
    """Fit the deferral of a bundle again for another cut point."""
    reference = _reference(info, files)
    if info.deferral is None or reference is None:
        return info.deferral
    return choose_deferral(info.deferral.rule, reference, cut_point)


def _load(name: str, content: bytes, names: set[str]) -> Arrays:
    with refusing_anything(name, "arrays"):
        found: Arrays = load(content)
    if found.keys() != names:
        raise refuse(name, f"the arrays {sorted(names)}", sorted(found))
    if not all(np.isfinite(array).all() for array in found.values()):
        raise refuse(name, "finite numbers", "NaN or infinity")
    return found


def _reference(info: BundleInfo, files: Mapping[str, bytes]) -> Reference | None:
    if REFERENCE not in files:
        return None
    names = set(Reference.__dataclass_fields__)
    found = _load(REFERENCE, files[REFERENCE], names)
    _check_forms(found, len(info.labels) - 1)
    n, n_diseased = found["conditional"].shape
    ranges = {"truth": n_diseased, "refined": n_diseased, "patients": n - 1}
    high = {**ranges, "screen_score": 1, "conditional": 1}
    low = {"refined": 1}
    for name, most in high.items():
        array = found[name]
        if array.min() < low.get(name, 0) or array.max() > most:
            raise refuse(REFERENCE, f"{name} within {low.get(name, 0)}..{most}", "more")
    return Reference(**found)


def _check_forms(found: Arrays, n_diseased: int) -> None:
    """Refuse arrays that are not of one length, or of another type."""
    counts = dict.fromkeys(("truth", "refined", "patients"), ("int64", 1))
    tables = dict.fromkeys(("conditional", "scope"), ("float64", 2))
    forms = {
        **counts,
        **tables,
        "screen_score": ("float64", 1),
        "projections": ("float32", 2),
    }
    n = found["truth"].shape[:1]
    wrong = [
        name
        for name, (kind, n_axes) in forms.items()
        if (found[name].dtype.name, found[name].ndim) != (kind, n_axes)
        or found[name].shape[:1] != n
    ]
    if wrong or not n or not n[0]:
        raise refuse(REFERENCE, "arrays of one length and kind", wrong or "none")
    shares = found["conditional"]
    if shares.shape[1] != n_diseased or np.abs(shares.sum(axis=1) - 1).max() > 1e-6:
        raise refuse(REFERENCE, f"{n_diseased} shares that sum to 1", shares.shape)


def _gate(
    info: BundleInfo, files: Mapping[str, bytes], cascade: HierarchicalClassifier
) -> ScopeGate | None:
    if info.gate is None:
        return None
    if not readers_of(cascade.screen_):
        raise refuse(GATE, "a cascade that looks at scans", "one on tables")
    found = _load(GATE, files[GATE], set(_ARRAYS))
    n = ScopeReader(readers_of(cascade.screen_)[0]).n_features
    k = max(1, found["variances"].size)
    shapes = {"components": (k, n), "variances": (k,)}
    for name, array in found.items():
        if array.shape != shapes.get(name, (n,)) or array.dtype != np.float64:
            raise refuse(GATE, f"{name} of shape {shapes.get(name, (n,))}", array.shape)
    if not (found["spread"] > 0).all() or not (found["variances"] > 0).all():
        raise refuse(GATE, "positive spreads", "others")
    told: dict[str, Any] = {**found, **info.gate.model_dump()}
    return ScopeGate(**told)
