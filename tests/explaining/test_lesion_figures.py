"""What maps are compared with, and means over scans with a lesion."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.explaining import lesion_figures as module
from hierclf.explaining.cases import Case, Look
from hierclf.explaining.explained import Explained
from hierclf.explaining.lesion_figures import CHANCE, OTHER, RANDOM, LesionMeter
from hierclf.explaining.map_summary import lesion_figures
from hierclf.explanation.localization import localize
from hierclf.explanation.stage_map import StageMap

SIDE = 16


def stage_map(seed: int) -> StageMap:
    heat = np.random.default_rng(seed).random((SIDE, SIDE)).astype(np.float32)
    seen = np.ones((SIDE, SIDE), dtype=bool)
    return StageMap("screen", "diseased", 0.9, {"gradcam": heat}, {}, seen, ())


def explained(number: int, patient: str, *, sick: bool = True) -> Explained:
    lesion = np.zeros((SIDE, SIDE), dtype=bool)
    if sick:
        lesion[number : number + 3, 2:6] = True
    case = Case(f"scan{number}", "", patient, truth="ab"[number % 2])
    look = Look(case, pixels=np.zeros((4, 4)), shape=(SIDE, SIDE), lesion=lesion)
    return Explained(look, "diseased", "a", 0.9, 0.9, "", stage_map(number), None)


class Twins:
    """Stands for an explainer: twin number n draws the maps of seeds from 100 n."""

    screen = refine = None

    def maps_of(self, twin, pixels, asked, scores):
        return [stage_map(100 * (twin + 1) + place) for place in range(len(pixels))]


@pytest.fixture
def meter(monkeypatch) -> LesionMeter:
    monkeypatch.setattr(module, "random_twin", lambda model, seed, number: number)
    found = LesionMeter(Twins(), n_random=2, seed=0)
    found.add([explained(0, "p"), explained(1, "p"), explained(9, "w", sick=False)])
    found.add([explained(2, "q"), explained(3, "q"), explained(4, "r")])
    return found


def records(meter: LesionMeter, name: str) -> dict[str, dict]:
    return {one["scan"]: one for one in meter.records if one["map"] == name}


def test_the_other_map_is_of_the_last_scan_of_another_patient(meter) -> None:
    found = records(meter, OTHER)
    assert set(found) == {"scan2", "scan3", "scan4"}  # the first patient has none
    for scan, other in ((2, 1), (3, 1), (4, 3)):
        lesion = explained(scan, "").look.lesion
        expected = localize(stage_map(other).heats["gradcam"], lesion)
        assert found[f"scan{scan}"]["energy"] == pytest.approx(expected["energy"])
        assert found[f"scan{scan}"]["pointing"] == expected["pointing"]


def test_random_networks_are_averaged(meter) -> None:
    found = records(meter, RANDOM)
    lesion = explained(3, "").look.lesion
    seeds = (101, 201)  # the second scan of its batch
    expected = [localize(stage_map(s).heats["gradcam"], lesion) for s in seeds]
    mean = np.mean([figures["overlap"] for figures in expected])
    assert found["scan3"]["overlap"] == pytest.approx(mean)


def test_scans_without_lesion_are_not_measured(meter) -> None:
    assert set(records(meter, CHANCE)) == {f"scan{number}" for number in range(5)}


def test_figures_are_means_and_gains_are_paired(meter) -> None:
    found = lesion_figures(meter.records, n_resamples=100, seed=0)
    told = {(one.group, one.map): one for one in found}
    assert {group for group, _ in told} == {"", "a", "b"}
    own, other = records(meter, "gradcam"), records(meter, OTHER)
    every = told["", "gradcam"]
    assert (every.n_scans, every.n_patients) == (5, 3)
    energies = [one["energy"] for one in own.values()]
    assert every.figures["energy"].value == pytest.approx(np.mean(energies))
    assert every.figures["energy_in_lungs"].value is None
    gains = [own[scan]["energy"] - one["energy"] for scan, one in other.items()]
    gain = told["", OTHER].gains["energy"]
    assert gain.value == pytest.approx(np.mean(gains))
    assert min(gains) <= gain.low <= gain.value <= gain.high <= max(gains)
    assert told["a", "gradcam"].n_scans == 3


def test_one_patient_has_no_figures() -> None:
    meter = LesionMeter(Twins(), n_random=0, seed=0)
    meter.add([explained(0, "p"), explained(1, "p")])
    assert lesion_figures(meter.records, n_resamples=100, seed=0) == ()
    assert lesion_figures([], n_resamples=100, seed=0) == ()
