"""A study as it is told: copies of its row, which outlive the session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from hierclf.web.tables import Study

Status = Literal["queued", "running", "done", "rejected", "error"]


@dataclass(frozen=True)
class StudyRow:
    """A study as it was read; columns as in `hierclf.web.tables.Study`."""

    id: str
    account_id: str
    batch: str
    name: str
    size: int
    sha256: str
    status: Status
    code: str
    message: str
    attempts: int
    created_ms: int
    started_ms: int
    finished_ms: int
    decision: str
    label: str
    action: str
    screen_score: float | None
    bundle: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Some of the studies that were looked for, and how many there are."""

    rows: tuple[StudyRow, ...]
    total: int


def new_row(
    study: str, account_id: str, name: str, sha256: str, size: int, now: int
) -> Study:
    """Make the row of an upload that waits."""
    return Study(
        id=study,
        account_id=account_id,
        batch="",
        request_key=None,
        name=name,
        size=size,
        sha256=sha256,
        status="queued",
        code="",
        message="",
        attempts=0,
        created_ms=now,
        started_ms=0,
        finished_ms=0,
        decision="",
        label="",
        action="",
        screen_score=None,
        bundle="",
        result="{}",
    )


def plain(row: Study) -> StudyRow:
    """Copy a row."""
    told = {name: getattr(row, name) for name in StudyRow.__dataclass_fields__}
    return StudyRow(**told | {"result": json.loads(row.result)})
