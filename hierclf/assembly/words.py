"""Fitted models in words, for the report."""

from __future__ import annotations

from collections.abc import Sequence

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.features.readers import extractors_of, members_of
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import LEARNED, ProbabilityStack


def stages_in_words(cascade: HierarchicalClassifier) -> dict[str, str]:
    """Say what learners of a cascade came to; nothing of plain networks."""
    found = {}
    for name in ("screen", "refine"):
        stage = unweighted(getattr(cascade, f"{name}_"))
        told = [
            learner_in_words(member) if isinstance(member, MetaLearner) else "network"
            for member in members_of(stage)
        ]
        if isinstance(stage, ProbabilityStack):
            found[name] = stack_in_words(stage, told)
        elif isinstance(stage, MetaLearner):
            found[name] = told[0]
    return found


def stack_in_words(stage: ProbabilityStack, members: Sequence[str]) -> str:
    """Say what is combined and how."""
    how = {
        LEARNED: "logistic regression on held-out log probabilities",
        "mean": "the mean of the probabilities",
        "geometric": "the geometric mean of the probabilities",
    }[stage.combine]
    names = [name for name, _ in stage.members]
    told = "; ".join(f"{n}: {words}" for n, words in zip(names, members, strict=True))
    return f"{how} of {len(names)} models ({told})"


def kinds_of(stage: MetaLearner) -> str:
    """Name the features that a learner stands on, and of what where it is several."""
    extractors = extractors_of(stage.features_)
    kinds = " and ".join(dict.fromkeys(one.kind for one in extractors))
    if len(extractors) < 2:
        return f"{kinds} features"
    options = [one.given_network().resolved_options() for one in extractors]
    names = ", ".join(f"{one.backbone}@{one.image_size}" for one in options)
    return f"{kinds} features of {names}"


def learner_in_words(stage: MetaLearner) -> str:
    """Say what a learner is, and what was chosen for it from how much."""
    best = stage.best_
    reduced = "pca" in stage.learner_.named_steps
    told = [f"{key} {value}" for key, value in sorted(best.params.items())]
    told.insert(0, f"{best.components} components" if reduced else "all features")
    words = f"{stage.learner} on {kinds_of(stage)}: {', '.join(told)}"
    if len(stage.trials_) > 1:
        words += (
            f"; the best of {len(stage.trials_)} choices by balanced log loss on "
            "held-out patients"
        )
    return words


def refinement_in_words(cascade: HierarchicalClassifier) -> str:
    """Say how a fitted cascade names a diseased label; empty where there is one."""
    diseased = cascade.hierarchy_.diseased
    if len(diseased) < 2:
        return ""
    power, rungs = cascade.naming_.adjustment, cascade.naming_.rungs
    if cascade.costs is not None:
        words = "the diseased label of the least expected cost"
    elif rungs is not None:
        steps = zip(rungs, diseased, strict=False)
        listed = ", ".join(f"{value:g} (above {label})" for value, label in steps)
        return (
            "from the first stage up, as long as the probability of being above a "
            f"stage is not below the cut point of the step: {listed}"
        )
    elif power == 0:
        words = "the most probable diseased label"
    else:
        words = (
            "the diseased label whose probability is highest after division by its "
            f"share of the diseased training scans to the power {power:g}"
        )
    if cascade.costs is None and cascade.adjustment == "tuned":
        words += (
            f"; the power by which rare stages are made up for, here {power:g}, was "
            "chosen together with the cut point, whose intervals take it as it is"
        )
    weights = getattr(cascade.refine_, "costs_", None)
    if weights is not None:
        told = dict(zip(cascade.refine_.classes_, weights, strict=True))
        words += "; in training a scan weighed " + ", ".join(
            f"{told[label]:.2f} ({label})" for label in diseased
        )
    return words
