"""Best configurations are options that hold, beside the baseline in the same folds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from experiments.best.__main__ import HERE, LABELS, SETS, options_of
from experiments.best.medmnist import as_folder
from experiments.pairs import beside, said_in
from hierclf.evaluation.metrics import draws, resampled
from hierclf.foundation.files import read_json
from hierclf.results.run import read_results
from tests.commands.conftest import NETWORK, command


@pytest.mark.parametrize("name", SETS)
def test_both_models_have_the_same_folds(name: str, tmp_path: Path) -> None:
    told = {"data": tmp_path, "out": tmp_path / "o", "cache": None, "seed": 3}
    plain, best = options_of(name, told)
    for key in (*LABELS, "seed", "data"):
        assert getattr(plain, key) == getattr(best, key), key
    assert plain.outer_folds >= 3
    assert plain.out != best.out
    assert plain.network.model == "pooled+logistic"


RECORDED = sorted(path.stem for path in (HERE / "results").glob("*.json"))


def test_there_are_records() -> None:
    assert {"knee_oa", "kermany", "pneumoniamnist"} <= set(RECORDED) <= set(SETS)


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_of_the_options_that_are_there(name: str) -> None:
    record = read_json(HERE / "results" / f"{name}.json")
    assert record["set"] == name
    assert not record["phantom"]
    options = options_of(
        name, {"data": Path(), "out": Path(), "cache": None, "seed": 0}
    )[1]
    kept = options.model_dump(
        mode="json", exclude_defaults=True, exclude={"data", "out", "cache"}
    )
    assert record["options"] == kept, "the record is of other options"


def test_medmnist_becomes_a_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = {
        f"{split}_{what}": rng.integers(0, high, shape).astype(np.uint8)
        for split, n in (("train", 5), ("val", 3))
        for what, high, shape in (("images", 256, (n, 28, 28)), ("labels", 2, (n, 1)))
    }
    np.savez(tmp_path / "set.npz", **arrays)
    (tmp_path / "set").mkdir()  # by somebody who was stopped
    (tmp_path / "set" / "manifest.csv").write_text("path,label\ntrain/00000.png,normal")
    folder = as_folder(tmp_path / "set.npz", tmp_path / "set")
    table = pd.read_csv(folder / "manifest.csv")
    assert len(table) == 8
    for split, n in (("train", 5), ("val", 3)):
        for number in range(n):
            path = f"{split}/{number:05d}.png"
            found = cv2.imread(str(folder / path), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(found, arrays[f"{split}_images"][number])
            label = table.set_index("path").loc[path, "label"]
            sick = arrays[f"{split}_labels"][number, 0] == 1
            assert label == ("pneumonia" if sick else "normal")


@pytest.mark.slow
def test_runs_are_set_beside_each_other(tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    made = command("phantom", "--out", cohort, "--cases", 80, "--size", 64)
    assert made.returncode == 0, made.stderr
    folders = {}
    for name, penalty in (("baseline", 0.1), ("best", 10)):
        folders[name] = tmp_path / name
        done = command(
            "train", "--data", cohort, "--healthy", "healthy", "--outer-folds", 2,
            "--folds", 2, "--penalty", penalty, "--resamples", 100,
            "--no-baselines", "--cache", tmp_path / "cache",
            "--out", folders[name], *NETWORK,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    both = beside(folders, seed=0)
    gains = {d.metric: d.difference for d in both.gains}
    for metric in ("macro_recall", "screen_auc"):
        one, two = (both.figures(name)[metric].value for name in folders)
        assert gains[metric].value == pytest.approx(two - one)
    results = read_results(folders["best"])
    said = said_in(folders["best"], results)
    again = draws("macro_recall", resampled(said, n_resamples=1, seed=0))[0]
    assert again == pytest.approx(
        results.models[results.main].metrics["macro_recall"].value
    )
