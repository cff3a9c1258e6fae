from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.foundation.errors import InputError, ResourceError
from hierclf.results.data import UnreadableScan, readable
from hierclf.results.run import RunResults, read_results, write_results
from hierclf.training.history import Epoch


@pytest.fixture(scope="module")
def fields(sample):
    return {name: getattr(sample.results, name) for name in RunResults.model_fields}


def refuse(constant):
    raise AssertionError(constant)


def test_json_is_strict_and_comes_back_equal(sample, tmp_path):
    write_results(tmp_path, sample.results)
    text = (tmp_path / "results.json").read_text("utf-8")
    written = json.loads(text, parse_constant=refuse)
    assert list(written["models"]) == [
        "flat",
        "flat balanced",
        "cascade at 0.50",
        "cascade",
    ]
    assert written["seed"] == 7
    recall = written["models"]["cascade"]["metrics"]["macro_recall"]["value"]
    assert recall == sample.results.models["cascade"].metrics["macro_recall"].value
    assert read_results(tmp_path) == sample.results
    assert not (tmp_path / "predictions.csv").exists()


def test_undefined_figures_are_null(fields):
    said = predictions_of([0, 0, 1, 1], [0, 1, 1, 1], n_classes=3)
    summary = evaluate(said, ("healthy", "a", "b"), n_resamples=20)
    few = {"models": {"only": summary}, "main": "only", "labels": ("healthy", "a", "b")}
    gone = {"explanations": {}, "differences": (), "per_patient": None, "argmax": None}
    results = RunResults(**{**fields, **few, **gone})
    tree = json.loads(results.to_json(), parse_constant=refuse)
    third = tree["models"]["only"]["overall"]["classes"][2]
    assert third["recall"]["value"] is None
    assert RunResults.from_json(results.to_json()) == results


def test_predictions_keep_every_digit(sample, tmp_path):
    table = pd.DataFrame({"scan": ["a,b.png", "c\udcff.png"], "score": [0.1 + 0.2, 1]})
    write_results(tmp_path, sample.results, table)
    content = (tmp_path / "predictions.csv").read_bytes()
    assert content == b'scan,score\n"a,b.png",0.30000000000000004\nc\xff.png,1.0\n'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": {"training": float("nan")}}, "finite number"),
        ({"options": {"rate": [float("inf")]}}, "finite number"),
        ({"main": "cascad"}, "'cascad' is none of the models"),
        ({"explanations": {"other": "?"}}, "'other' is none of the models"),
        ({"labels": ("healthy", "ill")}, "not of labels"),
        ({"given_cut_point": 0.5}, "either given or searched for"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_what_does_not_fit_is_refused(fields, change, message):
    with pytest.raises(ValidationError, match=message):
        RunResults(**{**fields, **change})


@pytest.mark.parametrize("end", ["model", "baseline"])
def test_difference_of_unknown_models_is_refused(fields, end):
    difference = fields["differences"][0].model_copy(update={end: "nobody"})
    with pytest.raises(ValidationError, match="'nobody' is none"):
        RunResults(**{**fields, "differences": (difference,)})


@pytest.mark.parametrize("place", ["per_patient", "argmax"])
def test_figures_of_other_labels_are_refused(fields, place):
    said = predictions_of([0, 1], [0, 1], n_classes=2)
    other = evaluate(said, ("healthy", "ill"), n_resamples=5)
    with pytest.raises(ValidationError, match=r"figures of .*'ill'.*, not of labels"):
        RunResults(**{**fields, place: other})


def test_threshold_is_the_searched_or_the_given_one(sample):
    results = sample.results
    assert results.threshold == sample.choice.threshold
    given = results.model_copy(update={"cut_point": None, "given_cut_point": 0.4})
    assert given.threshold == 0.4
    none = results.model_copy(update={"cut_point": None})
    assert none.threshold is None


def test_diverged_losses_are_null(fields):
    lost = Epoch(epoch=1, learning_rate=0.1, train_loss=float("nan"))
    results = RunResults(**{**fields, "histories": {"screen": [lost]}})
    assert results.histories["screen"][0].train_loss is None
    assert RunResults.from_json(results.to_json()) == results


def test_file_names_that_are_no_utf8_are_written_out(fields):
    scan = UnreadableScan(scan="a\udcff", code="E_GONE", message="no \udcfe")
    assert (scan.scan, scan.message) == ("a\\udcff", "no \\udcfe")
    results = RunResults(
        **{**fields, "options": {"data": ["/x\udcff", {"k\udcff": 1}]}}
    )
    assert results.options == {"data": ["/x\\udcff", {"k\\udcff": 1}]}
    assert RunResults.from_json(results.to_json()) == results
    assert readable(1.5) == 1.5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": "x"}', b"\xff"])
def test_foreign_json_is_refused(text):
    with pytest.raises(
        InputError, match=r"results.json, .*: expected what a run wrote"
    ):
        RunResults.from_json(text)


def test_the_place_of_a_fault_is_named(sample):
    tree = json.loads(sample.results.to_json())
    tree["data"]["n_scans"] = "many"
    with pytest.raises(InputError, match=r"results.json, data.n_scans: expected"):
        RunResults.from_json(json.dumps(tree))


def test_missing_results_are_named(tmp_path):
    with pytest.raises(InputError, match="expected the results of a run, got no such"):
        read_results(tmp_path)


def test_unreadable_results_are_no_bug(tmp_path):
    (tmp_path / "results.json").mkdir()
    with pytest.raises(ResourceError, match=r"read .*results.json: the system"):
        read_results(tmp_path)


def test_splits_stand_in_the_order_of_the_counts(sample):
    data = sample.results.data
    assert data.splits == ("train", "val", "test")
    mixed = {"a": {"test": 1}, "b": {"train": 1, "test": 2}}
    assert data.model_copy(update={"counts": mixed}).splits == ("test", "train")


def test_sample_is_what_it_says(sample):
    assert np.sum(sample.results.models["cascade"].overall.confusion) == 320


def test_scans_were_decided_at_the_cut_points_of_the_folds(sample):
    whole = sample.results
    assert whole.decided_at == (whole.threshold,)
    folds = whole.model_copy(update={"fold_cut_points": (0.3, 0.4)})
    assert folds.decided_at == (0.3, 0.4)
    nothing = {"cut_point": None, "given_cut_point": None}
    assert whole.model_copy(update=nothing).decided_at == ()
