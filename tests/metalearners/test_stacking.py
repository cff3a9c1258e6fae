"""Stacks: patients apart, means as they are defined, and learning that pays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gmean
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from hierclf.foundation.errors import InputError
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import ProbabilityStack


class OnColumns(ClassifierMixin, BaseEstimator):
    """Logistic regression on some columns; tells whom it has met."""

    def __init__(self, columns=("f0",), noise=False):
        self.columns = columns
        self.noise = noise

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X[list(self.columns)].to_numpy(), y)
        self.classes_ = self.inner_.classes_
        self.patients_ = set(X["patient_id"])
        return self

    def predict_proba(self, X):
        told = self.inner_.predict_proba(X[list(self.columns)].to_numpy())
        if self.noise:  # knows by heart whom it has met, and nothing of others
            met = X["patient_id"].isin(self.patients_).to_numpy()
            told = np.full_like(told, 1 / told.shape[1])
            codes = np.searchsorted(self.classes_, X["label"])
            told[met] = np.eye(told.shape[1])[codes[met]]
        return told


def manifest(n_scans=300, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n_scans)[np.arange(n_scans) // 2]
    table = pd.DataFrame(rng.normal(size=(n_scans, 3)), columns=["f0", "f1", "f2"])
    table["f0"] += 2 * (codes == 0)
    table["f1"] += 2 * (codes == 1)
    return table.assign(
        patient_id=[f"p{n // 2}" for n in range(n_scans)],
        label=np.array(["a", "b", "c"])[codes],
    )


PAIR = [("one", OnColumns(("f0",))), ("two", OnColumns(("f1",)))]


def test_means_are_numpys_and_scipys():
    data = manifest()
    singles = [one.fit(data, data["label"]).predict_proba(data) for _, one in PAIR]
    mean = ProbabilityStack(PAIR, combine="mean").fit(data, data["label"])
    np.testing.assert_allclose(mean.predict_proba(data), np.mean(singles, axis=0))
    product = ProbabilityStack(PAIR, combine="geometric").fit(data, data["label"])
    expected = gmean(singles, axis=0)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(product.predict_proba(data), expected, atol=1e-4)


def test_a_member_that_knows_patients_by_heart_is_not_believed():
    """With rows instead of patients in the folds it would win."""
    data, new = manifest(), manifest(seed=3)
    new["patient_id"] = "new" + new["patient_id"]
    members = [("honest", OnColumns(("f0", "f1"))), ("heart", OnColumns(noise=True))]
    stack = ProbabilityStack(members).fit(data, data["label"])
    honest = members[0][1].fit(data, data["label"])
    right = (stack.predict(new) == new["label"]).mean()
    assert right > (honest.predict_proba(new).argmax(1) == 0).mean()
    assert right == pytest.approx(
        (honest.classes_[honest.predict_proba(new).argmax(1)] == new["label"]).mean(),
        abs=0.03,
    )
    weight = np.abs(stack.combiner_.coef_)
    assert weight[:, 3:].max() < 0.05 < weight[:, :3].max()


def test_learning_beats_a_mean_with_a_useless_member():
    data, new = manifest(400), manifest(400, seed=1)
    members = [*PAIR, ("noise", OnColumns(("f2",)))]
    right = {
        how: (
            ProbabilityStack(members, combine=how)
            .fit(data, data["label"])
            .predict(new)
            .astype(str)
            == new["label"]
        ).mean()
        for how in ("logistic", "mean", "geometric")
    }
    assert right["logistic"] > right["mean"] - 0.02
    assert right["logistic"] > 0.65


@pytest.mark.parametrize("how", ["logistic", "mean", "geometric"])
@pytest.mark.parametrize("rare", ["A", "zz"])
def test_class_of_one_patient(rare, how):
    """In one fold the members do not know it; the others keep their places."""
    data = manifest()
    plain = ProbabilityStack(PAIR, combine=how).fit(data, data["label"])
    data.loc[:1, "label"] = rare
    stack = ProbabilityStack(PAIR, combine=how).fit(data, data["label"])
    told = stack.predict_proba(data)
    assert told.shape == (300, 4)
    np.testing.assert_allclose(told.sum(axis=1), 1)
    assert (stack.predict(data) == plain.predict(data)).mean() > 0.9
    if how == "mean":  # a member that does not know a class gives it nothing
        stack.members_ = plain.members_
        told = stack.predict_proba(data)
        column = stack.classes_.tolist().index(rare)
        np.testing.assert_array_equal(told[:, column], 0)
        rest = np.delete(told, column, axis=1)
        np.testing.assert_allclose(rest, plain.predict_proba(data))


def test_members_are_fitted_on_all():
    data = manifest()
    stack = ProbabilityStack(PAIR).fit(data, data["label"])
    assert all(one.patients_ == set(data["patient_id"]) for one in stack.members_)
    assert not hasattr(PAIR[0][1], "patients_") or PAIR[0][1] is not stack.members_[0]


def test_refusals():
    data = manifest()
    with pytest.raises(InputError, match="Did you mean 'mean'"):
        ProbabilityStack(PAIR, combine="maen").fit(data, data["label"])
    with pytest.raises(InputError, match="expected at least one classifier"):
        ProbabilityStack([]).fit(data, data["label"])


def test_members_are_told_of_the_patients():
    """A member that folds for itself must not see copies of a patient apart."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 5)
    table = rng.normal(size=(40, 4))[patients] + 0.01 * rng.normal(size=(200, 4))
    labels = np.array(["a", "b"])[rng.integers(2, size=40)][patients]
    grid = {"C": (10.0,), "gamma": (10.0,)}
    member = MetaLearner(None, "svm", components=(None,), grid=grid)
    for how in ("logistic", "mean"):
        stack = ProbabilityStack([("one", member)], combine=how)
        stack.fit(table, labels, groups=patients)
        assert stack.members_[0].best_.loss > 0.6


