from __future__ import annotations

import numpy as np
import pytest

from hierclf.assembly.assessment import by_argmax
from hierclf.assembly.models import Builder
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.weighting import CostWeighted
from hierclf.config.commands import TrainOptions
from hierclf.foundation.errors import InputError
from hierclf.measuring.figures import refinement_in_words
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.problem.labels import Hierarchy
from hierclf.training.estimator import NetworkClassifier

STAGES = Hierarchy("healthy", ("mild", "bad", "worst"), ordered=True)


TYPES = Hierarchy("healthy", ("mild", "bad", "worst"), ordered=False)


def _builder(hierarchy=STAGES, **told) -> Builder:
    base = {"data": "d", "out": "o", "healthy": "healthy", **told}
    return Builder(
        TrainOptions.model_validate(base), hierarchy, cache=None, checkpoints=None
    )


def _same_prices(found, by_hand):
    """Costs count beside each other only: they are scaled."""
    by_hand = np.asarray(by_hand, dtype=float)
    np.testing.assert_allclose(
        found / np.max(found), by_hand / by_hand.max(), atol=1e-9
    )


def test_plain_flat_classifier_has_no_weights_of_any_kind():
    told = {"balance": 0.1, "loss": "focal", "class_weights": "class_balanced"}
    builder = _builder(network=told, costs="5,8,9")
    plain = builder.flat()
    options = plain.options
    assert (options.balance, options.loss) == (1.0, "cross_entropy")
    assert options.class_weights == "none"
    assert plain.costs is None


def test_balanced_flat_classifier_has_the_balance_and_costs_of_the_refinement():
    builder = _builder(costs="5,8,9", refine={"balance": 0.1}, network={"balance": 0.5})
    balanced = builder.balanced_flat()
    assert isinstance(balanced, CostWeighted)
    assert balanced.estimator.options.balance == 0.1
    mean = balanced.costs["healthy"]
    found = {label: cost / mean * 22 / 3 for label, cost in balanced.costs.items()}
    by_hand = {"mild": 5, "bad": 8, "worst": 9, "healthy": 22 / 3}
    assert found == pytest.approx(by_hand)


def test_matrix_of_the_refinement_follows_the_order_of_its_classes():
    builder = _builder(costs="0,1,4;2,0,3;7,6,0")  # mild, bad, worst
    refine = builder.cascade("macro_recall", 3).refine
    named = refine.costs.loc[["bad", "mild", "worst"], ["bad", "mild", "worst"]]
    _same_prices(named.to_numpy(), [[0, 2, 3], [1, 0, 4], [6, 7, 0]])
    assert refine.options.loss == "cross_entropy_cost"


def test_flat_decisions_follow_the_table():
    table = np.array([[0.5, 0.1, 0.4], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    said = by_argmax(table)
    assert said.decided.tolist() == [0, 1, 2]
    assert said.refined.tolist() == [2, 1, 2]
    np.testing.assert_allclose(said.screen_score, [0.5, 0.8, 0.9])


def test_loss_by_costs_is_the_refinements_alone():
    builder = _builder(costs="5,8,9", network={"loss": "expected_cost"})
    cascade = builder.cascade(0.5, 3)
    assert cascade.screen.options.loss == "cross_entropy"
    assert cascade.screen.costs is None
    assert isinstance(cascade.refine, NetworkClassifier)  # not weighted once more
    prices = cascade.refine.costs.loc[["mild", "bad", "worst"]].to_numpy()
    _same_prices(prices.max(axis=1), [5, 8, 9])


def test_whole_cost_matrix_prices_a_missed_disease_as_the_dearest_confusion():
    by_hand = [[0, 7, 7, 7], [7, 0, 1, 4], [7, 2, 0, 3], [7, 7, 6, 0]]
    _same_prices(_builder(costs="0,1,4;2,0,3;7,6,0").costs(), by_hand)
    _same_prices(_builder().costs(), 1 - np.eye(4))
    vector = _builder(costs="5,8,9").costs()
    _same_prices(vector[1:, 1:], [[0, 5, 5], [8, 0, 8], [9, 9, 0]])


def test_costs_of_a_missing_refinement_are_refused():
    options = TrainOptions.model_validate(
        {"data": "d", "out": "o", "healthy": "a", "costs": "quadratic"}
    )
    with pytest.raises(InputError, match="there is no refinement"):
        Builder(options, Hierarchy("a", ("b",)), cache=None, checkpoints=None)


def _fitted(**told) -> HierarchicalClassifier:
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [60, 40, 20])
    X = rng.normal(size=(120, 2)) + np.repeat([0, 1, 2], [60, 40, 20])[:, None]
    return HierarchicalClassifier(healthy="a", **told).fit(X, y)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "the most probable diseased label"),
        ({"adjustment": 0.5}, "its share of the diseased training scans to the power"),
        ({"adjustment": "tuned", "cut_point": "macro_recall"}, "chosen together with"),
        ({"costs": 1 - np.eye(3)}, "of the least expected cost"),
    ],
)
def test_how_a_diseased_label_is_named(told, words):
    cascade = _fitted(**told)
    assert words in refinement_in_words(cascade)
    assert ("chosen" in refinement_in_words(cascade)) == (
        told.get("adjustment") == "tuned"
    )


def test_weights_of_the_labels_are_named():
    from sklearn.linear_model import LogisticRegression

    weighted = CostWeighted(LogisticRegression(), {"b": 1.0, "c": 3.0})
    assert "weighed 0.50 (b), 1.50 (c)" in refinement_in_words(_fitted(refine=weighted))


