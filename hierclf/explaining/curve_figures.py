"""Deletion and insertion curves of some scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.explaining.cases import Case, Look
from hierclf.explaining.explained import Explained, Explainer
from hierclf.explanation.curves import area_under, curves_of, random_heat
from hierclf.explanation.localization import center_prior
from hierclf.explanation.stage_map import SCREEN, StageMap
from hierclf.features.readers import preparation_of, unprepared
from hierclf.foundation.progress import Progress
from hierclf.foundation.seeding import generator
from hierclf.loading.scans import FrameReader

CENTER_ORDER, RANDOM_ORDER = "center first", "random order"


def choose_cases(cases: Sequence[Case], n_wanted: int, seed: int) -> list[Case]:
    """Draw scans of different patients.

    Parameters
    ----------
    cases : sequence of Case
        Those that can be taken.
    n_wanted : int
        How many; fewer where there are fewer patients.
    seed : int
        Of the draw.

    Returns
    -------
    chosen : list of Case
        One of each patient at most.
    """
    order = generator(seed, "curves").permutation(len(cases))
    first: dict[str, Case] = {}
    for place in order:
        first.setdefault(cases[place].patient, cases[place])
    return list(first.values())[:n_wanted]


def measure_curves(
    explainer: Explainer,
    cases: Sequence[Case],
    look: Callable[[Case], Look],
    seed: int,
) -> list[dict[str, Any]]:
    """Follow scores of scans while their hottest places are blurred or shown.

    Parameters
    ----------
    explainer : Explainer
        Draws the maps.
    cases : sequence of Case
        Scans that were called diseased.
    look : callable
        Reads them.
    seed : int
        Of the random orders.

    Returns
    -------
    records : list of dict
        One for each scan, stage and order of places, with ``deletion`` and
        ``insertion`` (areas) and their curves.
    """
    records = []
    for case in Progress(cases, desc="curves", unit="scan"):
        for one in explainer.explain([look(case)]):
            if isinstance(one, Explained):
                for told in one.stages:
                    records += _of_stage(explainer, one, told, seed)
    return records


def _of_stage(
    explainer: Explainer, one: Explained, told: StageMap, seed: int
) -> list[dict[str, Any]]:
    side, case = len(told.seen), one.look.case
    stage = getattr(explainer, told.stage)
    # lungs are cut out of the scan as it is, and not again of what is left of it
    reader = FrameReader(side, preparation=preparation_of(stage))
    frame = reader.frame_of(np.asarray(one.look.pixels))
    heats = {
        **told.heats,
        CENTER_ORDER: center_prior(side),
        RANDOM_ORDER: random_heat(side, seed, case.scan),
    }
    score = _score_of(unprepared(stage), told)
    curves = curves_of(frame, list(heats.values()), score)
    areas = area_under(curves)
    return [
        {
            "scan": case.scan,
            "patient": case.patient,
            "stage": told.stage,
            "map": name,
            "deletion": float(area[0]),
            "insertion": float(area[1]),
            "curves": both,
        }
        for name, area, both in zip(heats, areas, curves, strict=True)
    ]


def _score_of(
    stage: Any, told: StageMap
) -> Callable[[list[NDArray[np.float32]]], NDArray[np.float64]]:
    asked: Any = True if told.stage == SCREEN else told.asked
    column = [str(label) for label in stage.classes_].index(str(asked))

    def score(frames: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        said: NDArray[np.float64] = stage.predict_proba(frames)[:, column]
        return said

    return score
