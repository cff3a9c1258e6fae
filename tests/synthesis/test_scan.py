"""Phantom scans: what the stage changes, and what it must not change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from hierclf.synthesis.anatomy import FRAME_CM
from hierclf.synthesis.opacities import GRADES
from hierclf.synthesis.scan import Drawing, draw_scan

STAGES = tuple(GRADES)
DISEASED = STAGES[1:]
N_PATIENTS = 24


@pytest.fixture(scope="module")
def gallery() -> dict[str, list[Drawing]]:
    """The same patients in every stage."""
    return {
        stage: [draw_scan(stage, patient=p, size=128) for p in range(N_PATIENTS)]
        for stage in STAGES
    }


def _has_mass(drawing: Drawing) -> bool:
    """Whether the lesions hold a disk wider than 2 cm."""
    reach = len(drawing.image) // 40
    disk = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    return bool(ndimage.binary_erosion(drawing.lesion_mask, disk).any())


def _spottiness(drawing: Drawing) -> float:
    """Mean strength of bright spots of opacity size inside the lungs."""
    inner = ndimage.binary_erosion(drawing.lung_mask, iterations=4)
    response = -ndimage.gaussian_laplace(drawing.image, 1.5)
    return float(np.maximum(response, 0)[inner].mean())


@pytest.mark.parametrize("stage", STAGES)
def test_a_drawing_is_what_it_says(gallery, stage: str) -> None:
    for drawing in gallery[stage]:
        assert drawing.stage == stage
        assert drawing.image.dtype == np.float32
        assert drawing.image.shape == (128, 128)
        assert 0 <= drawing.image.min() < 0.1
        assert 0.85 < drawing.image.max() <= 1
        assert drawing.lung_mask.dtype == drawing.lesion_mask.dtype == bool


def test_the_same_numbers_draw_the_same_scan() -> None:
    first = draw_scan("stage2", seed=5, patient=2, scan=1, size=64)
    again = draw_scan("stage2", seed=5, patient=2, scan=1, size=64)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.lesion_mask, again.lesion_mask)


@pytest.mark.parametrize("other", [{"seed": 6}, {"patient": 3}, {"scan": 2}])
def test_other_numbers_draw_another_scan(other: dict[str, int]) -> None:
    numbers = {"seed": 5, "patient": 2, "scan": 1}
    first = draw_scan("stage2", **numbers, size=64)
    assert not np.array_equal(
        first.image, draw_scan("stage2", **(numbers | other), size=64).image
    )


@pytest.mark.parametrize("stage", DISEASED)
def test_the_stage_changes_nothing_but_the_lungs(gallery, stage: str) -> None:
    for well, sick in zip(gallery["healthy"], gallery[stage], strict=True):
        assert np.array_equal(well.lung_mask, sick.lung_mask)
        outside = ~well.lung_mask
        assert np.array_equal(well.image[outside], sick.image[outside])
        away = ~ndimage.binary_dilation(sick.lesion_mask, iterations=6)
        assert np.abs(well.image - sick.image)[away].max() < 0.03
        brighter = (sick.image - well.image)[sick.lesion_mask]
        assert brighter.mean() > 0.04


def test_lesions_lie_inside_the_lungs(gallery) -> None:
    for stage in DISEASED:
        for drawing in gallery[stage]:
            assert drawing.lesion_mask.any()
            assert not (drawing.lesion_mask & ~drawing.lung_mask).any()


def test_healthy_lungs_have_no_lesion(gallery) -> None:
    for drawing in gallery["healthy"]:
        assert not drawing.lesion_mask.any()
        assert drawing.profusion == 0


def test_the_lesion_mask_shows_the_counted_opacities() -> None:
    shares = []
    for patient in range(8):
        drawing = draw_scan("stage1", patient=patient, size=512)
        half = FRAME_CM / 2  # poses magnify by a few percent only
        area = drawing.lung_mask.mean() * (2 * half) ** 2 / 100
        shares.append(ndimage.label(drawing.lesion_mask)[1] / area / drawing.profusion)
    # touching opacities count as one, and magnification moves the area
    assert 0.75 < np.mean(shares) < 1.05


def test_some_healthy_lungs_look_more_spotted_than_some_sick_ones(gallery) -> None:
    seen = {s: [_spottiness(d) for d in gallery[s]] for s in STAGES}
    for milder, graver in zip(STAGES, DISEASED, strict=False):
        assert max(seen[milder]) > min(seen[graver])
        assert np.mean(seen[milder]) < np.mean(seen[graver])


def test_large_opacities_mark_most_but_not_all_of_stage_three() -> None:
    share = {
        stage: np.mean(
            [
                _has_mass(draw_scan(stage, seed=2, patient=p, size=128))
                for p in range(40)
            ]
        )
        for stage in DISEASED
    }
    assert share["stage1"] == 0
    assert 0 < share["stage2"] < 0.35
    assert 0.6 < share["stage3"] < 1


def test_the_lesion_mask_covers_what_is_plainly_seen(gallery) -> None:
    for stage in DISEASED:
        for well, sick in zip(gallery["healthy"], gallery[stage], strict=True):
            plain = sick.image - well.image > 0.15
            assert (sick.lesion_mask & plain).sum() >= 0.97 * plain.sum()


def test_large_opacities_prefer_the_upper_half(gallery) -> None:
    heights = []
    for drawing in gallery["stage3"]:
        rows = np.flatnonzero(drawing.lung_mask.any(axis=1))
        core = ndimage.binary_erosion(drawing.lesion_mask, np.ones((7, 7)))
        heights += (np.flatnonzero(core.any(axis=1)) - rows[0]).tolist()
    extent = np.mean(
        [np.ptp(np.flatnonzero(d.lung_mask.any(1))) for d in gallery["stage3"]]
    )
    assert np.mean(heights) < extent / 2


def test_the_heart_lies_on_the_left_of_the_patient(gallery) -> None:
    right = np.mean([d.lung_mask[:, :64].sum() for d in gallery["healthy"]])
    left = np.mean([d.lung_mask[:, 64:].sum() for d in gallery["healthy"]])
    assert left < 0.97 * right


def test_the_right_dome_of_the_diaphragm_is_higher(gallery) -> None:
    ends = [
        [np.flatnonzero(d.lung_mask[:, column])[-1] for d in gallery["healthy"]]
        for column in (30, 97)  # mirror images, beside the heart
    ]
    assert np.mean(ends[0]) + 1 < np.mean(ends[1])


def test_lungs_are_two_dark_fields_of_plausible_size(gallery) -> None:
    for drawing in gallery["healthy"]:
        parts, number = ndimage.label(drawing.lung_mask)
        sizes = np.bincount(parts.ravel())[1:]
        assert (sizes > 300).sum() == 2, number
        assert 0.2 < drawing.lung_mask.mean() < 0.45
        inside = drawing.image[drawing.lung_mask].mean()
        spine = drawing.image[50:100, 60:68].mean()
        assert inside + 0.2 < spine


def test_scans_of_a_patient_resemble_each_other() -> None:
    def overlap(a: Drawing, b: Drawing) -> float:
        return (a.lung_mask & b.lung_mask).sum() / (a.lung_mask | b.lung_mask).sum()

    scans = [
        [draw_scan("stage1", patient=p, scan=s, size=64) for s in (1, 2)]
        for p in range(20)
    ]
    same = np.mean([overlap(a, b) for a, b in scans])
    others = np.mean([overlap(a[0], b[1]) for a, b in pairwise(scans)])
    assert same > others + 0.05
    close = [abs(np.log(a.profusion / b.profusion)) for a, b in scans]
    far = [abs(np.log(a[0].profusion / b[1].profusion)) for a, b in pairwise(scans)]
    assert 0 < np.mean(close) < 0.6 * np.mean(far)


def test_size_scales_the_picture_and_not_the_patient() -> None:
    small, large = (draw_scan("stage2", patient=4, size=n) for n in (128, 256))
    halved = large.lung_mask[::2, ::2]
    assert (halved != small.lung_mask).mean() < 0.02
    assert large.profusion == pytest.approx(small.profusion, rel=0.03)