class Weighed(OnColumns):
    """Takes weights, and remembers what else it was told."""

    def fit(self, X, y, sample_weight=None, validation=None):
        super().fit(X, y)
        self.inner_.fit(X[list(self.columns)].to_numpy(), y, sample_weight)
        self.checked_ = validation
        return self


@pytest.mark.parametrize("how", ["logistic", "mean", "geometric"])
def test_what_weighs_more_is_said_more_often(how):
    data = manifest()
    members = [("one", Weighed(("f0",))), ("two", Weighed(("f1",)))]
    weights = np.where(data["label"] == "c", 10.0, 1.0)
    stacks = [
        ProbabilityStack(members, combine=how).fit(data, data["label"], given)
        for given in (None, weights)
    ]
    shares = [(stack.predict(data) == "c").mean() for stack in stacks]
    assert shares[1] > shares[0] + 0.2
    with pytest.raises(InputError, match="take weights or costs, got 'one'"):
        ProbabilityStack(PAIR, combine=how).fit(data, data["label"], weights)


def test_validation_scans_are_for_the_members_alone():
    """A cut point is chosen on them, so nothing that combines may have seen them."""
    data, other = manifest(), manifest(120, seed=5)
    other["patient_id"] = "v" + other["patient_id"]
    exam = (other, other["label"])
    members = [("one", Weighed(("f0", "f1"))), ("heart", Weighed(noise=True))]
    told = ProbabilityStack(members).fit(data, data["label"], validation=exam)
    assert all(one.checked_ is exam for one in told.members_)
    plain = ProbabilityStack(members).fit(data, data["label"])
    np.testing.assert_array_equal(told.combiner_.coef_, plain.combiner_.coef_)


def test_one_class_is_no_stack():
    data = manifest()
    with pytest.raises(InputError, match="stack: expected at least two classes"):
        ProbabilityStack(PAIR).fit(data, np.zeros(len(data), dtype=int))
