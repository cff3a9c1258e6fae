"""Kermany's scans at other shares of diseased ones, and the cut point there."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.shift.sources import Floats, Scans, Trained, at_share, split, train
from hierclf.cascade.curve import sweep
from hierclf.cascade.cut_point import Rule
from hierclf.cascade.relocation import Goal, move_cut_point, screen_costs
from hierclf.evaluation.mixture import score_fit
from hierclf.evaluation.prevalence import (
    black_box,
    calibrated_odds,
    estimate_prevalence,
)
from hierclf.evaluation.wards import Unlabelled, unlabelled
from hierclf.wards.refusal import fits_of, reasons_of
from hierclf.wards.shift import Ward

SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PRICES = (1.0, 5.0)
LEVEL = 0.01


def recovery_rows(
    scans: Scans, *, seeds: int, wards: int, n_scans: int, resamples: int
) -> list[dict[str, Any]]:
    """Draw wards at each share, by seeds that also draw the split.

    Parameters
    ----------
    scans : Scans
        Of one source.
    seeds, wards : int
        Splits, and wards at each share of each.
    n_scans : int
        Of a ward.
    resamples : int
        Of the interval.

    Returns
    -------
    rows : list of dict
        One for each ward.
    """
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        ward = split(scans, rng)
        trained, there = train(scans.some(~ward), seed), scans.some(ward)
        for share in SHARES:
            for number in range(wards):
                n_sick = rng.binomial(n_scans, share)  # what chance makes of a ward
                part = at_share(there.diseased, n_scans, n_sick / n_scans, rng)
                drawn = there.some(part)
                row = {"seed": seed, "share": share, "n_scans": n_scans}
                rows.append(row | _row(trained, drawn, share, resamples, number))
    return rows


def _row(
    trained: Trained, drawn: Scans, share: float, resamples: int, seed: int
) -> dict[str, Any]:
    known = trained.known
    scores = trained.score(drawn.features)
    seen = unlabelled(scores, drawn.patients)
    ward = Ward(seen, trained.whiten.transform(drawn.features))
    fits = fits_of(known, ward, level=LEVEL, seed=seed)
    estimate = estimate_prevalence(known.scans, seen, n_resamples=resamples, seed=seed)
    found = estimate.likelihood
    row: dict[str, Any] = {
        "refused": bool(reasons_of(ward, fits)),
        "by": [fit.of for fit in fits if fit.refused],
        "likelihood": found.value,
        "covered": bool(found.low <= share <= found.high),
        "width": found.high - found.low,
        "counted": estimate.counted.value,
        "decisions": black_box(known.scans, scores, [known.fixed]),
        "nearest": score_fit(known.scans, scores, n_resamples=1).prevalence,
    }
    for price in PRICES:
        row |= _costs(trained, seen, drawn, price, float(found.value or 0))
    return row


def _costs(
    trained: Trained, seen: Unlabelled, drawn: Scans, price: float, share: float
) -> dict[str, float]:
    """Mean cost of a scan at the fixed, the moved and the best cut point."""
    known = trained.known
    goal = Goal("", Rule("expected_cost"), screen_costs(2, price))
    weights = np.ones((1, known.scans.n_patients))
    draws = np.array([share])
    own = trained.known.scans.prevalence
    fixed = _moved(trained, goal, own, np.array([own]), weights)
    moved = _moved(trained, goal, share, draws, weights)
    ratios = calibrated_odds(known.scans, seen.scores)
    by_odds = price * share * ratios >= 1 - share
    truth, scores = drawn.diseased, seen.scores

    def cost(called: Any) -> float:
        return float((price * (truth & ~called) + (~truth & called)).mean())

    curve = sweep(
        truth.astype(int), scores, np.ones(len(truth), int), n_classes=2, points="all"
    )
    return {
        f"fixed_cut_{price:g}": fixed,
        f"moved_cut_{price:g}": moved,
        f"fixed_{price:g}": cost(scores >= fixed),
        f"moved_{price:g}": cost(scores >= moved),
        f"odds_{price:g}": cost(by_odds),
        f"best_{price:g}": float(curve.expected_cost(screen_costs(2, price)).min()),
        f"grid_best_{price:g}": min(cost(scores >= cut) for cut in known.points),
    }


def _moved(
    trained: Trained, goal: Goal, share: float, draws: Floats, weights: Floats
) -> float:
    known = trained.known
    return move_cut_point(
        known.cases,
        known.scans,
        goal,
        fixed=known.fixed,
        prevalence=share,
        draws=draws,
        weights=weights,
        points=known.points,
    ).moved.threshold
