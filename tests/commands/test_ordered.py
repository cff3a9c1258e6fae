"""A refinement that knows the order of the stages, through every verb."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierclf.bundle.store import load_bundle, read_info
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.results.run import read_results
from tests.commands.conftest import NETWORK, command

pytestmark = pytest.mark.slow

LABELS = (
    "--healthy", "healthy", "--ordered", "--stages", "stage1,stage2,stage3",
)  # fmt: skip


@pytest.fixture(scope="module")
def climbed(cohort: Path) -> Path:
    """A run whose refinement climbs, its cut points chosen for kappa."""
    out = cohort.parent / "climbed"
    done = command(
        "train", "--data", cohort, *LABELS, "--refinement", "ordered",
        "--cut-point", "quadratic_kappa", "--resamples", 200, "--outer-folds", 2,
        "--folds", 2, "--cache", cohort.parent / "cache", "--out", out, *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def test_bundle_holds_the_steps(climbed: Path) -> None:
    cascade = load_bundle(climbed / "bundle").cascade
    assert isinstance(cascade.refine_, OrdinalClassifier)
    assert cascade.naming_.rungs.shape == (2,)
    page = (climbed / "report.html").read_text()
    assert "steps" in page
    results = read_results(climbed)
    assert results.cut_point is not None
    assert results.cut_point.rule == "quadratic_kappa"
    assert {d.metric for d in results.differences} == {
        "macro_recall", "quadratic_kappa",
    }  # fmt: skip


def test_score_and_evaluate_agree(climbed: Path, cohort: Path, tmp_path: Path) -> None:
    bundle = climbed / "bundle"
    scored = command(
        "score",
        "--bundle",
        bundle,
        "--input",
        cohort / "scans",
        "--out",
        tmp_path / "s.csv",
    )
    assert scored.returncode == 0, scored.stderr
    measured = command(
        "evaluate", "--bundle", bundle, "--data", cohort, "--resamples", 200,
        "--cache", tmp_path / "cache", "--out", tmp_path / "e",
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    one = pd.read_csv(tmp_path / "s.csv").set_index("path").add_prefix("scans/", axis=0)
    two = pd.read_csv(tmp_path / "e" / "predictions.csv").set_index("path")
    assert len(one) == len(two) == 90
    assert (one["label"] == two.loc[one.index, "predicted"]).all()
    assert two["predicted"].nunique() > 2


def test_sweep_for_kappa_finds_the_best_of_its_curve(
    climbed: Path, cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "sweep", "--bundle", climbed / "bundle", "--data", cohort, "--resamples", 200,
        "--rule", "quadratic_kappa", "--cache", tmp_path / "cache",
        "--out", tmp_path / "s", "--write-bundle", tmp_path / "moved",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    curve = pd.read_csv(tmp_path / "s" / "sweep.csv")
    best = curve["threshold"][int(np.argmax(curve["quadratic_kappa"]))]
    info = read_info(tmp_path / "moved")
    assert info.cut_point == pytest.approx(best)


def test_export_equals_the_bundle(climbed: Path, tmp_path: Path) -> None:
    done = command(
        "export", "--bundle", climbed / "bundle", "--out", tmp_path / "x"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cascade.onnx: equal to the bundle within" in done.stdout


def test_shift_and_explain(climbed: Path, cohort: Path, tmp_path: Path) -> None:
    bundle = climbed / "bundle"
    shifted = command(
        "shift", "--bundle", bundle, "--data", cohort / "scans", "--resamples", 100,
        "--cache", tmp_path / "cache", "--out", tmp_path / "w",
    )  # fmt: skip
    assert shifted.returncode in (0, 3), shifted.stderr
    explained = command(
        "explain", "--bundle", bundle, "--input", cohort, "--limit", 6, "--curves", 0,
        "--random-networks", 0, "--resamples", 100, "--out", tmp_path / "maps",
    )  # fmt: skip
    assert explained.returncode == 0, explained.stderr
    assert len(pd.read_csv(tmp_path / "maps" / "explanations.csv")) == 6


def test_best_asks_for_the_ladder_where_stages_have_an_order(
    cohort: Path, tmp_path: Path
) -> None:
    done = command(
        "train", "--data", cohort, *LABELS, "--candidates", "best", "--folds", 2,
        "--no-baselines", "--resamples", 200, "--cache", cohort.parent / "cache",
        "--out", tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path / "run")
    climbing = {name for name in results.selection if "/ordered:" in name}
    assert climbing
    assert climbing < set(results.selection)
    values = {name: found.value for name, found in results.selection.items()}
    assert results.selected == max(values, key=lambda name: values[name])
    assert results.selected_by == "macro_recall"


def test_candidates_are_compared_by_the_figure_that_cut_points_are_chosen_for(
    cohort: Path, tmp_path: Path
) -> None:
    names = ("network", "network/ordered:network")
    done = command(
        "train", "--data", cohort, *LABELS, "--candidates", ",".join(names),
        "--cut-point", "quadratic_kappa", "--folds", 2, "--no-baselines",
        "--resamples", 200, "--cache", cohort.parent / "cache",
        "--out", tmp_path / "run", *NETWORK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = read_results(tmp_path / "run")
    values = {name: found.value for name, found in results.selection.items()}
    assert results.selected == max(names, key=lambda name: values[name])
    assert results.selected_by == "quadratic_kappa"
    assert results.cut_point is not None
    # the rule's own value on the same scans is the figure that chose
    swept = pd.read_csv(tmp_path / "run" / "sweep.csv")
    assert values[results.selected] == pytest.approx(
        swept["quadratic_kappa"][results.cut_point.index]
    )
    told = "by the quadratic kappa on held-out training scans"
    assert told in done.stdout
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Quadratic kappa, held out in" in page
