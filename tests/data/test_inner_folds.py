from __future__ import annotations

import numpy as np
import pytest

from hierclf.data.inner_folds import inner_folds
from hierclf.foundation.errors import InputError


def test_one_class_with_its_rare_kin_is_folded():
    y, who = np.array(list("aaaaab")), np.arange(6)
    folds = inner_folds(y, who, n_folds=3, seed=0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(6))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(6))


def test_rare_class_counts_as_its_kin_and_not_as_the_commonest():
    y = np.array(["h"] * 8 + ["s"] * 4 + ["t"])
    who, kin = np.arange(13), (y != "h").astype(int)
    for train, _ in inner_folds(y, who, n_folds=2, seed=0, kin=kin):
        n_diseased = int((y[train] != "h").sum())
        assert 2 <= n_diseased <= 3  # five diseased, halved


def test_lone_healthy_patient_is_named():
    y = np.array(["healthy", *["mild"] * 6])
    with pytest.raises(InputError, match=r"labelled healthy .* give --cut-point"):
        inner_folds(
            y, np.arange(7), n_folds=3, seed=0, kin=(y != "healthy").astype(int)
        )
