"""Pages of studies: upload, list, result, batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from hierclf.web.account_rows import SignedIn
from hierclf.web.api import PICTURES, picture_of
from hierclf.web.dependencies import (
    checked_form,
    language_of,
    member_of,
    services_of,
)
from hierclf.web.rendering import beside, cut_text, page
from hierclf.web.result import Result
from hierclf.web.studies import PAGE_SIZE, WAITING
from hierclf.web.study_rows import StudyRow
from hierclf.web.study_table import table_of
from hierclf.web.uploads import ENDINGS, receive
from hierclf.web.wording import script_words, why_no_score

router = APIRouter()
Member = Annotated[SignedIn, Depends(member_of)]
STATUSES = ("queued", "running", "done", "rejected", "error")
_LATEST = 6
_LAST_PAGE = 1_000_000
_DECISIONS = ("healthy", "diseased")


@router.get("/")
def start(request: Request, signed: Member) -> HTMLResponse:
    """Show where scans are uploaded."""
    services = services_of(request)
    latest = services.studies.search(signed.account.id, size=_LATEST)
    return page(
        request,
        "upload",
        signed,
        ready=services.supervisor.ready,
        upload_mb=services.options.upload_mb,
        retention_days=services.options.retention_days,
        endings=ENDINGS,
        latest=latest.rows,
        js=script_words(language_of(request, signed)),
    )


@router.post("/studies")
async def upload(request: Request, signed: Member) -> Response:
    """Take a scan; scripts are told its number, forms are shown its page."""
    row = await receive(request, signed)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"id": row.id, "status": row.status}, 201)
    return RedirectResponse(f"/studies/{row.id}", 303)


@router.get("/studies")
def listed(request: Request, signed: Member) -> HTMLResponse:
    """List studies, as they are looked for."""
    asked = request.query_params
    text = "".join(one for one in asked.get("text", "") if one.isprintable())[:100]
    status = _one_of(STATUSES, asked.get("status", ""))
    decision = _one_of(_DECISIONS, asked.get("decision", ""))
    number = _page_of(asked.get("page", ""))
    found = services_of(request).studies.search(
        signed.account.id, text=text, status=status, decision=decision, page=number
    )
    wanted = {"text": text, "status": status, "decision": decision}

    def place(other: int) -> str:
        told = {k: v for k, v in wanted.items() if v} | {"page": other}
        return f"/studies?{urlencode(told)}"

    return page(
        request,
        "studies",
        signed,
        rows=found.rows,
        total=found.total,
        page=number,
        last=max(1, -(-found.total // PAGE_SIZE)),
        place=place,
        statuses=STATUSES,
        text=text,
        status_asked=status,
        decision=decision,
    )


def _one_of(known: tuple[str, ...], told: str) -> str:
    return told if told in known else ""


def _page_of(told: str) -> int:
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 1
    return min(max(number, 1), _LAST_PAGE)


@router.get("/studies.csv")
def exported(request: Request, signed: Member) -> StreamingResponse:
    """Give all studies as a table."""
    services = services_of(request)
    services.audit.write(signed.account.name, "export")
    about = services.supervisor.about
    rows: Iterator[StudyRow] = services.studies.all(signed.account.id)
    lines = table_of(rows, about.labels if about else ())
    told = {"content-disposition": 'attachment; filename="studies.csv"'}
    return StreamingResponse(lines, media_type="text/csv", headers=told)


def _own(request: Request, signed: SignedIn, study: str) -> StudyRow:
    """Find a study of who asks; what is others' is not there."""
    key = _uuid_of(study)
    found = services_of(request).studies.get(signed.account.id, key)
    if found is None:
        raise HTTPException(404)
    return found


def _uuid_of(told: str) -> str:
    try:
        return str(UUID(told))
    except ValueError:
        raise HTTPException(404) from None


@router.get("/studies/{study}")
def shown(request: Request, signed: Member, study: str) -> HTMLResponse:
    """Show what came of a study."""
    row = _own(request, signed, study)
    language = language_of(request, signed)
    result = Result.model_validate(row.result) if row.status == "done" else None
    told: dict[str, Any] = {"row": row, "r": result, "js": script_words(language)}
    if result is not None:
        told["score"] = beside(result.screen_score, result.cut_point)
        told["cut"] = cut_text(result.cut_point)
        about = services_of(request).supervisor.about
        told["about"] = about
        told["gated"] = about is None or "scope" in about.guards
        _note_view(request, signed, row, result)
    elif row.status not in WAITING:
        told["trouble"] = why_no_score(language, row.code)
    return page(request, "study", signed, **told)


def _note_view(
    request: Request, signed: SignedIn, row: StudyRow, result: Result
) -> None:
    services_of(request).audit.write(
        signed.account.name,
        "view",
        study=row.id,
        sha256=result.sha256,
        bundle=result.bundle,
        decision=result.decision,
        label=result.label,
        action=result.action,
        cut_point=result.cut_point,
    )


@router.get("/studies/{study}/state")
def state(request: Request, signed: Member, study: str) -> JSONResponse:
    """Say how far a study is; `waiting` counts the studies of all."""
    row = _own(request, signed, study)
    counts = services_of(request).studies.counts() if row.status in WAITING else {}
    waiting = sum(counts.get(one, 0) for one in WAITING)
    told = {"status": row.status, "code": row.code, "waiting": waiting}
    return JSONResponse(told)


@router.get("/studies/{study}/{picture}.png")
def picture(request: Request, signed: Member, study: str, picture: str) -> FileResponse:
    """Give the scan, or the heatmap of a stage."""
    if picture not in PICTURES:
        raise HTTPException(404)
    return picture_of(request, _own(request, signed, study), picture)


@router.post("/studies/{study}/delete", dependencies=[Depends(checked_form)])
def delete(request: Request, signed: Member, study: str) -> RedirectResponse:
    """Delete a study with its files."""
    row, services = _own(request, signed, study), services_of(request)
    services.audit.write(signed.account.name, "delete", study=row.id)
    services.studies.delete(signed.account.id, row.id)
    return RedirectResponse("/studies", 303)


@router.get("/batches/{batch}")
def batch(request: Request, signed: Member, batch: str) -> HTMLResponse:
    """Show how far the scans of a batch are."""
    key = _uuid_of(batch)
    rows = services_of(request).studies.of_batch(signed.account.id, key)
    if not rows:
        raise HTTPException(404)
    counts = Counter[str](row.status for row in rows)
    return page(
        request,
        "batch",
        signed,
        batch=key,
        rows=rows,
        total=len(rows),
        counts=counts,
        n_waiting=sum(counts[one] for one in WAITING),
        statuses=STATUSES,
    )


@router.get("/batches/{batch}/state")
def batch_state(request: Request, signed: Member, batch: str) -> JSONResponse:
    """Count the scans of a batch by status."""
    key = _uuid_of(batch)
    counts = services_of(request).studies.batch(signed.account.id, key)
    if not counts:
        raise HTTPException(404)
    return JSONResponse({one: counts[one] for one in STATUSES})
