"""Learners on features: chosen, balanced and calibrated by patient."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.svm import SVC
from threadpoolctl import threadpool_info, threadpool_limits

from hierclf.foundation.errors import InputError
from hierclf.metalearners import search
from hierclf.metalearners.learners import LEARNERS, find_learner
from hierclf.metalearners.scores import columns_of, scores_of
from hierclf.metalearners.search import MetaLearner

QUICK = {
    "logistic": {"C": (1e-2,)},
    "svm": {"C": (1.0,), "gamma": (0.3,)},
    "linear_svm": {"C": (1e-2,)},
    "forest": {"n_estimators": (20,)},
    "boosting": {"n_estimators": (20,)},
    "knn": {"n_neighbors": (5,)},
    "tree": {"min_samples_leaf": (10,)},
}


class Columns(TransformerMixin, BaseEstimator):
    """Features that stand in the manifest, and who was seen with whom."""

    seen: ClassVar[list[tuple[set[str], set[str]]]] = []

    def fit(self, X, y=None):
        self.patients_ = set(X["patient_id"])
        return self

    def transform(self, X):
        self.seen.append((self.patients_, set(X["patient_id"])))
        return X.filter(like="f").to_numpy()


def manifest(n_scans=240, n_classes=3, shift=1.5, seed=0, rare=False):
    rng = np.random.default_rng(seed)
    patients = np.arange(n_scans) // 2
    shares = np.array([8, 3, 1][:n_classes]) if rare else np.ones(n_classes)
    of_patient = rng.choice(n_classes, size=n_scans, p=shares / shares.sum())
    codes = of_patient[patients]
    table = rng.normal(size=(n_scans, 6))
    table[:, 0] += shift * codes
    table[:, 1] -= shift * (codes == 1)
    data = pd.DataFrame(table, columns=[f"f{k}" for k in range(6)])
    names = np.array(["c", "a", "b"])[:n_classes]
    return data.assign(
        path=[f"{n}.png" for n in range(n_scans)],
        patient_id=[f"p{p}" for p in patients],
        label=names[codes],
    )


def quick(name, **more):
    return MetaLearner(
        Columns(), name, components=(None,), grid=QUICK[name], cv=3, **more
    )


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_learner_learns_and_is_calibrated(name, n_classes):
    known = manifest(600, n_classes=n_classes)
    new = manifest(2000, n_classes=n_classes, seed=1)
    model = quick(name).fit(known, known["label"])
    told = model.predict_proba(new)
    assert told.shape == (2000, n_classes)
    np.testing.assert_allclose(told.sum(axis=1), 1)
    right = model.predict(new) == new["label"]
    assert right.mean() > 0.65
    confidence = told.max(axis=1)
    assert abs(confidence.mean() - right.mean()) < 0.06
    assert model.classes_.tolist() == sorted(set(known["label"]))


@pytest.mark.parametrize("name", LEARNERS)
def test_same_seed_same_result(name):
    data = manifest(120)
    first, second = (quick(name).fit(data, data["label"]) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(data), second.predict_proba(data))


def test_patients_never_straddle():
    """Every fold's features are fitted on other patients than it is asked about."""
    data = manifest()
    Columns.seen.clear()
    quick("logistic").fit(data, data["label"])
    asked = [(own, others) for own, others in Columns.seen if own != others]
    assert len(asked) == 3
    for own, others in asked:
        assert not own & others
    assert set().union(*(others for _, others in asked)) == set(data["patient_id"])


def test_labels_without_meaning_stay_without():
    """Random labels: neither the choice nor the calibration leaks."""
    data = manifest(400, shift=0.0)
    model = MetaLearner(Columns(), "svm", components=(2, None), cv=4)
    model.fit(data, data["label"])
    assert len(model.trials_) == 8
    assert model.best_.loss == min(trial.loss for trial in model.trials_)
    assert model.best_.loss > np.log(3) * 0.97
    prevalence = data["label"].value_counts(normalize=True).sort_index()
    told = model.predict_proba(manifest(400, shift=0.0, seed=5)).mean(axis=0)
    np.testing.assert_allclose(told, prevalence, atol=0.08)


