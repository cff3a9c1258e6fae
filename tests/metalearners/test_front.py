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
    np.testing.assert_array_equal(front.fit_front(parts, table, alike=False), expected)
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


def test_columns_that_hardly_spread_stay_small_among_their_kind() -> None:
    """Noise of a channel that is next to dead is no signal."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 6)) * [1.0, 1.0, 1.0, 1.0, 1e-6, 0.0]
    pipeline = front.front_of(table, None, 0)
    alike = front.fit_front(pipeline, table, alike=True)
    np.testing.assert_allclose(alike[:, :4].std(axis=0), 1)
    assert alike[:, 4:].std(axis=0).max() < 1e-4
    far = front.through(pipeline, table[:1] + np.array([0, 0, 0, 0, 1e-3, 1e-3]))
    assert np.abs(far[0, 4:]).max() < 0.05
    plain = front.fit_front(front.front_of(table, None, 0), table, alike=False)
    np.testing.assert_allclose(plain[:, 4].std(), 1)  # a table's columns have units
