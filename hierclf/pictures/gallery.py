"""The figures of a run with their captions, in the order of the report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hierclf.evaluation.confusion import Floats
from hierclf.evaluation.isotonic import rising_fit
from hierclf.evaluation.predictions import Predictions
from hierclf.evaluation.summary import Table
from hierclf.pictures import figures
from hierclf.pictures.curves import (
    SMALL,
    net_benefit_picture,
    screen_curves,
    selective_picture,
)
from hierclf.pictures.drawing import Picture, draw_picture, figure_names
from hierclf.pictures.features import (
    RegionExample,
    feature_pictures,
    region_pictures,
)
from hierclf.pictures.reliability import reliability
from hierclf.results.cut_point import CutPointFigures
from hierclf.results.run import EpochFigures, RunResults
from hierclf.results.wording import cut_text, number

_STAGES = ("screen", "refine")
_SAY_MOST = ("pca", "tsne", "learning")


@dataclass(frozen=True)
class Gallery:
    """Figures by their place in the report.

    Parameters
    ----------
    models : tuple of Picture
        Confusion matrix of each model.
    refine, per_patient, cut_point : Picture or None
        None where the run has no such figures.
    screen : tuple of Picture
        ROC and precision-recall curve, scores and reliability; empty without single
        scores.
    net_benefit, selective : Picture or None
        The decision curve.
    histories : tuple of Picture
        Training curves by stage.
    features : tuple of Picture
        Of learners, by stage.
    """

    models: tuple[Picture, ...]
    refine: Picture | None
    per_patient: Picture | None
    cut_point: Picture | None
    screen: tuple[Picture, ...]
    net_benefit: Picture | None
    selective: Picture | None
    histories: tuple[Picture, ...]
    features: tuple[Picture, ...] = ()

    @property
    def first_features(self) -> tuple[Picture, ...]:
        """Scatter plots and learning curve of each stage, or of its first network."""
        found: dict[tuple[str, str], Picture] = {}
        for picture in self.features:
            stage, kind = _kind_of(picture.name)
            if stage in _STAGES and kind in _SAY_MOST:
                found.setdefault((stage, kind), picture)
        return tuple(found.values())

    @property
    def more_features(self) -> tuple[Picture, ...]:
        """The other pictures of features, of which there can be many."""
        first = self.first_features
        return tuple(one for one in self.features if one not in first)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them."""
        curves = (self.cut_point, self.net_benefit, self.selective)
        single = (self.refine, self.per_patient, *curves)
        present = tuple(picture for picture in single if picture is not None)
        last = (*self.histories, *self.features)
        return (*self.models, *present, *self.screen, *last)


def _kind_of(name: str) -> tuple[str, str]:
    """Read the stage and the kind of picture from the name of a file."""
    words = name.split("-")
    return (words[1], words[-1]) if words[0] == "features" else ("", "")


