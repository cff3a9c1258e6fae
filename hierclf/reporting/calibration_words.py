"""What the figures of calibration are called and mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hierclf.results.metric_words import Metric

CALIBRATION: Mapping[str, Metric] = MappingProxyType(
    {
        "gap": Metric(
            "Share diseased minus mean score",
            True,
            "0 is right; above 0 the scores are too low on the whole",
        ),
        "intercept": Metric(
            "Calibration intercept",
            False,
            "the same in logits, at a slope of 1; 0 is right, below 0 the scores are "
            "too high on the whole",
        ),
        "slope": Metric(
            "Calibration slope",
            False,
            "1 is right; below 1 the scores are surer than they should be, above 1 "
            "less sure",
        ),
        "brier": Metric(
            "Brier score",
            False,
            "mean squared error of the score: miscalibration minus discrimination plus "
            "uncertainty",
        ),
        "miscalibration": Metric(
            "Miscalibration",
            False,
            "what of it the best rising curve over the scores would save",
        ),
        "discrimination": Metric(
            "Discrimination",
            False,
            "what so corrected scores save beside always answering the share diseased",
        ),
        "uncertainty": Metric(
            "Uncertainty",
            False,
            "the Brier score of always answering the share diseased",
        ),
        "ece_equal_mass": Metric(
            "Expected calibration error, equal groups",
            False,
            "mean distance of share and score over groups of about equally many scans",
        ),
        "ece_equal_width": Metric(
            "Expected calibration error, equal stretches",
            False,
            "the same over equally long stretches of the score",
        ),
    }
)
"""Name in `hierclf.evaluation.calibration_figures` to its wording, in the order of the
table."""
