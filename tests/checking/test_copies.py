"""Pairs of scans that show the same: all are found, and none is made up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hierclf.checking.copies import (
    Candidate,
    Pair,
    alike_candidates,
    equal_pairs,
    groups_of,
    near_candidates,
    near_pairs,
)
from hierclf.checking.hashes import SIDE, signs_of, waves_of
from hierclf.checking.registration import SAME, agreement, frame_of
from hierclf.transforms.geometry import fit_frame


def bodies(number: int) -> list[np.ndarray]:
    """Pictures with coarse and fine structure of their own."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(number):
        coarse = fit_frame(rng.random((7, 7), dtype=np.float32), 160)
        fine = cv2.GaussianBlur(rng.random((160, 160), dtype=np.float32), (0, 0), 1.6)
        found.append(np.clip(0.7 * coarse + (fine - 0.5) * 1.2 + 0.15, 0, 1))
    return found


def waves(pictures: list[np.ndarray]) -> np.ndarray:
    return np.stack([waves_of(fit_frame(one, SIDE)) for one in pictures])


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((80, 80), degrees, 1)
    return cv2.warpAffine(picture, matrix, (160, 160), borderMode=cv2.BORDER_REPLICATE)


def compressed(picture: np.ndarray) -> np.ndarray:
    gray = np.rint(picture * 255).astype(np.uint8)
    _, content = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 20])
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


CHANGES = {
    "compressed": compressed,
    "half": lambda p: cv2.resize(p, (80, 80), interpolation=cv2.INTER_AREA),
    "brighter": lambda p: np.clip(p**0.7 + 0.05, 0, 1),
    "cropped": lambda p: p[3:-3, 3:-3],
    "turned": lambda p: turned(p, 1.5),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "upside down": lambda p: np.ascontiguousarray(p[::-1]),
    "a negative": lambda p: 1 - p,
    "mirrored, a negative": lambda p: np.ascontiguousarray(1 - p[:, ::-1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change: str) -> None:
    originals = bodies(12)
    pictures = [*originals, CHANGES[change](originals[4])]
    found = near_pairs(
        near_candidates(waves(pictures)), lambda row: frame_of(pictures[row])
    )
    assert [(pair.first, pair.second) for pair in found] == [(4, 12)]
    assert found[0].kind == "near"
    laid = change in {"mirrored", "upside down", "a negative", "mirrored, a negative"}
    assert found[0].how.startswith(change if laid else "their fine structure agrees")


def test_candidates_are_those_of_a_loop_over_all_pairs() -> None:
    seen = waves([*bodies(40), *(turned(one, 3) for one in bodies(6))])
    plain, mirror = signs_of(seen), signs_of(seen, "mirrored")
    wanted = set()
    for i in range(len(seen)):
        for j in range(i + 1, len(seen)):
            differ = int((plain[i] != plain[j]).sum())
            if min(differ, int((plain[i] != mirror[j]).sum())) <= 100:
                wanted.add((i, j))
    found = near_candidates(seen, near=100)
    laid = {(c.first, c.second) for c in found if c.flip in {"", "mirrored"}}
    assert laid <= {(c.first, c.second) for c in found}
    assert wanted <= {(c.first, c.second) for c in found}
    assert found == sorted(found)
    plain_only = {c for c in found if not c.flip and not c.negative}
    assert all(
        c.places == (plain[c.first] != plain[c.second]).sum() for c in plain_only
    )
    assert len({(c.first, c.second) for c in found}) == len(found)


def test_blocks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = waves([*bodies(20), *(turned(one, 2) for one in bodies(5))])
    features = np.random.default_rng(0).normal(size=(25, 8))
    whole = near_candidates(seen), alike_candidates(features, seen, alike=0.5)
    monkeypatch.setattr("hierclf.checking.copies._BLOCK", 7)
    assert (near_candidates(seen), alike_candidates(features, seen, alike=0.5)) == whole


@pytest.mark.parametrize("roughly", [96, 256])
def test_alike_features_are_those_of_a_loop(
    roughly: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hierclf.checking.copies.ROUGHLY", roughly)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 6)) * [1, 2, 3, 4, 5, 6] + np.arange(6) * 20
    features[20] = features[3] + 0.01
    pictures = bodies(30)
    pictures[20] = pictures[3]
    seen = waves(pictures)
    signs = signs_of(seen)
    table = (features - features.mean(axis=0)) / features.std(axis=0)
    wanted = []
    for i in range(30):
        for j in range(i + 1, 30):
            cosine = table[i] @ table[j]
            cosine /= np.linalg.norm(table[i]) * np.linalg.norm(table[j])
            if cosine >= 0.6 and (signs[i] != signs[j]).sum() <= roughly:
                wanted.append((i, j))
    found = [(c.first, c.second) for c in alike_candidates(features, seen, alike=0.6)]
    assert found == wanted
    assert (3, 20) in found


def test_a_pair_is_registered_once_and_a_look_alike_is_dropped() -> None:
    pictures, read = bodies(2), []

    def frame(row: int) -> np.ndarray:
        read.append(row)
        return frame_of(pictures[row])

    twice = [Candidate(10, 0, 1), Candidate(12, 0, 1)]
    assert near_pairs(twice, frame) == []
    assert read == [0, 1]


def test_equal_pairs_pass_over_scans_without_a_name() -> None:
    found = equal_pairs(["", "u", "", "u"], "one SOPInstanceUID", "near")
    assert found == [Pair(1, 3, "near", "one SOPInstanceUID")]
    assert groups_of(found, 4) == [[1, 3]]
    assert groups_of([], 4) == []


def test_agreement_is_high_for_a_copy_and_low_for_another_body() -> None:
    one, other = (frame_of(picture) for picture in bodies(2))
    assert agreement(one, frame_of(bodies(1)[0][8:-8, 8:-8])) >= SAME
    assert agreement(one, other) < 0.5
    assert agreement(one, np.ascontiguousarray(one[:, ::-1])) < 0.5
    assert agreement(one, np.zeros_like(one)) == 0.0


def test_what_is_coarse_alone_does_not_agree() -> None:
    rng = np.random.default_rng(2)
    coarse = fit_frame(rng.random((5, 5), dtype=np.float32), 128)
    one, other = (
        coarse + 0.3 * cv2.GaussianBlur(noise, (0, 0), 1.5)
        for noise in rng.random((2, 128, 128), dtype=np.float32)
    )
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > SAME
    assert agreement(one, other) < 0.75
