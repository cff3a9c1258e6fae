from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from hierclf.cascade.curve import GRID, cases_of
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.relocation import screen_costs
from hierclf.config.shift import ShiftOptions
from hierclf.evaluation.wards import labelled, unlabelled
from hierclf.foundation.errors import InputError
from hierclf.wards.shift import (
    Known,
    Ward,
    check_reference,
    cut_points,
    goals_of,
    rebased,
    swept_goal,
)
from hierclf.wards.shift_results import Told, examine

TOLD = Told("ward 7", "training", False, ("healthy", "a", "b"), True)


def draw(rng, n, share, *, moved=0.0):
    truth = np.where(rng.random(n) < share, rng.integers(1, 3, n), 0)
    features = rng.normal(size=(n, 4))
    features[:, 0] += 3 * (truth > 0)
    features[truth == 0, 1] += moved
    logits = 2 * (features[:, 0] - 1.5) + 0.5 * features[:, 1]
    return truth, 1 / (1 + np.exp(-logits)), features


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    truth, scores, features = draw(rng, 400, 0.7)
    refined = np.maximum(truth, 1)
    return Known(
        cases_of(truth, scores, refined, n_classes=3),
        labelled(truth > 0, scores, rng.integers(0, 300, 400)),
        features,
        0.5,
        np.asarray(GRID),
    )


@pytest.fixture(scope="module")
def goals():
    cascade = HierarchicalClassifier(cut_point="macro_recall")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 90)
    cascade.fit(y[:, None] + rng.normal(0, 0.3, (90, 1)), y)
    options = ShiftOptions(bundle="b", data="d", out="o", rule="accuracy")
    return goals_of(options, cascade, None)


def look(known, goals, *, n=200, share=0.3, moved=0.0, features=True, seed=2):
    rng = np.random.default_rng(seed)
    truth, scores, told = draw(rng, n, share, moved=moved)
    ward = Ward(unlabelled(scores), told if features else None, truth)
    return examine(known, ward, goals, TOLD, n_resamples=60)


def test_goals_begin_with_what_was_asked_for(goals):
    assert [str(goal.rule) for goal in goals] == ["expected_cost", "macro_recall"]
    assert "accuracy" in goals[0].name
    np.testing.assert_array_equal(goals[0].costs, screen_costs(3))
    cascade = HierarchicalClassifier(cut_point=0.5)
    cascade.fit(np.array([[0.0], [1.0], [0.1], [0.9]]), [0, 1, 0, 1])
    priced = ShiftOptions(bundle="b", data="d", out="o", miss_cost=7)
    first, second = goals_of(priced, cascade, None)
    assert "a miss at 7 false alarms" in first.name
    assert first.costs[1, 0] == 7
    assert "accuracy" in second.name  # no rule of its own
    assert str(swept_goal((first, second)).rule) == "macro_recall"
    assert swept_goal(goals) is goals[1]


def test_a_ward_that_fits_gets_share_and_cut_point(known, goals):
    found = look(known, goals)
    assert not found.refused
    assert found.prevalence.low < 0.3 < found.prevalence.high
    assert found.reference_prevalence == known.scans.diseased.mean()
    moved, stays = found.moves
    assert moved.moved.threshold > moved.at_reference  # fewer diseased: higher
    assert moved.fixed.threshold == 0.5
    assert stays.moved.threshold == 0.5
    assert moved.moved.figures["accuracy"].value >= (
        moved.fixed.figures["accuracy"].value
    )
    assert found.settled_at == found.prevalence.value
    assert [row.n_scans for row in found.settled] == [20, 50, 100]
    assert found.known_prevalence == pytest.approx(0.3, abs=0.1)
    assert len(found.differences) == 4
    assert abs(found.domain_auc - 0.5) < 0.12
    assert [one.position for one in found.by_label] == [0, 1, 2]


def test_altered_healthy_scans_are_refused(known, goals):
    found = look(known, goals, moved=2.0)
    assert found.refused
    assert any("look otherwise" in reason for reason in found.reasons)
    assert found.prevalence is None
    assert found.moves == ()
    assert found.rebased == ()
    assert found.settled_at == found.reference_prevalence


def test_few_scans_and_scores_alone_are_refused(known, goals):
    few = look(known, goals, n=29)
    assert "There are 29 scans" in few.reasons[0]
    blind = look(known, goals, features=False)
    assert "no features" in blind.reasons[0]
    assert [fit.of for fit in blind.fits] == ["scores"]
    assert blind.differences == ()
    assert blind.domain_auc is None


def test_labels_move_nothing_but_what_is_said_of_labels(known, goals):
    rng = np.random.default_rng(5)
    truth, scores, features = draw(rng, 100, 0.4)
    with_labels, without = (
        examine(
            known, Ward(unlabelled(scores), features, told), goals, TOLD, n_resamples=20
        ).model_dump(exclude={"by_label", "known_prevalence"})
        for told in (truth, None)
    )
    assert with_labels == without


def test_chances_follow_the_odds(known):
    rows = rebased(known, 0.2)
    share = known.scans.prevalence
    for _, old, new in rows:
        ratio = (old / (1 - old)) / (share / (1 - share))
        assert new / (1 - new) == pytest.approx(ratio * 0.2 / 0.8)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_small_references_are_refused():
    scans = labelled([1] * 9 + [0] * 30, np.linspace(0, 1, 39))
    with pytest.raises(InputError, match=r"diseased scans of at least 10 patients.*9"):
        check_reference(scans)


def test_points_are_those_of_the_bundle():
    scores = np.random.default_rng(0).random(500)
    assert cut_points(scores, "grid").tolist() == list(GRID)
    assert cut_points(scores, "all").size == 200


def test_unknown_rules_are_refused():
    with pytest.raises(ValidationError, match=r"cut_point\.rule: expected one of"):
        ShiftOptions(bundle="b", data="d", out="o", rule="acuracy")
