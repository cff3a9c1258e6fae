"""How many of ten views could be left out without changing decisions, on real scans.

``python -m benchmarks.sequential --data FOLDER --healthy LABEL --out FILE`` fits a
cascade of frozen EfficientNet-Lite0 on some patients, asks it about all ten views of
scans of others, and counts the views after which a look at one view after another could
have stopped:

- by a bound: when the views that are left cannot change the decision, whatever they
  say;
- by a stated risk: when the mean of the views so far is further from the cut point (or
  the most probable stage from the next) than it was, on half of these patients, in all
  but that share of scans whose decision the other views changed. How many decisions
  then change is counted on the other half.

Views are taken in the order of `hierclf.inference.views`, the middle one first and each
followed by its mirror. Nothing is computed faster here: scans are counted.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import fit, parser, parts
from hierclf.assembly.provenance import versions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.split import hold_out
from hierclf.foundation.files import write_json
from hierclf.inference.runtimes import set_runtime

ORDER = [4, 9, 0, 5, 1, 6, 2, 7, 3, 8]
"""Places of ten crops: the middle, its mirror, then corners, each with its mirror."""
RISKS = (0.001, 0.005, 0.02)
Floats = NDArray[np.float64]


def leads(views: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Say who leads after each view, and by how much.

    Parameters
    ----------
    views : ndarray, shape (n_scans, n_views, n_choices)
        What each view adds to each choice.

    Returns
    -------
    lead : ndarray, shape (n_scans, n_views)
        Mean of the leader less that of the next one.
    leader : ndarray of int, shape (n_scans, n_views)
        Who leads.
    """
    counts = np.arange(1, views.shape[1] + 1)[:, None]
    means = views.cumsum(axis=1) / counts
    ranked = np.sort(means, axis=2)
    return ranked[..., -1] - ranked[..., -2], means.argmax(axis=2)


def stops_by_bound(lead: Floats, swings: Floats) -> NDArray[np.intp]:
    """Count the views after which no other decision is possible.

    Parameters
    ----------
    lead : ndarray, shape (n_scans, n_views)
        As of `leads`.
    swings : ndarray, shape (n_scans, n_views)
        By how much one view can set back the leader at most.

    Returns
    -------
    n_views : ndarray of int, shape (n_scans,)
        How many each scan needs.
    """
    n_views = lead.shape[1]
    seen = np.arange(1, n_views + 1)
    decided = lead * seen > swings * (n_views - seen)
    decided[:, -1] = True
    return decided.argmax(axis=1) + 1


def margins(lead: Floats, leader: NDArray[np.intp], risk: float) -> Floats:
    """Choose the lead at which to stop after each view.

    Parameters
    ----------
    lead, leader : ndarray, shape (n_scans, n_views)
        As of `leads`.
    risk : float
        Share of scans whose decision may change, over all views together.

    Returns
    -------
    margins : ndarray, shape (n_views,)
        The last one is zero.
    """
    n_scans, n_views = lead.shape
    left = np.ones(n_scans, dtype=bool)
    found = np.zeros(n_views)
    budget = risk * n_scans
    for place in range(n_views - 1):
        wrong = left & (leader[:, place] != leader[:, -1])
        allowed = int(budget / (n_views - 1 - place))
        errors = np.sort(lead[wrong, place])[::-1]
        found[place] = errors[allowed] if allowed < len(errors) else 0.0
        stopped = left & (lead[:, place] > found[place])
        budget -= (stopped & wrong).sum()
        left &= ~stopped
    return found


def stops_by_margin(lead: Floats, found: Floats) -> NDArray[np.intp]:
    """Count the views after which the lead is above its margin."""
    decided = lead > found
    decided[:, -1] = True
    return decided.argmax(axis=1) + 1


def count(
    views: Floats, swing: Floats, first: NDArray[np.intp], second: NDArray[np.intp]
) -> dict[str, Any]:
    """Count the views that a stage needs, by each rule, on the second half.

    `swing` says for each choice by how much one view can set it back.
    """
    lead, leader = leads(views)
    n_views = views.shape[1]
    rules = {"bound": stops_by_bound(lead, swing[leader])[second]}
    for risk in RISKS:
        found = margins(lead[first], leader[first], risk)
        rules[f"risk {risk}"] = stops_by_margin(lead[second], found)
    told = {}
    for name, stops in rules.items():
        at_stop = leader[second, stops - 1]
        told[name] = {
            "share_of_views": float(stops.mean() / n_views),
            "other_decisions": float((at_stop != leader[second, -1]).mean()),
        }
    return told | {"n_scans": len(second)}


def measure(
    cascade: HierarchicalClassifier, told: argparse.Namespace, test: Any
) -> dict[str, Any]:
    """Ask both stages about all views, and count."""
    halves = hold_out(test["label"], test["patient_id"], fraction=0.5, seed=told.seed)
    screen = cascade.screen_.predict_views(test)[:, ORDER, 1]
    cut = cascade.cut_point_
    both = np.stack([np.full_like(screen, cut), screen], axis=2)
    found = {"screen": count(both, np.array([1 - cut, cut]), *halves)}
    refine = cascade.refine_.predict_views(test)[:, ORDER]
    sick = screen.mean(axis=1) >= cut
    some = [half[sick[half]] for half in halves]
    swing = np.ones(refine.shape[2])  # a view may give all to the next one
    found["refine, of scans called diseased"] = count(refine, swing, *some)
    return found


def main() -> None:
    """Measure, write, print."""
    asked = parser(str(__doc__), train=1200, test=1200)
    asked.add_argument("--runtime", default="openvino")
    told = asked.parse_args()
    train, test = parts(told)
    set_runtime(told.runtime)
    with tempfile.TemporaryDirectory() as place:
        cascade = fit(train, told, "float32", Path(place))
        found = measure(cascade, told, test.reset_index(drop=True))
    facts = {name: str(value) for name, value in vars(told).items()}
    write_json(told.out, {"versions": versions(), **facts, "found": found})
    for stage, rules in found.items():
        print(stage, rules, sep="\n")


if __name__ == "__main__":
    main()