def test_takes_the_parameters_that_predict():
    """Between guessing and learning it learns."""
    data = manifest()
    model = MetaLearner(
        Columns(), "logistic", components=(None,), grid={"C": (1e-9, 1)}
    )
    assert model.fit(data, data["label"]).best_.params == {"C": 1}
    assert model.learner_[-1].C == 1
    losses = [trial.loss for trial in model.trials_]
    assert losses[0] == pytest.approx(np.log(3), abs=0.1)
    assert losses[1] < 0.7


def test_components_are_tried():
    data = manifest()
    model = MetaLearner(Columns(), "logistic", components=(1, 2), grid={"C": (1.0,)})
    model.fit(data, data["label"])
    assert [trial.components for trial in model.trials_] == [1, 2]
    assert model.learner_["pca"].n_components == model.best_.components
    wide = MetaLearner(Columns(), "logistic", components=(50,), grid={"C": (1.0,)})
    assert "pca" not in wide.fit(data, data["label"]).learner_.named_steps


@pytest.mark.parametrize("name", ["logistic", "svm", "forest", "knn"])
def test_balance_finds_more_of_the_rare(name):
    """Before calibration, which brings the prevalence back on purpose."""
    data = manifest(600, shift=1.0, rare=True)
    new = manifest(600, shift=1.0, rare=True, seed=2)
    found = {}
    for balance in (0.0, 1.0):
        model = quick(name, balance=balance).fit(data, data["label"])
        front = model.learner_[:-1].transform(new.filter(like="f").to_numpy())
        found[balance] = (model.learner_[-1].predict(front) == 1).sum()
    assert found[0.0] > found[1.0]


def test_weights_count():
    data = manifest(shift=0.8)
    weights = np.where(data["label"] == "a", 20.0, 1.0)
    plain = quick("logistic", balance=1.0).fit(data, data["label"])
    weighed = quick("logistic", balance=1.0).fit(data, data["label"], weights)
    table = data.filter(like="f").to_numpy()
    share = [(m.learner_.predict(table) == 0).mean() for m in (plain, weighed)]
    assert share[1] > share[0] + 0.2


@pytest.mark.parametrize("name", sorted(set(LEARNERS) - {"knn"}))
def test_calibration_does_not_take_costs_back(name):
    """What weighs more is more probable, as it is for a network with that cost."""
    data = manifest(shift=0.8)
    weights = np.where(data["label"] == "a", 20.0, 1.0)
    plain = quick(name).fit(data, data["label"])
    weighed = quick(name).fit(data, data["label"], weights)
    share = [(m.predict(data) == "a").mean() for m in (plain, weighed)]
    assert share[1] > share[0] + 0.2


def test_costs_move_probabilities_but_not_the_choice_among_trials():
    """The loss divides by the prevalence with the costs in it."""
    rng = np.random.default_rng(0)
    targets = rng.choice(3, p=[0.6, 0.3, 0.1], size=900)
    scores = rng.normal(size=(900, 3)) + np.eye(3)[targets]
    weights = np.array([1.0, 20.0, 3.0])[targets]
    losses = [
        search.balanced_log_loss(
            search.fit_calibrator(scores, targets, given), scores, targets, given
        )
        for given in (None, weights)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.03)


def test_knn_takes_no_weights():
    data = manifest()
    with pytest.raises(InputError, match="expected one that takes weights"):
        quick("knn").fit(data, data["label"], np.arange(240.0))


def test_class_of_one_patient():
    """In one fold nothing knows it; that costs a score of zero, not an error."""
    data = manifest()
    data.loc[:1, "label"] = "zz"
    for name in ("svm", "forest", "linear_svm", "knn"):
        model = quick(name).fit(data, data["label"])
        assert model.classes_.tolist() == ["a", "b", "c", "zz"]
        assert np.isfinite(model.predict_proba(data)).all()


def test_two_patients_of_two_classes():
    """A fold that sees one class only has nothing to say."""
    data = manifest(4)
    data["label"] = ["a", "a", "b", "b"]
    model = quick("logistic").fit(data, data["label"])
    assert np.isfinite(model.predict_proba(data)).all()


