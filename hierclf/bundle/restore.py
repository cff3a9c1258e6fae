"""A cascade put together from its description and its stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from hierclf.bundle.info import BundleInfo, plain
from hierclf.bundle.strict_json import refuse
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.naming import Naming
from hierclf.problem.labels import Hierarchy


def restore_cascade(
    info: BundleInfo, screen: Any, refine: Any
) -> HierarchicalClassifier:
    """Put a fitted cascade together.

    What it was fitted on is not in a bundle, so `curve_` and `held_out_` are None.

    Parameters
    ----------
    info : BundleInfo
        Labels, cut point and costs.
    screen, refine : classifier
        Fitted stages; `refine` may be None.

    Returns
    -------
    cascade : HierarchicalClassifier
        Fitted.

    Raises
    ------
    BundleError
        If the classes of the stages are not those of the labels.
    """
    healthy, diseased = info.labels[0], info.labels[1:]
    named = diseased if info.refinement == "plain" else info.labels
    _check_classes(diseased, screen, refine, named)
    cascade = HierarchicalClassifier(
        screen,
        refine,
        healthy=healthy,
        stages=diseased,
        ordered=info.ordered,
        cut_point=info.cut_point,
        points=info.points,
        costs=info.costs,
        adjustment=info.adjustment,
        calibration=info.calibration,
        refinement=info.refinement,
        seed=info.seed,
    )
    cascade.hierarchy_ = Hierarchy(healthy, diseased, info.ordered)
    cascade.classes_ = np.unique(np.asarray(info.labels))
    cascade.screen_, cascade.refine_ = screen, refine
    cascade.cut_point_, cascade.choice_ = info.cut_point, info.choice
    cascade.calibrators_ = info.calibrators
    cascade.naming_ = Naming(
        np.asarray(info.priors),
        info.adjustment,
        None if info.rungs is None else np.asarray(info.rungs),
        None if info.costs is None else np.asarray(info.costs),
    )
    cascade.curve_ = cascade.held_out_ = None
    _restore_columns(cascade, info)
    return cascade


def _restore_columns(cascade: HierarchicalClassifier, info: BundleInfo) -> None:
    if info.n_features is not None:
        cascade.n_features_in_ = info.n_features
    if info.feature_names is not None:
        cascade.feature_names_in_ = np.asarray(info.feature_names, dtype=object)


def _check_classes(
    diseased: tuple[Any, ...], screen: Any, refine: Any, known: tuple[Any, ...]
) -> None:
    decided = () if screen is None else tuple(map(plain, screen.classes_))
    if decided != (False, True):
        raise refuse("screen.json", "the classes False and True", ascii(decided))
    named = () if refine is None else tuple(map(plain, refine.classes_))
    needed = len(diseased) > 1
    if needed != (refine is not None) or not set(named) <= set(known):
        raise refuse("refine.json", f"classes among {known!a}", ascii(named))
