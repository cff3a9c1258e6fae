"""Scoring with a bundle that cuts out lungs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierclf.bundle.description import describe
from hierclf.bundle.info import DataSummary
from hierclf.bundle.store import load_bundle, save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.loading.scans import FrameReader
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions
from hierclf.segmentation import masks
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions
from tests.bundle.test_segmenter import make_segmenter
from tests.scoring.conftest import LABELS, write_scan


@pytest.fixture(scope="module", params=[64, 96])
def bundle(request, tmp_path_factory) -> Path:
    """Networks of one size, or of two."""
    segmenter = make_segmenter()
    rng = np.random.default_rng(0)
    scans = [rng.random((70, 80), dtype=np.float32) for _ in LABELS]
    stages = [
        NetworkClassifier(
            NetworkOptions(
                backbone="test_resnet", weights="none", image_size=size,
                views="center", precision="float32",
            ),
            preparation=segmenter,
        )
        for size in (64, request.param)
    ]  # fmt: skip
    cascade = HierarchicalClassifier(*stages, healthy="healthy", cut_point=0.5)
    cascade.fit(scans, LABELS)
    data = DataSummary(
        name="tiny",
        fingerprint="0" * 64,
        n_scans=12,
        phantom=True,
        counts=dict.fromkeys(LABELS.tolist(), 4),
    )
    folder = tmp_path_factory.mktemp("lungs") / "bundle"
    save_bundle(folder, cascade, describe(cascade, data=data, seed=0, options={}))
    return folder


def test_column_tells_where_lungs_were_found(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = tmp_path / "scans"
    paths = [write_scan(scans / f"s{k:02d}.png", k) for k in range(8)]
    (scans / "broken.png").write_bytes(b"\x89PNG")
    side = load_bundle(bundle).cascade.screen_.frame_side
    frames = [FrameReader(side).read(str(path)) for path in paths]
    lungs = load_bundle(bundle).lungs
    shares = [lungs.lungs(frame).mask.mean() for frame in frames]
    monkeypatch.setattr(masks, "LEAST_SHARE", float(np.median(shares)))

    options = ScoreOptions(
        bundle=bundle, input=scans, out=tmp_path / "scores.csv", batch_size=len(paths)
    )  # one pass of all scans, as below
    summary = score_folder(options)
    table = pd.read_csv(options.out, dtype={"lungs_found": str}).set_index("path")
    assert table["lungs_found"].isna()["broken.png"]
    loaded = load_bundle(bundle)
    found = [loaded.lungs.lungs(frame).found for frame in frames]
    assert found.count(False) == 4
    expected = ["yes" if one else "no" for one in found]
    assert table.loc[[p.name for p in paths], "lungs_found"].tolist() == expected
    assert summary.n_whole == expected.count("no")
    rows = pd.DataFrame({"path": [str(path) for path in paths]})
    told = loaded.cascade.decide(rows)
    scores = table.loc[[p.name for p in paths], "screen_score"]
    np.testing.assert_allclose(scores, told.screen_score, atol=1e-8)

    write_scan(scans / "s99.png", 99)
    again = score_folder(options.model_copy(update={"resume": True}))
    assert again.n_earlier == 9
    assert again.n_whole >= summary.n_whole
