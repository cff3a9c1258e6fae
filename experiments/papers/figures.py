"""The figures of the papers, counted here, with intervals by patient.

None of the package's own metrics is used, so that these figures check those of the
reports. The package draws the patients of the bootstrap and bounds by percentiles. The
area is scikit-learn's; its other metrics took half a minute for a row's resamples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.intervals import bootstrap_estimate
from hierclf.evaluation.score_groups import hosmer_lemeshow

CUT_POINTS = tuple(round(0.05 * place, 2) for place in range(1, 20))
Figure = dict[str, float | int | None]
Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Said:
    """What one model said of scans that it was not fitted on.

    Parameters
    ----------
    labels : tuple of str
        Healthy first.
    truth, decided : ndarray of int, shape (n_scans,)
        Positions in `labels`.
    patients : ndarray of str, shape (n_scans,)
        Whose scan it is.
    score : ndarray of float, shape (n_scans,), optional
        Of the screen; None for a model without one.
    refined : ndarray of int, shape (n_scans,), optional
        What the refinement calls each scan, whatever the screen says.
    """

    labels: tuple[str, ...]
    truth: Ints
    decided: Ints
    patients: NDArray[np.object_]
    score: Floats | None = None
    refined: Ints | None = None


def read_said(path: Path, labels: tuple[str, ...], column: str) -> Said:
    """Read a model out of ``predictions.csv``.

    Scores belong to the cascade. What its refinement says is the most probable
    stage, where that is what the cascade decided by (no adjustment for rare ones).
    """
    table = pd.read_csv(path, dtype={"patient_id": str})
    places = {label: place for place, label in enumerate(labels)}
    decided = table["predicted" if column == "cascade" else column].map(places)
    told = decided.to_numpy(dtype=np.intp)
    patients = table["patient_id"].to_numpy(dtype=object)
    truth = table["label"].map(places).to_numpy(dtype=np.intp)
    if not column.startswith("cascade"):
        return Said(labels, truth, told, patients)
    stages = table[[f"p_{label}" for label in labels[1:]]].to_numpy()
    refined = stages.argmax(axis=1).astype(np.intp) + 1
    plain = bool((refined == told)[told > 0].all())
    score = table["screen_score"].to_numpy()
    return Said(labels, truth, told, patients, score, refined if plain else None)


def figures_of(said: Said, *, n_resamples: int, seed: int) -> dict[str, Figure]:
    """Work out every figure that can be, each with its 95 % interval.

    Parameters
    ----------
    said : Said
        Truth and decisions.
    n_resamples : int
        Patient bootstraps.
    seed : int
        Of these.

    Returns
    -------
    figures : dict of str to dict
        ``value``, ``low`` and ``high``; None where undefined.
    """
    codes, n_patients = patient_codes(said.patients, len(said.truth))
    drawn = patient_weights(n_patients, n_resamples=n_resamples, seed=seed)
    own = dict(_shares(said, np.ones(len(codes))))
    draws = [dict(_shares(said, weights[codes].astype(float))) for weights in drawn]
    found: dict[str, Figure] = {}
    for name, value in own.items():
        column = np.array([draw.get(name, math.nan) for draw in draws])
        told = bootstrap_estimate(value, column)
        bounds = {"value": told.value, "low": told.low, "high": told.high}
        found[name] = {bound: _rounded(number) for bound, number in bounds.items()}
    return found | {name: {"value": value} for name, value in _counts(said).items()}


def _shares(said: Said, weights: Floats) -> Iterator[tuple[str, float]]:
    """Give the figures of one resample; a scan of no weight is not in it."""
    inside = weights > 0
    truth, decided, weight = said.truth[inside], said.decided[inside], weights[inside]
    counts = _confusion(truth, decided, weight, len(said.labels))
    yield "accuracy", float(counts.trace() / counts.sum())
    for name, values in _by_class(counts).items():
        for place, value in enumerate(values):
            yield f"{name}_{place}", float(value)
    yield "macro_recall", _macro_recall(truth, decided, weight)
    both = _confusion(truth > 0, decided > 0, weight, 2)
    yield from ((name, float(values[1])) for name, values in _by_class(both).items())
    if said.score is not None:
        yield from _of_screen(said, said.score, inside, weight)


def _confusion(truth: NDArray, decided: NDArray, weight: Floats, n: int) -> Floats:
    """Add weights up by true class (rows) and decided class (columns)."""
    cells = truth.astype(np.intp) * n + decided
    counts: Floats = np.bincount(cells, weight, minlength=n * n).reshape(n, n)
    return counts


def _by_class(counts: Floats) -> dict[str, Floats]:
    hits, true, said = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):  # a class that nobody has or names
        return {
            "precision": hits / said,
            "recall": hits / true,
            "f1": 2 * hits / (true + said),
        }


def _of_screen(
    said: Said, scores: Floats, inside: NDArray[np.bool_], weight: Floats
) -> Iterator[tuple[str, float]]:
    truth, score = said.truth[inside], scores[inside]
    both = len(np.unique(truth > 0)) == 2
    auc = roc_auc_score(truth > 0, score, sample_weight=weight) if both else math.nan
    yield "auc", float(auc)
    yield "screen_macro_recall", _macro_recall(truth > 0, score >= 0.5, weight)
    if said.refined is None or len(said.labels) < 3:
        return
    refined, sick = said.refined[inside], truth > 0
    yield "refine_macro_recall", _macro_recall(truth[sick], refined[sick], weight[sick])
    recalls = [
        _share(refined[truth == place] == place, weight[truth == place])
        for place in range(1, len(said.labels))
    ]
    dearest = 1 / min(recalls) if min(recalls) > 0 else math.nan
    for place, recall in enumerate(recalls, start=1):
        yield f"refine_recall_{place}", recall
        yield f"weight_{place}", 9 / (recall * dearest) if recall > 0 else math.nan
    swept = {
        cut: _macro_recall(truth, np.where(score >= cut, refined, 0), weight)
        for cut in CUT_POINTS
    }
    for cut, recall in swept.items():
        yield f"sweep_{cut:.2f}", recall
    yield "sweep_best", max(swept.values())
    own = _macro_recall(truth, said.decided[inside], weight)
    yield "sweep_inflation", max(swept.values()) - own


def _macro_recall(truth: NDArray, decided: NDArray, weight: Floats) -> float:
    """Take the mean over the classes that occur."""
    if not len(truth):
        return math.nan
    true = np.bincount(truth.astype(np.intp), weight)
    hits = np.bincount(truth.astype(np.intp), weight * (truth == decided))
    return float(np.mean(hits[true > 0] / true[true > 0]))


def _share(hits: NDArray[np.bool_], weight: Floats) -> float:
    return float(np.average(hits, weights=weight)) if len(hits) else math.nan


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 5)


def _counts(said: Said) -> Mapping[str, float | int | None]:
    """Give what has no interval."""
    found: dict[str, float | int | None] = {
        "n_tested": len(said.truth),
        "false_negatives": int(((said.truth > 0) & (said.decided == 0)).sum()),
        "false_positives": int(((said.truth == 0) & (said.decided > 0)).sum()),
    }
    of_each = np.bincount(said.truth, minlength=len(said.labels))
    found |= {f"n_tested_{place}": int(n) for place, n in enumerate(of_each)}
    if said.score is not None:
        test = hosmer_lemeshow(said.truth > 0, said.score)
        found["chi_square"] = _rounded(test.statistic) if test else None
        found["chi_square_p"] = _rounded(test.p_external) if test else None
    return found
