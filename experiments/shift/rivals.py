"""Other statistics for the same tests: which has power, and which cries wolf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from experiments.shift.refusal import ALTERATIONS
from experiments.shift.sources import (
    Floats,
    Scans,
    Trained,
    altered,
    at_share,
    read,
    split,
    train,
)
from hierclf.evaluation.drift import matched_weights
from hierclf.evaluation.mixture import feature_fit, score_fit
from hierclf.evaluation.wards import Labelled, ward_drawer

LEVEL = 0.01
_RESAMPLES = 199


def _shares(scores: Floats, order: NDArray[np.intp], weights: Floats) -> Floats:
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    sums = np.cumsum(weights[order])[last]
    shares: Floats = sums / sums[-1]
    return shares


def quadratic(scores: Floats, low: Floats, high: Floats, ward: Floats) -> list[float]:
    """Cramer-von Mises and Anderson-Darling distance of the nearest mixture."""
    order = np.argsort(scores, kind="stable")
    healthy, sick, seen = (_shares(scores, order, w) for w in (low, high, ward))
    both = (seen + _shares(scores, order, low + high)) / 2
    mass = np.diff(both, prepend=0)
    tails = np.where(both < 1 - 1e-12, mass / np.maximum(both * (1 - both), 1e-9), 0)
    found = []
    for weight in (mass, tails):
        beyond, apart = seen - healthy, sick - healthy
        share = np.clip(
            (weight * beyond * apart).sum() / (weight * apart**2).sum(), 0, 1
        )
        found.append(float((weight * (beyond - share * apart) ** 2).sum()))
    return found


def quadratic_p(known: Labelled, scores: Floats, share: float, seed: int) -> Floats:
    """P values of both, drawn as `hierclf.evaluation.mixture` does."""
    rng = np.random.default_rng(seed)
    zeros = np.zeros(scores.size)
    ill = known.diseased
    here = quadratic(
        np.concatenate([known.scores, scores]),
        np.concatenate([~ill, zeros]),
        np.concatenate([ill, zeros]),
        np.concatenate([np.zeros(ill.size), np.ones(scores.size)]),
    )
    draw = ward_drawer(known, rng)
    chance = []
    for _ in range(_RESAMPLES):
        drawn = rng.integers(known.n_patients, size=known.n_patients)
        counts = np.bincount(drawn, minlength=known.n_patients)[known.patients]
        chance.append(
            quadratic(
                known.scores, counts * ~ill, counts * ill, draw(scores.size, share)
            )
        )
    reached = (np.asarray(chance) >= np.asarray(here)).sum(axis=0)
    found: Floats = (1 + reached) / (1 + _RESAMPLES)
    return found


def domain_p(
    trained: Trained, features: Floats, share: float, rng: np.random.Generator
) -> float:
    """P value of a domain classifier: its AUC against that of wards drawn."""
    known = trained.known.scans
    table = trained.known.features
    if table is None:
        return float("nan")
    draw = ward_drawer(known, rng)
    half = rng.permutation(known.n_patients) < known.n_patients / 2
    fit = half[known.patients]
    weights = matched_weights(known.diseased, share)
    cut = len(features) // 2
    model = LogisticRegression(C=0.1, max_iter=1000)
    model.fit(
        np.concatenate([table[fit], features[:cut]]),
        np.repeat([0, 1], [fit.sum(), cut]),
        sample_weight=np.concatenate(
            [weights[fit] / weights[fit].sum(), np.full(cut, 1 / cut)]
        )
        * (fit.sum() + cut)
        / 2,
    )
    said = model.decision_function(table)
    here = model.decision_function(features[cut:])
    chance = []
    for _ in range(_RESAMPLES):
        drawn = draw(2 * here.size, share) * ~fit
        chance.append(_auc(said, np.repeat(said, drawn.astype(int)), weights * ~fit))
    reached = np.count_nonzero(np.asarray(chance) >= _auc(said, here, weights * ~fit))
    return float(1 + reached) / (1 + _RESAMPLES)


def _auc(known: Floats, seen: Floats, weights: Floats) -> float:
    order = np.argsort(known)
    below = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    left = np.searchsorted(known[order], seen, side="left")
    right = np.searchsorted(known[order], seen, side="right")
    return float((below[left] + below[right]).mean() / 2)


def _row(
    trained: Trained, name: str, scans: Scans, n_scans: int, share: float, wards: int
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    known = trained.known
    found = []
    for number in range(wards):
        drawn = scans.some(at_share(scans.diseased, n_scans, share, rng))
        scores = trained.score(drawn.features)
        table = trained.whiten.transform(drawn.features)
        near = score_fit(known.scans, scores, n_resamples=_RESAMPLES, seed=number)
        far = feature_fit(
            known.scans,
            np.asarray(known.features),
            table,
            n_resamples=_RESAMPLES,
            seed=number,
        )
        mixed = rng.permutation(len(table))
        found.append(
            [
                near.p_value,
                *quadratic_p(known.scans, scores, near.prevalence, number),
                far.p_value,
                domain_p(trained, table[mixed], far.prevalence, rng),
            ]
        )
    names = ("Kolmogorov", "Cramer-von Mises", "Anderson-Darling", "energy of features",
             "domain classifier")  # fmt: skip
    refused = (np.asarray(found) <= LEVEL).mean(axis=0).tolist()
    told = {"ward": name, "n_scans": n_scans, "wards": wards}
    return told | dict(zip(names, refused, strict=True))


def rival_rows(
    data: Path, kermany: Scans, cache: Path, *, wards: int
) -> list[dict[str, Any]]:
    """Compare the statistics on wards that fit and wards that do not.

    Parameters
    ----------
    data : Path
        Folder of the sets.
    kermany : Scans
        Already read.
    cache : Path
        Of features.
    wards : int
        Draws of each.

    Returns
    -------
    rows : list of dict
        Parts refused at 1 %, without tolerance.
    """
    rng = np.random.default_rng(0)
    ward = split(kermany, rng)
    trained, there = train(kermany.some(~ward), 0), kermany.some(ward)
    part = there.some(at_share(there.diseased, 900, 0.55, rng))
    wards_of = {"nothing": (there, 0.65)}
    for name in ("contrast 0.7", "contrast 0.5", "gamma 0.7", "noise 0.02"):
        features = altered(part, ALTERATIONS[name])
        changed = Scans(part.paths, features, part.diseased, part.patients)
        wards_of[name] = (changed, 0.55)
    rows = [
        _row(trained, f"Kermany, {name}", scans, n_scans, share, wards)
        for n_scans in (100, 400)
        for name, (scans, share) in wards_of.items()
    ]
    seen = read(data / "sars_cov2_ct", "non_covid", cache)
    other = read(data / "covid_ct", "non_covid", cache)
    ct = train(seen, 0)
    rows += [
        _row(ct, "sars_cov2_ct to covid_ct", other, n_scans, 0.47, wards)
        for n_scans in (50, 100, 400)
    ]
    return rows
