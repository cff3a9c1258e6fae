"""The queue as the worker sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.web.accounts import Accounts
from hierclf.web.database import Database
from hierclf.web.queue import MOST_ATTEMPTS, Outcome, Queue
from hierclf.web.studies import Studies
from tests.web.conftest import Hours
from tests.web.test_studies import upload


@pytest.fixture
def queue(database: Database, hours: Hours) -> Queue:
    return Queue(database, clock=hours)


@pytest.fixture
def ann(accounts: Accounts) -> str:
    return accounts.create("Ann")[0].id


DONE = Outcome(
    "done",
    result={"a": [1, 2.5]},
    decision="diseased",
    label="stage1",
    action="accept",
    screen_score=0.25,
    bundle="b",
)


def test_the_oldest_go_first_and_each_once(
    studies: Studies, queue: Queue, ann: str, folder: Path, hours: Hours
) -> None:
    made = []
    for _ in range(3):
        made.append(upload(studies, ann, folder).id)
        hours.go(seconds=1)
    assert [row.id for row in queue.claim(2)] == made[:2]
    assert [row.id for row in queue.claim(2)] == made[2:]
    assert queue.claim(2) == []
    assert studies.counts() == {"running": 3}


def test_an_outcome_is_kept_once(
    studies: Studies, queue: Queue, ann: str, folder: Path, hours: Hours
) -> None:
    study = upload(studies, ann, folder).id
    assert not queue.finish(study, DONE)  # nobody has begun
    queue.claim(1)
    hours.go(seconds=3)
    assert queue.finish(study, DONE)
    assert not queue.finish(study, Outcome("error", "E_SCORE"))
    row = studies.get(ann, study)
    assert row is not None
    assert (row.status, row.code, row.result) == ("done", "", {"a": [1, 2.5]})
    assert (row.decision, row.label, row.screen_score) == ("diseased", "stage1", 0.25)
    assert row.finished_ms - row.started_ms == 3000
    assert studies.search(ann, decision="diseased", text="STAGE").total == 1


def test_a_deleted_study_is_not_finished(
    studies: Studies, queue: Queue, ann: str, folder: Path
) -> None:
    study = upload(studies, ann, folder).id
    queue.claim(1)
    assert studies.delete(ann, study)
    assert not queue.finish(study, DONE)


def test_what_was_begun_is_put_back_and_tried_alone(
    studies: Studies, queue: Queue, ann: str, folder: Path, hours: Hours
) -> None:
    first = [upload(studies, ann, folder).id for _ in range(2)]
    assert len(queue.claim(8)) == 2
    hours.go(seconds=1)
    later = upload(studies, ann, folder).id
    assert queue.requeue() == 2
    alone = [[row.id for row in queue.claim(8)] for _ in range(3)]
    assert [len(one) for one in alone] == [1, 1, 1]
    assert {alone[0][0], alone[1][0]} == set(first)
    assert alone[2] == [later]


def test_fresh_ones_before_a_tried_one_go_together(
    studies: Studies, queue: Queue, ann: str, folder: Path, hours: Hours
) -> None:
    made = [upload(studies, ann, folder).id for _ in range(2)]
    hours.go(seconds=1)
    tried = upload(studies, ann, folder).id
    with queue._database.session() as session:
        from hierclf.web.tables import Study

        row = session.get(Study, tried)
        assert row is not None
        row.attempts = 1
    assert {row.id for row in queue.claim(8)} == set(made)


def test_what_ends_workers_is_given_up(
    studies: Studies, queue: Queue, ann: str, folder: Path
) -> None:
    study = upload(studies, ann, folder).id
    for attempt in range(MOST_ATTEMPTS):
        [row] = queue.claim(8)
        assert row.attempts == attempt + 1
        queue.requeue()
    assert queue.claim(8) == []
    row_now = studies.get(ann, study)
    assert row_now is not None
    assert (row_now.status, row_now.code) == ("error", "E_WORKER")
    assert row_now.message


def test_an_outcome_that_is_no_json_is_no_outcome(
    studies: Studies, queue: Queue, ann: str, folder: Path
) -> None:
    study = upload(studies, ann, folder).id
    queue.claim(1)
    with pytest.raises(ValueError, match="JSON"):
        queue.finish(study, Outcome("done", result={"score": float("nan")}))
    assert studies.counts() == {"running": 1}


def test_long_messages_are_cut_to_what_the_table_holds(
    studies: Studies, queue: Queue, ann: str, folder: Path
) -> None:
    study = upload(studies, ann, folder).id
    queue.claim(1)
    assert queue.finish(study, Outcome("error", "E_SCORE", "x" * 5000))
    row = studies.get(ann, study)
    assert row is not None
    assert row.message == "x" * 500


def test_a_long_result_is_kept(
    studies: Studies, queue: Queue, ann: str, folder: Path
) -> None:
    study, told = upload(studies, ann, folder).id, {"warnings": ["x" * 100] * 2000}
    queue.claim(1)
    assert queue.finish(study, Outcome("done", result=told))
    row = studies.get(ann, study)
    assert row is not None
    assert row.result == told
