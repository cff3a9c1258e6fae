from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from hierclf.evaluation.bands import CurveBand
from hierclf.evaluation.roc import roc_curve
from hierclf.pictures import curves as pictures

BAND = CurveBand(
    at=(0.0, 0.5, 1.0),
    value=(0.2, 0.7, 1.0),
    low=(0.1, 0.6, 0.9),
    high=(0.3, 0.8, 1.0),
    n_excluded=0,
)


@pytest.fixture
def figure():
    return Figure(layout="constrained")


def labelled(axes):
    return {line.get_label(): line for line in axes.lines}


def ends_of_band(axes):
    """Vertices of the shaded band."""
    (shade,) = axes.collections
    return {tuple(point) for point in shade.get_paths()[0].vertices.round(9)}


def test_roc_shows_the_curve_the_band_and_the_working_point(figure):
    truth = np.array([False, False, True, True])
    curve = roc_curve(truth, np.array([0.1, 0.4, 0.35, 0.8]))
    pictures.draw_roc(figure, curve, BAND, (0.5, 1.0))
    (axes,) = figure.axes
    lines = labelled(axes)
    drawn = lines["screen score"]
    np.testing.assert_array_equal(drawn.get_xdata(), curve.false_positive_rate)
    np.testing.assert_array_equal(drawn.get_ydata(), curve.true_positive_rate)
    assert lines["as decided"].get_xydata().tolist() == [[0.5, 1.0]]
    assert {(0.5, 0.6), (0.5, 0.8), (1.0, 0.9)} <= ends_of_band(axes)


def test_precision_recall_has_chance_at_the_prevalence(figure):
    pictures.draw_precision_recall(figure, BAND, 0.4, (0.7, 0.75))
    (axes,) = figure.axes
    lines = labelled(axes)
    assert set(lines["chance"].get_ydata()) == {0.4}
    assert lines["as decided"].get_xydata().tolist() == [[0.7, 0.75]]
    assert tuple(lines["screen score"].get_ydata()) == BAND.value
    assert {(0.5, 0.6), (0.5, 0.8)} <= ends_of_band(axes)


def test_decision_curve_shows_all_none_and_the_cut_point(figure, sample):
    curve = sample.results.curves.net_benefit
    pictures.draw_net_benefit(figure, curve, (0.35,))
    (axes,) = figure.axes
    lines = labelled(axes)
    assert tuple(lines["call all diseased"].get_ydata()) == curve.treat_all
    assert tuple(lines["screen score, 95 %"].get_ydata()) == curve.model
    assert set(lines["call none diseased"].get_ydata()) == {0}
    assert set(lines["cut point 0.35"].get_xdata()) == {0.35}
    assert axes.get_ylim()[1] > max(curve.high)


def test_decision_curve_without_a_cut_point(figure, sample):
    pictures.draw_net_benefit(figure, sample.results.curves.net_benefit, ())
    assert not any(name.startswith("cut") for name in labelled(figure.axes[0]))


def test_words_tell_where_the_model_decided(sample):
    curves = sample.results.curves
    roc, recall = pictures.screen_curves(sample.results, sample.said, curves)
    screen = np.array(sample.results.models["cascade"].screen.confusion)
    (_, alarms), (missed, hits) = screen
    told = recall.alt.replace("\xa0", " ")
    assert f"a recall of {100 * hits / (hits + missed):.1f} %" in told
    assert f"a precision of {100 * hits / (hits + alarms):.1f} %" in told
    low, high = (100 * end[10] for end in (curves.roc.low, curves.roc.high))
    assert f"({low:.1f} to {high:.1f} %)" in roc.alt.replace("\xa0", " ")


def test_a_model_that_calls_nobody_diseased_has_a_working_point(sample):
    main = sample.results.models["cascade"]
    table = main.screen.model_copy(update={"confusion": ((171, 0), (149, 0))})
    models = {"cascade": main.model_copy(update={"screen": table})}
    results = sample.results.model_copy(update={"models": models})
    _, recall = pictures.screen_curves(results, sample.said, results.curves)
    assert "a recall of 0.0" in recall.alt


def test_where_a_score_is_of_use(sample):
    curve = sample.results.curves.net_benefit
    first, last = curve.useful
    told = pictures.net_benefit_picture(sample.results, curve)
    assert f"From {first:.2f} to {last:.2f} it is worth more" in told.caption
    useless = curve.model_copy(update={"gain_low": (-1.0,) * 99})
    told = pictures.net_benefit_picture(sample.results, useless)
    assert "Nowhere is it shown" in told.caption


def test_the_decision_curve_shows_where_folds_were_cut(sample, monkeypatch):
    told = []
    monkeypatch.setattr(
        pictures,
        "draw_net_benefit",
        lambda _, cut_points, **__: told.append(cut_points),
    )
    folds = sample.results.model_copy(update={"fold_cut_points": (0.3, 0.4)})
    pictures.net_benefit_picture(folds, sample.results.curves.net_benefit)
    assert set(told) == {(0.3, 0.4)}
