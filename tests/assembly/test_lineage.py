"""What is said of weights that were learned from tested scans."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from hierclf.assembly import lineage
from hierclf.assembly.lineage import with_lineage
from hierclf.assembly.scans import RunData
from hierclf.data.dataset import Dataset

TRAINED = {"network": {"part": "all", "weights": "imagenet"}, "screen": {}}
FROZEN = {"network": {"part": "head", "weights": "imagenet"}, "screen": {}}
CHAINED = {"network": {"part": "head", "weights": "file"}, "screen": {}}
OF_ONE_STAGE = {"network": FROZEN["network"], "screen": {"part": "last"}}


def run_data(tmp_path, splits) -> RunData:
    patients = ["p", "q", "r", "s", "q"]  # two scans of q
    manifest = pd.DataFrame({"split": splits, "patient_id": patients[: len(splits)]})
    dataset = Dataset(
        manifest, tmp_path, has_patients=True, remarks=("first.",), fingerprint="f"
    )
    digests = tuple("abcdef"[: len(splits)])
    return RunData(dataset, (), phantom=False, digests=digests, n_patients_found=3)


@pytest.mark.parametrize(
    ("splits", "known", "options", "told"),
    [
        (["train"] * 3 + ["test"] * 2, "ac", TRAINED, None),
        (["train"] * 3 + ["test"] * 2, "acd", TRAINED, "1 of 2 tested scans is"),
        (["train"] * 3 + ["test"] * 2, "acd", CHAINED, "1 of 2 tested scans is"),
        (["train"] * 3 + ["test"] * 2, "acd", OF_ONE_STAGE, "1 of 2 tested scans is"),
        (["train"] * 3 + ["test"] * 2, "abc", TRAINED, "1 of 2 tested scans is"),
        (["train"] * 3 + ["test"] * 2, "abcde", {}, "2 of 2 tested scans are"),
        (["train"] * 3 + ["test"] * 2, "abcde", FROZEN, None),
        (["fold1", "fold1", "fold2", "fold2"], "a", TRAINED, "1 of 4 tested scans is"),
    ],
)
def test_tested_scans_that_taught_the_weights(
    splits, known, options, told, tmp_path, monkeypatch
) -> None:
    asked = []

    def read_info(folder):
        asked.append(folder)
        data = SimpleNamespace(digests=tuple(known))
        return SimpleNamespace(data=data, options=options)

    monkeypatch.setattr(lineage, "read_info", read_info)
    weights = ["imagenet", str(tmp_path), str(tmp_path), str(tmp_path / "file.pt")]
    found = with_lineage(run_data(tmp_path, splits), weights).dataset.remarks
    assert asked == [tmp_path]
    assert found[0] == "first."
    assert len(found) == (1 if told is None else 2)
    assert told is None or found[1].startswith(told)
