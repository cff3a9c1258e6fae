"""How well facts tell a label: against scikit-learn, on chance, on plain shortcuts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hierclf.checking.probe_rules import CLEAR, judge_probes
from hierclf.checking.shortcuts import Probe, Prober, encode_facts, probe_all
from hierclf.evaluation.intervals import Estimate


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hierclf.checking.shortcuts._TREES", 25)


def cohort(
    n_patients: int, n_labels: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), rng.integers(1, 4, n_patients))
    labels = rng.permutation(np.arange(n_patients) % n_labels)
    return labels[patients].astype(str), patients.astype(str), rng


def test_the_area_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, patients, rng = cohort(60, 3)
    scores: list[np.ndarray] = []
    held_out = Prober._held_out

    def keep(self: Prober, *arguments: object) -> np.ndarray:
        scores.append(held_out(self, *arguments))  # type: ignore[arg-type]
        return scores[-1]

    monkeypatch.setattr(Prober, "_held_out", keep)
    prober = Prober(labels, patients, n_resamples=300, seed=0)
    facts = pd.DataFrame({"a": labels.astype(float) + rng.normal(size=len(labels))})
    probe = prober.together("file", facts)
    assert probe is not None
    known = roc_auc_score(labels, scores[0], multi_class="ovr", average="macro")
    assert probe.auc.value == pytest.approx(known)
    assert probe.auc.low is not None
    assert probe.auc.high is not None
    assert 0.5 < probe.auc.low < known < probe.auc.high < 1
    again = Prober(labels, patients, n_resamples=300, seed=0).together("file", facts)
    assert again == probe


def test_a_patient_is_never_told_by_himself() -> None:
    """A fact that names the patient, and with him the label, tells nothing."""
    labels, patients, _ = cohort(60, 2)
    rng = np.random.default_rng(5)
    name = pd.Series(patients).map(
        dict(zip(np.unique(patients), rng.random(60), strict=True))
    )
    probe = Prober(labels, patients, n_resamples=200, seed=0).together(
        "file", pd.DataFrame({"name": name})
    )
    assert probe is not None
    assert probe.auc.value is not None
    assert probe.auc.value < 0.65


@pytest.mark.parametrize("seed", range(2))
def test_chance_raises_no_alarm_and_a_size_by_label_does(seed: int) -> None:
    labels, patients, rng = cohort(60, 2, seed)
    prober = Prober(labels, patients, n_resamples=200, seed=seed)
    facts = pd.DataFrame(rng.normal(size=(len(labels), 3)), columns=list("abc"))
    facts["mode"] = rng.choice(["L", "RGB"], len(labels))
    assert judge_probes(probe_all(prober, {"file": facts}, alone=())) == []
    facts["width"] = np.where(labels == "1", 512, 480) + rng.integers(
        0, 40, len(labels)
    )
    found = judge_probes(probe_all(prober, {"file": facts}))
    assert [(one.code, one.severity) for one in found] == [("shortcut", "severe")]
    assert "width alone" in found[0].message


def test_labels_of_few_patients_are_left_out() -> None:
    labels = np.array(["a"] * 30 + ["b"] * 30 + ["c"] * 9)
    patients = np.array([*map(str, range(60)), *["60", "61", "62"] * 3])
    prober = Prober(labels, patients, n_resamples=200, seed=0)
    assert prober.rows.tolist() == list(range(60))
    assert prober.works
    assert not Prober(labels[:30], patients[:30], n_resamples=200, seed=0).works
    same = pd.DataFrame({"x": [1.0] * 69})
    assert prober.together("file", same) is None


def test_facts_become_numbers() -> None:
    facts = pd.DataFrame(
        {
            "date": ["2020-01-02", "2020-01-01", ""],
            "number": ["1e1", "-3", "2.5"],
            "mixed": ["1", "x", "x"],
            "empty": ["", "", ""],
            "some": [None, "x", None],
        }
    )
    table = encode_facts(facts)
    assert table.columns.tolist() == ["date", "number", "mixed", "some"]
    assert table["number"].tolist() == [10.0, -3.0, 2.5]
    assert (table["date"].iloc[0] - table["date"].iloc[1]) == pytest.approx(1, abs=0.01)
    assert table["mixed"].tolist() == [0.0, 1.0, 1.0]
    assert np.isnan(table["some"].iloc[0])
    many = pd.DataFrame({"id": [f"exam {n}" for n in range(100)]})
    assert encode_facts(many).empty


def probe(family: str, low: float, name: str = "") -> Probe:
    auc = Estimate(value=low + 0.05, low=low, high=low + 0.1, method="bootstrap")
    told = {"family": family, "name": name, "facts": ("x",), "auc": auc}
    return Probe.model_validate(told)


@pytest.mark.parametrize(
    ("family", "low", "severity"),
    [
        ("file", CLEAR + 0.01, "severe"),
        ("file", CLEAR, None),
        ("manifest", 0.7, "severe"),
        ("records", 0.9, None),
        ("expected", 0.9, "remark"),
        ("border", 0.89, "remark"),
        ("border", 0.91, "severe"),
        ("pixels", 0.95, "remark"),
        ("image", 0.95, None),
    ],
)
def test_what_an_area_means_depends_on_the_facts(
    family: str, low: float, severity: str | None
) -> None:
    found = judge_probes([probe(family, low), probe(family, 0.95, "alone")])
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_what_the_picture_reaches_stands_beside() -> None:
    found = judge_probes([probe("file", 0.7), probe("image", 0.8)])
    assert "0.75 [0.70, 0.80]" in found[0].message
    assert "The picture itself reaches 0.85 [0.80, 0.90]" in found[0].message
