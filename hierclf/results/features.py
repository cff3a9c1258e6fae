"""What features of a learner look like, in numbers."""

from __future__ import annotations

from pydantic import ConfigDict

from hierclf.results.data import Strict

Point = tuple[float, ...]


class LearningFigures(Strict):
    """One size of the training set, see `hierclf.metalearners.learning`."""

    model_config = ConfigDict(from_attributes=True)

    n_scans: int
    n_patients: int
    known: float
    unknown: float


class FeatureFigures(Strict):
    """Features of some training scans, seen from aside.

    Parameters
    ----------
    kind : str
        Of the features.
    n_features : int
        How many there are.
    labels : tuple of str
        Names of the labels.
    codes : tuple of int
        Label of each scan that is shown.
    pca : tuple of tuple of float
        Its first three principal components.
    tsne : tuple of tuple of float
        Its place in two dimensions by t-SNE.
    tsne_3d : tuple of tuple of float
        Its place in three dimensions by t-SNE.
    explained : tuple of float
        Share of the variance in each component.
    learning : tuple of LearningFigures
        Macro recall over the size of the training set.
    """

    kind: str
    n_features: int
    labels: tuple[str, ...]
    codes: tuple[int, ...]
    pca: tuple[Point, ...]
    tsne: tuple[Point, ...]
    tsne_3d: tuple[Point, ...]
    explained: tuple[float, ...]
    learning: tuple[LearningFigures, ...]
