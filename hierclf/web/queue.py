"""The queue of studies, as the worker sees it: claimed, finished, put back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast

from sqlalchemy import select, update

from hierclf.web.clock import Clock
from hierclf.web.database import Database
from hierclf.web.study_rows import Status, StudyRow, plain
from hierclf.web.tables import Study

MOST_ATTEMPTS = 3
"""A study whose worker died so often is given up: it may be what kills it."""
_GIVEN_UP = "expected a result, got the end of the worker each time. Check this file."


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

    Parameters
    ----------
    status : {"done", "rejected", "error"}
        Scored; no scan; or the machine's fault.
    code, message : str
        Why there is no score; '' where there is one.
    result : dict
        `hierclf.web.result.Result` as JSON; empty without a score.
    decision, label, action : str
        To be searched for.
    screen_score : float, optional
        P(diseased).
    bundle : str
        Digest of what scored.
    """

    status: Status
    code: str = ""
    message: str = ""
    result: dict[str, Any] | None = None
    decision: str = ""
    label: str = ""
    action: str = ""
    screen_score: float | None = None
    bundle: str = ""


class Queue:
    """Studies that wait; their rows are the queue, so that it outlives a restart.

    Parameters
    ----------
    database : Database
        Where the rows are.
    clock : callable
        Milliseconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def claim(self, number: int) -> list[StudyRow]:
        """Take the oldest queued studies to work on them; there is one worker.

        Parameters
        ----------
        number : int
            At most so many.

        Returns
        -------
        studies : list of StudyRow
            A study that was tried before is taken alone: if it is what ends workers,
            it takes no other along.
        """
        query = select(Study).where(Study.status == "queued")
        query = query.order_by(Study.created_ms, Study.id).limit(number)
        with self._database.session() as session:
            found = list(session.scalars(query))
            fresh = list(takewhile(lambda row: not row.attempts, found))
            found = fresh or found[:1]
            for row in found:
                row.status, row.started_ms = "running", self._clock()
                row.attempts += 1
            return [plain(row) for row in found]

    def finish(self, study: str, outcome: Outcome) -> bool:
        """Write what came of a study; False where it was deleted meanwhile."""
        told = json.dumps(outcome.result or {}, allow_nan=False)
        changes = {
            "status": outcome.status,
            "code": outcome.code,
            "message": outcome.message[:500],
            "result": told,
            "decision": outcome.decision,
            "label": outcome.label[:100],
            "action": outcome.action,
            "screen_score": outcome.screen_score,
            "bundle": outcome.bundle,
            "finished_ms": self._clock(),
        }
        asked = (Study.id == study, Study.status == "running")
        with self._database.session() as session:
            done = session.execute(update(Study).where(*asked).values(changes))
            return bool(cast(Any, done).rowcount)

    def requeue(self) -> int:
        """Put back what a worker that ended left unfinished; tells how many.

        What was begun `MOST_ATTEMPTS` times is given up.
        """
        running = Study.status == "running"
        given_up = {
            "status": "error",
            "code": "E_WORKER",
            "message": _GIVEN_UP,
            "finished_ms": self._clock(),
        }
        with self._database.session() as session:
            spent = update(Study).where(running, Study.attempts >= MOST_ATTEMPTS)
            session.execute(spent.values(given_up))
            again = update(Study).where(running).values(status="queued")
            return int(cast(Any, session.execute(again)).rowcount)