def test_tables_and_unions():
    data = manifest()
    table = data.filter(like="f").to_numpy()
    alone = MetaLearner(None, "logistic", grid=QUICK["logistic"]).fit(
        table, data["label"]
    )
    assert alone.predict(table).shape == (240,)
    union = FeatureUnion([("one", Columns()), ("two", Columns())])
    both = MetaLearner(union, "logistic", grid=QUICK["logistic"]).fit(
        data, data["label"]
    )
    assert both.learner_[0].n_features_in_ == 12


def test_refusals():
    data = manifest()
    with pytest.raises(InputError, match="Did you mean 'svm'"):
        MetaLearner(Columns(), "svn").fit(data, data["label"])
    with pytest.raises(InputError, match="at least two classes"):
        quick("svm").fit(data, np.ones(240))


def test_clones_and_keeps_its_options():
    model = quick("svm", balance=0.5)
    assert clone(model).get_params(deep=False).keys() == model.get_params(False).keys()


def test_calibrator_is_platts_for_two_classes():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(500, 1)) * 3
    targets = (rng.random(500) < 1 / (1 + np.exp(-(2 * scores[:, 0] - 1)))).astype(int)
    fitted = search.fit_calibrator(scores, targets)
    free = LogisticRegression(C=np.inf).fit(scores, targets)
    np.testing.assert_allclose(
        fitted.predict_proba(scores), free.predict_proba(scores), atol=0.01
    )


def test_balanced_loss_counts_classes_alike():
    """The rule of chance is the logarithm of the number of classes."""
    targets = np.repeat([0, 1, 2], [900, 90, 10])
    scores = np.zeros((1000, 2))
    calibrator = search.fit_calibrator(scores, targets)
    loss = search.balanced_log_loss(calibrator, scores, targets)
    assert loss == pytest.approx(np.log(3), abs=1e-3)