def test_ordered_refinement_is_a_ladder_over_all_labels():
    builder = _builder(refinement="ordered", ordered=True, stages="mild,bad,worst")
    cascade = builder.cascade("quadratic_kappa", 3)
    assert cascade.refinement == "ordered"
    assert isinstance(cascade.refine, OrdinalClassifier)
    assert tuple(cascade.refine.order) == ("healthy", "mild", "bad", "worst")
    assert cascade.refine.estimator.options.output == "softmax"
    whole = _builder(refinement="ordered", network={"part": "all"})
    refine = whole.cascade(0.5, 3).refine
    assert refine.estimator.knows_order


def test_ladders_in_a_stack_are_members_of_it():
    told = {"also": "resnet18", "combine": "mean", "weights": "none"}
    stack = _builder(refinement="ordered", network=told).cascade(0.5, 3).refine
    assert [type(member) for _, member in stack.members] == [OrdinalClassifier] * 2


@pytest.mark.parametrize("costs", ["recall", "1,2,3"])
def test_ordered_refinement_beside_weights_refused(costs):
    with pytest.raises(InputError, match=r"beside an ordered refinement"):
        _builder(refinement="ordered", costs=costs).cascade(0.5, 3)


def test_ordered_refinement_of_types_refused():
    base = {"data": "d", "out": "o", "healthy": "healthy", "refinement": "ordered"}
    types = Hierarchy("healthy", ("virus", "bacteria"))
    options = TrainOptions.model_validate(base)
    builder = Builder(options, types, cache=None, checkpoints=None)
    with pytest.raises(InputError, match=r"expected stages in an order"):
        builder.cascade(0.5, 3)


@pytest.mark.parametrize(("costs", "power"), [("linear", 1), ("quadratic", 2)])
def test_costs_by_distance_count_healthy_as_a_step(costs, power):
    distance = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) ** power
    _same_prices(_builder(costs=costs).costs(), distance)


def test_best_candidates_are_those_that_fit_the_labels():
    base = {"data": "d", "out": "o", "healthy": "healthy", "candidates": "best"}
    options = TrainOptions.model_validate(base)
    plain = ("network", "pooled+logistic")
    assert options.for_labels(ordered=False).candidates == plain
    climbing = ("network/ordered:network", "pooled+logistic/ordered:pooled+logistic")
    named = options.for_labels(ordered=True)
    assert named.candidates == (*plain, *climbing)
    chosen = named.of_candidate(climbing[1])
    assert (chosen.refinement, chosen.refine["model"]) == ("ordered", "pooled+logistic")
    assert named.of_candidate("network").refinement == "plain"


def test_other_views_reach_stages_that_name_theirs() -> None:
    told = {"data": "d", "out": "o", "healthy": "h", "refine": {"views": "tencrop"}}
    options = TrainOptions.model_validate(told).looking_by("threecrop")
    found = {options.stage(name).views for name in ("screen", "refine", "flat")}
    assert found == {"threecrop"}


def test_best_stands_alone():
    with pytest.raises(ValueError, match=r"expected nothing beside best"):
        _builder(candidates="best,network")


@pytest.mark.parametrize("costs", ["linear", "quadratic"])
def test_types_without_an_order_have_no_distance(costs):
    with pytest.raises(InputError, match=f"stages in an order for '{costs}'"):
        _builder(TYPES, costs=costs)
    one = Hierarchy("healthy", ("ill",), ordered=False)
    with pytest.raises(InputError, match="at least two stages"):
        _builder(one, costs=costs)


@pytest.mark.parametrize("hierarchy", [STAGES, TYPES])
def test_a_plain_refinement_has_no_steps_between_labels_by_the_alphabet(hierarchy):
    """Sorted, the stages are bad, mild, worst."""
    builder = _builder(hierarchy, network={"output": "ordered"})
    with pytest.raises(InputError, match="Pass --refinement ordered"):
        builder.cascade(0.5, 0)
    assert builder.flat().options.output == "softmax"
    assert builder.balanced_flat().options.output == "softmax"


def test_steps_where_the_labels_are_in_their_order():
    builder = _builder(network={"output": "ordered"}, refinement="ordered")
    cascade = builder.cascade(0.5, 0)
    assert cascade.screen.options.output == "ordered"
    assert isinstance(cascade.refine, OrdinalClassifier)
    assert cascade.refine.order == STAGES.labels
    two = Hierarchy("healthy", ("ill",), ordered=False)
    assert (
        _builder(two, network={"output": "ordered"}).flat().options.output == "ordered"
    )


def test_a_bundle_with_weights_is_read_once(monkeypatch, tmp_path):
    asked = []

    def found(folder, backbone):
        asked.append((folder, backbone))
        return folder / f"{backbone}.safetensors"

    monkeypatch.setattr("hierclf.assembly.models.trunk_file", found)
    told = {"weights": str(tmp_path), "also": "resnet18", "combine": "mean"}
    builder = _builder(network={"backbone": "resnet34", **told})
    cascade = builder.cascade(0.5, 2)
    builder.flat()
    assert asked == [(tmp_path, "resnet34"), (tmp_path, "resnet18")]
    for stage in (cascade.screen, cascade.refine):
        weights = [network.options.weights for _, network in stage.members]
        names = ("resnet34", "resnet18")
        assert weights == [str(tmp_path / f"{name}.safetensors") for name in names]
