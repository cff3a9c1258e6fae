"""What is compared in the report of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hierclf.assembly.assessment import by_argmax
from hierclf.measuring.figures import Assessor
from hierclf.problem.labels import Hierarchy


@pytest.mark.parametrize(
    ("diseased", "ordered", "metrics"),
    [
        (("b", "c"), True, ["macro_recall", "quadratic_kappa"]),
        (("b", "c"), False, ["macro_recall"]),
        (("b",), False, ["macro_recall"]),
    ],
)
def test_kappa_is_compared_where_stages_have_an_order(
    diseased, ordered, metrics
) -> None:
    labels = ["a", *diseased]
    rng = np.random.default_rng(0)
    manifest = pd.DataFrame(
        {"label": labels * 10, "patient_id": np.arange(10 * len(labels)).astype(str)}
    )
    hierarchy = Hierarchy("a", diseased, ordered)
    assessor = Assessor(manifest, hierarchy, n_resamples=100, seed=0)
    tables = rng.dirichlet(np.ones(len(labels)), size=(2, len(manifest)))
    said = {"flat": by_argmax(tables[0]), "cascade": by_argmax(tables[1])}
    found = assessor.differences(said)
    assert [one.metric for one in found] == metrics
    assert {(one.baseline, one.model) for one in found} == {("flat", "cascade")}
