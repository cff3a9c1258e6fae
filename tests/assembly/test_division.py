from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hierclf.assembly.division import divide, folds_of
from hierclf.config.commands import TrainOptions
from hierclf.data.split import write_splits
from hierclf.foundation.errors import InputError


def _manifest(splits: list[str] | None = None) -> pd.DataFrame:
    scans = [f"{k}.png" for k in range(24)]
    table = pd.DataFrame({"scan": scans, "label": list("aaabbb") * 4})
    table["patient_id"] = [f"p{k // 2}" for k in range(24)]
    return table if splits is None else table.assign(split=splits)


def _options(**told) -> TrainOptions:
    return TrainOptions.model_validate(
        {"data": "d", "out": "o", "healthy": "a", **told}
    )


@pytest.mark.parametrize("told", [{}, {"outer_folds": 3}, {"test_part": 0.5}])
def test_every_scan_is_on_one_side_with_its_patient(told):
    manifest = _manifest()
    division = divide(_options(**told), manifest, has_patients=True)
    folds = folds_of(manifest.assign(split=division.names))
    assert len(folds) == max(1, told.get("outer_folds", 0))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(24))
        who = manifest["patient_id"].to_numpy()
        assert not set(who[train]) & set(who[test])
    if len(folds) > 1:
        tested = np.concatenate([test for _, test in folds])
        assert sorted(tested) == list(range(24))
    assert "by patient" in division.how


def test_given_splits_stay_and_val_is_kept_beside_a_drawn_test_part():
    given = _manifest(["test"] * 6 + ["val"] * 6 + ["train"] * 12)
    assert divide(_options(), given, has_patients=True).names == given["split"].tolist()
    some = _manifest(["val"] * 6 + ["train"] * 18)
    names = divide(_options(), some, has_patients=True).names
    assert {"train", "test"} <= set(names)
    assert set(names[:6]) <= {"val", "test"}
    assert "val" not in names[6:]


def test_splits_file_goes_before_everything(tmp_path):
    manifest = _manifest(["train"] * 24)
    names = ["fold0"] * 12 + ["fold1"] * 12
    write_splits(tmp_path / "s.csv", manifest, names)
    options = _options(splits=tmp_path / "s.csv", outer_folds=5)
    division = divide(options, manifest, has_patients=False)
    assert division.names == names
    assert division.how.startswith("2 folds by scan (no patients known)")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["fold0"] * 6 + ["train"] * 18, "expected two folds or more"),
        (["train"] * 6 + ["fold1"] * 9 + ["test"] * 9, "expected two folds or more"),
        (["fold0"] * 24, "expected two folds or more"),
        (["train"] * 24, "expected scans to train on and scans to test"),
        (["val"] * 12 + ["test"] * 12, "expected scans to train on and scans to test"),
        (["train"] * 3 + ["test"] * 21, "got none of 'b' beside the scans of test"),
        (["fold0"] * 3 + ["fold1"] * 21, "got none of 'b' beside the scans of fold1"),
    ],
)
def test_edited_splits_that_cannot_work(splits, message):
    with pytest.raises(InputError, match=message):
        folds_of(_manifest(splits))
