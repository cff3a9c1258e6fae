"""Inverted scans among others, against correlations of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.fft import idctn

from hierclf.checking.hashes import waves_of
from hierclf.checking.polarity import LEAST_SCANS, judge_polarity, likeness
from hierclf.checking.survey import survey_scans


def draw(n_scans: int, noise: float) -> np.ndarray:
    """Frames with a bright middle, each of its own brightness and contrast."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    body = np.exp(-3 * (x**2 + 0.5 * y**2)) + 0.2 * y
    gain = rng.uniform(0.5, 1, (n_scans, 1, 1))
    frames = gain * body + noise * rng.normal(size=(n_scans, 64, 64))
    return (0.3 * frames + rng.uniform(0.1, 0.3, (n_scans, 1, 1))).astype(np.float32)


def waves_of_all(frames: np.ndarray) -> np.ndarray:
    return np.asarray([waves_of(frame) for frame in frames])


def table(n_scans: int) -> pd.DataFrame:
    return pd.DataFrame({"scan": [f"{n}.png" for n in range(n_scans)]})


def test_likeness_is_the_correlation_of_the_slow_parts() -> None:
    waves = waves_of_all(draw(30, noise=2.0))
    slow = np.zeros((30, 64, 64))
    slow[:, :16, :16] = waves
    rows = idctn(slow, type=2, axes=(1, 2)).reshape(30, -1)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= rows.std(axis=1, keepdims=True)
    # the median of waves and that of pixels differ: here are equal ones
    twice = np.concatenate([waves[:1]] * 30 + [waves[1:]])
    expected = [np.corrcoef(rows[0], row)[0, 1] for row in rows[1:]]
    np.testing.assert_allclose(likeness(twice)[30:], expected, atol=1e-5)


@pytest.mark.parametrize("n_inverted", [1, 3, 15])
def test_inverted_scans_are_named_and_no_other(n_inverted: int) -> None:
    frames = draw(40, noise=0.3)
    frames[:n_inverted] = 1 - frames[:n_inverted]
    (found,) = judge_polarity(table(40), waves_of_all(frames))
    assert (found.code, found.severity) == ("inverted", "warning")
    assert found.scans == tuple(f"{n}.png" for n in range(n_inverted))
    told = "1 scan looks" if n_inverted == 1 else f"{n_inverted} scans look"
    assert found.message.startswith(f"{told} inverted beside the others")


def test_nothing_is_said_without_inversion_or_where_scans_are_unlike() -> None:
    frames = draw(40, noise=0.3)
    assert judge_polarity(table(40), waves_of_all(frames)) == []
    few = np.concatenate([1 - frames[:1], frames[1 : LEAST_SCANS - 1]])
    assert judge_polarity(table(len(few)), waves_of_all(few)) == []
    noise = np.random.default_rng(1).normal(size=(40, 64, 64)).astype(np.float32)
    assert judge_polarity(table(40), waves_of_all(noise)) == []
    blank = np.zeros((40, 64, 64), dtype=np.float32)
    assert judge_polarity(table(40), waves_of_all(blank)) == []


def test_as_many_scans_as_are_needed_are_enough() -> None:
    frames = draw(LEAST_SCANS, noise=0.3)
    frames[4] = 1 - frames[4]
    (found,) = judge_polarity(table(LEAST_SCANS), waves_of_all(frames))
    assert found.scans == ("4.png",)


def test_nothing_is_said_where_less_than_half_are_like_the_median() -> None:
    """Some 45 % are: the others are noise, and two are inverted."""
    waves = waves_of_all(draw(40, noise=0.0))
    noise = np.random.default_rng(5).normal(size=(20, *waves[0].shape))
    waves[20:] = noise * np.abs(waves[0]).max() / 5
    waves[:2] *= -1
    found = likeness(waves)
    assert 0.3 < (found > 0.4).mean() < 0.5
    assert (found[:2] < -0.4).all()
    assert judge_polarity(table(40), waves) == []


def test_a_scan_that_is_merely_unlike_is_not_inverted() -> None:
    """One of noise, and a little of the negative."""
    frames = draw(40, noise=0.3)
    waves = waves_of_all(frames)
    noise = np.random.default_rng(5).normal(size=waves[0].shape)
    noise *= np.linalg.norm(waves[1].ravel()[1:]) / np.linalg.norm(noise)
    waves[0] = noise - 0.25 * waves[1]
    assert -0.4 < likeness(waves)[0] < -0.1
    assert judge_polarity(table(40), waves) == []


@pytest.mark.parametrize(
    ("name", "n_inverted"), [("knee_oa", 8), ("covid_ct", 0), ("kermany", 0)]
)
def test_of_real_scans_those_that_a_person_calls_inverted(
    name: str, n_inverted: int, real_data: Path
) -> None:
    """Every fourth knee, seen on a contact sheet; the other sets hold none."""
    rows = pd.read_csv(real_data / name / "manifest.csv", dtype=str)
    rows = rows.iloc[:: len(rows) // 600]
    paths = [str(real_data / name / path) for path in rows["path"]]
    rows = rows.assign(scan=rows["path"], path=paths)
    survey = survey_scans(rows)
    found = judge_polarity(survey.manifest, survey.waves)
    assert sum(len(one.scans) for one in found) == n_inverted
