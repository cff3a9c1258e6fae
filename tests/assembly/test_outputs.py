"""What a bundle keeps of the options of its run."""

from __future__ import annotations

from pathlib import Path

from hierclf.assembly import outputs
from hierclf.config.commands import TrainOptions


def test_no_option_in_a_bundle_names_a_place() -> None:
    place = "/home/jane"
    told = {"weights": f"{place}/own.pt", "weights_dir": f"{place}/weights"}
    options = TrainOptions.model_validate(
        {
            **{name: f"{place}/{name}" for name in ("data", "out", "cache", "splits")},
            "lungs": f"{place}/lungs",
            "healthy": "healthy",
            "network": told,
            "screen": told,
            "refine": {"weights": "imagenet"},
        }
    )
    kept = outputs._without_places(options)
    assert "jane" not in str(kept)
    assert kept["network"]["weights"] == kept["screen"]["weights"] == "file"
    assert kept["refine"] == {"weights": "imagenet"}
    assert options.network.weights_dir == Path(place, "weights")
