"""``evaluate`` with several bundles."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from hierclf.bundle.store import load_bundle
from hierclf.results.run import RunResults
from tests.commands.conftest import command


@pytest.fixture(scope="module")
def other(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the same split, that looks at scans in another way, by OpenVINO."""
    pytest.importorskip("openvino")
    out = tmp_path_factory.mktemp("other") / "run"
    done = command(
        "train", "--data", cohort, "--healthy", "healthy", "--ordered",
        "--stages", "stage1,stage2,stage3",
        "--splits", cohort.parent / "run" / "splits.csv",
        "--backbone", "test_resnet", "--weights", "none", "--image-size", 48,
        "--views", "whole", "--precision", "float32", "--no-baselines",
        "--runtime", "openvino",
        "--resamples", 200, "--cache", cohort.parent / "cache", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def evaluated(cohort: Path, out: Path, *more: object):
    return command(
        "evaluate", "--data", cohort, "--resamples", 200, "--out", out,
        "--cache", cohort.parent / "cache", *more,
    )  # fmt: skip


@pytest.mark.slow
def test_bundles_are_compared_on_the_same_scans(
    trained: Path, other: Path, cohort: Path, tmp_path: Path
) -> None:
    """Recomputed with scikit-learn from predictions.csv."""
    out = tmp_path / "e"
    done = evaluated(
        cohort, out, "--bundle", trained / "bundle", "--bundle", other / "bundle",
        "--splits", trained / "splits.csv", "--split", "test",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = RunResults.from_json((out / "results.json").read_text())
    table = pd.read_csv(out / "predictions.csv", dtype={"label": str})
    told = results.comparison
    assert told is not None
    old, new = (bundle.name for bundle in told.bundles)
    assert [b.looks for b in told.bundles] == [
        "test_resnet, center view of 32 px; run by eager",
        "test_resnet, whole view of 48 px; run by openvino",
    ]
    assert results.versions["runtime"] == "eager"  # of the first
    assert [b.digest for b in told.bundles] == [
        load_bundle(run / "bundle").digest for run in (trained, other)
    ]
    assert list(results.digests) == [old, new]
    gains = {d.metric: d.difference.value for d in told.differences}
    recalls = [
        recall_score(table["label"], table[f"{name}: predicted"], average="macro")
        for name in (old, new)
    ]
    assert gains["macro_recall"] == pytest.approx(recalls[1] - recalls[0])
    sick = table["label"] != "healthy"
    areas = [roc_auc_score(sick, table[f"{name}: screen_score"]) for name in (old, new)]
    assert gains["screen_auc"] == pytest.approx(areas[1] - areas[0])
    assert told.areas[0].difference.value == pytest.approx(areas[1] - areas[0])
    assert (table[f"{old}: predicted"] == table["predicted"]).all()
    alone = pd.read_csv(other / "predictions.csv").set_index("path").loc[table["path"]]
    own = table[f"{new}: screen_score"]
    np.testing.assert_allclose(own, alone["screen_score"], atol=1e-6)
    assert (table[f"{new}: predicted"].to_numpy() == alone["predicted"]).all()
    assert not np.allclose(own, table["screen_score"], atol=1e-3)
    assert not table[[f"{old}: trained_on", f"{new}: trained_on"]].any(axis=None)
    lines = done.stdout.splitlines()
    first = lines.index(
        "each bundle on these scans (phantom): macro recall, screen AUC, cut point"
    )
    for line, bundle, recall, area in zip(
        lines[first + 1 : first + 3], told.bundles, recalls, areas, strict=True
    ):
        assert re.fullmatch(
            rf"  {bundle.name} +{recall:.3f} \[.*\]  {area:.3f} \[.*\]  "
            rf"{bundle.cut_point:.3g}",
            line,
        )
    assert f"{new} minus {old} (phantom):" in done.stdout
    assert re.search(r"^  macro_recall .*\[.*not shown|^  macro_recall .*: the whole",
                     done.stdout, re.M)  # fmt: skip
    assert results.calibration is not None
    assert results.calibration.share == pytest.approx(sick.mean())
    page = (out / "report.html").read_text()
    assert "Bundles compared" in page
    assert "PHANTOM, no patients. Differences to" in page


@pytest.mark.slow
def test_a_bundle_is_remarked_on_by_name(
    trained: Path, other: Path, cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "e"
    both = f"{trained / 'bundle'},{other / 'bundle'}"
    done = evaluated(cohort, out, "--bundle", both, "--margin", 0.05)
    assert done.returncode == 0, done.stderr
    results = RunResults.from_json((out / "results.json").read_text())
    assert results.comparison is not None
    for bundle in results.comparison.bundles:
        assert bundle.n_known > 0
        (remark,) = [r for r in results.data.remarks if f"of {bundle.name}:" in r]
        assert remark.startswith(f"{bundle.n_known} of these 90 scans")
    table = pd.read_csv(out / "predictions.csv")
    known = [table[f"{b.name}: trained_on"].sum() for b in results.comparison.bundles]
    np.testing.assert_array_equal(
        known, [b.n_known for b in results.comparison.bundles]
    )
    assert "a loss of 5\xa0points or more is" in done.stdout


@pytest.mark.slow
def test_other_labels_are_refused(
    trained: Path, other: Path, cohort: Path, tmp_path: Path
) -> None:
    two = pd.read_csv(cohort / "manifest.csv", dtype=str)
    two = two[two["label"].isin(["healthy", "stage1"])]
    few = cohort / "two.csv"
    two.to_csv(few, index=False)
    done = command(
        "train", "--data", few, "--healthy", "healthy", "--backbone", "test_resnet",
        "--weights", "none", "--image-size", 32, "--views", "center", "--no-baselines",
        "--resamples", 100, "--cache", cohort.parent / "cache",
        "--out", tmp_path / "two", "--precision", "float32",
    )  # fmt: skip
    few.unlink()
    assert done.returncode == 0, done.stderr
    done = evaluated(
        cohort, tmp_path / "e", "--bundle", trained / "bundle",
        "--bundle", tmp_path / "two" / "bundle",
    )  # fmt: skip
    assert done.returncode == 2
    assert re.match(
        r"bundle two: expected the labels of run \(healthy, stage1, stage2, stage3\), "
        r"healthy first and in this order, got healthy, stage1\. ",
        done.stderr.splitlines()[-1],
    )
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--bundle", "{0}", "--bundle", "{0}"),
         "bundle: expected different folders, got '{0}' twice."),
        (("--bundle", "{0}", "--margin", "0.02"),
         "margin: expected several bundles beside it, got {0}."),
        (("--bundle", "{0}", "--margin", "2"),
         "margin: expected less than 1, got '2'."),
        (("--bundle", ","), "bundle: expected names separated by commas, got [',']."),
        ((), "bundle: expected a value, got none. Add --bundle."),
    ],
)  # fmt: skip
def test_wrong_bundles_are_refused(
    trained: Path, cohort: Path, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    bundle = str(trained / "bundle")
    done = evaluated(cohort, tmp_path / "e", *(f.format(bundle) for f in flags))
    assert done.returncode == 2
    assert message.format(bundle) in done.stderr


def test_a_folder_with_a_comma_in_its_name(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    odd = shutil.copytree(trained / "bundle", tmp_path / "a,b")
    done = evaluated(cohort, tmp_path / "e", "--bundle", odd)
    assert done.returncode == 0, done.stderr
