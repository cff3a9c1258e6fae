"""The page of maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.reporting.explanation_page import write_explanations
from hierclf.results.explanation import ExplanationResults


@pytest.mark.parametrize(
    ("views", "crops"),
    [
        ("tencrop", True),
        ("threecrop", True),
        ("tencrop_onepass", True),
        ("center", False),
        ("center_onepass", False),
        ("whole", False),
    ],
)
def test_maps_of_crops_are_said_to_be_put_together(
    tmp_path: Path, views: str, *, crops: bool
) -> None:
    results = ExplanationResults(
        name="knees",
        phantom=False,
        has_patients=True,
        bundle="0" * 64,
        method="gradcam",
        views=("whole", views),
        remarks=(),
        rows=(),
        localization=(),
        curves=(),
        options={},
    )
    write_explanations(tmp_path, results, {})
    told = (tmp_path / "explain.html").read_text()
    assert f"Views: whole, {views}" in told
    assert ("put back to their places" in " ".join(told.split())) == crops
