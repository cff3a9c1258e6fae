"""What is read out of predictions, priors of training scans, and means over seeds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.features import last
from experiments.pairs import said_in
from experiments.papers.figures import figures_of, read_said
from experiments.tables import markdown_gains, markdown_table
from hierclf.problem.labels import hierarchy_of

LABELS = ("healthy", "stage1", "stage2")


@pytest.fixture
def folder(tmp_path):
    """Predictions of four patients."""
    table = pd.DataFrame(
        {
            "patient_id": ["007", "1", "2", "3"],
            "label": ["healthy", "healthy", "stage1", "stage2"],
            "screen_score": [0.2, 0.6, 0.7, 0.9],
            "predicted": ["healthy", "healthy", "stage1", "stage2"],
            "cascade at 0.50": ["healthy", "stage1", "stage1", "stage2"],
            "flat": ["healthy", "stage1", "stage1", "stage1"],
            "p_healthy": [0.8, 0.4, 0.3, 0.1],
            "p_stage1": [0.15, 0.5, 0.6, 0.4],
            "p_stage2": [0.05, 0.1, 0.1, 0.5],
        }
    )
    table.to_csv(tmp_path / "predictions.csv", index=False)
    return tmp_path


def test_a_cascade_at_a_fixed_cut_point_has_scores_too(folder) -> None:
    said = read_said(folder / "predictions.csv", LABELS, "cascade at 0.50")
    assert said.decided.tolist() == [0, 1, 1, 2]
    assert said.score is not None
    assert said.refined is not None
    found = figures_of(said, n_resamples=100, seed=0)
    assert found["auc"]["value"] == 1
    assert "chi_square" in found


def test_false_alarms_are_of_healthy_scans(folder) -> None:
    said = read_said(folder / "predictions.csv", LABELS, "flat")
    found = figures_of(said, n_resamples=100, seed=0)
    assert found["false_positives"] == {"value": 1}
    assert found["false_negatives"] == {"value": 0}


def test_scores_are_of_the_main_model_alone(folder) -> None:
    results: Any = SimpleNamespace(labels=LABELS)
    main = said_in(folder, results)
    assert main.screen_score is not None
    assert said_in(folder, results, "flat").screen_score is None


def row(seed: int, value: float) -> dict[str, Any]:
    def spread(by: float) -> dict[str, float]:
        return {"value": value, "low": value - by, "high": value + 2 * by}

    return {
        "name": "p", "seed": seed, "n_scans": 5,
        "models": {"flat": {"macro_recall": spread(0.1)}},
        "differences": [
            {"baseline": name, "metric": "macro_recall", "difference": spread(0.1)}
            for name in (
                "flat", "flat balanced", "flat prior-corrected", "cascade at 0.50",
            )
        ],
    }  # fmt: skip


def test_means_over_seeds() -> None:
    rows = [row(0, 0.2), row(1, 0.4)]
    line = markdown_table(rows).splitlines()[-1].strip("| ").split(" | ")
    assert line[:3] == ["p", "5", "0.300 ± 0.141 [0.200, 0.500]"]
    assert line[3:] == ["-"] * 5
    same = markdown_gains(rows, independent=False).splitlines()[-1]
    assert same.split(" | ")[1] == "+0.300 [+0.200, +0.500]"
    apart = markdown_gains(rows, independent=True).splitlines()[-1]
    assert apart.split(" | ")[1] == "+0.300 [+0.229, +0.441]"


def test_priors_are_those_of_the_training_scans(monkeypatch) -> None:
    """Two of five tested scans would else say how common their label is."""
    labels = np.array(["a"] * 6 + ["b"] * 2 + ["b"] * 5)
    manifest = pd.DataFrame({"label": labels, "patient_id": np.arange(13)})
    train, test = np.arange(8), np.arange(8, 13)
    counts = []

    class Model:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def fit(self, X: pd.DataFrame, y: np.ndarray) -> None:
            assert len(X) == len(y) == len(train)

    def corrected(table: np.ndarray, found: np.ndarray) -> np.ndarray:
        counts.append(found.tolist())
        return table

    monkeypatch.setattr(last, "MetaLearner", Model)
    monkeypatch.setattr(last, "CascadeFeatures", Model)
    monkeypatch.setattr(last, "prior_corrected", corrected)
    monkeypatch.setattr(last, "flat_table", lambda _, X, __: np.eye(2)[[0] * len(X)])
    hierarchy = hierarchy_of(labels, "a")
    network: Any = None
    plain, _ = last.last_system(
        manifest, hierarchy, network, [(train, test)], kind="scda"
    )
    assert counts == [[6, 2]]
    assert plain.tolist() == [-1] * 8 + [0] * 5
