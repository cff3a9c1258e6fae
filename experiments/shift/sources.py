"""Features of scans, and a reference and a ward made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hierclf.cascade.curve import GRID, cases_of, sweep
from hierclf.cascade.cut_point import Rule, choose_cut_point
from hierclf.cascade.relocation import screen_costs
from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.pixels import decode_scan
from hierclf.evaluation.wards import labelled
from hierclf.features.extractor import FeatureExtractor
from hierclf.loading.scans import read_bytes
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions
from hierclf.wards.shift import Known

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Alter = Callable[[NDArray[np.float32]], NDArray[np.floating]]
N_COMPONENTS = 32
_AT_ONCE = 100


@dataclass(frozen=True, eq=False)
class Scans:
    """Features of the scans of a folder.

    Parameters
    ----------
    paths : list of str
        Files.
    features : ndarray, shape (n_scans, n_features)
        Of the frozen default network, one view.
    diseased : ndarray of bool, shape (n_scans,)
        The truth.
    patients : ndarray of int, shape (n_scans,)
        Codes.
    """

    paths: list[str]
    features: Floats
    diseased: Bools
    patients: NDArray[np.intp]

    def some(self, rows: NDArray[Any]) -> Scans:
        """Take some of the scans."""
        numbers = np.arange(len(self.paths))[rows]
        return Scans(
            [self.paths[n] for n in numbers],
            self.features[rows],
            self.diseased[rows],
            self.patients[rows],
        )


def read(folder: Path, healthy: str, cache: Path) -> Scans:
    """Compute the features of a data set, or find them in the cache."""
    manifest = read_dataset(DataOptions(data=folder)).manifest
    extractor = _extractor().fit(manifest)
    extractor.use_cache(cache)
    features = extractor.transform(manifest).astype(np.float64)
    _, patients = np.unique(manifest["patient_id"].astype(str), return_inverse=True)
    diseased = manifest["label"].to_numpy() != healthy
    return Scans(manifest["path"].tolist(), features, diseased, patients)


def _extractor() -> FeatureExtractor:
    return FeatureExtractor(NetworkClassifier(NetworkOptions(views="center")))


def altered(scans: Scans, alter: Alter) -> Floats:
    """Compute the features of scans whose pixels were changed."""
    extractor = _extractor().fit([np.zeros((224, 224), np.float32)])
    found = []
    for start in range(0, len(scans.paths), _AT_ONCE):
        paths = scans.paths[start : start + _AT_ONCE]
        pixels = [decode_scan(read_bytes(path)).pixels for path in paths]
        changed = [alter(one.astype(np.float32)).astype(np.float32) for one in pixels]
        found.append(extractor.transform(changed))
    return np.concatenate(found).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Trained:
    """A screen, and what it said of the scans it was trained on, held out.

    Parameters
    ----------
    model : Pipeline
        Logistic regression on scaled features.
    whiten : Pipeline
        32 principal components of the features, with unit variance.
    known : Known
        The reference; its fixed cut point is the most accurate one on it.
    """

    model: Any
    whiten: Any
    known: Known

    def score(self, features: Floats) -> Floats:
        """Screen scores, shape (n_scans,)."""
        scores: Floats = self.model.predict_proba(features)[:, 1]
        return scores


def _screen() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))


def train(scans: Scans, seed: int) -> Trained:
    """Fit a screen, and score its training scans in five folds by patient."""
    X, y = scans.features, scans.diseased
    held_out = np.empty(len(y))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fit, test in folds.split(X, y, scans.patients):
        model = _screen().fit(X[fit], y[fit])
        held_out[test] = model.predict_proba(X[test])[:, 1]
    whiten = make_pipeline(
        StandardScaler(), PCA(N_COMPONENTS, whiten=True, random_state=seed)
    ).fit(X)
    refined = np.ones(len(y), dtype=np.intp)
    truth = y.astype(np.intp)
    curve = sweep(truth, held_out, refined, n_classes=2)
    fixed = choose_cut_point(curve, Rule("expected_cost"), screen_costs(2)).threshold
    known = Known(
        cases_of(truth, held_out, refined, n_classes=2),
        labelled(y, held_out, scans.patients),
        whiten.transform(X),
        fixed,
        np.asarray(GRID),
    )
    return Trained(_screen().fit(X, y), whiten, known)


def split(scans: Scans, rng: np.random.Generator, part: float = 0.4) -> Bools:
    """Draw the patients of the ward; True for their scans."""
    names = np.unique(scans.patients)
    drawn = rng.permutation(names)[: round(part * names.size)]
    return np.isin(scans.patients, drawn)


def at_share(
    diseased: Bools, n_scans: int, share: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw scans, without replacement, of which a share is diseased."""
    n_sick = round(n_scans * share)
    kinds = ((np.flatnonzero(diseased), n_sick),
             (np.flatnonzero(~diseased), n_scans - n_sick))  # fmt: skip
    return np.concatenate([rng.choice(rows, n, replace=False) for rows, n in kinds])
