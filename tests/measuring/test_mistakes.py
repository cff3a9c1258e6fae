from __future__ import annotations

import numpy as np
import pandas as pd
from PIL import Image

from hierclf.cascade.decisions import Decisions
from hierclf.measuring.mistakes import thumbnails, worst_mistakes
from hierclf.problem.labels import Hierarchy

HIERARCHY = Hierarchy("healthy", ("one", "two"), ordered=True)
#        scan: a    b    c    d    e    f    g    h
TRUTH = [0, 0, 0, 1, 2, 1, 1, 2]
SAID = [1, 2, 1, 0, 0, 2, 2, 2]
SCORE = [0.6, 0.9, 0.8, 0.3, 0.1, 0.7, 0.8, 0.9]
PATIENT = ["p", "q", "q", "r", "s", "t", "u", "v"]


def make():
    inner = np.array([0.9, 0.2, 0.7, 0.5, 0.5, 0.4, 0.1, 0.2])
    score = np.array(SCORE)
    table = np.column_stack([1 - score, score * inner, score * (1 - inner)])
    said = Decisions(
        screen_score=score,
        probabilities=table,
        refined=np.maximum(SAID, 1),
        decided=np.array(SAID),
        view_spread=None,
    )
    manifest = pd.DataFrame(
        {
            "scan": list("abcdefgh"),
            "label": [HIERARCHY.labels[k] for k in TRUTH],
            "patient_id": PATIENT,
        },
        dtype=object,
    )
    return said, manifest, table


def by_kind(found):
    told = {}
    for one in found:
        told.setdefault(one.kind, []).append(one.scan)
    return told


def test_the_surest_come_first_one_of_each_patient():
    said, manifest, table = make()
    found = worst_mistakes(said, manifest, HIERARCHY, 6)
    assert by_kind(found) == {
        "false positive": ["b", "a"],  # c is of the patient of b
        "false negative": ["e", "d"],
        "wrong label": ["g", "f"],
    }
    first = found[0]
    assert (first.label, first.predicted) == ("healthy", "two")
    assert (first.screen_score, first.probability) == (0.9, table[1, 2])
    assert found[2].probability == table[4, 0]


def test_no_more_than_asked_for():
    said, manifest, _ = make()
    found = by_kind(worst_mistakes(said, manifest, HIERARCHY, 1))
    assert [len(scans) for scans in found.values()] == [1, 1, 1]
    assert worst_mistakes(said, manifest, HIERARCHY, 0) == ()


def test_scans_that_went_away_have_no_picture(tmp_path):
    said, manifest, _ = make()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).resize(
        (40, 40)
    ).save(tmp_path / "b.png")
    paths = [str(tmp_path / f"{name}.png") for name in manifest["scan"]]
    found = worst_mistakes(said, manifest, HIERARCHY, 6)
    pictures = thumbnails(found, manifest.assign(path=paths))
    assert list(pictures) == ["b"]
    assert pictures["b"].startswith(b"\xff\xd8")
