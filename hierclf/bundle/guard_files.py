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
    return Guards(_reference(info, files), _gate(info, files, cascade), info.deferral)


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
    n, n_diseased = len(found["truth"]), len(info.labels) - 1
    shapes = {
        **dict.fromkeys(("truth", "screen_score", "refined", "patients"), (n,)),
        "conditional": (n, n_diseased),
        "projections": (n, found["projections"].shape[-1]),
        "scope": (n, found["scope"].shape[-1]),
    }
    wrong = [k for k, shape in shapes.items() if found[k].shape != shape]
    counts = {k: found[k] for k in ("truth", "refined", "patients")}
    wrong += [k for k, array in counts.items() if array.dtype != np.int64]
    if wrong or not n:
        raise refuse(REFERENCE, "arrays of one length and kind", wrong or "none")
    ranges = {"truth": n_diseased, "refined": n_diseased, "patients": n - 1}
    high = {**ranges, "screen_score": 1, "conditional": 1}
    low = {"refined": 1}
    for name, most in high.items():
        array = found[name]
        if array.min() < low.get(name, 0) or array.max() > most:
            raise refuse(REFERENCE, f"{name} within {low.get(name, 0)}..{most}", "more")
    return Reference(**found)


def _gate(
    info: BundleInfo, files: Mapping[str, bytes], cascade: HierarchicalClassifier
) -> ScopeGate | None:
    if info.gate is None:
        return None
    if not readers_of(cascade.screen_):
        raise refuse(GATE, "a cascade that looks at scans", "one on tables")
    found = _load(GATE, files[GATE], set(_ARRAYS))
    n, k = (
        ScopeReader(readers_of(cascade.screen_)[0]).n_features,
        len(found["variances"]),
    )
    shapes = {"components": (k, n), "variances": (k,)}
    for name, array in found.items():
        if array.shape != shapes.get(name, (n,)) or array.dtype != np.float64:
            raise refuse(GATE, f"{name} of shape {shapes.get(name, (n,))}", array.shape)
    if not (found["spread"] > 0).all() or not (found["variances"] > 0).all():
        raise refuse(GATE, "positive spreads", "others")
    told: dict[str, Any] = {**found, **info.gate.model_dump()}
    return ScopeGate(**told)
