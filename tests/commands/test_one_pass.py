"""Ten views in one pass are tried beside exact ones, as a user asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.bundle.store import load_bundle
from hierclf.cascade import one_pass
from hierclf.cascade.one_pass import EXACT, QUICK
from hierclf.results.run import RunResults
from tests.commands.conftest import NETWORK, Done, command

TEN = (*NETWORK, "--views", "tencrop")


def tried(cohort: Path, out: Path, *more: object) -> Done:
    return command(
        "train", "--data", cohort, "--healthy", "healthy", "--try-one-pass",
        "--folds", 2, "--no-baselines", "--resamples", 100, "--pictured", 0,
        "--out", out, "--cache", cohort.parent / "cache", *TEN, *more,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "taken"), [(-1.0, EXACT), (1.0, QUICK)])
def test_both_figures_are_kept(
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: float,
    taken: str,
) -> None:
    monkeypatch.setattr(one_pass, "LARGEST_LOSS", limit)
    done = tried(cohort, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    bundle = load_bundle(tmp_path / "run" / "bundle")
    views = bundle.info.views
    assert views is not None
    assert views.taken == taken
    assert bundle.cascade.screen_.options.views == taken
    assert bundle.cascade.refine_.options.views == taken
    results = RunResults.from_json((tmp_path / "run" / "results.json").read_text())
    assert results.views == views
    assert results.cut_point.threshold == bundle.cascade.cut_point_
    told = {EXACT: views.exact, QUICK: views.one_pass}[taken].value
    assert told == pytest.approx(
        results.cut_point.macro_recall[results.cut_point.index]
    )
    words = "taken in one pass" if taken == QUICK else "are exact crops"
    for name in ("report.html", "bundle/model_card.md"):
        assert words in (tmp_path / "run" / name).read_text()
    assert words in done.stdout


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        (("--views", "center"), "expected tencrop as the views of all stages"),
        (("--refine.views", "center"), "got center, tencrop"),
        (("--cut-point", 0.5), "expected a rule as the cut point"),
        (("--candidates", "network,pooled+svm"), "no candidates"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    cohort: Path, tmp_path: Path, more: tuple[object, ...], rule: str
) -> None:
    done = tried(cohort, tmp_path / "run", *more)
    assert done.returncode == 2
    assert rule in done.stderr
    assert not (tmp_path / "run").exists()
