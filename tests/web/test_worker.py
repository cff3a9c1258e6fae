"""The worker: studies from the queue to results, each to its own."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hierclf.bundle.store import Bundle, load_bundle
from hierclf.data.child import Decoder
from hierclf.data.pixels import read_scan
from hierclf.explaining.explained import Explainer
from hierclf.foundation.files import sha256_file, write_bytes
from hierclf.web.accounts import Accounts
from hierclf.web.database import Database, Unavailable
from hierclf.web.queue import Queue
from hierclf.web.result import Result
from hierclf.web.studies import ORIGINAL, Studies
from hierclf.web.study_rows import StudyRow
from hierclf.web.wording import why_no_score
from hierclf.web.worker import Desk, Scorer, about
from tests.web.conftest import Hours, make_accounts


@pytest.fixture(scope="module")
def loaded(bundle: Path) -> Bundle:
    return load_bundle(bundle)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as found:
        yield found


@pytest.fixture
def studies(light: Database, folder: Path, hours: Hours) -> Studies:
    return Studies(light, folder, clock=hours)


@pytest.fixture
def queue(light: Database, hours: Hours) -> Queue:
    return Queue(light, clock=hours)


@pytest.fixture
def ann(light: Database, hours: Hours, hasher) -> str:
    accounts: Accounts = make_accounts(light, hours, hasher)
    return accounts.create("Ann")[0].id


@pytest.fixture
def desk(queue: Queue, studies: Studies, loaded: Bundle, decoder: Decoder) -> Desk:
    return Desk(queue, studies, Scorer(loaded), decoder)


def picture(path: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, rng.integers(40, 90, 2)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def upload(studies: Studies, owner: str, path: Path, folder: Path) -> StudyRow:
    source = folder / "moved"
    shutil.copy(path, source)
    told = {"sha256": sha256_file(path), "size": path.stat().st_size}
    return studies.accept(owner, path.name, source, **told)


def get(studies: Studies, owner: str, study: str) -> StudyRow:
    found = studies.get(owner, study)
    assert found is not None
    return found


def test_a_study_gets_what_the_bundle_says_of_it(
    desk: Desk, studies: Studies, ann: str, folder: Path, tmp_path: Path, loaded: Bundle
) -> None:
    path = picture(tmp_path / "a.png", 3)
    row = upload(studies, ann, path, folder)
    assert desk.work() == 1
    done = get(studies, ann, row.id)
    assert done.status == "done"
    result = Result.model_validate(done.result)
    scan = read_scan(path)
    told = loaded.cascade.decide([scan.pixels])
    assert result.screen_score == pytest.approx(float(told.screen_score[0]), rel=1e-6)
    labels = loaded.cascade.hierarchy_.labels
    assert result.label == labels[told.decided[0]]
    assert tuple(result.probabilities) == labels
    np.testing.assert_allclose(
        list(result.probabilities.values()), told.probabilities[0], rtol=1e-6
    )
    assert result.cut_point == loaded.info.cut_point
    assert result.bundle == done.bundle == loaded.digest
    assert result.sha256 == row.sha256
    assert (result.height, result.width) == scan.pixels.shape
    assert done.decision == ("diseased" if told.decided[0] else "healthy")
    with Image.open(studies.path(row.id, "scan.png")) as shown:
        size = shown.size
        assert shown.mode == "L"
    for stage in result.stages:
        with Image.open(studies.path(row.id, f"{stage.picture}.png")) as heat:
            assert (heat.mode, heat.size) == ("RGBA", size)
        for box in stage.boxes:
            assert 0 <= box.left < box.right <= result.width
            assert 0 <= box.top < box.bottom <= result.height


def test_no_study_gets_anothers_score(
    desk: Desk, studies: Studies, ann: str, folder: Path, tmp_path: Path, loaded: Bundle
) -> None:
    """Scans, and files that are none, in any order and batch."""
    paths = [picture(tmp_path / f"{seed}.png", seed) for seed in range(11)]
    for number, content in enumerate((b"", b"<html>", paths[0].read_bytes()[:99])):
        (tmp_path / f"bad{number}.png").write_bytes(content)
        paths.append(tmp_path / f"bad{number}.png")
    random.Random(0).shuffle(paths)  # noqa: S311 - any order
    rows = {path: upload(studies, ann, path, folder) for path in paths}
    assert desk.work() == len(paths)
    for path, row in rows.items():
        found = get(studies, ann, row.id)
        if path.name.startswith("bad"):
            assert (found.status, found.result) == ("rejected", {})
            assert found.code.startswith("E_")
            assert found.screen_score is None
            assert str(tmp_path) not in found.message
            assert not studies.path(row.id, "scan.png").exists()
            continue
        alone = loaded.cascade.decide([read_scan(path).pixels])
        expected = float(alone.screen_score[0])
        assert found.result["screen_score"] == pytest.approx(expected, abs=1e-5)
        assert found.screen_score == found.result["screen_score"]
        assert found.result["sha256"] == sha256_file(path)


def test_a_file_that_was_changed_on_the_disk_has_no_score(
    desk: Desk, studies: Studies, ann: str, folder: Path, tmp_path: Path
) -> None:
    row = upload(studies, ann, picture(tmp_path / "a.png", 1), folder)
    picture(tmp_path / "b.png", 2).replace(studies.path(row.id, ORIGINAL))
    desk.work()
    found = get(studies, ann, row.id)
    assert (found.status, found.code) == ("error", "E_CHANGED")


def test_a_study_deleted_meanwhile_leaves_nothing(
    desk: Desk,
    studies: Studies,
    ann: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = upload(studies, ann, picture(tmp_path / "a.png", 1), folder)
    score = Scorer.score

    def slow(self: Scorer, looks: object) -> object:
        studies.delete(ann, row.id)
        return score(self, looks)  # type: ignore[arg-type]

    monkeypatch.setattr(Scorer, "score", slow)
    assert desk.work() == 0
    assert list(folder.iterdir()) == []


def test_a_study_deleted_while_its_pictures_are_written_leaves_nothing(
    desk: Desk,
    studies: Studies,
    ann: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = upload(studies, ann, picture(tmp_path / "a.png", 1), folder)
    other = upload(studies, ann, picture(tmp_path / "b.png", 2), folder)

    def write(path: Path, content: bytes, *, sync: bool) -> None:
        if path == studies.path(row.id, "heat-screen.png"):
            studies.delete(ann, row.id)
        write_bytes(path, content, sync=sync)

    monkeypatch.setattr("hierclf.web.worker.write_bytes", write)
    assert desk.work() == 1
    assert get(studies, ann, other.id).status == "done"
    assert [one.name for one in folder.iterdir()] == [other.id]


def test_a_full_disk_is_told_and_ends_no_worker(
    desk: Desk,
    studies: Studies,
    ann: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = upload(studies, ann, picture(tmp_path / "a.png", 1), folder)
    other = upload(studies, ann, picture(tmp_path / "b.png", 2), folder)
    replace = os.replace

    def fill(source: str, target: Path) -> None:
        if target == studies.path(full.id, "heat-screen.png"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr("hierclf.foundation.files.os.replace", fill)
    assert desk.work() == 2
    found = get(studies, ann, full.id)
    assert (found.status, found.code, found.attempts) == ("error", "E_DISK", 1)
    assert found.result == {}
    assert str(folder) not in found.message
    assert [one.name for one in (folder / full.id).iterdir()] == [ORIGINAL]
    assert get(studies, ann, other.id).status == "done"
    assert why_no_score("en", found.code) != why_no_score("en", "E_OTHER")


def test_a_database_that_goes_away_loses_nothing(
    desk: Desk,
    queue: Queue,
    studies: Studies,
    ann: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        upload(studies, ann, picture(tmp_path / f"{n}.png", n), folder)
        for n in range(3)
    ]
    desk.begin()
    finish, calls = queue.finish, []

    def flaky(study: str, outcome: object) -> bool:
        calls.append(study)
        if len(calls) == 2:
            raise Unavailable("database: away")
        return finish(study, outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "finish", flaky)
    assert desk.work() == 0
    assert studies.counts() == {"done": 1, "running": 2}
    assert desk.work() == 2
    assert {get(studies, ann, row.id).status for row in rows} == {"done"}


def test_nothing_of_the_patient_or_the_disk_is_in_a_result(
    desk: Desk, studies: Studies, ann: str, folder: Path, tmp_path: Path
) -> None:
    row = upload(studies, ann, picture(tmp_path / "Jane Doe.png", 1), folder)
    desk.work()
    told = json.dumps(get(studies, ann, row.id).result)
    assert "Jane" not in told
    assert str(folder) not in told


def test_the_bundle_is_told(loaded: Bundle) -> None:
    found = about(loaded)
    assert found.digest == loaded.digest
    assert found.labels == ("healthy", "=severe", "mild")
    assert found.phantom
    assert "tiny" in found.card


def test_want_of_memory_is_no_defect(
    desk: Desk,
    studies: Studies,
    ann: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def starve(*_: object) -> None:
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr(Explainer, "_explain", starve)
    row = upload(studies, ann, picture(tmp_path / "a.png", 3), folder)
    assert desk.work() == 1
    done = get(studies, ann, row.id)
    assert (done.status, done.code) == ("error", "E_MEMORY")
