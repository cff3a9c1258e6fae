"""Sets that cover, and refusal that keeps its promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binomtest

from hierclf.cascade.choices import parse_deferral
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.deferral import (
    Deferral,
    choose_deferral,
    confidence,
    conformal_quantiles,
    label_sets,
    risk_controlled,
)
from hierclf.cascade.reference import Reference
from hierclf.foundation.errors import InputError


def _cohort(seed, n_patients=300, most_scans=4):
    """Three labels; the scans of a patient are much alike."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), rng.integers(1, most_scans + 1))
    truth = rng.choice(3, n_patients, p=[0.5, 0.35, 0.15])[patients]
    own = rng.normal(0, 1, (n_patients, 3))[patients]
    logs = 2 * np.eye(3)[truth] + own + rng.normal(0, 0.3, own.shape)
    table = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    return table, truth, patients


def _reference(table, truth, patients):
    conditional = table[:, 1:] / table[:, 1:].sum(axis=1, keepdims=True)
    n = len(truth)
    return Reference(
        truth=truth,
        screen_score=1 - table[:, 0],
        conditional=conditional,
        refined=conditional.argmax(axis=1) + 1,
        patients=patients,
        projections=np.empty((n, 0)),
        scope=np.empty((n, 0)),
    )


def test_one_scan_each_gives_the_textbook_quantile():
    table, truth, _ = _cohort(0, most_scans=1)
    found = conformal_quantiles(table, truth, np.arange(len(truth)), coverage=0.9)
    for label in range(3):
        scores = np.sort(1 - table[truth == label, label])
        rank = math.ceil(0.9 * (len(scores) + 1))
        assert found[label] == scores[rank - 1]


def test_a_patient_has_one_vote_however_many_scans():
    table, truth, patients = _cohort(0, most_scans=1)
    often = np.repeat(np.arange(len(truth)), np.where(truth == 1, 5, 1))
    once = conformal_quantiles(table, truth, patients, coverage=0.8)
    again = conformal_quantiles(
        table[often], truth[often], patients[often], coverage=0.8
    )
    np.testing.assert_array_equal(once, again)


def test_too_few_patients_put_a_label_into_every_set():
    table, truth, patients = _cohort(0, n_patients=12)
    found = conformal_quantiles(table, truth, patients, coverage=0.95)
    assert found[2] == 1.0
    assert label_sets(table, found)[:, 2].all()


def test_sets_hold_the_true_label_of_new_patients_of_each_label():
    hits = np.zeros((300, 3))
    for seed in range(300):
        table, truth, patients = _cohort(seed, n_patients=120)
        quantiles = conformal_quantiles(table, truth, patients, coverage=0.8)
        new, its_truth, _ = _cohort(10_000 + seed, n_patients=100)
        held = label_sets(new, quantiles)[np.arange(len(new)), its_truth]
        hits[seed] = [held[its_truth == label].mean() for label in range(3)]
    mean, error = hits.mean(axis=0), hits.std(axis=0) / np.sqrt(len(hits))
    # promised are 0.8, and never more than 1 / (n_k + 1) above
    assert (mean > 0.8 - 3 * error).all()
    assert (mean < 0.8 + np.array([1 / 60, 1 / 40, 1 / 15]) + 3 * error).all()


def _risk(table, truth, threshold, cut=0.5):
    said = _reference(table, truth, np.arange(len(truth))).decide(cut)
    passes = confidence(said) > threshold
    return passes.mean(), float((said.decided != truth)[passes].mean())


@pytest.mark.parametrize("most_scans", [1, 4])
def test_what_passes_is_wrong_no_more_often_than_promised(most_scans):
    big, truth, _ = _cohort(99_999, n_patients=50_000, most_scans=1)
    too_many, passed = [], []
    for seed in range(200):
        table, labels, patients = _cohort(seed, 250, most_scans)
        said = _reference(table, labels, patients).decide(0.5)
        wrong = said.decided != labels
        threshold = risk_controlled(confidence(said), wrong, patients, error=0.1)
        if threshold < 1:
            share, risk = _risk(big, truth, threshold)
            passed.append(share)
            too_many.append(risk > 0.1)
    assert len(passed) > 150
    assert np.mean(passed) > 0.3  # it is of use, too
    told = binomtest(sum(too_many), 200, 0.05, alternative="greater")
    assert told.pvalue > 0.01


def test_repeated_scans_are_no_evidence():
    table, truth, patients = _cohort(3, 200, 1)
    said = _reference(table, truth, patients).decide(0.5)
    sure, wrong = confidence(said), said.decided != truth
    once = risk_controlled(sure, wrong, patients, error=0.12)
    five = risk_controlled(
        *(np.repeat(a, 5) for a in (sure, wrong, patients)), error=0.12
    )
    assert 0 < once < 1
    assert five == once


