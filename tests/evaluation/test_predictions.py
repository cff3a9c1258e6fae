from __future__ import annotations

import numpy as np
import pytest

from hierclf.evaluation.predictions import predictions_of
from hierclf.foundation.errors import InputError

TABLE = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]


def test_everything_is_kept():
    said = predictions_of(
        [0, 2],
        [1, 2],
        n_classes=3,
        groups=["b", "a"],
        screen_score=[0.3, 0.9],
        probabilities=TABLE,
        refined=[2, 1],
    )
    assert said.truth.tolist() == [0, 2]
    assert said.predicted.tolist() == [1, 2]
    assert said.patients.tolist() == [1, 0]
    assert said.n_patients == 2
    np.testing.assert_array_equal(said.screen_score, [0.3, 0.9])
    np.testing.assert_array_equal(said.probabilities, TABLE)
    assert said.refined.tolist() == [2, 1]
    assert said.diseased.tolist() == [False, True]


def test_refined_is_the_most_probable_diseased_label():
    said = predictions_of([0, 2], [0, 2], n_classes=3, probabilities=TABLE)
    assert said.refined.tolist() == [1, 2]


def test_what_is_not_given_is_absent():
    said = predictions_of([0, 1], [0, 1], n_classes=2)
    assert said.screen_score is None
    assert said.probabilities is None
    assert said.refined is None
    assert said.n_patients == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"truth": [0, 3]}, "truth, scan 1: expected a position from 0 to 2, got 3"),
        ({"predicted": [0, -1]}, "predicted, scan 1: expected a position"),
        ({"predicted": [0]}, "predicted: expected a position for each of 2 .* got 1"),
        ({"refined": [0, 1]}, "refined, scan 0: expected a position from 1 to 2"),
        ({"refined": [1, 1, 1]}, "refined: expected a position for each of 2 scans"),
        ({"screen_score": [0.1, 2.0]}, "screen score, scan 1: .* got 2.0"),
        (
            {"screen_score": TABLE},
            r"screen score: expected a flat array, got .*\(2, 3\)",
        ),
        (
            {"probabilities": [[0.5, 0.5]] * 2},
            r"probabilities: expected shape \(2, 3\)",
        ),
        ({"probabilities": [0.5, 0.5]}, r"probabilities: .* got \(2,\)"),
        ({"probabilities": [[0.5, 0.5, np.nan]] * 2}, "probabilities, scan 0: .* nan"),
        ({"groups": ["a"]}, "groups: expected a patient for each of 2 scans"),
    ],
)
def test_what_is_wrong_is_refused(wrong, message):
    right = {"truth": [0, 2], "predicted": [1, 2], "n_classes": 3}
    with pytest.raises(InputError, match=message):
        predictions_of(**(right | wrong))
