"""Controls of the whole chain: a focal lesion is found, random weights find nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hierclf.explanation.boxes import heat_in_scan
from hierclf.explanation.evidence import evidence_of
from hierclf.explanation.heatmap import METHODS, make_maps
from hierclf.explanation.localization import FIGURES, chance, localize
from hierclf.explanation.random_networks import random_twin
from hierclf.features.extractor import FeatureExtractor
from hierclf.metalearners.search import MetaLearner
from hierclf.synthesis.scan import draw_scan
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

N_TRAIN, N_TEST = 160, 120


def focal_scan(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a healthy phantom; every second one gets a mass somewhere in the lungs."""
    drawing = draw_scan("healthy", seed=11, patient=number)
    lesion = np.zeros_like(drawing.lung_mask)
    if number % 2:
        rng = np.random.default_rng(number)
        rows, columns = np.nonzero(drawing.lung_mask)
        place = rng.integers(len(rows))
        down, across = np.mgrid[:256, :256]
        away = np.hypot(down - rows[place], across - columns[place])
        drawing.image[:] = np.clip(
            drawing.image + 0.5 * np.exp(-0.5 * (away / 18) ** 4), 0, 1
        )
        lesion = away < 22
    return drawing.image, lesion, drawing.lung_mask


@pytest.fixture(scope="module")
def focal():
    """Frames, lesions and lungs of phantoms with one mass or none."""
    return [focal_scan(number) for number in range(N_TRAIN + N_TEST)]


OPTIONS = NetworkOptions(views="center", precision="float32")


def figures_of(stage, method, rows, *, other=False) -> pd.DataFrame:
    frames, lesions, lungs = (list(part) for part in zip(*rows, strict=True))
    sick = np.ones(len(rows), dtype=bool)
    heats = make_maps(method, evidence_of(stage, frames, sick)).heat
    if other:
        heats = np.roll(heats, 1, axis=0)
    found = [
        localize(heat_in_scan(heat, lesion.shape), lesion, lung)
        for heat, lesion, lung in zip(heats, lesions, lungs, strict=True)
    ]
    return pd.DataFrame(found).mean()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["network", "pooled+svm"])
def test_a_focal_lesion_is_found_and_not_by_chance(focal, kind) -> None:
    """Masses in another place in each scan: the map of another scan must not do."""
    images = [image for image, _, _ in focal]
    labels = np.array([bool(lesion.any()) for _, lesion, _ in focal])
    stage = NetworkClassifier(OPTIONS)
    if kind != "network":
        stage = MetaLearner(FeatureExtractor(NetworkClassifier(OPTIONS)), "svm")
    stage.fit(images[:N_TRAIN], labels[:N_TRAIN])
    tested = slice(N_TRAIN, None)
    right = stage.predict(images[tested]) == labels[tested]
    assert right.mean() > 0.85
    rows = [row for row in focal[tested] if row[1].any()]
    even = pd.DataFrame([chance(lesion, lungs) for _, lesion, lungs in rows]).mean()
    for method in METHODS:
        found = figures_of(stage, method, rows)
        other = figures_of(stage, method, rows, other=True)
        assert found["pointing"] > other["pointing"] + 0.15
        assert found["energy"] > 1.3 * other["energy"]
    random = [
        figures_of(random_twin(stage, 0, number), "gradcam", rows)
        for number in range(5)
    ]
    mean = pd.concat(random, axis=1).mean(axis=1)
    assert mean["pointing"] < even["pointing"] + 0.08  # at chance: 0.03 of 0.04
    for name in FIGURES[1:]:
        assert mean[name] < 1.6 * even[name], name
