"""Studies: uploads on disk and their rows."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from hierclf.foundation.errors import ResourceError
from hierclf.web.accounts import Accounts
from hierclf.web.database import Database
from hierclf.web.studies import ORIGINAL, QueueFull, QuotaReached, Studies
from hierclf.web.study_rows import StudyRow
from tests.web.conftest import Hours, at_once


@pytest.fixture
def ann(accounts: Accounts) -> str:
    return accounts.create("Ann")[0].id


@pytest.fixture
def bob(accounts: Accounts) -> str:
    return accounts.create("Bob")[0].id


def upload(
    studies: Studies, owner: str, folder: Path, name: str = "a.png", **told: str
) -> StudyRow:
    source = folder / f".upload-{threading.get_ident()}"
    source.write_bytes(b"scan")
    source.chmod(0o600)
    sha256 = told.pop("sha256", "0" * 64)
    return studies.accept(owner, name, source, sha256=sha256, size=4, **told)


def test_an_upload_is_on_disk_and_in_the_queue(
    studies: Studies, ann: str, folder: Path
) -> None:
    row = upload(studies, ann, folder, "scan é.png")
    assert (row.status, row.name, row.size) == ("queued", "scan é.png", 4)
    assert studies.get(ann, row.id) == row
    path = studies.path(row.id, ORIGINAL)
    assert path.read_bytes() == b"scan"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_others_studies_are_not_there(
    studies: Studies, ann: str, bob: str, folder: Path
) -> None:
    row = upload(studies, ann, folder, batch="b")
    assert studies.get(bob, row.id) is None
    assert studies.search(bob).total == 0
    assert not studies.batch(bob, "b")
    assert not studies.of_batch(bob, "b")
    assert not studies.delete(bob, row.id)
    assert studies.get(ann, row.id) == row
    assert studies.path(row.id, ORIGINAL).exists()


@pytest.mark.parametrize("name", ["../other", "secret", "", "scan.png/..", "original "])
def test_only_files_of_a_study_have_a_path(studies: Studies, name: str) -> None:
    with pytest.raises(ValueError, match="is no file of a study"):
        studies.path("id", name)


def test_the_same_upload_twice_is_one_study(
    studies: Studies, ann: str, bob: str, folder: Path
) -> None:
    first = upload(studies, ann, folder, request_key="k")
    again = upload(studies, ann, folder, request_key="k")
    assert again == first
    assert upload(studies, bob, folder, request_key="k").id != first.id
    assert upload(studies, ann, folder, request_key="K").id != first.id
    assert upload(studies, ann, folder).id != upload(studies, ann, folder).id
    assert studies.search(ann).total == 4


def test_the_same_upload_at_the_same_time_is_one_study(
    studies: Studies, ann: str, folder: Path
) -> None:
    found = at_once(6, lambda _: upload(studies, ann, folder, request_key="k").id)
    assert len(set(found)) == 1
    assert [p.name for p in folder.iterdir() if p.is_dir()] == found[:1]


def test_uploads_at_the_same_time_do_not_overfill_the_queue(
    database: Database, ann: str, folder: Path, hours: Hours
) -> None:
    studies = Studies(database, folder, clock=hours, limit_queue=4)
    found = at_once(16, lambda _: upload(studies, ann, folder))
    kept = [one for one in found if isinstance(one, StudyRow)]
    assert sum(isinstance(one, QueueFull) for one in found) == 12
    assert {row.id for row in studies.search(ann).rows} == {row.id for row in kept}
    assert {p.name for p in folder.iterdir() if p.is_dir()} == {r.id for r in kept}


def test_a_full_queue_keeps_nothing(
    database: Database, ann: str, folder: Path, hours: Hours
) -> None:
    studies = Studies(database, folder, clock=hours, limit_queue=2)
    upload(studies, ann, folder)
    upload(studies, ann, folder)
    with pytest.raises(QueueFull) as error:
        upload(studies, ann, folder)
    assert error.value.retry_after_s >= 1
    assert len([p for p in folder.iterdir() if p.is_dir()]) == 2


def test_an_account_keeps_so_many(
    database: Database, ann: str, bob: str, folder: Path, hours: Hours
) -> None:
    studies = Studies(database, folder, clock=hours, quota=1)
    upload(studies, ann, folder)
    with pytest.raises(QuotaReached):
        upload(studies, ann, folder)
    upload(studies, bob, folder)


def test_a_disk_that_refuses_keeps_nothing(
    studies: Studies, ann: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hierclf.web.studies.os.replace", refuse)
    with pytest.raises(ResourceError):
        upload(studies, ann, folder)
    assert studies.search(ann).total == 0
    assert not [p for p in folder.iterdir() if p.is_dir()]


def test_searching(studies: Studies, ann: str, folder: Path, hours: Hours) -> None:
    for name in ("knee_1.png", "Knee%2.PNG", "chest.png", "Thorax Ä.png"):
        upload(studies, ann, folder, name)
        hours.go(seconds=1)
    assert studies.search(ann).rows[0].name == "Thorax Ä.png"

    def names(text: str) -> set[str]:
        found = studies.search(ann, text=text)
        assert found.total == len(found.rows)
        return {row.name for row in found.rows}

    assert names("KNEE") == {"knee_1.png", "Knee%2.PNG"}
    assert names("e_1") == {"knee_1.png"}
    assert names("%2") == {"Knee%2.PNG"}
    assert names("!") == set()
    assert names("Ä") == names("thorax ä") == {"Thorax Ä.png"}
    assert names("胸") == set()
    assert names("k\x00n\ud800ee_") == {"knee_1.png"}  # no name has kept such ones
    assert names("' OR 1=1 --") == set()
    assert studies.search(ann, status="queued").total == 4
    assert studies.search(ann, status="done").total == 0
    assert studies.search(ann, decision="diseased").total == 0


def test_paging_shows_each_once(
    studies: Studies, ann: str, folder: Path, hours: Hours
) -> None:
    made = {upload(studies, ann, folder, f"{n}.png").id for n in range(5)}
    pages = [studies.search(ann, page=page, size=2) for page in (1, 2, 3, 4)]
    assert [page.total for page in pages] == [5] * 4
    shown = [row.id for page in pages for row in page.rows]
    assert len(shown) == 5
    assert set(shown) == made
    assert {row.id for row in studies.all(ann)} == made


def test_a_batch_is_counted(studies: Studies, ann: str, folder: Path) -> None:
    for _ in range(3):
        upload(studies, ann, folder, batch="b")
    upload(studies, ann, folder)
    assert studies.batch(ann, "b") == {"queued": 3}
    assert len(studies.of_batch(ann, "b")) == 3
    assert studies.counts() == {"queued": 4}


def test_deleting_takes_the_files_along(
    studies: Studies, ann: str, bob: str, folder: Path, hours: Hours
) -> None:
    old, mine = upload(studies, bob, folder), upload(studies, ann, folder)
    assert studies.delete(ann, mine.id)
    assert not studies.path(mine.id, ORIGINAL).parent.exists()
    assert not studies.delete(ann, mine.id)
    hours.go(hours=1)
    new = upload(studies, bob, folder)
    assert studies.expire(old.created_ms) == 0
    assert studies.expire(old.created_ms + 1) == 1
    assert [row.id for row in studies.search(bob).rows] == [new.id]
    assert studies.delete_of(bob) == 1
    assert not [p for p in folder.iterdir() if p.is_dir()]


def test_many_are_deleted_some_at_a_time(
    studies: Studies, ann: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hierclf.web.studies._AT_ONCE", 2)
    for _ in range(5):
        upload(studies, ann, folder)
    assert studies.delete_of(ann) == 5
    assert not [p for p in folder.iterdir() if p.is_dir()]


def test_remains_of_a_crash_are_swept_and_nothing_else(
    studies: Studies, ann: str, folder: Path, hours: Hours
) -> None:
    row = upload(studies, ann, folder)
    for name in ("orphan", ".incoming-x", "fresh"):
        (folder / name).mkdir()
        (folder / name / "upload").write_bytes(b"half")
    now = hours() / 1000
    (folder / ".left").write_bytes(b"half")
    for name in ("orphan", ".incoming-x", ".left", row.id):
        os.utime(folder / name, (now - 7200, now - 7200))
    os.utime(folder / "fresh", (now - 60, now - 60))
    assert studies.sweep() == 3
    assert not (folder / ".left").exists()
    assert {p.name for p in folder.iterdir()} >= {"fresh", row.id}
    assert not (folder / "orphan").exists()
