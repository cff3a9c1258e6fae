"""Wide tables are standardized and turned in parts."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.metalearners import front


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("components", [None, 5])
def test_wide_tables_in_parts_give_the_same_numbers(
    dtype, components, monkeypatch
) -> None:
    monkeypatch.setattr(front, "_COLUMNS_AT_ONCE", 7)
    monkeypatch.setattr(front, "_VALUES_AT_ONCE", 200)
    rng = np.random.default_rng(0)
    table = (3 + rng.normal(size=(40, 50)) * rng.uniform(0, 9, size=50)).astype(dtype)
    table[:, 20:28] = 0  # a constant column has no scale
    before, unseen = table.copy(), table[::3].astype(np.float64)
    whole = front.front_of(table, components, 0)
    expected = whole.fit_transform(table)
    parts = front.front_of(table, components, 0)
    np.testing.assert_array_equal(front.fit_front(parts, table), expected)
    np.testing.assert_array_equal(table, before)
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_array_equal(
            getattr(parts["scale"], name), getattr(whole["scale"], name)
        )
    for (_, one), (_, other) in zip(parts.steps, whole.steps, strict=True):
        assert one.get_params() == other.get_params()
        assert one.n_features_in_ == other.n_features_in_
    assert parts["scale"].n_samples_seen_ == whole["scale"].n_samples_seen_
    np.testing.assert_allclose(
        front.through(parts, table[::3]), whole.transform(unseen), rtol=1e-12
    )
