"""Bundles compared on the same scans, as written to JSON and shown on a page."""

from __future__ import annotations

from pydantic import model_validator

from hierclf.evaluation.comparison import Difference
from hierclf.evaluation.delong import AreaDifference
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.mcnemar import Discordance
from hierclf.results.data import Strict, Text


class ComparedBundle(Strict):
    """One of the bundles that are compared.

    Parameters
    ----------
    name : str
        The end of its folder's path that tells it from the others.
    digest : str
        SHA-256 of its manifest.
    trained_on : str
        Data that it was trained on.
    n_known : int
        Scans of the comparison that were in its training.
    looks : str
        What its screen sees of a scan, in words.
    cut_point : float, in [0, 1]
        Its own, at which its decisions are made.
    metrics : dict of str to Estimate
        Its figures, by the names of `hierclf.evaluation.metrics`.
    """

    name: Text
    digest: str
    trained_on: Text
    n_known: int
    looks: str
    cut_point: float
    metrics: dict[str, Estimate]


class ComparisonFigures(Strict):
    """What can be said of bundles on the same scans.

    Parameters
    ----------
    bundles : tuple of ComparedBundle
        The first is the baseline.
    n_scans, n_patients : int
        On which they are compared.
    n_resamples : int
        Of the patients, the same for all.
    differences : tuple of Difference
        Each bundle less the baseline, by the bootstrap of patients.
    areas : tuple of AreaDifference
        The areas again, by DeLong's and Obuchowski's method.
    discordances : tuple of Discordance
        Scans that one of a pair answers rightly, by McNemar's test.
    margin : float, optional
        A loss of a share or an area that is said not to matter.
    """

    bundles: tuple[ComparedBundle, ...]
    n_scans: int
    n_patients: int
    n_resamples: int
    differences: tuple[Difference, ...]
    areas: tuple[AreaDifference, ...]
    discordances: tuple[Discordance, ...]
    margin: float | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> ComparisonFigures:
        names = [bundle.name for bundle in self.bundles]
        if len(set(names)) != len(names) or len(names) < 2:
            raise ValueError(f"expected several bundles of different names: {names}")
        pairs = {(one.baseline, one.model) for one in self.differences}
        pairs |= {(one.baseline, one.model) for one in self.areas}
        pairs |= {(one.baseline, one.model) for one in self.discordances}
        for baseline, model in sorted(pairs):
            if baseline != names[0] or model not in names[1:]:
                raise ValueError(f"{model!r} minus {baseline!r} is no pair")
        return self

    @property
    def baseline(self) -> str:
        """Name of the bundle that the others are measured by."""
        return self.bundles[0].name

    @property
    def deciding(self) -> tuple[Difference, ...]:
        """The figure to decide by, of each bundle."""
        first = self.differences[0].metric
        return tuple(d for d in self.differences if d.metric == first)
