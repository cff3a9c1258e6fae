"""Figures of the papers against the package's own metrics and by hand."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from experiments.papers.figures import Said, figures_of, read_said
from experiments.papers.fits import settled_epoch
from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.results.run import EpochFigures

LABELS = ("healthy", "stage1", "stage2")
near = partial(pytest.approx, abs=2e-5)  # records keep five decimals


@pytest.fixture(scope="module")
def said() -> Said:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=200)
    refined = rng.integers(1, 3, size=200)
    score = np.clip(0.3 * (truth > 0) + rng.uniform(0, 0.7, size=200), 0, 1)
    decided = np.where(score >= 0.4, refined, 0)
    patients = np.array([f"p{place // 2}" for place in range(200)], dtype=object)
    return Said(LABELS, truth, decided, patients, score, refined)


def test_figures_are_those_of_the_package(said: Said) -> None:
    found = figures_of(said, n_resamples=100, seed=0)
    own = evaluate(
        predictions_of(
            said.truth,
            said.decided,
            n_classes=3,
            groups=said.patients,
            screen_score=said.score,
            refined=said.refined,
        ),
        LABELS,
        n_resamples=100,
        seed=0,
    )
    values = {name: figure["value"] for name, figure in found.items()}
    assert values["macro_recall"] == near(own.metrics["macro_recall"].value)
    assert values["accuracy"] == near(own.metrics["accuracy"].value)
    assert values["auc"] == near(own.metrics["screen_auc"].value)
    for place, figures in enumerate(own.overall.classes):
        assert values[f"recall_{place}"] == near(figures.recall.value)
        assert values[f"precision_{place}"] == near(figures.precision.value)
        assert values[f"f1_{place}"] == near(figures.f1.value)
    assert values["recall"] == near(own.screen.classes[1].recall.value)
    assert values["f1"] == near(own.screen.classes[1].f1.value)
    refine = own.refine
    assert refine is not None
    recalls = [figures.recall.value for figures in refine.classes]
    assert values["refine_macro_recall"] == near(np.mean(recalls))
    assert values["refine_recall_2"] == near(recalls[1])


def test_sweep_is_the_decision_at_each_cut_point(said: Said) -> None:
    found = figures_of(said, n_resamples=100, seed=0)
    assert found["sweep_0.40"]["value"] == found["macro_recall"]["value"]
    swept = [found[name]["value"] for name in found if name.startswith("sweep_0")]
    assert len(swept) == 19
    assert found["sweep_best"]["value"] == max(swept)
    gain = found["sweep_best"]["value"] - found["macro_recall"]["value"]
    assert found["sweep_inflation"]["value"] == near(gain)


def test_weights_fall_with_the_recall() -> None:
    """He 2019: recalls of 99, 88 and 58 %, the largest weight nine."""
    truth = np.repeat([1, 2, 3, 0], 100)
    refined = truth.copy()
    refined[:1], refined[100:112], refined[200:242] = 2, 1, 1
    refined[300:] = 1
    score = (truth > 0).astype(float) * 0.8 + 0.1
    decided = np.where(truth > 0, refined, 0)
    patients = np.arange(400).astype(str).astype(object)
    one = Said((*LABELS, "stage3"), truth, decided, patients, score, refined)
    found = figures_of(one, n_resamples=100, seed=0)
    weights = [found[f"weight_{place}"]["value"] for place in (1, 2, 3)]
    assert np.round(weights, 1).tolist() == [5.3, 5.9, 9.0]


def test_intervals_hold_the_value_and_know_patients(said: Said) -> None:
    found = figures_of(said, n_resamples=200, seed=0)
    for name in ("macro_recall", "accuracy", "auc", "f1"):
        figure = found[name]
        assert figure["low"] < figure["value"] < figure["high"]
    alone = Said(
        said.labels, said.truth, said.decided, np.repeat("p", 200).astype(object)
    )
    alone.patients[:100] = "q"
    wide = figures_of(alone, n_resamples=200, seed=0)["accuracy"]
    assert wide["high"] - wide["low"] != found["accuracy"]["high"]


def test_counts_have_no_interval(said: Said) -> None:
    found = figures_of(said, n_resamples=100, seed=0)
    assert found["n_tested"] == {"value": 200}
    of_each = [found[f"n_tested_{place}"]["value"] for place in range(3)]
    assert of_each == [(said.truth == place).sum() for place in range(3)]
    missed = int(((said.truth > 0) & (said.decided == 0)).sum())
    assert found["false_negatives"] == {"value": missed}
    assert found["chi_square"]["value"] > 0


def test_what_never_occurs_is_undefined() -> None:
    truth = np.array([0, 0, 1, 1])
    patients = np.array(list("abcd"), dtype=object)
    found = figures_of(
        Said(LABELS[:2], truth, np.zeros(4, dtype=int), patients),
        n_resamples=100,
        seed=0,
    )
    assert found["precision_1"] == {"value": None, "low": None, "high": None}
    assert found["recall_1"]["value"] == 0
    assert "auc" not in found


def write(folder: Path, decided: list[str]) -> Path:
    path = folder / "predictions.csv"
    table = pd.DataFrame(
        {
            "patient_id": ["1", "2", "3"],
            "label": ["healthy", "stage1", "stage2"],
            "screen_score": [0.2, 0.6, 0.9],
            "predicted": decided,
            "p_healthy": [0.8, 0.4, 0.1],
            "p_stage1": [0.15, 0.5, 0.4],
            "p_stage2": [0.05, 0.1, 0.5],
            "flat": ["stage1", "stage1", "stage1"],
        }
    )
    table.to_csv(path, index=False)
    return path


def test_reading_a_cascade(tmp_path: Path) -> None:
    path = write(tmp_path, ["healthy", "stage1", "stage2"])
    found = read_said(path, LABELS, "cascade")
    assert found.decided.tolist() == [0, 1, 2]
    assert found.refined is not None
    assert found.refined.tolist() == [1, 1, 2]
    flat = read_said(path, LABELS, "flat")
    assert flat.decided.tolist() == [1, 1, 1]
    assert flat.score is None


def test_an_adjusted_refinement_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, ["healthy", "stage2", "stage2"])
    assert read_said(path, LABELS, "cascade").refined is None


def test_when_training_settles() -> None:
    def epochs(*losses: float | None) -> tuple[EpochFigures, ...]:
        return tuple(
            EpochFigures(epoch=place, learning_rate=0.1, train_loss=loss)
            for place, loss in enumerate(losses)
        )

    assert settled_epoch(epochs(1.0, 0.5, 0.09, 0.05, 0.0)) == 3
    assert settled_epoch(epochs(1.0, 0.0, 1.0, 0.0)) == 4
    assert settled_epoch(epochs(1.0)) == 1
    assert settled_epoch(epochs(1.0, math.nan)) is None
    assert settled_epoch(()) is None


def test_a_score_at_a_cut_point_is_diseased() -> None:
    truth, refined = np.array([0, 0, 1, 2]), np.array([1, 1, 1, 2])
    score = np.array([0.1, 0.1, 0.5, 0.5])
    patients = np.array(list("abcd"), dtype=object)
    decided = np.where(score >= 0.3, refined, 0)
    said = Said(LABELS, truth, decided, patients, score, refined)
    found = figures_of(said, n_resamples=100, seed=0)
    assert found["screen_macro_recall"]["value"] == 1
    assert found["sweep_0.50"]["value"] == 1
    assert found["sweep_0.55"]["value"] == near(1 / 3)


def test_a_resample_is_its_scans_so_often_as_they_were_drawn() -> None:
    """Of a label that is rare: some draws have none of it."""
    rng = np.random.default_rng(4)
    truth = np.array([0] * 8 + [1] * 7 + [2])
    refined = rng.integers(1, 3, size=16)
    score = np.clip(0.3 * (truth > 0) + rng.uniform(0, 0.7, size=16), 0, 1)
    decided = np.where(score >= 0.4, refined, 0)
    patients = np.arange(16).astype(str).astype(object)
    said = Said(LABELS, truth, decided, patients, score, refined)
    found = figures_of(said, n_resamples=200, seed=0)
    codes, n_patients = patient_codes(patients, 16)
    weights = patient_weights(n_patients, n_resamples=200, seed=0)[:, codes]
    drawn = [np.repeat(np.arange(16), one.astype(int)) for one in weights]
    recalls, areas = [], []
    for rows in drawn:
        present = np.unique(truth[rows])
        hits = decided[rows] == truth[rows]
        recalls.append(np.mean([hits[truth[rows] == k].mean() for k in present]))
        areas.append(roc_auc_score(truth[rows] > 0, score[rows]))
    for name, draws in (("macro_recall", recalls), ("auc", areas)):
        bounds = np.percentile(draws, [2.5, 97.5])
        assert [found[name]["low"], found[name]["high"]] == near(bounds)
