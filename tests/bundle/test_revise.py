from __future__ import annotations

import numpy as np
import pytest

from hierclf.bundle.card import render_card
from hierclf.bundle.description import describe
from hierclf.bundle.info import CARD
from hierclf.bundle.revise import with_cut_point
from hierclf.bundle.store import load_bundle, read_info
from hierclf.cascade.cut_point import CutPointChoice
from hierclf.foundation.errors import BundleError, InputError

CHOICE = CutPointChoice(
    rule="youden",
    threshold=0.7,
    index=13,
    value=0.5,
    n_tied=2,
    macro_recall=0.75,
    sensitivity=0.875,
    specificity=0.625,
)
CHANGED = {"info.json", "model_card.md", "manifest.json"}


def test_new_bundle_decides_at_the_new_cut_point(network_bundle, scans, tmp_path):
    old = load_bundle(network_bundle)
    digest = with_cut_point(
        network_bundle,
        tmp_path / "new",
        threshold=0.7,
        choice=CHOICE,
        reason="Swept on site B.",
    )
    new = load_bundle(tmp_path / "new")
    assert new.digest == digest != old.digest
    assert new.cascade.cut_point_ == 0.7
    assert new.cascade.choice_ == CHOICE
    told, before = new.cascade.decide(scans(4)), old.cascade.decide(scans(4))
    np.testing.assert_array_equal(told.probabilities, before.probabilities)
    expected = np.where(told.screen_score >= 0.7, told.refined, 0)
    np.testing.assert_array_equal(told.decided, expected)


def test_weights_stay_byte_for_byte_and_the_source_untouched(network_bundle, tmp_path):
    before = {path.name: path.read_bytes() for path in network_bundle.iterdir()}
    with_cut_point(
        network_bundle, tmp_path / "new", threshold=0.1, choice=None, reason="x"
    )
    after = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    assert {path.name: path.read_bytes() for path in network_bundle.iterdir()} == before
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == CHANGED


def test_every_change_is_on_record(learner_bundle, tmp_path):
    folders = [learner_bundle, tmp_path / "1", tmp_path / "2"]
    for source, target, threshold in zip(
        folders, folders[1:], (0.2, 0.9), strict=False
    ):
        with_cut_point(source, target, threshold=threshold, choice=None, reason="Why.")
    info = read_info(folders[2])
    assert [revision.cut_point for revision in info.revisions] == [0.4, 0.2]
    parents = [load_bundle(folder).digest for folder in folders[:2]]
    assert [revision.parent for revision in info.revisions] == parents
    first = read_info(learner_bundle)
    assert info.created_utc == first.created_utc
    assert info.versions == first.versions


@pytest.mark.parametrize(
    ("threshold", "choice", "reason"),
    [
        (1.5, None, "x"),
        (float("nan"), None, "x"),
        (-0.001, None, "x"),
        (0.5, CHOICE, "x"),
        (0.5, None, ""),
    ],
)
def test_cut_point_that_cannot_be(learner_bundle, tmp_path, threshold, choice, reason):
    with pytest.raises(InputError, match=r"cut point: expected a number in \[0, 1\]"):
        with_cut_point(
            learner_bundle,
            tmp_path / "new",
            threshold=threshold,
            choice=choice,
            reason=reason,
        )
    assert not (tmp_path / "new").exists()


def test_existing_target_and_damaged_source(learner_bundle, tmp_path):
    arguments = {"threshold": 0.5, "choice": None, "reason": "x"}
    with pytest.raises(InputError, match="expected a new folder"):
        with_cut_point(learner_bundle, learner_bundle, **arguments)
    (learner_bundle / "screen.skops").write_bytes(b"")
    with pytest.raises(BundleError, match=r"screen\.skops"):
        with_cut_point(learner_bundle, tmp_path / "new", **arguments)


def test_card_says_what_a_reader_must_know(network_bundle, tmp_path):
    card = (network_bundle / "model_card.md").read_text()
    for text in CARD.values():
        assert text in card
    info = read_info(network_bundle)
    assert "at least 0.5, else healthy" in card
    assert "in this order of severity: mild, severe" in card
    assert "Synthetic scans" in card
    assert "18 scans of 9 patients, seed 7" in card
    assert "- severe: 6" in card
    assert f"- torch: {info.versions['torch']}" in card
    with_cut_point(
        network_bundle, tmp_path / "new", threshold=0.7, choice=CHOICE, reason="Site B."
    )
    card = (tmp_path / "new" / "model_card.md").read_text()
    assert "at least 0.7" in card
    assert "chosen by youden" in card
    assert "sensitivity was 0.875, specificity 0.625" in card
    assert "the cut point was 0.5 before. Site B." in card


def test_card_of_the_user_comes_first(learner_cascade, told):
    info = told(learner_cascade)
    own = describe(
        learner_cascade,
        data=info.data,
        seed=0,
        options={},
        card={"users": "Radiologists of site B.", "contact": "it@site-b"},
    )
    assert own.card["users"] == "Radiologists of site B."
    assert own.card["limits"] == CARD["limits"]
    assert "## Contact\n\nit@site-b" in render_card(own)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"costs": ((0, 1, 1), (1, 0, 1), (1, 1, 0))},
            "of least expected cost",
        ),
        ({"adjustment": 0.25}, "training scans to the power 0.25"),
        ({}, None),
    ],
)
def test_card_says_how_a_stage_is_chosen(learner_cascade, told, changes, sentence):
    card = render_card(told(learner_cascade).model_copy(update=changes))
    assert ("Which of these" in card) == (sentence is not None)
    assert sentence is None or sentence in card


def test_options_that_are_no_json(learner_cascade, told):
    info = told(learner_cascade)
    with pytest.raises(InputError, match=r"got 'options\.x"):
        describe(learner_cascade, data=info.data, seed=0, options={"x": object()})


def test_counts_of_other_labels(learner_cascade, told):
    data = told(learner_cascade).data.model_copy(update={"counts": {"healthy": 18}})
    with pytest.raises(InputError, match="a count for each label"):
        describe(learner_cascade, data=data, seed=0, options={})
