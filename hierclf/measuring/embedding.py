"""Features of fitted learners to figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from hierclf.assembly.words import kinds_of
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.features.attention import Attention, attention_of
from hierclf.features.readers import extractors_of, members_of
from hierclf.foundation.seeding import derive_seed, generator
from hierclf.metalearners.learning import learning_curve
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.pictures.features import RegionExample
from hierclf.results.features import FeatureFigures, LearningFigures

Floats = NDArray[np.floating]
_MOST_SHOWN, _MOST_COMPONENTS, _LEAST_SHOWN = 600, 30, 10


def feature_figures(
    cascade: HierarchicalClassifier, manifest: pd.DataFrame, seed: int
) -> dict[str, FeatureFigures]:
    """Look at the features of the learners of a cascade.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    manifest : DataFrame, n_scans rows
        What it was fitted on.
    seed : int
        Of which scans are shown, of t-SNE, and of the learning curve.

    Returns
    -------
    figures : dict of str to FeatureFigures
        By stage, or by member of one; empty for networks, and where there are too
        few scans.
    """
    labels = manifest["label"].to_numpy()
    sick = cascade.hierarchy_.is_diseased(labels)
    told = {
        "screen": (cascade.screen_, manifest, sick),
        "refine": (cascade.refine_, manifest[sick], labels[sick]),
    }
    found = {}
    for stage_name, (stage, rows, targets) in told.items():
        for name, member in _members(stage_name, stage).items():
            if isinstance(member, MetaLearner) and len(rows) >= _LEAST_SHOWN:
                found[name] = _figures(member, rows, targets, cascade, seed)
    return found


def _members(name: str, stage: Any) -> dict[str, Any]:
    """Name the members of a stage; it is its only one where it is no stack."""
    inner = unweighted(stage)
    if not isinstance(inner, ProbabilityStack):
        return {name: inner}
    names = [f"{name}-{told}" for told, _ in inner.members]
    return dict(zip(names, members_of(inner), strict=True))


def region_examples(
    cascade: HierarchicalClassifier, manifest: pd.DataFrame
) -> list[RegionExample]:
    """Show where the learners of a cascade look, in a scan of each label.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    manifest : DataFrame, n_scans rows
        What it was fitted on.

    Returns
    -------
    examples : list of RegionExample
        The first scan of each label that a stage decides on; none of stages whose
        features depend on no class.
    """
    found = []
    for name in ("screen", "refine"):
        stage = getattr(cascade, f"{name}_")
        first = manifest.groupby("label", sort=False).head(1)
        if name == "refine":
            first = first[cascade.hierarchy_.is_diseased(first["label"].to_numpy())]
        for told, member in _members(name, stage).items():
            for extractor in extractors_of(getattr(member, "features_", None)):
                if extractor.network_ is None:
                    continue
                seen = attention_of(extractor, first)
                pairs = zip(first["label"], seen, strict=True)
                found += [_example(told, label, one) for label, one in pairs]
    return found


def _example(stage: str, label: str, seen: Attention) -> RegionExample:
    said = seen.said
    if isinstance(said, np.bool_ | bool):
        said = "diseased" if said else "healthy"
    return RegionExample(
        stage=stage,
        label=str(label),
        said=str(said),
        view=seen.view,
        heat=seen.heat,
        region=seen.region,
        channels=seen.channels,
        maps=seen.maps,
    )


def _figures(
    stage: MetaLearner,
    rows: pd.DataFrame,
    targets: NDArray[Any],
    cascade: HierarchicalClassifier,
    seed: int,
) -> FeatureFigures:
    n_shown = min(_MOST_SHOWN, len(rows))
    shown = np.sort(generator(seed, "shown").permutation(len(rows))[:n_shown])
    table = stage.features_.transform(rows.iloc[shown])
    scaled = stage.learner_["scale"].transform(table)
    components = min(_MOST_COMPONENTS, *scaled.shape)
    pca = PCA(components, random_state=seed)
    places = pca.fit_transform(scaled)
    names = cascade.hierarchy_.labels
    codes = cascade.hierarchy_.positions(rows["label"].iloc[shown].tolist())
    curve = learning_curve(stage, rows, targets, seed=seed)
    return FeatureFigures(
        kind=kinds_of(stage),
        n_features=table.shape[1],
        labels=tuple(map(str, names)),
        codes=tuple(map(int, codes)),
        pca=_points(places[:, :3]),
        tsne=_points(_tsne(places, 2, seed)),
        tsne_3d=_points(_tsne(places, 3, seed)),
        explained=tuple(round(float(v), 6) for v in pca.explained_variance_ratio_),
        learning=tuple(LearningFigures.model_validate(point) for point in curve),
    )


def _tsne(places: Floats, n_dimensions: int, seed: int) -> Floats:
    """Place scans near those that are alike (van der Maaten and Hinton, 2008)."""
    found: Floats = TSNE(
        n_components=n_dimensions,
        init="pca" if places.shape[1] >= n_dimensions else "random",
        perplexity=min(30.0, (len(places) - 1) / 3),
        random_state=derive_seed(seed, "t-SNE") % 2**32,
    ).fit_transform(places)
    return found


def _points(places: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(v), 3) for v in row) for row in places)
