from __future__ import annotations

import numpy as np
import pytest

from hierclf.evaluation.wards import labelled, unlabelled, ward_drawer
from hierclf.foundation.errors import InputError


def test_reference_needs_both_kinds_and_different_scores():
    with pytest.raises(InputError, match=r"expected healthy and diseased scans"):
        labelled([True, True], [0.1, 0.2])
    with pytest.raises(InputError, match=r"scores from 0\.5 to 0\.5"):
        labelled([True, False], [0.5, 0.5])
    with pytest.raises(InputError, match=r"reference score"):
        labelled([True, False], [0.5, 1.5])


def test_patients_are_coded():
    reference = labelled([1, 0, 1], [0.9, 0.1, 0.8], ["b", "a", "b"])
    assert reference.patients.tolist() == [1, 0, 1]
    assert reference.n_patients == 2
    assert reference.prevalence == pytest.approx(2 / 3)
    ward = unlabelled([0.2, 0.4])
    assert ward.patients.tolist() == [0, 1]
    assert ward.n_patients == 2


def test_whole_patients_are_drawn_and_both_kinds_apart():
    patients = np.repeat(np.arange(60), 3)
    diseased = patients % 2 == 0
    diseased[0] = False  # one patient has both
    reference = labelled(diseased, np.linspace(0, 1, 180), patients)
    draw = ward_drawer(reference, np.random.default_rng(0))
    sick = []
    for _ in range(400):
        weights = draw(90, 0.3)
        for patient in range(60):
            for kind in (True, False):
                mine = weights[(patients == patient) & (diseased == kind)]
                assert mine.size == 0 or (mine == mine[0]).all()
        assert abs(weights.sum() - 90) <= 9  # patients have three scans
        sick.append(weights[diseased].sum() / weights.sum())
    assert np.mean(sick) == pytest.approx(0.3, abs=0.01)
    assert np.std(sick) == pytest.approx(np.sqrt(0.21 / 90), rel=0.15)


def test_a_ward_of_one_kind_can_be_drawn():
    reference = labelled([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    draw = ward_drawer(reference, np.random.default_rng(0))
    assert draw(10, 0.0)[2:].sum() == 0
    assert draw(10, 1.0)[:2].sum() == 0
