"""Views in one pass are taken where they lose little on held-out scans."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.one_pass import EXACT, LARGEST_LOSS, QUICK, choose_views
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


def recall(cascade: HierarchicalClassifier) -> float:
    held = cascade.held_out_
    said = cascade.naming_(held.said, held.conditional)
    decided = np.where(held.screen_score >= cascade.cut_point_, said, 0)
    return float(recall_score(held.truth, decided, average="macro"))


def test_figures_are_those_of_held_out_scans() -> None:
    exact, quick = fitted(0.5), fitted(0.9)
    choice = choose_views(exact, quick, PATIENTS, n_resamples=200)
    assert choice.exact.value == pytest.approx(recall(exact))
    assert choice.one_pass.value == pytest.approx(recall(quick))
    assert choice.loss.value == pytest.approx(recall(exact) - recall(quick))
    assert choice.loss.low <= choice.loss.value <= choice.loss.high
    assert choice.n_scans == N


def test_a_large_loss_keeps_exact_views() -> None:
    choice = choose_views(fitted(0.4), fitted(2.0), PATIENTS, n_resamples=100)
    assert choice.loss.value > LARGEST_LOSS
    assert choice.taken == EXACT


def test_a_gain_takes_one_pass() -> None:
    choice = choose_views(fitted(2.0), fitted(0.4), PATIENTS, n_resamples=100)
    assert choice.loss.value < 0
    assert choice.taken == QUICK


def test_equal_models_take_one_pass() -> None:
    choice = choose_views(fitted(0.5), fitted(0.5), PATIENTS, n_resamples=100)
    assert (choice.loss.value, choice.loss.low, choice.loss.high) == (0, 0, 0)
    assert choice.taken == QUICK


@pytest.mark.parametrize(
    ("loss", "taken"), [(LARGEST_LOSS, QUICK), (LARGEST_LOSS + 1e-9, EXACT)]
)
def test_the_limit_itself_is_small(
    monkeypatch: pytest.MonkeyPatch, loss: float, taken: str
) -> None:
    from hierclf.cascade import one_pass

    true = one_pass.paired

    def paired(*args, **kwargs):
        (one,) = true(*args, **kwargs)
        changed = one.difference.model_copy(update={"value": loss})
        return (one.model_copy(update={"difference": changed}),)

    monkeypatch.setattr(one_pass, "paired", paired)
    choice = choose_views(fitted(0.5), fitted(0.5), PATIENTS, n_resamples=100)
    assert choice.taken == taken


def test_a_given_cut_point_held_nothing_out() -> None:
    given = HierarchicalClassifier(cut_point=0.5)
    given.fit(np.arange(6.0)[:, None], list("aabbcc"))
    with pytest.raises(InputError, match="Choose it by a rule"):
        choose_views(given, given, np.arange(6))