def gallery_of(
    results: RunResults,
    said: Predictions | None,
    examples: Sequence[RegionExample] = (),
) -> Gallery:
    """Draw all figures of a run.

    Parameters
    ----------
    results : RunResults
        The figures.
    said : Predictions or None
        What the main model said of each scan.
    examples : sequence of RegionExample, optional
        Scans to show.

    Returns
    -------
    gallery : Gallery
        The same bytes for the same arguments.
    """
    phantom = results.data.phantom
    matrix = partial(_confusion, phantom=phantom)
    refined, patients = results.models[results.main].refine, results.per_patient
    cut = results.cut_point
    models = tuple(
        matrix(f"confusion-{place}-{_slug(name)}", name, summary.overall, "scans")
        for place, (name, summary) in enumerate(results.models.items(), start=1)
    )
    histories = tuple(
        _history(stage, epochs, place, phantom=phantom)
        for place, (stage, epochs) in enumerate(results.histories.items(), start=1)
        if epochs
    )
    return Gallery(
        models=models,
        refine=None
        if refined is None
        else matrix("confusion-refine", "Refinement alone", refined, "diseased scans"),
        per_patient=None
        if patients is None
        else matrix("confusion-patients", "Patients", patients.overall, "patients"),
        cut_point=None if cut is None else cut_point_picture(cut, phantom=phantom),
        screen=() if said is None else _screen(results, said),
        net_benefit=None
        if results.curves is None
        else net_benefit_picture(results, results.curves.net_benefit),
        selective=None
        if results.guards is None
        else selective_picture(results, results.guards.curve),
        histories=histories,
        features=(
            *(
                picture
                for stage, told in results.features.items()
                for picture in feature_pictures(stage, told, phantom=phantom)
            ),
            *region_pictures(examples, phantom=phantom),
        ),
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def _confusion(
    name: str, title: str, table: Table, unit: str, *, phantom: bool
) -> Picture:
    places = len(table.labels)
    right = sum(table.confusion[i][i] for i in range(places))
    total = sum(map(sum, table.confusion))
    shown = figure_names(table.labels)
    pairs = zip(shown, table.labels, strict=True)
    key = "; ".join(f"{short} is {label}" for short, label in pairs if short != label)
    rows = "; ".join(
        f"of {sum(row)} {label}, {row[place]} were called {label}"
        for place, (label, row) in enumerate(
            zip(table.labels, table.confusion, strict=True)
        )
    )
    return draw_picture(
        name,
        partial(figures.draw_confusion, table=table, title=title),
        size=(max(2.8, 1.25 + 0.58 * places), 1.0 + 0.56 * places),
        title=title,
        caption=f"{right} of {total} {unit} on the diagonal."
        + (f" {key}." * bool(key)),
        alt=f"Confusion matrix of {title}: {rows}.",
        phantom=phantom,
    )


def cut_point_picture(cut: CutPointFigures, *, phantom: bool) -> Picture:
    """Draw the curve that a cut point was chosen from.

    Parameters
    ----------
    cut : CutPointFigures
        The curve and the choice.
    phantom : bool
        Whether the scans are synthetic.

    Returns
    -------
    picture : Picture
        Named ``cut-point``.
    """
    recall = number(cut.macro_recall[cut.index])
    span = ""
    if cut.threshold_low is not None and cut.threshold_high is not None:
        span = f", 95 % interval {cut_text(cut.threshold_low)} to "
        span += cut_text(cut.threshold_high)
    return draw_picture(
        "cut-point",
        partial(figures.draw_cut_point, cut=cut),
        size=(4.9, 4.6),
        title="The choice of the cut point",
        caption="Above, macro recall with its 95 % bootstrap band; below, sensitivity "
        "and specificity. Line: the chosen cut point; gray: its 95 % interval.",
        alt=f"Macro recall, sensitivity and specificity over the cut point. Chosen: "
        f"{cut_text(cut.threshold)}{span}, with a macro recall of {recall}, "
        f"a sensitivity of "
        f"{number(cut.sensitivity[cut.index])} and a specificity of "
        f"{number(cut.specificity[cut.index])}.",
        phantom=phantom,
    )


def _screen(results: RunResults, said: Predictions) -> tuple[Picture, ...]:
    if said.screen_score is None:
        return ()
    scores, sick = said.screen_score, said.diseased
    spread = draw_picture(
        "screen-scores",
        lambda figure: figures.draw_scores(figure, sick, scores, results.decided_at),
        size=(SMALL[0], SMALL[1] + 0.4),
        title="Screen scores",
        caption="Share of the healthy and of the diseased scans by screen score.",
        alt=f"Histogram of the screen scores of {int((~sick).sum())} healthy and "
        f"{int(sick.sum())} diseased scans.",
        phantom=results.data.phantom,
    )
    kept = _reliability(results, said, scores)
    curves = results.curves
    drawn = () if curves is None else screen_curves(results, said, curves)
    return (*drawn, spread, kept)


def _reliability(results: RunResults, said: Predictions, scores: Floats) -> Picture:
    bins, curve = reliability(said), rising_fit(said.diseased, scores)
    first, last = bins[0], bins[-1]
    return draw_picture(
        "screen-reliability",
        partial(figures.draw_reliability, bins=bins, curve=curve),
        size=(SMALL[0], SMALL[1] + 0.5),
        title="Reliability",
        caption=f"Share of diseased scans in {len(bins)} groups of about equal size by "
        "screen score, with 95 % intervals, and the best curve that never falls. On "
        "the dotted line the score equals the share.",
        alt=f"Share of diseased scans against mean screen score, from "
        f"{number(first.diseased.value)} at a score of {first.mean_score:.2f} to "
        f"{number(last.diseased.value)} at {last.mean_score:.2f}.",
        phantom=results.data.phantom,
    )


def _history(
    stage: str, epochs: Sequence[EpochFigures], place: int, *, phantom: bool
) -> Picture:
    seen = [epoch for epoch in epochs if epoch.validation_loss is not None]
    best = min(seen, key=lambda epoch: epoch.validation_loss or 0.0, default=None)
    mark = ""
    if best is not None:
        mark = f" The line marks the lowest validation loss, in epoch {best.epoch}."
    return draw_picture(
        f"training-{place}-{_slug(stage)}",
        partial(
            figures.draw_history,
            epochs=epochs,
            best=best,
            title=figure_names([stage])[0],
        ),
        size=SMALL,
        title=f"Training of {stage}",
        caption=f"{len(epochs)} epochs.{mark}",
        alt=f"Training curves of {stage} over {len(epochs)} epochs.{mark}",
        phantom=phantom,
    )
