from __future__ import annotations

import json

import numpy as np
import pytest

from hierclf.evaluation.intervals import clustered_wilson, wilson_interval
from hierclf.evaluation.metrics import available, draws, resampled
from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.summary import Summary, evaluate
from hierclf.foundation.errors import InputError

LABELS = ("healthy", "stage1", "stage2")


@pytest.fixture(scope="module")
def said():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 80)
    score = np.clip(rng.normal(0.3 + 0.3 * (truth > 0), 0.2), 0, 1)
    refined = np.where(rng.random(80) < 0.7, np.maximum(truth, 1), 2)
    return predictions_of(
        truth,
        np.where(score >= 0.5, refined, 0),
        n_classes=3,
        groups=rng.integers(0, 40, 80),
        screen_score=score,
        refined=refined,
    )


@pytest.fixture(scope="module")
def summary(said):
    return evaluate(said, LABELS, ordered=True, n_resamples=200, seed=1)


def test_values_are_those_of_the_sample(said, summary):
    counted = resampled(said, n_resamples=1, seed=0)
    assert tuple(summary.metrics) == available(counted, ordered=True)
    for name, estimate in summary.metrics.items():
        assert estimate.value == pytest.approx(draws(name, counted)[0]), name
        assert estimate.low < estimate.value < estimate.high, name


def test_bounds_of_what_is_no_proportion_are_percentiles(said, summary):
    counted = resampled(said, n_resamples=200, seed=1)
    for name in ("quadratic_kappa", "screen_auc", "screen_brier"):
        expected = np.percentile(draws(name, counted)[1:], [2.5, 97.5])
        found = summary.metrics[name]
        assert (found.low, found.high) == pytest.approx(tuple(expected))
        assert found.method == "bootstrap"


def test_bounds_of_a_proportion_are_those_of_wilson(said, summary):
    sick = said.truth > 0
    cases = np.bincount(said.patients, sick, minlength=said.n_patients)
    found = sick & (said.predicted > 0)
    hits = np.bincount(said.patients, found, minlength=said.n_patients)
    sensitivity = summary.metrics["sensitivity"]
    bounds = clustered_wilson(hits, cases)
    assert (sensitivity.low, sensitivity.high) == pytest.approx(bounds)
    assert sensitivity.method == "wilson"


def test_tables_count_what_they_say(said, summary):
    sick = said.truth > 0
    triples = [
        (summary.overall, said.truth, said.predicted, LABELS),
        (summary.screen, sick, said.predicted > 0, ("healthy", "diseased")),
        (summary.refine, said.truth[sick] - 1, said.refined[sick] - 1, LABELS[1:]),
    ]
    for table, truth, called, labels in triples:
        counts = np.zeros((len(labels), len(labels)), dtype=int)
        np.add.at(counts, (truth.astype(int), called.astype(int)), 1)
        assert table.labels == labels
        np.testing.assert_array_equal(table.confusion, counts)


def test_classes_of_a_table(said, summary):
    for place, found in enumerate(summary.overall.classes):
        of, called = said.truth == place, said.predicted == place
        hits = (of & called).sum()
        assert found.label == LABELS[place]
        assert found.n_scans == of.sum()
        assert found.n_patients == np.unique(said.patients[of]).size
        assert found.recall.value == pytest.approx(hits / of.sum())
        assert found.precision.value == pytest.approx(hits / called.sum())
        assert found.f1.value == pytest.approx(2 * hits / (of.sum() + called.sum()))
        assert found.f1.low < found.f1.value < found.f1.high


def test_sizes_and_settings_are_kept(said, summary):
    assert (summary.n_scans, summary.n_patients) == (80, said.n_patients)
    assert (summary.n_resamples, summary.seed) == (200, 1)
    assert (summary.ordered, summary.unit) == (True, "scan")


def test_balanced_accuracy_is_macro_recall_by_another_name(summary):
    assert summary.metrics["balanced_accuracy"] == summary.metrics["macro_recall"]


def test_without_an_order_there_is_no_kappa(said):
    names = evaluate(said, LABELS, n_resamples=2).metrics
    assert not [name for name in names if "kappa" in name]


def test_the_same_scans_in_another_order_give_the_same_summary(said):
    backwards = predictions_of(
        said.truth[::-1],
        said.predicted[::-1],
        n_classes=3,
        groups=said.patients[::-1],
    )
    forwards = predictions_of(
        said.truth, said.predicted, n_classes=3, groups=said.patients
    )
    assert evaluate(backwards, LABELS, n_resamples=20) == evaluate(
        forwards, LABELS, n_resamples=20
    )


def test_a_perfect_class_of_ten_patients_is_not_certain():
    truth = np.repeat([0, 1], [40, 10])
    found = evaluate(predictions_of(truth, truth, n_classes=2), LABELS[:2])
    recall = found.overall.classes[1].recall
    assert (recall.value, recall.low) == (
        1.0,
        pytest.approx(wilson_interval(10, 10)[0]),
    )
    macro = found.metrics["macro_recall"]
    assert macro.value == macro.high == 1.0
    assert macro.low < 0.9


def test_json_is_strict_and_comes_back_equal():
    said = predictions_of([0, 0, 1, 1], [0, 0, 0, 0], n_classes=3, refined=[1, 1, 1, 2])
    written = evaluate(said, LABELS, ordered=True, n_resamples=20)
    text = written.to_json()

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    plain = json.loads(text, parse_constant=refuse)
    assert plain["metrics"]["ppv"]["value"] is None  # nobody was called diseased
    assert plain["overall"]["classes"][2]["recall"]["value"] is None  # nobody is
    assert Summary.from_json(text) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "evaluation, the text: expected what evaluate wrote, got 'Invalid JSON"),
        ("{}", "evaluation, unit: expected what evaluate wrote, got 'Field required'"),
    ],
)
def test_other_json_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        Summary.from_json(text)


def test_unknown_keys_are_refused(summary):
    text = summary.to_json().replace('"unit"', '"colour": 1, "unit"', 1)
    with pytest.raises(InputError, match=r"evaluation, colour: .* not permitted"):
        Summary.from_json(text)


def test_labels_must_be_as_many_as_positions(said):
    with pytest.raises(InputError, match="labels: expected 3 names, got 2"):
        evaluate(said, LABELS[:2])
