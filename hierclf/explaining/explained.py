"""A batch of scans to decisions and to the maps of the stage that decided."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import unweighted
from hierclf.data.rows import take
from hierclf.explaining.cases import Look
from hierclf.explanation.channels import strongest_channels
from hierclf.explanation.evidence import check_explainable, evidence_of
from hierclf.explanation.heatmap import METHODS, HeatMaps, make_maps
from hierclf.explanation.stage_map import REFINE, SCREEN, Channel, StageMap
from hierclf.foundation.errors import InputError, ResourceError, lacks_memory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Explained:
    """A decision with its maps.

    Parameters
    ----------
    look : Look
        The scan.
    decision : {"healthy", "diseased"}
        By the cut point.
    label : str
        The label that was decided on.
    screen_score, probability : float, in [0, 1]
        P(diseased), and the probability of the label.
    action : str
        What the guards of the bundle say to do with it; '' without any.
    screen : StageMap
        Evidence for disease.
    refine : StageMap or None
        Evidence for the label; None where the screen decided, or the refinement
        looks at nothing that can be shown.
    probabilities : tuple of float
        Of all labels, healthy first.
    view_spread : float, optional
        Of the screen's score over the views.
    label_set : tuple of str
        Labels that may be true, where the deferral of the bundle names them.
    """

    look: Look
    decision: str
    label: str
    screen_score: float
    probability: float
    action: str
    screen: StageMap
    refine: StageMap | None
    probabilities: tuple[float, ...] = ()
    view_spread: float | None = None
    label_set: tuple[str, ...] = ()

    @property
    def deciding(self) -> StageMap:
        """Of the stage that decided, as far as it can be shown."""
        return self.refine or self.screen

    @property
    def stages(self) -> tuple[StageMap, ...]:
        """All that there are, the screen first."""
        return (self.screen, *((self.refine,) if self.refine else ()))


class Explainer:
    """What explains scans with the stages of a cascade.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    n_channels : int, default=0
        Strongest channels to keep.
    guards : Guards, optional
        Of the cascade.

    Attributes
    ----------
    screen, refine : classifier or None
        Stages that are shown; None for a refinement that cannot be.
    remark : str
        Why there is none; '' where there is.

    Raises
    ------
    InputError
        If the screen cannot be explained.
    """

    def __init__(
        self,
        cascade: HierarchicalClassifier,
        n_channels: int = 0,
        guards: Guards | None = None,
    ) -> None:
        self.cascade = cascade
        self._guards = guards or Guards()
        self.n_channels = n_channels
        self.screen = unweighted(cascade.screen_)
        check_explainable(self.screen)
        self.refine = unweighted(cascade.refine_)
        self.remark = ""
        if self.refine is None:
            return
        try:
            check_explainable(self.refine)
        except InputError as error:
            self.refine = None
            self.remark = (
                "The refinement cannot be shown, and the maps of all scans are the "
                f"screen's: {error}"
            )

    def explain(self, looks: Sequence[Look]) -> list[Explained | Look]:
        """Decide on scans and draw maps of them.

        Parameters
        ----------
        looks : sequence of Look
            Scans, and files that are none.

        Returns
        -------
        explained : list of Explained or Look
            One for each; a `Look` with a code where there is no decision.
        """
        good = [look for look in looks if look.pixels is not None]
        found = iter(self._attempt(good))
        return [look if look.pixels is None else next(found) for look in looks]

    def _attempt(self, good: list[Look]) -> list[Explained | Look]:
        """Explain scans together, or each by itself where together they cannot be."""
        if not good:
            return []
        try:
            return list(self._explain(good))
        except ResourceError:
            raise
        except Exception as error:  # noqa: BLE001  # the border of one scan
            _log.debug("no map", exc_info=True)
            if len(good) > 1:
                return [one for look in good for one in self._attempt([look])]
            if lacks_memory(error):
                code, told = "E_MEMORY", "expected memory, got none. Add memory."
            else:
                got = type(error).__name__
                code, told = "E_SCORE", f"expected a map, got {got}. Report this scan."
            return [replace(good[0], pixels=None, code=code, message=told)]

    def _explain(self, good: list[Look]) -> list[Explained]:
        pixels = [look.pixels for look in good]
        told = self.cascade.decide(pixels)
        if not np.isfinite(told.probabilities).all():
            raise FloatingPointError("a score is not finite")
        guarded = None
        if self._guards.active:
            guarded = self._guards.look(self.cascade, pixels, told)
        sick = np.ones(len(good), dtype=np.bool_)
        screens = self.maps_of(self.screen, pixels, sick, told.screen_score)
        labels = np.asarray(self.cascade.hierarchy_.labels)[told.decided]
        refined: dict[int, StageMap] = {}
        rows = np.flatnonzero(told.decided)
        if self.refine is not None and len(rows):
            scores = told.probabilities[rows, told.decided[rows]]
            scores = scores / told.screen_score[rows]
            maps = self.maps_of(self.refine, take(pixels, rows), labels[rows], scores)
            refined = dict(zip(rows.tolist(), maps, strict=True))
        return [
            replace(
                _explained(look, told, place, str(labels[place]), screen, refined),
                **_guarded(guarded, place, self.cascade.hierarchy_.labels),
            )
            for place, (look, screen) in enumerate(zip(good, screens, strict=True))
        ]

    def maps_of(
        self, stage: Any, pixels: Any, asked: NDArray[Any], scores: NDArray[Any]
    ) -> list[StageMap]:
        """Draw the maps of one stage by all methods.

        Parameters
        ----------
        stage : classifier
            One that can be explained.
        pixels : list of ndarray, length n_scans
            Scans in memory.
        asked : ndarray, shape (n_scans,)
            Classes that are asked about.
        scores : ndarray of float, shape (n_scans,)
            What the stage said of them.

        Returns
        -------
        maps : list of StageMap
            One for each scan.
        """
        evidence = evidence_of(stage, pixels, asked)
        drawn = {method: make_maps(method, evidence) for method in METHODS}
        channels = strongest_channels(evidence, self.n_channels)
        return [
            _stage_map(drawn, channels[place], place, asked[place], scores[place])
            for place in range(len(pixels))
        ]


def _stage_map(
    drawn: dict[str, HeatMaps],
    channels: tuple[Channel, ...],
    place: int,
    asked: Any,
    score: float,
) -> StageMap:
    is_screen = isinstance(asked, np.bool_ | bool)
    return StageMap(
        stage=SCREEN if is_screen else REFINE,
        asked="diseased" if is_screen else str(asked),
        score=float(score),
        heats={name: maps.heat[place] for name, maps in drawn.items()},
        regions={name: maps.regions[place] for name, maps in drawn.items()},
        seen=next(iter(drawn.values())).seen,
        channels=channels,
    )


def _explained(
    look: Look,
    told: Decisions,
    place: int,
    label: str,
    screen: StageMap,
    refined: dict[int, StageMap],
) -> Explained:
    decided = int(told.decided[place])
    return Explained(
        look=look,
        decision="diseased" if decided else "healthy",
        label=label,
        screen_score=float(told.screen_score[place]),
        probability=float(told.probabilities[place, decided]),
        action="",
        screen=screen,
        refine=refined.get(place),
        probabilities=tuple(map(float, told.probabilities[place])),
        view_spread=(
            None if told.view_spread is None else float(told.view_spread[place])
        ),
    )


def _guarded(
    guarded: Guarded | None, place: int, labels: Sequence[Any]
) -> dict[str, Any]:
    """Give what the guards say of one scan."""
    if guarded is None:
        return {}
    told: dict[str, Any] = {"action": str(guarded.action[place])}
    if guarded.sets is not None:
        within = guarded.sets[place]
        told["label_set"] = tuple(
            str(label) for label, inside in zip(labels, within, strict=True) if inside
        )
    return told
