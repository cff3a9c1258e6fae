"""How the cascade of a run is fitted."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from hierclf.assembly import assessment
from hierclf.foundation.errors import InputError


def test_the_views_that_cannot_be_fitted_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten crops may reach a target that fewer views do not."""
    fewer = SimpleNamespace()
    builder = SimpleNamespace(
        options=SimpleNamespace(try_views="threecrop", candidates=()),
        looking_by=lambda _: fewer,
    )

    def fit(one: object, _: object) -> None:
        if one is fewer:
            raise InputError("cut_point: expected 0.98. Lower the target.")

    monkeypatch.setattr(assessment, "_fit", fit)
    with pytest.raises(InputError, match="try_views, threecrop: cut_point: expected"):
        assessment._fit_candidates(builder, pd.DataFrame())  # type: ignore[arg-type]
