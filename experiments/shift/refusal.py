"""Which wards are refused, and by which of the two tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from experiments.shift.sources import (
    Alter,
    Floats,
    Scans,
    Trained,
    altered,
    at_share,
    read,
    split,
    train,
)
from hierclf.evaluation.prevalence import (
    calibrated_odds,
    expectation_maximization,
)
from hierclf.evaluation.wards import unlabelled
from hierclf.synthesis.cohort import PhantomOptions, make_cohort
from hierclf.wards.refusal import fits_of, reasons_of
from hierclf.wards.shift import Ward

LEVEL = 0.01


def _noisy(pixels: NDArray[np.float32], spread: float) -> NDArray[np.floating]:
    rng = np.random.default_rng(int(1e6 * float(pixels.mean())))
    return np.clip(pixels + rng.normal(0, spread, pixels.shape), 0, 1)


def _flatter(pixels: NDArray[np.float32], part: float) -> NDArray[np.floating]:
    mean = pixels.mean()
    return np.clip((pixels - mean) * part + mean, 0, 1)


ALTERATIONS: Mapping[str, Alter] = {
    "nothing": lambda a: a,
    "gamma 0.7": lambda a: a**0.7,
    "gamma 0.85": lambda a: a**0.85,
    "gamma 1.2": lambda a: a**1.2,
    "gamma 1.5": lambda a: a**1.5,
    "contrast 0.5": lambda a: _flatter(a, 0.5),
    "contrast 0.7": lambda a: _flatter(a, 0.7),
    "contrast 0.85": lambda a: _flatter(a, 0.85),
    "blur 0.5 px": lambda a: gaussian_filter(a, 0.5),
    "blur 1 px": lambda a: gaussian_filter(a, 1.0),
    "blur 2 px": lambda a: gaussian_filter(a, 2.0),
    "noise 0.02": lambda a: _noisy(a, 0.02),
    "noise 0.05": lambda a: _noisy(a, 0.05),
}
"""Changes of pixels in [0, 1]; blur and noise as standard deviations."""

HEALTHY_ONLY = ("gamma 0.7", "gamma 1.5", "contrast 0.7", "blur 1 px")
"""What is done to the healthy phantoms of a ward."""


def refused_part(
    trained: Trained,
    name: str,
    scans: Scans,
    *,
    n_scans: int,
    share: float | None,
    wards: int,
    seed: int = 0,
) -> dict[str, Any]:
    """Draw wards and count the refusals.

    Parameters
    ----------
    trained : Trained
        Screen and reference.
    name : str
        Of the row.
    scans : Scans
        To be drawn from.
    n_scans : int
        Of a ward.
    share : float or None
        Of diseased scans; that of `scans` where it is None.
    wards : int
        How many are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    row : dict
        Parts refused, and what the estimate and the cut point would have done.
    """
    rng = np.random.default_rng(seed)
    wanted = float(scans.diseased.mean()) if share is None else share
    rows = []
    for number in range(wards):
        drawn = scans.some(at_share(scans.diseased, n_scans, wanted, rng))
        scores = trained.score(drawn.features)
        seen = Ward(
            unlabelled(scores, drawn.patients),
            trained.whiten.transform(drawn.features),
        )
        fits = fits_of(trained.known, seen, level=LEVEL, seed=number)
        by = {fit.of: fit for fit in fits}
        right = (scores >= trained.known.fixed) == drawn.diseased
        rows.append(
            [
                bool(reasons_of(seen, fits)),
                by["scores"].refused,
                by["features"].refused,
                by["scores"].distance,
                by["features"].distance,
                right.mean(),
                expectation_maximization(calibrated_odds(trained.known.scans, scores))
                - drawn.diseased.mean(),
            ]
        )
    keys = ("refused", "by_scores", "by_features", "score_distance",
            "feature_distance", "accuracy", "error")  # fmt: skip
    means = np.asarray(rows, dtype=float).mean(axis=0).tolist()
    told = {"ward": name, "n_scans": n_scans, "share": round(wanted, 3)}
    return {**told, "wards": wards, **dict(zip(keys, means, strict=True))}


def series_rows(scans: Scans, *, wards: int) -> Iterator[dict[str, Any]]:
    """Kermany's other healthy series, which the screen never saw."""
    other = np.array(["NORMAL2" in Path(path).name for path in scans.paths])
    for seed in range(2):
        rng = np.random.default_rng(seed)
        ward = other | (split(scans, rng) & scans.diseased)
        trained, there = train(scans.some(~ward), seed), scans.some(ward)
        for n_scans, share in ((100, 0.65), (400, 0.4), (400, 0.65), (1000, 0.4)):
            name = f"healthy series NORMAL2, split {seed}"
            yield refused_part(
                trained, name, there, n_scans=n_scans, share=share, wards=wards
            )
        everyone = refused_part(
            trained,
            f"all of NORMAL2, split {seed}",
            there,
            n_scans=len(there.paths),
            share=None,
            wards=1,
        )
        yield everyone


def altered_rows(scans: Scans, *, wards: int) -> Iterator[dict[str, Any]]:
    """Kermany's scans, changed as another device might."""
    rng = np.random.default_rng(0)
    ward = split(scans, rng)
    trained, there = train(scans.some(~ward), 0), scans.some(ward)
    rows = at_share(there.diseased, 900, 0.55, rng)
    there = there.some(rows)
    for name, alter in ALTERATIONS.items():
        features = altered(there, alter)
        changed = Scans(there.paths, features, there.diseased, there.patients)
        for n_scans in (100, 400):
            yield refused_part(
                trained, f"Kermany, {name}", changed,
                n_scans=n_scans, share=0.55, wards=wards,
            )  # fmt: skip


def source_rows(data: Path, cache: Path, *, wards: int) -> Iterator[dict[str, Any]]:
    """Trained on one source of CT slices, shown another."""
    seen = read(data / "sars_cov2_ct", "non_covid", cache)
    other = read(data / "covid_ct", "non_covid", cache)
    trained = train(seen, 0)
    for n_scans in (30, 50, 100, 400):
        name = "trained on sars_cov2_ct, shown covid_ct"
        yield refused_part(
            trained, name, other, n_scans=n_scans, share=None, wards=wards
        )


def phantom_rows(out: Path, cache: Path, *, wards: int) -> Iterator[dict[str, Any]]:
    """Phantoms of another cohort, and the same with altered healthy scans."""
    cohorts = []
    for seed, cases in ((0, 1200), (1, 600)):
        folder = out / f"cohort-{seed}"
        if not folder.exists():
            make_cohort(
                PhantomOptions(out=folder, cases=cases, seed=seed, balanced=True)
            )
        cohorts.append(read(folder, "healthy", cache))
    trained, there = train(cohorts[0], 0), cohorts[1]
    healthy = ~there.diseased
    n_scans, share = 200, 0.65
    yield refused_part(
        trained, "phantom, nothing", there, n_scans=n_scans, share=share, wards=wards
    )
    for name in HEALTHY_ONLY:
        features: Floats = there.features.copy()
        features[healthy] = altered(there.some(healthy), ALTERATIONS[name])
        changed = Scans(there.paths, features, there.diseased, there.patients)
        yield refused_part(
            trained, f"phantom, healthy scans with {name}", changed,
            n_scans=n_scans, share=share, wards=wards,
        )  # fmt: skip
