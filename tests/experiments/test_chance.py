"""What stands for no skill, from records with and without counts of their classes."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.papers.chance import counts_by_class, without_skill
from experiments.papers.figures import Figure, Said, figures_of


def drawn(n_classes: int, n_scans: int, seed: int) -> tuple[Said, list[int]]:
    rng = np.random.default_rng(seed)
    shares = np.arange(1, n_classes + 1) / sum(range(1, n_classes + 1))
    truth = rng.choice(n_classes, p=shares, size=n_scans)
    right = rng.uniform(size=n_scans) < 0.6 + 0.1 * truth
    decided = np.where(right, truth, rng.integers(n_classes, size=n_scans))
    score = np.clip(0.3 * (truth > 0) + rng.uniform(0, 0.7, n_scans), 0, 1)
    refined = np.where(decided > 0, decided, 1)
    patients = np.arange(n_scans).astype(str).astype(object)
    labels = tuple("abcde"[:n_classes])
    said = Said(labels, truth, decided, patients, score, refined)
    return said, np.bincount(truth, minlength=n_classes).tolist()


def older(figures: dict[str, Figure]) -> dict[str, Figure]:
    return {k: one for k, one in figures.items() if not k.startswith("n_tested_")}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize(("n_classes", "n_scans"), [(2, 75), (2, 782), (3, 783)])
def test_counts_of_older_records_are_worked_out(n_classes, n_scans, seed) -> None:
    said, counts = drawn(n_classes, n_scans, seed)
    figures = figures_of(said, n_resamples=20, seed=0)
    assert counts_by_class(figures) == counts
    assert counts_by_class(older(figures)) == counts
    share = max(counts) / n_scans
    assert without_skill(older(figures), "accuracy") == pytest.approx(share)


def test_what_has_more_than_one_answer_is_not_guessed() -> None:
    figures = figures_of(drawn(5, 500, 0)[0], n_resamples=20, seed=0)
    assert counts_by_class(figures) is not None
    assert counts_by_class(older(figures)) is None
    assert without_skill(older(figures), "accuracy") is None
    truth = np.repeat([0, 1], 50)
    patients = np.arange(100).astype(str).astype(object)
    perfect = Said(("a", "b"), truth, truth, patients)
    said = older(figures_of(perfect, n_resamples=20, seed=0))
    assert counts_by_class(said) is None


@pytest.mark.parametrize("seed", range(20))
def test_no_count_is_wrong_by_more_than_one(seed: int) -> None:
    """Classes of nearly the same recall are told apart badly, or not at all."""
    said, counts = drawn(3, 783, seed)
    found = counts_by_class(older(figures_of(said, n_resamples=2, seed=0)))
    assert found is None or np.abs(np.subtract(found, counts)).max() <= 1


def test_figures_that_contradict_each_other_have_no_answer() -> None:
    figures = older(figures_of(drawn(2, 200, 0)[0], n_resamples=20, seed=0))
    assert counts_by_class(figures | {"false_positives": {"value": 90}}) is None


def test_a_mean_over_classes_is_of_those_that_occur() -> None:
    figures = figures_of(drawn(4, 400, 0)[0], n_resamples=20, seed=0)
    for key in ("macro_recall", "sweep_0.40", "sweep_best"):
        assert without_skill(figures, key) == 1 / 4
    assert without_skill(figures, "refine_macro_recall") == 1 / 3
    assert without_skill(figures, "screen_macro_recall") == 1 / 2
    assert without_skill(figures, "auc") == 1 / 2
    absent = figures | {"recall_2": {"value": None}}
    assert without_skill(absent, "macro_recall") == 1 / 3
    for key in ("precision", "f1_1", "sweep_inflation", "cut_point", "chi_square"):
        assert without_skill(figures, key) is None
    assert without_skill({}, "macro_recall") is None
    assert without_skill({}, "accuracy") is None
