from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from hierclf.cascade.curve import sweep
from hierclf.cascade.curve_interval import bootstrap_curve
from hierclf.cascade.cut_point import choose_cut_point, parse_rule
from hierclf.results.cut_point import CutPointFigures, cut_point_figures


def make(curve, choice, interval):
    return cut_point_figures(
        curve, choice, interval, n_scans=9, n_patients=None, how="held out"
    )


def test_every_column_is_that_of_the_curve(sample):
    found = make(sample.curve, sample.choice, sample.interval)
    for name in ("thresholds", "macro_recall", "sensitivity", "specificity"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sample.curve, name))
    np.testing.assert_array_equal(found.low, sample.interval.macro_recall_low)
    np.testing.assert_array_equal(found.high, sample.interval.macro_recall_high)
    assert found.index == sample.choice.index
    assert found.threshold == sample.choice.threshold
    assert found.value == sample.choice.macro_recall
    assert found.threshold_low == sample.interval.threshold_low
    assert found.threshold_high == sample.interval.threshold_high
    assert (found.n_scans, found.n_patients, found.how) == (9, None, "held out")
    assert found.rows == tuple(range(19))
    assert CutPointFigures.model_validate_json(found.model_dump_json()) == found


def test_undefined_bounds_are_none(sample):
    low = sample.interval.macro_recall_low.copy()
    low[2] = np.nan
    interval = replace(sample.interval, macro_recall_low=low, threshold_low=np.nan)
    found = make(sample.curve, sample.choice, interval)
    assert found.low[2] is None
    assert None not in found.low[3:]
    assert found.threshold_low is None


def test_a_long_curve_keeps_bounded_points_and_the_chosen_one():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 300)
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.15), 0, 1)
    refined = np.ones(600, dtype=int)
    rule = parse_rule("youden")
    curve = sweep(truth, scores, refined, n_classes=2, points="all")
    interval = bootstrap_curve(
        truth,
        scores,
        refined,
        n_classes=2,
        groups=None,
        rule=rule,
        points="all",
        n_resamples=20,
    )
    choice = choose_cut_point(curve, rule)
    absent = np.setdiff1d(np.arange(curve.thresholds.size), [choice.index])
    other = curve.thresholds[absent[5]]
    assert other not in interval.thresholds
    moved = choice.model_copy(
        update={"index": int(absent[5]), "threshold": float(other)}
    )
    found = make(curve, moved, interval)
    assert len(found.thresholds) == 201
    assert set(found.thresholds) == {*interval.thresholds.tolist(), float(other)}
    assert found.low[found.index] is None
    assert found.low.count(None) == 1
    place = np.flatnonzero(curve.thresholds == found.thresholds[100])[0]
    assert found.sensitivity[100] == curve.sensitivity[place]
    assert found.high[100] in interval.macro_recall_high
    assert found.index in found.rows
    assert found.rows[0] == 0
    assert found.rows[-1] == 200
    assert 24 <= len(found.rows) <= 25


def test_columns_of_other_lengths_are_refused(sample):
    whole = make(sample.curve, sample.choice, sample.interval).model_dump()
    with pytest.raises(ValidationError, match="not of the same length"):
        CutPointFigures(**{**whole, "low": whole["low"][1:]})


def test_a_cut_point_off_the_curve_is_refused(sample):
    whole = make(sample.curve, sample.choice, sample.interval).model_dump()
    with pytest.raises(ValidationError, match="threshold is none of thresholds"):
        CutPointFigures(**{**whole, "threshold": 0.123})
