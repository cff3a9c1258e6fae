from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.evaluation.patients import RULES, by_patient
from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError


def _random(seed: int, n_scans: int = 40, n_classes: int = 4):
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(n_classes), n_scans)
    score = rng.permutation(n_scans) / n_scans  # no two alike
    refined = 1 + table[:, 1:].argmax(axis=1)
    return predictions_of(
        rng.integers(0, n_classes, n_scans),
        np.where(score >= 0.6, refined, 0),
        n_classes=n_classes,
        groups=rng.integers(0, 15, n_scans),
        screen_score=score,
        probabilities=table,
    )


def _most_frequent_diseased(labels: list[int]) -> int:
    sick = [label for label in labels if label > 0]
    return min(sick, key=lambda label: (-sick.count(label), label)) if sick else 0


@given(st.integers(0, 10**6), st.booleans())
def test_any_follows_its_words(seed, ordered):
    said = _random(seed)
    made = by_patient(said, "any", ordered=ordered)
    mixed = 0
    for patient in range(said.n_patients):
        scans = np.flatnonzero(said.patients == patient)
        labels = said.truth[scans].tolist()
        mixed += len(set(labels)) > 1
        called = [scan for scan in scans if said.predicted[scan] > 0]
        top = max(called or scans, key=lambda scan: said.screen_score[scan])
        out = made.predictions
        if ordered:
            truth, predicted = max(labels), said.predicted[scans].max()
            refined = said.refined[scans].max()
        else:
            truth, predicted = _most_frequent_diseased(labels), said.predicted[top]
            refined = said.refined[top]
        assert out.truth[patient] == truth
        assert out.predicted[patient] == predicted
        assert out.refined[patient] == refined
        assert out.screen_score[patient] == said.screen_score[scans].max()
        np.testing.assert_array_equal(
            out.probabilities[patient], said.probabilities[top]
        )
    assert made.n_mixed == mixed


@given(st.integers(0, 10**6))
def test_mean_follows_its_words(seed):
    said, rng = _random(seed), np.random.default_rng(seed)
    own = rng.random(said.n_patients)[said.patients]
    said = replace(said, refined=rng.integers(1, 4, said.truth.size))
    out = by_patient(said, "mean", ordered=True, cut_point=own).predictions
    for patient in range(said.n_patients):
        of = said.patients == patient
        table = said.probabilities[of].mean(axis=0)
        score = said.screen_score[of].mean()
        votes = [(said.refined[of] == stage).sum() for stage in (1, 2, 3)]
        most = [stage for stage in (1, 2, 3) if votes[stage - 1] == max(votes)]
        stage = max(most, key=lambda stage: table[stage])
        cut = own[of][0]
        np.testing.assert_allclose(out.probabilities[patient], table)
        assert out.screen_score[patient] == pytest.approx(score)
        assert out.refined[patient] == stage
        if abs(score - cut) > 1e-9:
            assert out.predicted[patient] == (stage if score > cut else 0)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("ordered", [True, False])
def test_a_scan_for_each_patient_stays_as_it_is(rule, ordered):
    said = _random(0)
    alone = predictions_of(
        said.truth,
        said.predicted,
        n_classes=4,
        screen_score=said.screen_score,
        probabilities=said.probabilities,
    )
    made = by_patient(alone, rule, ordered=ordered, cut_point=0.6)
    for name in ("truth", "predicted", "refined", "screen_score", "probabilities"):
        np.testing.assert_array_equal(
            getattr(made.predictions, name), getattr(alone, name)
        )
    assert made.n_mixed == 0


def test_a_scan_called_healthy_does_not_name_the_patient():
    said = predictions_of(
        [1, 1],
        [0, 2],
        n_classes=3,
        groups=["a", "a"],
        screen_score=[0.9, 0.4],
        refined=[1, 2],
    )
    assert by_patient(said, "any", ordered=False).predictions.predicted.tolist() == [2]


def test_truth_does_not_depend_on_the_model():
    truth, groups = [0, 2, 1, 1, 2, 0], list("aaabbb")
    models = [
        predictions_of(truth, said, n_classes=3, groups=groups, screen_score=score)
        for said, score in (([0] * 6, [0.1] * 6), ([1] * 6, np.arange(6) / 6))
    ]
    first, second = (by_patient(said, "any", ordered=False) for said in models)
    assert first.predictions.truth.tolist() == [1, 1]
    assert second.predictions.truth.tolist() == [1, 1]


def test_ordered_labels_need_no_scores():
    said = predictions_of([0, 1, 2], [0, 2, 1], n_classes=3, groups=["a", "b", "b"])
    out = by_patient(said, "any", ordered=True).predictions
    assert out.predicted.tolist() == [0, 2]
    assert (out.screen_score, out.probabilities, out.refined) == (None, None, None)


def test_the_unit_says_what_was_done():
    said = predictions_of([0, 1, 2], [0, 2, 1], n_classes=3, groups=["a", "b", "b"])
    made = by_patient(said, "any", ordered=True)
    assert made.unit == (
        "patient (rule 'any'; 1 with several true labels, of which the most severe "
        "counts)"
    )


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("man", {"ordered": True}, "by_patient: .* got 'man'. Did you mean 'mean'"),
        ("any", {"ordered": False}, "by_patient, any: expected screen scores"),
        ("mean", {"ordered": True, "cut_point": 0.5}, "by_patient, mean: expected"),
    ],
)
def test_what_is_missing_is_named(rule, options, message):
    said = predictions_of([0, 1], [0, 1], n_classes=2)
    with pytest.raises(InputError, match=message):
        by_patient(said, rule, **options)


def test_mean_wants_a_cut_point():
    with pytest.raises(InputError, match="and a cut point, got less"):
        by_patient(_random(0), "mean", ordered=True)
