"""Studies: uploads on disk and their rows."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hierclf.foundation.errors import HierclfError
from hierclf.foundation.files import explain_os_error, sync_folder
from hierclf.web.clock import Clock
from hierclf.web.database import Database, Unavailable
from hierclf.web.study_rows import Page, StudyRow, new_row, plain
from hierclf.web.tables import Study

WAITING = ("queued", "running")
PAGE_SIZE = 25
ORIGINAL = "original"
FILES = frozenset({ORIGINAL, "scan.png", "heat-screen.png", "heat-refine.png"})
_STALE_MS = 3_600_000
_AT_ONCE = 500


class QueueFull(HierclfError):  # noqa: N818 - a state, no fault
    """As many studies wait as may; there is room again in a moment.

    Parameters
    ----------
    retry_after_s : int
        When to try again.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("queue: expected room, got a full one. Try again later.")
        self.retry_after_s = retry_after_s


class QuotaReached(HierclfError):  # noqa: N818 - a state, no fault
    """The account has as many studies as it may keep."""


class Studies:
    """All studies of an installation.

    Parameters
    ----------
    database : Database
        Where their rows are.
    folder : Path
        Where their files are, a folder for each.
    clock : callable
        Milliseconds since 1970.
    limit_queue : int, default=64
        Studies that may wait.
    quota : int, default=5000
        Studies that an account may keep.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        clock: Clock,
        limit_queue: int = 64,
        quota: int = 5000,
    ) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._limit_queue = limit_queue
        self._quota = quota
        self._door = threading.Lock()

    def path(self, study: str, name: str) -> Path:
        """Name a file of a study; only names of `FILES` are asked for."""
        if name not in FILES:
            raise ValueError(f"{name!r} is no file of a study")
        return self._folder / study / name

    def accept(
        self,
        account_id: str,
        name: str,
        source: Path,
        *,
        sha256: str,
        size: int,
        batch: str = "",
        request_key: str = "",
        study: str = "",
    ) -> StudyRow:
        """Queue an upload: first its file is on disk, then there is a row.

        Parameters
        ----------
        account_id : str
            Whose it is.
        name : str
            As the user called it.
        source : Path
            The upload, complete; on the disk of the studies. It is moved.
        sha256 : str
            Of its bytes.
        size : int
            Their number.
        batch : str, default=""
            UUID of the batch that it is of.
        request_key : str, default=""
            A second upload with the same key is the first one's study.
        study : str, default=""
            UUID that a new study gets, by which the caller knows that it is new.

        Returns
        -------
        study : StudyRow
            Queued, or what became of the first one.

        Raises
        ------
        QueueFull, QuotaReached
            If there is no room.
        Unavailable, ResourceError
            If it cannot be kept; nothing of it stays then, but for files that
            `sweep` removes where the database is away.
        """
        earlier = self._earlier(account_id, request_key)
        if earlier is not None:
            return earlier
        study = study or str(uuid4())
        row = new_row(study, account_id, name, sha256, size, self._clock())
        row.batch, row.request_key = batch, request_key or None
        self._move(source, study)
        try:
            with self._door, self._database.session() as session:
                self._check_room(session, account_id)
                session.add(row)
                session.flush()
                return plain(row)
        except IntegrityError:  # the same upload at the same time
            self._remove(study)
            earlier = self._earlier(account_id, request_key)
            if earlier is None:
                raise
            return earlier
        except Unavailable:
            self._remove_unless_kept(study)
            raise
        except BaseException:
            self._remove(study)
            raise

    def _remove_unless_kept(self, study: str) -> None:
        """Remove files without a row; where that cannot be asked, `sweep` does.

        The answer to a commit may be lost on its way: then there is a row.
        """
        try:
            kept = self._first(Study.id == study)
        except Unavailable:
            return
        if kept is None:
            self._remove(study)

    def _earlier(self, account_id: str, request_key: str) -> StudyRow | None:
        if not request_key:
            return None
        asked = (Study.account_id == account_id, Study.request_key == request_key)
        return self._first(*asked)

    def _first(self, *asked: ColumnElement[bool]) -> StudyRow | None:
        with self._database.session() as session:
            found = session.scalars(select(Study).where(*asked)).first()
            return None if found is None else plain(found)

    def _check_room(self, session: Session, account_id: str) -> None:
        waiting = session.scalar(_count(Study.status.in_(WAITING))) or 0
        if waiting >= self._limit_queue:
            raise QueueFull(retry_after_s=max(1, waiting // 8))
        kept = session.scalar(_count(Study.account_id == account_id)) or 0
        if kept >= self._quota:
            raise QuotaReached("studies: expected fewer, got the quota. Delete some.")

    def _move(self, source: Path, study: str) -> None:
        try:
            (self._folder / study).mkdir(mode=0o700)
            os.replace(source, self.path(study, ORIGINAL))
            sync_folder(self._folder / study)
            sync_folder(self._folder)
        except OSError as error:
            self._remove(study)
            raise explain_os_error("keep an upload", error) from error

    def _remove(self, study: str) -> None:
        shutil.rmtree(self._folder / study, ignore_errors=True)

    def get(self, account_id: str, study: str) -> StudyRow | None:
        """Read a study of an account; None for others' and for none."""
        return self._first(Study.account_id == account_id, Study.id == study)

    def search(
        self,
        account_id: str,
        *,
        text: str = "",
        status: str = "",
        decision: str = "",
        page: int = 1,
        size: int = PAGE_SIZE,
    ) -> Page:
        """List studies of an account, the newest first.

        Parameters
        ----------
        account_id : str
            Whose.
        text : str, default=""
            Part of the name or the label, in any case.
        status, decision : str, default=""
            Only these; '' for all.
        page : int, default=1
            From 1.
        size : int, default=PAGE_SIZE
            Studies on a page.

        Returns
        -------
        page : Page
            Empty behind the last.
        """
        asked = [Study.account_id == account_id]
        if text:
            like = f"%{_escaped(text.lower())}%"
            found = (func.lower(one).like(like, escape="!") for one in _SEARCHED)
            asked.append(or_(*found))
        if status:
            asked.append(Study.status == status)
        if decision:
            asked.append(Study.decision == decision)
        query = select(Study).where(*asked).order_by(*_NEWEST_FIRST)
        query = query.offset((page - 1) * size).limit(size)
        with self._database.session() as session:
            total = session.scalar(_count(*asked)) or 0
            return Page(tuple(map(plain, session.scalars(query))), total)

    def all(self, account_id: str) -> Iterator[StudyRow]:
        """Read all studies of an account, the newest first, some at a time."""
        page = 1
        while rows := self.search(account_id, page=page, size=500).rows:
            yield from rows
            page += 1

    def batch(self, account_id: str, batch: str) -> Counter[str]:
        """Count the studies of a batch by status; empty where there is none."""
        return self._by_status(Study.account_id == account_id, Study.batch == batch)

    def of_batch(self, account_id: str, batch: str) -> tuple[StudyRow, ...]:
        """Read the studies of a batch in the order of their upload."""
        asked = (Study.account_id == account_id, Study.batch == batch)
        query = select(Study).where(*asked).order_by(Study.created_ms, Study.id)
        with self._database.session() as session:
            return tuple(map(plain, session.scalars(query)))

    def counts(self) -> Counter[str]:
        """Count the studies of all accounts by status."""
        return self._by_status()

    def _by_status(self, *asked: ColumnElement[bool]) -> Counter[str]:
        query = select(Study.status, func.count()).where(*asked).group_by(Study.status)
        with self._database.session() as session:
            found = session.execute(query).all()
            return Counter({str(status): int(number) for status, number in found})

    def delete(self, account_id: str, study: str) -> bool:
        """Delete a study with its files; False where the account has none such."""
        asked = (Study.account_id == account_id, Study.id == study)
        return self._delete(*asked) > 0

    def expire(self, before_ms: int) -> int:
        """Delete all that was uploaded before some time; tells how many."""
        return self._delete(Study.created_ms < before_ms)

    def delete_of(self, account_id: str) -> int:
        """Delete all studies of an account; tells how many."""
        return self._delete(Study.account_id == account_id)

    def _delete(self, *asked: ColumnElement[bool]) -> int:
        number = some = self._delete_some(*asked)
        while some == _AT_ONCE:
            some = self._delete_some(*asked)
            number += some
        return number

    def _delete_some(self, *asked: ColumnElement[bool]) -> int:
        """Rows first: a row without its file would be a promise that is broken."""
        with self._database.session() as session:
            query = select(Study.id).where(*asked).limit(_AT_ONCE)
            studies = list(session.scalars(query))
            session.execute(delete(Study).where(Study.id.in_(studies)))
        for study in studies:
            self._remove(study)
        return len(studies)

    def sweep(self) -> int:
        """Remove what has no row, which a crash left; tells how much.

        Only what is older than an hour: an upload may be on its way.
        """
        with self._database.session() as session:
            known = set(session.scalars(select(Study.id)))
        before = (self._clock() - _STALE_MS) / 1000
        stale = [
            place
            for place in self._folder.iterdir()
            if place.name not in known and _is_older(place, before)
        ]
        for place in stale:
            _discard(place)
        return len(stale)


def _is_older(place: Path, before: float) -> bool:
    try:
        return place.lstat().st_mtime < before
    except FileNotFoundError:  # an upload that has just been moved
        return False


def _discard(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


_SEARCHED = (Study.name, Study.label)
_NEWEST_FIRST = (Study.created_ms.desc(), Study.id)


def _count(*asked: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(Study).where(*asked)


def _escaped(text: str) -> str:
    """Take letters for themselves, and drop those that no name has kept."""
    printable = filter(str.isprintable, text)
    return "".join(f"!{one}" if one in "!%_" else one for one in printable)
