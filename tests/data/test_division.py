"""The greedy rule, beside scikit-learn's folds on real manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from hierclf.data.dataset import DataOptions, read_dataset
from hierclf.data.division import count_patients
from hierclf.data.split import hold_out, patient_folds


def test_patients_are_counted_by_class() -> None:
    counts, patient_of = count_patients(list("abab"), ["p9", "p9", "p1", "p1"])
    assert counts.tolist() == [[1, 1], [1, 1]]
    assert patient_of.tolist() == [1, 1, 0, 0]


def rare(frame: pd.DataFrame, label: str, n_patients: int) -> pd.DataFrame:
    """Thin a class to its first patients."""
    kept = frame.loc[frame["label"] == label, "patient_id"].unique()[:n_patients]
    return frame[(frame["label"] != label) | frame["patient_id"].isin(kept)]


def worst_share(labels: NDArray[Any], folds: Any) -> float:
    """How far the share of a class in a test side is from the mean, at worst."""
    shares = np.array(
        [
            [(labels[test] == k).sum() / (labels == k).sum() for k in np.unique(labels)]
            for _, test in folds
        ]
    )
    return float(np.abs(shares * len(shares) - 1).max())


SETS = [
    ("kermany", "", 0),
    ("kermany", "virus", 6),
    ("covid_ct", "", 0),
    ("covid_ct", "covid", 10),
    ("knee_oa", "", 0),
    ("knee_oa", "kl4", 3),
]


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize(("name", "label", "n_patients"), SETS)
def test_folds_balance_as_well_as_those_of_scikit_learn(
    real_data: Path, name: str, label: str, n_patients: int
) -> None:
    frame = read_dataset(DataOptions(data=real_data / name)).manifest
    frame = rare(frame, label, n_patients) if label else frame
    labels, patients = frame["label"].to_numpy(), frame["patient_id"].to_numpy()
    reference = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    expected = worst_share(labels, reference.split(labels, labels, patients))
    folds = patient_folds(labels, patients, n_folds=5, seed=0)
    assert worst_share(labels, folds) <= expected * 1.01 + 1e-9


@pytest.mark.parametrize(("name", "label", "n_patients"), SETS)
@pytest.mark.parametrize("fraction", [0.15, 0.4])
def test_a_hold_out_has_the_fraction_of_each_class_and_size_of_patient(
    real_data: Path, name: str, label: str, n_patients: int, fraction: float
) -> None:
    """Patients with many scans do not all end up in training."""
    frame = read_dataset(DataOptions(data=real_data / name)).manifest
    frame = rare(frame, label, n_patients) if label else frame
    labels, patients = frame["label"].to_numpy(), frame["patient_id"].to_numpy()
    train, test = hold_out(labels, patients, fraction=fraction, seed=3)
    for k in np.unique(labels):
        own = labels == k
        most = pd.Series(patients[own]).value_counts().iloc[0]
        floor = 1 / len(np.unique(patients[own]))
        wanted = np.clip(fraction, floor, 1 - floor) * own.sum()
        assert abs((labels[test] == k).sum() - wanted) <= most
    scans_each = [len(part) / len(set(patients[part])) for part in (train, test)]
    assert scans_each[1] == pytest.approx(scans_each[0], rel=0.1)