def test_nothing_passes_where_no_threshold_is_proved():
    sure, wrong = np.linspace(0, 1, 200), np.tile([True, False], 100)
    patients = np.arange(200)
    assert risk_controlled(sure, wrong, patients, error=0.05) == 1.0
    few = risk_controlled(sure[:5], np.zeros(5, bool), patients[:5], error=0.05)
    assert few == 1.0


def test_errors_below_a_first_failure_are_not_looked_at():
    """A sure group that errs closes the door for less sure ones that do not."""
    sure = np.repeat([0.95, 0.5], 300)
    wrong = np.concatenate([np.arange(300) % 3 == 0, np.zeros(300, bool)])
    assert risk_controlled(sure, wrong, np.arange(600), error=0.25) == 1.0


def test_what_is_just_as_sure_as_the_threshold_does_not_pass():
    sure = np.repeat([0.96, 0.95], 300)
    wrong = np.repeat([False, True], 300)
    assert risk_controlled(sure, wrong, np.arange(600), error=0.05) == 0.95


def test_a_scan_at_the_cut_point_is_as_unsure_as_can_be():
    score = np.array([0.2, 0.1, 0.5, 0.0, 1.0])
    told = Decisions(
        screen_score=score,
        probabilities=np.column_stack([1 - score, score]),
        refined=np.ones(5, dtype=int),
        decided=(score >= 0.2).astype(int),
        view_spread=None,
        cut_point=np.full(5, 0.2),
    )
    odds = np.log(score[1] / (1 - score[1])) - np.log(0.25)
    expected = [0.5, 1 - expit(odds), 0.8, 1.0, 1.0]
    np.testing.assert_allclose(confidence(told), expected, atol=1e-9)


def test_confidence_is_shared_out_among_the_stages():
    told = Decisions(
        screen_score=np.array([0.5]),
        probabilities=np.array([[0.5, 0.4, 0.1]]),
        refined=np.array([2]),
        decided=np.array([2]),
        view_spread=None,
        cut_point=np.array([0.5]),
    )
    assert confidence(told) == pytest.approx(0.5 * 0.2)


def test_decisions_without_a_cut_point_are_refused():
    said = _reference(*_cohort(0)).decide(0.5)
    bare = Decisions(
        said.screen_score, said.probabilities, said.refined, said.decided, None
    )
    with pytest.raises(InputError, match=r"expected decisions by a cut point"):
        confidence(bare)


def test_a_set_passes_where_it_is_the_decision_alone():
    reference = _reference(*_cohort(1))
    found = choose_deferral("coverage>=0.8", reference, 0.5)
    said = reference.decide(0.5)
    judged = found.judge(said)
    for passes, one, decided in zip(
        judged.passes, judged.sets, said.decided, strict=True
    ):
        assert passes == (np.flatnonzero(one).tolist() == [decided])
    assert found.passed == judged.passes.mean()
    wrong = (said.decided != reference.truth)[judged.passes]
    assert found.error == pytest.approx(wrong.mean())
    assert Deferral.model_validate_json(found.model_dump_json()) == found


def test_refusal_says_what_it_did_to_the_held_out_scans():
    reference = _reference(*_cohort(1))
    found = choose_deferral("error<=0.1", reference, 0.4)
    said = reference.decide(0.4)
    passes = confidence(said) > found.threshold
    assert found.passed == passes.mean()
    assert found.error == pytest.approx(
        (said.decided != reference.truth)[passes].mean()
    )
    assert found.judge(said).sets is None
    np.testing.assert_array_equal(found.judge(said).passes, passes)


@pytest.mark.parametrize(
    "text", ["", "error<=0", "error<=1", "error>=0.1", "coverage<=0.9", "coverage>=2"]
)
def test_rules_that_are_none(text):
    with pytest.raises(InputError, match=r"defer: expected error<=E or coverage>=C"):
        parse_deferral(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": None}, "a threshold is needed"),
        ({"quantiles": (0.5,)}, "quantiles are needed"),
        ({"rule": "coverage>=0.9", "threshold": None}, "quantiles are needed"),
        (
            {"rule": "coverage>=0.9", "threshold": None, "quantiles": (2.0,)},
            "quantiles must lie",
        ),
    ],
)
def test_records_that_are_none(changes, message):
    told = {"rule": "error<=0.1", "threshold": 0.5, "passed": 0.5, "error": 0.0}
    with pytest.raises(ValueError, match=message):
        Deferral(**told | changes)
