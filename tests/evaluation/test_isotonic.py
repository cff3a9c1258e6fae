from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from hierclf.evaluation.calibration import brier_score
from hierclf.evaluation.isotonic import brier_parts, rising_fit


def sample(seed=0, n=120):
    rng = np.random.default_rng(seed)
    scores = rng.random(n).round(2)  # with ties
    sick = rng.random(n) < scores**2
    return sick, scores, rng.integers(0, 30, n), rng.integers(0, 3, (9, 30))


def test_curve_is_that_of_sklearn():
    sick, scores, owner, weights = sample()
    row = weights[0, owner]
    kept = row > 0
    levels, shares = rising_fit(sick, scores, row.astype(float))
    model = IsotonicRegression().fit(scores[kept], sick[kept], sample_weight=row[kept])
    np.testing.assert_allclose(shares, model.predict(levels))
    assert levels.tolist() == sorted(set(scores[kept].tolist()))
    assert (np.diff(shares) >= 0).all()


def test_parts_are_those_of_sklearns_curve_on_every_resample():
    sick, scores, owner, weights = sample(1)
    found = brier_parts(sick, scores, weights, owner)
    for parts, row in zip(found, weights[:, owner], strict=True):
        kept = row > 0
        y, s, w = sick[kept], scores[kept], row[kept]
        best = IsotonicRegression().fit_transform(s, y, sample_weight=w)
        plain = np.full(y.size, np.average(y, weights=w))
        raw, fitted, flat = (
            brier_score_loss(y, np.clip(answer, 0, 1), sample_weight=w)
            for answer in (s, best, plain)
        )
        np.testing.assert_allclose(parts, [raw - fitted, flat - fitted, flat])


def test_parts_add_up_to_the_brier_score():
    sick, scores, owner, weights = sample(2)
    miscalibration, discrimination, uncertainty = brier_parts(
        sick, scores, weights, owner
    ).T
    np.testing.assert_allclose(
        miscalibration - discrimination + uncertainty,
        brier_score(sick, scores, weights, owner),
    )
    assert (miscalibration >= -1e-12).all()
    assert (discrimination >= -1e-12).all()


def test_a_rising_change_of_scores_changes_miscalibration_only():
    sick, scores, *_ = sample(3)
    before, after = brier_parts(sick, scores)[0], brier_parts(sick, scores**3)[0]
    np.testing.assert_allclose(before[1:], after[1:])
    assert before[0] != pytest.approx(after[0])


def test_an_empty_resample_is_undefined():
    sick, scores, *_ = sample(4)
    assert np.isnan(brier_parts(sick, scores, np.zeros((1, sick.size)))).all()
