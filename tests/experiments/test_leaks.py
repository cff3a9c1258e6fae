"""No patient is on two sides wherever something is fitted, stopped or chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from experiments.papers.paper import NAMES, PHANTOM, load
from experiments.papers.plans import Told, options_of
from hierclf.assembly import assessment
from hierclf.assembly.assessment import inner_cv
from hierclf.assembly.division import divide, folds_of
from hierclf.assembly.masked_scans import MaskedScans
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions


class Witness(ClassifierMixin, BaseEstimator):
    """Remembers whom it was fitted on, and refuses to be asked about them."""

    asked: list[int] = []  # noqa: RUF012 - shared by all clones on purpose

    def __init__(self, *, strict: bool = True) -> None:
        self.strict = strict

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Witness:
        self.classes_ = np.unique(y)
        self.known_ = set(X["patient_id"])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        assert not self.known_ & set(X["patient_id"]), "knows the patient"
        self.asked.append(len(X))
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture(params=range(5))
def table(request) -> pd.DataFrame:
    """Patients of one to six scans, some with two labels, one label rare."""
    rng = np.random.default_rng(request.param)
    rows = []
    for number in range(40):
        for _ in range(rng.integers(1, 7)):
            label = "abcd"[min(3, int(rng.exponential(0.9)))]
            rows.append((f"p{number}", label, rng.normal()))
    rows += [("q1", "d", 0.0), ("q2", "d", 0.0), ("q1", "c", 0.0)]
    found = pd.DataFrame(rows, columns=["patient_id", "label", "x"])
    found["path"] = [f"{place}.png" for place in range(len(found))]
    return found.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.mark.parametrize("refinement", ["plain", "ordered"])
@pytest.mark.parametrize("apart", [False, True])
def test_cut_point_costs_and_stack(table, refinement, apart) -> None:
    """All of them at once, one in the other, patients in a column or apart."""
    Witness.asked.clear()
    stack = ProbabilityStack([("one", Witness()), ("two", Witness())], cv=3)
    refine: Any = OrdinalClassifier(stack, order=list("abcd"))
    if refinement == "plain":
        refine = CostWeighted(stack, "recall", cv=3)
    cascade = HierarchicalClassifier(
        stack, refine, healthy="a", stages=list("bcd"), ordered=True,
        cut_point="macro_recall", refinement=refinement, cv=3,
    )  # fmt: skip
    groups = table["patient_id"].to_numpy() if apart else None
    scans = table.drop(columns="patient_id") if apart else table
    cascade.fit(scans, table["label"].to_numpy(), groups)
    assert len(Witness.asked) > 20


class Columns(BaseEstimator):
    """Features that refuse to be made of patients they were fitted on."""

    def fit_transform(self, X: pd.DataFrame, y: Any) -> np.ndarray:
        self.known_ = set(X["patient_id"])
        return X[["x"]].to_numpy()

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        assert not self.known_ & set(X["patient_id"]), "knows the patient"
        return X[["x"]].to_numpy()


def test_parameters_of_a_learner(table) -> None:
    model = MetaLearner(Columns(), "logistic", components=(None,), cv=3)
    model.fit(table, table["label"].to_numpy())
    with pytest.raises(AssertionError, match="knows the patient"):
        model.predict_proba(table)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_divides_by_patient(name, table, tmp_path) -> None:
    told = Told(tmp_path, data={})
    whole = table["patient_id"].to_numpy()
    for rows in load(name).rows.values():
        for row in rows.values():
            if row.by in {"parameters", "segmenter"}:
                continue
            for variant in ("published", *row.variants):
                options = options_of(row, variant, PHANTOM, told)
                names = divide(options, table, has_patients=True).names
                for train, test in folds_of(table.assign(split=names)):
                    assert not set(whole[train]) & set(whole[test])
                    assert not set(train) & set(test)


def test_the_validation_part_is_of_other_patients(table) -> None:
    builder: Any = SimpleNamespace(
        options=SimpleNamespace(folds=0, validation_part=0.2, seed=0),
        whole_networks=True,
    )
    ((train, held),) = inner_cv(builder, table)
    who = table["patient_id"].to_numpy()
    assert len(held)
    assert not set(who[train]) & set(who[held])


def test_lungs_are_measured_on_other_patients(table) -> None:
    scans = MaskedScans(SimpleNamespace(manifest=table), [])  # type: ignore[arg-type]
    train, held = scans.divide(0.25, 0)
    who = table["patient_id"].to_numpy()
    assert len(held)
    assert not set(who[train]) & set(who[held])


def test_what_training_stops_by_is_not_learned(monkeypatch, table) -> None:
    """Where no validation scans are given, a part of the patients is taken away."""
    seen = []

    def fit(*told: Any) -> None:
        seen.append(told)

    monkeypatch.setattr(NetworkClassifier, "_fit", fit)
    options = NetworkOptions(backbone="resnet18", weights="none", patience=2)
    weights = np.arange(1.0, len(table) + 1)
    NetworkClassifier(options).fit(table, table["label"], sample_weight=weights)
    *_, lesson, exam, _ = seen[0]
    learned, stopping = (set(one.scans["path"]) for one in (lesson, exam))
    assert learned
    assert stopping
    assert not learned & stopping
    known = set(lesson.scans["patient_id"])
    assert not known & set(exam.scans["patient_id"])
    own = weights[lesson.scans.index]
    np.testing.assert_allclose(lesson.weights, own / own.mean())


def test_the_best_candidate_is_taken(monkeypatch) -> None:
    values = {"one": 0.4, "two": None, "three": 0.6, "four": 0.6}

    def held_out(name: str, _: Any, figure: str) -> Any:
        assert figure == "quadratic_kappa"
        return SimpleNamespace(value=values[name])

    monkeypatch.setattr(assessment, "_held_out", held_out)
    monkeypatch.setattr(assessment, "_fit", lambda builder, _: builder)
    builder: Any = SimpleNamespace(
        options=SimpleNamespace(
            candidates=tuple(values), cut_point="quadratic_kappa", try_views="none"
        ),
        of_candidate=lambda name: name,
    )
    manifest = pd.DataFrame({"patient_id": ["p"]})
    fitted = assessment._fit_candidates(builder, manifest)
    assert fitted.chosen == fitted.cascade == "three"
    other: Any = SimpleNamespace(cut_point="sensitivity>=0.9")
    assert assessment.figure_of_choice(other) == "macro_recall"
