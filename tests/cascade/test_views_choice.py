"""Fewer views are taken where they lose little on held-out scans."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.views_choice import LARGEST_LOSS, ViewsChoice, choose_views
from hierclf.foundation.errors import InputError

N = 300
PATIENTS = np.arange(N) // 2
LABELS = np.array(["healthy", "mild", "severe"])[PATIENTS % 3]


def fitted(noise: float, *, seed: int = 1) -> HierarchicalClassifier:
    """Fit on rows that tell the label as well as `noise` lets them."""
    rng = np.random.default_rng(seed)
    X = (PATIENTS % 3)[:, None] + noise * rng.normal(size=(N, 2))
    cascade = HierarchicalClassifier(
        LogisticRegression(), LogisticRegression(), cut_point="macro_recall", seed=0
    )
    return cascade.fit(X, LABELS, groups=PATIENTS)


def chosen(exact: float, fewer: float) -> ViewsChoice:
    models = fitted(exact), fitted(fewer)
    return choose_views(*models, PATIENTS, tried="threecrop", n_resamples=100)


def recall(cascade: HierarchicalClassifier) -> float:
    held = cascade.held_out_
    said = cascade.naming_(held.said, held.conditional)
    decided = np.where(held.screen_score >= cascade.cut_point_, said, 0)
    return float(recall_score(held.truth, decided, average="macro"))


def test_figures_are_those_of_held_out_scans() -> None:
    exact, quick = fitted(0.5), fitted(0.9)
    choice = choose_views(exact, quick, PATIENTS, tried="threecrop")
    assert choice.exact.value == pytest.approx(recall(exact))
    assert choice.fewer.value == pytest.approx(recall(quick))
    assert choice.loss.value == pytest.approx(recall(exact) - recall(quick))
    assert choice.loss.low <= choice.loss.value <= choice.loss.high
    assert (choice.n_scans, choice.tried) == (N, "threecrop")


def test_a_large_loss_keeps_ten_crops() -> None:
    choice = chosen(0.4, 2.0)
    assert choice.loss.value > LARGEST_LOSS
    assert not choice.is_taken


def test_a_gain_takes_fewer_views() -> None:
    choice = chosen(2.0, 0.4)
    assert choice.loss.value < 0
    assert choice.is_taken


def test_equal_models_take_fewer_views() -> None:
    choice = chosen(0.5, 0.5)
    assert (choice.loss.value, choice.loss.low, choice.loss.high) == (0, 0, 0)
    assert choice.is_taken


@pytest.mark.parametrize(
    ("loss", "taken"), [(LARGEST_LOSS, True), (LARGEST_LOSS + 1e-9, False)]
)
def test_the_limit_itself_is_small(
    monkeypatch: pytest.MonkeyPatch, loss: float, taken: bool
) -> None:
    from hierclf.cascade import views_choice

    true = views_choice.paired

    def paired(*args, **kwargs):
        (one,) = true(*args, **kwargs)
        changed = one.difference.model_copy(update={"value": loss})
        return (one.model_copy(update={"difference": changed}),)

    monkeypatch.setattr(views_choice, "paired", paired)
    choice = chosen(0.5, 0.5)
    assert choice.is_taken == taken


def test_a_given_cut_point_held_nothing_out() -> None:
    given = HierarchicalClassifier(cut_point=0.5)
    given.fit(np.arange(6.0)[:, None], list("aabbcc"))
    with pytest.raises(InputError, match="Choose it by a rule"):
        choose_views(given, given, np.arange(6), tried="threecrop")
