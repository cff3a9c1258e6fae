from __future__ import annotations

import numpy as np
import pytest
import torch

from hierclf.training.fitting import Exam


def test_exam_marks_by_cross_entropy_and_macro_recall():
    targets = np.array([0, 0, 0, 1, 1, 2])
    logits = torch.log(
        torch.tensor(
            [
                [0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1],  # two of three
                [0.1, 0.8, 0.1], [0.5, 0.4, 0.1],  # one of two
                [0.3, 0.5, 0.2],  # none of one
            ]
        )
    )  # fmt: skip
    loss, recall = Exam([], targets).mark(logits)
    said = np.array([0.8, 0.6, 0.2, 0.8, 0.4, 0.2])
    assert loss == pytest.approx(-np.log(said).mean())
    assert recall == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
