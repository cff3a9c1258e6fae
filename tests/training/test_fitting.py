from __future__ import annotations

import numpy as np
import pytest
import torch

from hierclf.training import fitting
from hierclf.training.fitting import Exam
from hierclf.training.options import NetworkOptions
from hierclf.transforms.augment import AugmentOptions


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


@pytest.mark.parametrize(
    ("views", "crop", "side", "share"),
    [
        ("tencrop", 0.8, 224, 0.8),
        ("tencrop_onepass", 0.8, 256, 0.8 * 8 / 7),
        ("center_onepass", 0.9, 256, 1.0),
    ],
)
def test_what_is_learned_from_is_as_large_as_what_is_seen(
    views, crop, side, share, monkeypatch
):
    """A pixel of a whole frame is magnified as one of a crop would be."""
    asked = []
    monkeypatch.setattr(fitting, "make_augmentation", lambda *told: asked.append(told))
    augment = AugmentOptions(crop=crop)
    fitting._augmentation(NetworkOptions(views=views, augment=augment))
    ((found, size),) = asked
    assert size == side
    assert found.crop == pytest.approx(share)
