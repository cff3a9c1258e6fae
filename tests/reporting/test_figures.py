from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.isotonic import rising_fit
from hierclf.pictures import figures, gallery
from hierclf.pictures.drawing import HEAT, INK, PAPER
from hierclf.pictures.reliability import ReliabilityBin, reliability
from hierclf.results.run import EpochFigures


@pytest.fixture
def figure():
    return Figure()


def labelled(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_confusion_shows_counts_and_shares(figure, sample):
    table = sample.results.models["cascade"].overall
    figures.draw_confusion(figure, table, "cascade")
    (axes,) = figure.axes
    shown = [text.get_text() for text in axes.texts]
    counts = np.asarray(table.confusion)
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert shown[::2] == [str(n) for n in counts.ravel()]
    assert shown[1::2] == [f"{share:.0%}" for share in shares.ravel()]
    shades = [p.get_alpha() for p in axes.patches if p.get_alpha() is not None]
    np.testing.assert_allclose(shades, shares.ravel())
    assert {text.get_color() for text in axes.texts} == {INK, PAPER}
    assert axes.patches[0].get_facecolor()[:3] == pytest.approx(
        [int(HEAT[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    )
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert ticks[0] == f"healthy\n(n = {counts[0].sum()})"
    assert axes.get_title(loc="center") == "cascade"
    first, last = (axes.transData.transform((0, row))[1] for row in (0, 3))
    assert first > last  # healthy on top


def test_confusion_with_an_empty_row(figure, sample):
    table = sample.results.models["cascade"].overall
    empty = table.model_copy(update={"confusion": ((0,) * 4, *table.confusion[1:])})
    figures.draw_confusion(figure, empty, "x")
    assert [t.get_text() for t in figure.axes[0].texts][:2] == ["0", "0%"]


def test_cut_point_shows_the_curve_and_the_choice(figure, sample):
    cut = sample.results.cut_point
    figures.draw_cut_point(figure, cut)
    upper, lower = figure.axes
    curve, chosen, mark = upper.get_lines()
    np.testing.assert_array_equal(curve.get_ydata(), cut.macro_recall)
    assert chosen.get_xydata().tolist() == [
        [sample.choice.threshold, sample.choice.macro_recall]
    ]
    assert set(mark.get_xdata()) == {cut.threshold}
    lines = labelled(lower)
    np.testing.assert_array_equal(lines["sensitivity"].get_ydata(), cut.sensitivity)
    np.testing.assert_array_equal(lines["specificity"].get_ydata(), cut.specificity)
    (band,) = upper.collections
    corners = band.get_paths()[0].vertices[:, 1]
    assert set(np.round(corners, 12)) == set(np.round((*cut.low, *cut.high), 12))
    (span,) = lower.patches
    ends = span.get_x(), span.get_x() + span.get_width()
    assert ends == pytest.approx((cut.threshold_low, cut.threshold_high))


def test_cut_point_without_intervals(figure, sample):
    nothing = {"low": (None,) * 19, "high": (None,) * 19, "threshold_low": None}
    cut = sample.results.cut_point.model_copy(update=nothing)
    figures.draw_cut_point(figure, cut)
    assert not figure.axes[1].patches
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("cuts", "told"),
    [
        ((), []),
        ((0.3,), ["cut point 0.30"]),
        ((0.3, 0.45), ["cut points of 2 folds", None]),
        ((0.3, 0.3), ["cut point 0.30"]),
    ],
)
def test_scores_show_the_share_of_each_group(figure, cuts, told):
    truth = np.array([False, False, False, True])
    figures.draw_scores(figure, truth, np.array([0.0, 0.02, 1.0, 0.97]), cuts)
    (axes,) = figure.axes
    healthy, diseased = axes.patches[1], axes.patches[3]
    assert healthy.get_label() == "healthy (n = 3)"
    np.testing.assert_allclose(healthy.get_data().values[[0, -1]], [2 / 3, 1 / 3])
    assert diseased.get_data().values[-1] == 1
    lines = axes.get_lines()
    assert [set(line.get_xdata()) for line in lines] == [
        {cut} for cut in sorted({*cuts})
    ]
    labels = [line.get_label() for line in lines]
    assert [None if one.startswith("_") else one for one in labels] == told


def test_reliability_shows_shares_and_bounds(figure):
    share = Estimate(value=0.25, low=0.1, high=0.5, method="wilson")
    curve = (np.array([0.1, 0.9]), np.array([0.2, 0.8]))
    figures.draw_reliability(figure, [ReliabilityBin(0.3, share, 20)], curve)
    (axes,) = figure.axes
    lines = labelled(axes)
    assert lines["share in a group"].get_xydata().tolist() == [[0.3, 0.25]]
    assert lines["isotonic curve"].get_xydata().tolist() == [[0.1, 0.2], [0.9, 0.8]]
    assert axes.collections[0].get_segments()[0].tolist() == [[0.3, 0.1], [0.3, 0.5]]


def test_legend_of_reliability_covers_nothing(sample):
    """Error bars can be anywhere in the axes, so the legend is below them."""
    figure = Figure(layout="constrained")
    bins, said = reliability(sample.said), sample.said
    figures.draw_reliability(figure, bins, rising_fit(said.diseased, said.screen_score))
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert axes.get_legend() is None
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def epochs(**values):
    return [
        EpochFigures(
            epoch=n, learning_rate=0.1, **{k: v[n - 1] for k, v in values.items()}
        )
        for n in (1, 2)
    ]


def test_history_shows_losses_and_recall(figure):
    history = epochs(
        train_loss=(0.9, 0.5),
        validation_loss=(0.8, 0.7),
        validation_macro_recall=(0.4, 0.6),
    )
    figures.draw_history(figure, history, history[1], "screen")
    upper, lower = figure.axes
    assert upper.get_title() == "screen"
    lines = labelled(upper)
    assert lines["train"].get_ydata().tolist() == [0.9, 0.5]
    assert lines["validation"].get_ydata().tolist() == [0.8, 0.7]
    assert lower.get_lines()[0].get_ydata().tolist() == [0.4, 0.6]
    for axes in figure.axes:
        assert set(axes.get_lines()[-1].get_xdata()) == {2}


def test_history_without_validation_has_one_panel(figure):
    figures.draw_history(figure, epochs(train_loss=(0.9, None)), None, "screen")
    (axes,) = figure.axes
    assert list(labelled(axes)) == ["train"]
    assert axes.get_xlabel() == "epoch"


def test_the_scores_show_where_folds_were_cut(sample, monkeypatch):
    told = []
    monkeypatch.setattr(figures, "draw_scores", lambda *drawn: told.append(drawn[-1]))
    folds = sample.results.model_copy(update={"fold_cut_points": (0.3, 0.4)})
    gallery._screen(folds, sample.said)
    assert set(told) == {(0.3, 0.4)}
