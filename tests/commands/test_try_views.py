"""Fewer views are tried beside ten crops, as a user asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.assembly import assessment
from hierclf.assembly.models import Builder
from hierclf.bundle.store import load_bundle
from hierclf.cascade import views_choice
from hierclf.cascade.decisions import Decisions
from hierclf.results.run import RunResults
from tests.commands.conftest import NETWORK, Done, command

BASELINES = "--baselines"
TEN = (*NETWORK, "--views", "tencrop")


def tried(cohort: Path, out: Path, views: str, *more: object) -> Done:
    return command(
        "train", "--data", cohort, "--healthy", "healthy", "--try-views", views,
        "--folds", 2, "--no-baselines", "--resamples", 100, "--pictured", 0,
        "--out", out, "--cache", cohort.parent / "cache", *TEN, *more,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "views", "taken", "words"),
    [
        (-1.0, "threecrop", "tencrop", "looked at by ten crops"),
        (1.0, "threecrop", "threecrop", "looked at by three crops"),
        (1.0, "tencrop_onepass", "tencrop_onepass", "by ten views in one pass"),
    ],
)
def test_both_figures_are_kept(
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: float,
    views: str,
    taken: str,
    words: str,
) -> None:
    monkeypatch.setattr(views_choice, "LARGEST_LOSS", limit)
    done = tried(cohort, tmp_path / "run", views)
    assert done.returncode == 0, done.stderr
    bundle = load_bundle(tmp_path / "run" / "bundle")
    choice = bundle.info.views
    assert choice is not None
    assert (choice.tried, choice.is_taken) == (views, taken == views)
    assert bundle.cascade.screen_.options.views == taken
    assert bundle.cascade.refine_.options.views == taken
    results = RunResults.from_json((tmp_path / "run" / "results.json").read_text())
    assert results.views == choice
    assert results.cut_point.threshold == bundle.cascade.cut_point_
    told = (choice.fewer if choice.is_taken else choice.exact).value
    assert told == pytest.approx(
        results.cut_point.macro_recall[results.cut_point.index]
    )
    for name in ("report.html", "bundle/model_card.md"):
        assert words in (tmp_path / "run" / name).read_text()
    assert words in done.stdout


@pytest.mark.slow
def test_folds_choose_by_themselves_and_flat_ones_look_alike(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False, True])  # two folds, then all scans
    monkeypatch.setattr(views_choice, "_is_small", lambda _: next(answers))
    looks = []

    def flats(builder: Builder, *_: object) -> dict[str, Decisions]:
        looks.append(builder.options.network.views)
        return {}

    monkeypatch.setattr(assessment, "_flats", flats)
    done = tried(cohort, tmp_path / "run", "threecrop", "--outer-folds", 2, BASELINES)
    assert done.returncode == 0, done.stderr
    assert looks == ["threecrop", "tencrop"]
    choice = load_bundle(tmp_path / "run" / "bundle").info.views
    assert choice is not None
    assert choice.is_taken
    assert choice.in_folds == (True, False)
    for name in ("report.html", "bundle/model_card.md"):
        told = (tmp_path / "run" / name).read_text()
        assert "by themselves: three crops in 1 of 2." in told


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (("--views", "center"), "expected tencrop as the views of all stages"),
        (("--refine.views", "center"), "got center, tencrop"),
        (("--cut-point", 0.5), "expected a rule as the cut point"),
        (("--candidates", "network,pooled+svm"), "no candidates"),
        (("--refine.model", "scda_flat+svm"), "got scda_flat, which looks at one"),
        (("--refine.part", "all"), "it would be trained twice, to the same weights"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    cohort: Path, tmp_path: Path, more: tuple[object, ...], rule: str
) -> None:
    done = tried(cohort, tmp_path / "run", "threecrop", *more)
    assert done.returncode == 2
    assert rule in done.stderr
    assert not (tmp_path / "run").exists()
