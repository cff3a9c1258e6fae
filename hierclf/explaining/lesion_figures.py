"""Maps against the outlines of lesions, beside maps that know nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hierclf.explaining.cases import Look
from hierclf.explaining.explained import Explained, Explainer
from hierclf.explanation.boxes import heat_in_scan
from hierclf.explanation.heatmap import Floats
from hierclf.explanation.localization import (
    FIGURES,
    Bools,
    Figures,
    center_prior,
    chance,
    localize,
)
from hierclf.explanation.random_networks import random_twin
from hierclf.explanation.stage_map import REFINE, SCREEN, StageMap

Record = dict[str, Any]
CHANCE, CENTER = "chance", "center prior"
OTHER, RANDOM = "another patient's map", "random weights"


class LesionMeter:
    """Collect figures of maps, scan by scan.

    Each map is compared with four that know less: places at random, a Gaussian in
    the middle of the scan, the map of the last scan of another patient, and maps of
    networks with random weights (the mean of their figures). The first and the second
    are the same for all methods.

    Parameters
    ----------
    explainer : Explainer
        Its stages get twins with random weights.
    n_random : int
        How many twins of each stage.
    seed : int
        Of their weights.

    Attributes
    ----------
    records : list of dict
        One for each scan, stage and map.
    """

    def __init__(self, explainer: Explainer, *, n_random: int, seed: int) -> None:
        self._explainer = explainer
        self._n_random, self._seed = n_random, seed
        self._twins: dict[str, list[Any]] = {}
        self._last: dict[str, list[tuple[str, StageMap]]] = {}
        self.records: list[Record] = []

    def add(self, batch: Sequence[Explained | Look]) -> None:
        """Measure the scans of a batch that have a lesion.

        Parameters
        ----------
        batch : sequence of Explained or Look
            As `Explainer.explain` gives it.
        """
        shown = [
            one for one in batch if isinstance(one, Explained) and _has_lesion(one)
        ]
        for stage in (SCREEN, REFINE):
            pairs = [(one, getattr(one, stage)) for one in shown]
            pairs = [(one, told) for one, told in pairs if told is not None]
            if pairs:
                self._add_stage(stage, pairs)

    def _add_stage(self, stage: str, pairs: list[tuple[Explained, StageMap]]) -> None:
        twins = self._random(stage, pairs)
        for place, (one, told) in enumerate(pairs):
            common = {
                "scan": one.look.case.scan,
                "patient": one.look.case.patient,
                "truth": one.look.case.truth,
                "stage": stage,
                "asked": told.asked,
            }
            lesion, lungs = _outlines(one.look)
            side = len(told.seen)
            self._keep(common, CHANCE, "", chance(lesion, lungs))
            prior = heat_in_scan(center_prior(side), lesion.shape)
            self._keep(common, CENTER, "", localize(prior, lesion, lungs))
            other = self._other(stage, one.look.case.patient)
            for method, heat in told.heats.items():
                self._keep(common, method, method, _measured(heat, lesion, lungs))
                if other is not None:
                    figures = _measured(other.heats[method], lesion, lungs)
                    self._keep(common, OTHER, method, figures)
                if twins:
                    drawn = [t[place].heats[method] for t in twins]
                    found = [_measured(h, lesion, lungs) for h in drawn]
                    self._keep(common, RANDOM, method, _mean(found))
            self._remember(stage, one.look.case.patient, told)

    def _keep(self, common: Record, name: str, method: str, found: Figures) -> None:
        self.records.append({**common, "map": name, "method": method, **found})

    def _random(
        self, stage: str, pairs: list[tuple[Explained, StageMap]]
    ) -> list[list[StageMap]]:
        """Draw the maps of twins of a stage."""
        model = getattr(self._explainer, stage)
        if stage not in self._twins:
            numbers = range(self._n_random)
            self._twins[stage] = [random_twin(model, self._seed, n) for n in numbers]
        pixels = [one.look.pixels for one, _ in pairs]
        asked = np.asarray([stage == SCREEN or told.asked for _, told in pairs])
        nothing = np.zeros(len(pairs))
        return [
            self._explainer.maps_of(twin, pixels, asked, nothing)
            for twin in self._twins[stage]
        ]

    def _other(self, stage: str, patient: str) -> StageMap | None:
        """Find the last map of another patient; None for the first patient."""
        kept = self._last.get(stage, [])
        return next((told for owner, told in kept if owner != patient), None)

    def _remember(self, stage: str, patient: str, told: StageMap) -> None:
        """Keep the last map of each of the last two patients."""
        kept = [pair for pair in self._last.get(stage, []) if pair[0] != patient]
        self._last[stage] = [(patient, told), *kept[:1]]


def _has_lesion(one: Explained) -> bool:
    return one.look.lesion is not None and bool(one.look.lesion.any())


def _outlines(look: Look) -> tuple[Bools, Bools | None]:
    if look.lesion is None:
        raise TypeError("a scan without lesion is not measured")
    return look.lesion, look.lungs


def _measured(heat: Floats, lesion: Bools, lungs: Bools | None) -> Figures:
    return localize(heat_in_scan(heat, lesion.shape), lesion, lungs)


def _mean(found: list[Figures]) -> Figures:
    return {
        name: float(np.mean([figures[name] for figures in found])) for name in FIGURES
    }
