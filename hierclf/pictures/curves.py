"""Pictures over all cut points or all confidences: ROC, net benefit, error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hierclf.evaluation.bands import CurveBand
from hierclf.evaluation.net_benefit import NetBenefitCurve
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.roc import RocCurve, average_precision, roc_auc, roc_curve
from hierclf.evaluation.selective import SelectiveCurve
from hierclf.pictures.drawing import (
    BLUE,
    MUTED,
    ORANGE,
    Picture,
    draw_picture,
    mark_cut_points,
)
from hierclf.results.run import RunResults, ScreenCurves
from hierclf.results.wording import cut_text, number, span

SMALL = (3.5, 3.1)
_WORKING = "as decided"
_Corner = Literal["lower left", "lower right"]


def draw_roc(
    figure: Figure, curve: RocCurve, band: CurveBand, point: tuple[float, float]
) -> None:
    """Draw the ROC curve of the screen and where it works.

    Parameters
    ----------
    figure : Figure
        Empty.
    curve : RocCurve
        Of the screen scores.
    band : CurveBand
        Of the same.
    point : tuple of float
        False and true positive rate of the decisions.
    """
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":", label="chance")
    axes.fill_between(
        band.at, band.low, band.high, color=BLUE, alpha=0.2, lw=0, label="95 %"
    )
    axes.plot(
        curve.false_positive_rate,
        curve.true_positive_rate,
        color=BLUE,
        label="screen score",
        clip_on=False,
    )
    _finish(axes, point, "lower right")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity")
    axes.set_title("ROC of the screen")


def draw_precision_recall(
    figure: Figure, band: CurveBand, prevalence: float, point: tuple[float, float]
) -> None:
    """Draw the precision-recall curve of the screen and where it works.

    Parameters
    ----------
    figure : Figure
        Empty.
    band : CurveBand
        Precision at recalls.
    prevalence : float, in [0, 1]
        What a score that knows nothing reaches.
    point : tuple of float
        Sensitivity and positive predictive value of the decisions.
    """
    axes = figure.add_subplot()
    axes.axhline(prevalence, color=MUTED, lw=1, ls=":", label="chance")
    axes.fill_between(
        band.at,
        band.low,
        band.high,
        color=BLUE,
        alpha=0.2,
        lw=0,
        step="pre",
        label="95 %",
    )
    axes.plot(
        band.at,
        band.value,
        color=BLUE,
        label="screen score",
        drawstyle="steps-pre",
        clip_on=False,
    )
    _finish(axes, point, "lower left")
    axes.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)")
    axes.set_title("Precision and recall")


def _finish(axes: Axes, point: tuple[float, float], place: _Corner) -> None:
    axes.plot(*point, "o", color=ORANGE, ms=8, label=_WORKING, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(loc=place)


def draw_net_benefit(
    figure: Figure, curve: NetBenefitCurve, cut_points: Sequence[float]
) -> None:
    """Draw net benefit over the threshold, beside calling all scans diseased and none.

    Parameters
    ----------
    figure : Figure
        Empty.
    curve : NetBenefitCurve
        Of the screen scores.
    cut_points : sequence of float
        That decided on the scans; of each fold, where there are several.
    """
    axes = figure.add_subplot()
    at = curve.thresholds
    axes.axhline(0, color=MUTED, lw=1, label="call none diseased")
    axes.plot(
        at, curve.treat_all, "--", color=ORANGE, lw=1.4, label="call all diseased"
    )
    axes.fill_between(at, curve.low, curve.high, color=BLUE, alpha=0.2, lw=0)
    axes.plot(at, curve.model, color=BLUE, label="screen score, 95 %")
    mark_cut_points(axes, cut_points)
    top = max(curve.prevalence, *curve.high)
    axes.set(xlim=(0, 1), ylim=(-0.25 * top, 1.08 * top))
    axes.set(xlabel="threshold of the risk", ylabel="net benefit")
    axes.legend(loc="lower left")
    axes.set_title("Decision curve of the screen")


def screen_curves(
    results: RunResults, said: Predictions, curves: ScreenCurves
) -> tuple[Picture, ...]:
    """Draw the ROC and the precision-recall curve of the main model.

    Parameters
    ----------
    results : RunResults
        Where it works.
    said : Predictions
        Single scores of healthy and diseased scans.
    curves : ScreenCurves
        Their bands.

    Returns
    -------
    pictures : tuple of Picture
        Named ``screen-roc`` and ``screen-precision-recall``.
    """
    main = results.models[results.main]
    (spared, alarms), (missed, hits) = main.screen.confusion
    rates = (alarms / (spared + alarms), hits / (missed + hits))
    called = hits + alarms
    point = (rates[1], hits / called) if called else (0.0, 1.0)
    scores = np.asarray(said.screen_score)
    area = number(float(roc_auc(said.diseased, scores)[0]), percent=False)
    average = number(float(average_precision(said.diseased, scores)[0]), percent=False)
    prevalence = float(said.diseased.mean())
    curve = roc_curve(said.diseased, scores)
    roc = draw_picture(
        "screen-roc",
        partial(draw_roc, curve=curve, band=curves.roc, point=rates),
        size=SMALL,
        title="ROC curve",
        caption=f"Area {area}. The dot is the model as it decided: sensitivity "
        f"{number(rates[1])}, specificity {number(1 - rates[0])}. Shaded: 95 % of the "
        "resamples of the patients at each place.",
        alt=f"ROC curve of the screen with an area of {area}; the model works at a "
        f"sensitivity of {number(rates[1])} and a specificity of "
        f"{number(1 - rates[0])}. {_reading(curves.roc, 10, 'specificity of 90 %')}",
        phantom=results.data.phantom,
    )
    recall = draw_picture(
        "screen-precision-recall",
        partial(
            draw_precision_recall,
            band=curves.precision_recall,
            prevalence=prevalence,
            point=point,
        ),
        size=SMALL,
        title="Precision-recall curve",
        caption=f"Average precision {average}; a score that knows nothing reaches "
        f"{number(prevalence)}, the share of diseased scans here. It changes with that "
        "share.",
        alt=f"Precision-recall curve of the screen with an average precision of "
        f"{average}; the model works at a recall of {number(point[0])} and a precision "
        f"of {number(point[1])}.",
        phantom=results.data.phantom,
    )
    return roc, recall


def _reading(band: CurveBand, place: int, where: str) -> str:
    low, high = band.low[place], band.high[place]
    return (
        f"At a {where} the sensitivity is {number(band.value[place])} "
        f"({span(low, high)})."
    )


def net_benefit_picture(results: RunResults, curve: NetBenefitCurve) -> Picture:
    """Draw the decision curve of the main model.

    Parameters
    ----------
    results : RunResults
        The cut point, and whether the scans are synthetic.
    curve : NetBenefitCurve
        What is drawn.

    Returns
    -------
    picture : Picture
        Named ``net-benefit``.
    """
    useful = "Nowhere is it shown to be worth more than calling all or none diseased."
    if curve.useful is not None:
        first, last = (cut_text(end) for end in curve.useful)
        useful = (
            f"From {first} to {last} it is worth more than calling all or none "
            "diseased: the 95 % interval of the difference lies above 0."
        )
    return draw_picture(
        "net-benefit",
        partial(draw_net_benefit, curve=curve, cut_points=results.decided_at),
        size=(4.9, 3.4),
        title="Decision curve",
        caption=f"Net benefit of calling a scan diseased from a risk on. {useful}",
        alt=f"Net benefit of the screen over the threshold. {useful}",
        phantom=results.data.phantom,
    )


def draw_selective(figure: Figure, curve: SelectiveCurve) -> None:
    """Draw how often decisions are wrong where only the surest are taken.

    Parameters
    ----------
    figure : Figure
        Empty.
    curve : SelectiveCurve
        Of the decisions.
    """
    axes = figure.add_subplot()
    all_wrong = curve.area_by_chance
    axes.axhline(all_wrong, color=MUTED, lw=1, ls=":", label="all decisions")
    axes.plot(curve.taken, curve.error, color=BLUE, label="the surest")
    told = [p for p in curve.points if p.error.low is not None]
    bars = [(p.error.low or 0.0, p.error.high or 0.0) for p in told]
    axes.vlines([p.taken for p in told], *zip(*bars, strict=True), color=BLUE, lw=1)
    top = max([all_wrong, *curve.error, *(high for _, high in bars)])
    axes.set(xlim=(0, 1.02), ylim=(0, min(1.0, 1.1 * top + 0.01)))
    axes.set(xlabel="share of decisions taken", ylabel="share of these wrong")
    axes.legend(loc="upper left")
    axes.set_title("Error among the surest")


def selective_picture(results: RunResults, curve: SelectiveCurve) -> Picture:
    """Draw the error among the surest decisions.

    Parameters
    ----------
    results : RunResults
        Whether the scans are synthetic.
    curve : SelectiveCurve
        What is drawn.

    Returns
    -------
    picture : Picture
        Named ``selective-error``.
    """
    first, last = curve.points[0], curve.points[-1]
    return draw_picture(
        "selective-error",
        partial(draw_selective, curve=curve),
        size=SMALL,
        title="Error among the surest",
        caption="Share of wrong decisions among the surest, against how many of them "
        "are taken, with 95 % intervals.",
        alt=f"Share of wrong decisions: {number(first.error.value)} of the surest "
        f"{number(first.taken)}, {number(last.error.value)} of all.",
        phantom=results.data.phantom,
    )
