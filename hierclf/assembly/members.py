"""The networks of a cascade by themselves, where its stages combine several."""

from __future__ import annotations

from copy import copy

import pandas as pd

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.metalearners.stacking import ProbabilityStack


def members_apart(
    cascade: HierarchicalClassifier, scans: pd.DataFrame
) -> dict[str, Decisions]:
    """Ask each network of a cascade by itself, where its stages combine several.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    scans : DataFrame, n_scans rows
        To be decided on.

    Returns
    -------
    decisions : dict of str to Decisions
        At the cut point of the combination, by the name of the network; empty where
        the stages do not combine the same ones.
    """
    stages = [unweighted(cascade.screen_)]
    if cascade.refine_ is not None and len(cascade.hierarchy_.diseased) > 1:
        stages.append(unweighted(cascade.refine_))
    stacks = [one for one in stages if isinstance(one, ProbabilityStack)]
    names = [[name for name, _ in stack.members] for stack in stacks]
    if len(stacks) < len(stages) or any(told != names[0] for told in names):
        return {}
    found = {}
    for place, name in enumerate(names[0]):
        alone = copy(cascade)
        alone.screen_ = stacks[0].members_[place]
        alone.refine_ = stacks[-1].members_[place] if stacks[1:] else cascade.refine_
        found[name] = alone.decide(scans)
    return found
