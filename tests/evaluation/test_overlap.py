"""Dice against F1 of scikit-learn, which is the same number by another way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from hierclf.evaluation.overlap import dice

MASKS = arrays(np.bool_, (4, 5), elements=st.booleans())


@given(MASKS, MASKS)
def test_dice_is_f1_of_pixels(found: np.ndarray, truth: np.ndarray) -> None:
    got = dice(found, truth)
    assert got == dice(truth, found) or np.isnan(got)
    if found.any() or truth.any():
        expected = f1_score(truth.ravel(), found.ravel(), zero_division=0.0)
        assert got == pytest.approx(expected)
    else:
        assert np.isnan(got)
