"""Pictures of features."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from hierclf.pictures.features import (
    RegionExample,
    draw_cloud,
    draw_learning,
    draw_region,
    draw_variance,
    feature_pictures,
    region_pictures,
)
from hierclf.results.features import FeatureFigures, LearningFigures


def told(n_scans: int = 60, *, learning: bool = True) -> FeatureFigures:
    rng = np.random.default_rng(0)
    codes = np.arange(n_scans) % 3
    cloud = rng.normal(size=(n_scans, 3)) + codes[:, None]
    points = tuple(map(tuple, cloud.round(3).tolist()))
    curve = (
        LearningFigures(n_scans=20, n_patients=10, known=0.9, unknown=0.5),
        LearningFigures(n_scans=60, n_patients=30, known=0.8, unknown=0.7),
    )
    return FeatureFigures(
        kind="pooled features", n_features=512, labels=("healthy", "mild", "severe"),
        codes=tuple(codes.tolist()), pca=points, tsne=tuple(p[:2] for p in points),
        tsne_3d=points, explained=(0.5, 0.3, 0.1), learning=curve if learning else (),
    )  # fmt: skip


def test_points_are_where_they_belong() -> None:
    figure, data = Figure(), told()
    draw_cloud(figure, data.pca, data, "component")
    assert len(figure.axes) == 3
    places = np.asarray(data.pca)
    for axes, (across, up) in zip(figure.axes, [(0, 1), (0, 2), (1, 2)], strict=True):
        for code, line in enumerate(axes.get_lines()):
            mine = np.asarray(data.codes) == code
            np.testing.assert_allclose(line.get_xdata(), places[mine, across])
            np.testing.assert_allclose(line.get_ydata(), places[mine, up])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(data.labels)


def test_one_far_point_does_not_hide_the_others() -> None:
    data = told(400)
    far = ((1e4, 1e4, 1e4), *data.pca[1:])
    figure = Figure()
    draw_cloud(figure, far, data, "component")
    assert figure.axes[0].get_xlim()[1] < 100


def test_variance_and_learning() -> None:
    figure = Figure()
    draw_variance(figure, told().explained)
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), [0.5, 0.8, 0.9])
    figure = Figure()
    draw_learning(figure, told().learning)
    known, unknown = figure.axes[0].get_lines()
    assert list(known.get_ydata()) == [0.9, 0.8]
    assert list(unknown.get_ydata()) == [0.5, 0.7]
    assert list(unknown.get_xdata()) == [10, 30]


@pytest.mark.slow
@pytest.mark.parametrize("phantom", [False, True])
def test_all_pictures(phantom: bool) -> None:
    pictures = feature_pictures("refine", told(), phantom=phantom)
    assert [picture.name for picture in pictures] == [
        "features-refine-pca", "features-refine-tsne", "features-refine-tsne-3d",
        "features-refine-variance", "features-refine-learning",
    ]  # fmt: skip
    assert all(p.alt.startswith("PHANTOM") == phantom for p in pictures)
    again = feature_pictures("refine", told(), phantom=phantom)
    assert [p.svg for p in again] == [p.svg for p in pictures]
    assert len(feature_pictures("x", told(learning=False), phantom=False)) == 4


def example() -> RegionExample:
    region = np.zeros((4, 4), dtype=bool)
    region[1:3, 1:4] = True
    maps = np.linspace(-2, 1, 32).reshape(2, 4, 4)
    return RegionExample(
        stage="refine", label="mild", said="severe", view=np.full((8, 8), 0.5),
        heat=np.eye(4), region=region, channels=(7, 11), maps=maps,
    )  # fmt: skip


def test_region_shades_what_is_cut_away() -> None:
    figure = Figure()
    draw_region(figure, example())
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["scan", "Grad-CAM", "region", "no. 7", "no. 11"]
    shade = np.ma.filled(figure.axes[2].images[1].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(np.isnan(shade), example().region)
    for axes in figure.axes[3:]:
        assert axes.images[0].get_clim() == (-2.0, 2.0)


def test_region_pictures_say_what_they_are() -> None:
    (picture,) = region_pictures([example()], phantom=True)
    assert picture.alt.startswith("PHANTOM")
    assert "says severe" in picture.caption
    assert "not where disease is" in picture.caption
    assert picture.name == "region-1-refine"
    assert region_pictures([example()], phantom=True)[0].svg == picture.svg