@pytest.mark.parametrize("classes", [(0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_pairs_keep_their_sign(classes):
    """Positive speaks for the first of a pair, also in a fold of two classes."""
    data = manifest(shift=3.0)
    codes = data["label"].map({"a": 0, "b": 1, "c": 2}).to_numpy()
    rows = np.isin(codes, classes)
    table = data.filter(like="f").to_numpy()
    machine = SVC(decision_function_shape="ovo").fit(table[rows], codes[rows])
    scores = scores_of(machine, table, 3)
    for column, (first, second) in enumerate(columns_of(machine, 3)):
        if {first, second} <= set(classes):
            assert scores[codes == first, column].mean() > 0.5
            assert scores[codes == second, column].mean() < -0.5
        else:
            assert not scores[:, column].any()


def test_gamma_means_the_same_on_any_scale():
    recipe = find_learner("svm")
    table = np.random.default_rng(0).normal(size=(50, 4))
    near = recipe.resolve(table, {"gamma": 1.0})["gamma"]
    assert near == pytest.approx(
        SVC(gamma="scale").fit(table, [0, 1] * 25)._gamma, rel=0.1
    )
    assert recipe.resolve(10 * table, {"gamma": 1.0})["gamma"] == pytest.approx(
        near / 100
    )


@pytest.mark.parametrize("way", ["manifest", "groups"])
def test_copies_of_a_patient_do_not_help(way):
    """Random labels by patient, five near-copies of each: nothing can be known."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 5)
    table = rng.normal(size=(40, 4))[patients] + 0.01 * rng.normal(size=(200, 4))
    labels = np.array(["a", "b"])[rng.integers(2, size=40)][patients]
    grid = {"C": (10.0,), "gamma": (10.0,)}
    model = MetaLearner(None, "svm", components=(None,), grid=grid)
    if way == "groups":
        model.fit(table, labels, groups=patients)
    else:
        columns = [f"f{k}" for k in range(4)]
        data = pd.DataFrame(table, columns=columns).assign(patient_id=patients)
        model.fit(data, labels)
        assert model.learner_[0].n_features_in_ == 4
    assert model.best_.loss > 0.6
    alone = MetaLearner(None, "svm", components=(None,), grid=grid).fit(table, labels)
    assert alone.best_.loss < 0.1  # who hides the patients is deceived


def test_few_rows_have_few_neighbors():
    data = manifest(24)
    model = MetaLearner(Columns(), "knn", components=(None,), cv=3)
    assert np.isfinite(model.fit(data, data["label"]).predict_proba(data)).all()


def test_tables_that_cannot_be_used():
    data = manifest(60)
    table = data.filter(like="f").to_numpy()
    for name in ("forest", "logistic"):
        spoiled = table.copy()
        spoiled[7, 1] = np.nan
        with pytest.raises(InputError, match="row 7: expected finite numbers"):
            MetaLearner(None, name).fit(spoiled, data["label"])
        fitted = MetaLearner(None, name, components=(None,)).fit(table, data["label"])
        with pytest.raises(InputError, match="row 7: expected finite numbers"):
            fitted.predict_proba(spoiled)
    for components in ((), (0,), (4, -1)):
        with pytest.raises(InputError, match="expected numbers above 0"):
            MetaLearner(None, components=components).fit(table, data["label"])


def test_features_are_told_of_the_patients():
    """Of the rows that they are fitted on, in each fold and at last."""
    told = []

    class Asking(Columns):
        def fit(self, X, y=None, groups=None):
            return super().fit(X)

        def fit_transform(self, X, y=None, groups=None):
            told.append((groups.tolist(), X["patient_id"].tolist()))
            return self.fit(X).transform(X)

    data = manifest(120)
    MetaLearner(Asking(), components=(None,), grid={"C": (1.0,)}, cv=3).fit(
        data, data["label"]
    )
    assert len(told) == 4
    assert all(groups == patients for groups, patients in told)


def test_labels_that_are_measurements_are_refused():
    data = manifest(60)
    with pytest.raises(ValueError, match="continuous"):
        MetaLearner(Columns()).fit(data, np.linspace(0, 1, 60))


def test_weights_that_are_none_are_refused():
    data = manifest(60)
    with pytest.raises(InputError, match=r"sample_weight: expected .* got -1"):
        MetaLearner(Columns()).fit(data, data["label"], np.full(60, -1.0))


def test_probabilities_are_those_of_the_training_prevalence():
    """However much the learner itself makes up for rare classes."""
    data = manifest(600, rare=True)
    model = quick("logistic", balance=0.0).fit(data, data["label"])
    told = model.predict_proba(data).mean(axis=0)
    shares = data["label"].value_counts(normalize=True)[model.classes_]
    np.testing.assert_allclose(told, shares, atol=0.02)


def test_columns_are_known_by_their_names():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "c"])
    labels = (table["a"] > 0).astype(int)
    model = MetaLearner(learner="logistic", components=(None,), cv=2)
    model.fit(table, labels)
    expected = model.predict_proba(table)
    np.testing.assert_allclose(model.predict_proba(table[["c", "a", "b"]]), expected)
    with pytest.raises(InputError, match=r"expected the columns \['a', 'b', 'c'\]"):
        model.predict_proba(table[["a", "b"]])


@pytest.mark.parametrize("balance", [-1, 2, float("nan")])
def test_balance_that_is_none(balance):
    data = manifest(60)
    with pytest.raises(InputError, match="balance: expected a number from 0 to 1"):
        quick("logistic", balance=balance).fit(data, data["label"])


def test_groups_of_another_length():
    data = manifest(60)
    with pytest.raises(InputError, match="groups: expected one for each of 60 scans"):
        quick("logistic").fit(data, data["label"], groups=np.arange(59))


def test_class_that_a_learner_did_not_see_has_the_least_score():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2 * 2
    learner = LogisticRegression().fit(X, y)
    scores = scores_of(learner, X, 3)
    np.testing.assert_array_equal(scores[:, 1], scores[:, [0, 2]].min(axis=1))


def test_blas_has_one_thread_while_a_learner_is_fitted(monkeypatch) -> None:
    def threads() -> set[int]:
        found = threadpool_info()
        return {one["num_threads"] for one in found if one["user_api"] == "blas"}

    during = []
    fit_learner = MetaLearner.fit_learner

    def spy(self, *told):
        during.append(threads())
        return fit_learner(self, *told)

    monkeypatch.setattr(MetaLearner, "fit_learner", spy)
    rng = np.random.default_rng(0)
    with threadpool_limits(2, user_api="blas"):
        learner = MetaLearner(None, "logistic", grid=QUICK["logistic"], cv=2)
        learner.fit(rng.normal(size=(40, 3)), np.arange(40) % 2)
        assert threads() == {2}
    assert during
    assert all(one == {1} for one in during)
