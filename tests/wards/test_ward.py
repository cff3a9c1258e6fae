"""Scans of a ward, before anything is tested."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hierclf.wards.ward import scope_remarks


def _bundle(excess):
    gate = SimpleNamespace(excess=lambda features: features[:, 0])
    return SimpleNamespace(guards=SimpleNamespace(gate=gate if excess else None))


@pytest.mark.parametrize(("n_out", "told"), [(0, False), (1, False), (2, True)])
def test_a_ward_of_other_scans_is_said_to_be_one(n_out, told):
    features = np.full((20, 3), -1.0)
    features[:n_out] = np.array([[0.5], [np.nan]])[:n_out]
    remarks = scope_remarks(_bundle(True), features)
    assert bool(remarks) == told
    if told:
        assert remarks[0].startswith("2 of 20 scans are out of scope")


def test_without_a_gate_nothing_is_said():
    assert scope_remarks(_bundle(False), np.ones((20, 3))) == ()
    assert scope_remarks(_bundle(True), None) == ()
