"""What the guards of a cascade did to the scans that were measured."""

from __future__ import annotations

from pydantic import Field

from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.selective import SelectiveCurve
from hierclf.results.data import Strict


class GateFigures(Strict):
    """Scans that the input gate marked.

    Parameters
    ----------
    false_alarm : float
        Share of scans like the training ones that it may mark.
    marked : Estimate
        Share of these scans that it marked.
    """

    false_alarm: float
    marked: Estimate


class DeferralFigures(Strict):
    """What passed, and what went to a reader.

    Parameters
    ----------
    rule : str
        The promise.
    passed : Estimate
        Share of the scans in scope whose decision passed.
    error : Estimate
        Share of wrong decisions among these.
    covered : dict of str to Estimate
        By label, the share of its scans whose set held it; empty without sets.
    set_size : float or None
        Labels in a set on average.
    """

    rule: str
    passed: Estimate
    error: Estimate
    covered: dict[str, Estimate] = Field(default_factory=dict)
    set_size: float | None = None


class GuardFigures(Strict):
    """All of it.

    Parameters
    ----------
    curve : SelectiveCurve
        Error where only the surest decisions are taken.
    gate : GateFigures or None
        None without a gate.
    deferral : DeferralFigures or None
        None without a deferral.
    """

    curve: SelectiveCurve
    gate: GateFigures | None = None
    deferral: DeferralFigures | None = None
