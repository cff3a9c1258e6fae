"""The same as the pages, as JSON: ``/api/v1``, with a personal token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from hierclf.web.account_rows import SignedIn
from hierclf.web.dependencies import services_of
from hierclf.web.result import About, Result
from hierclf.web.study_rows import StudyRow
from hierclf.web.uploads import receive

Status = Literal["queued", "running", "done", "rejected", "error"]
Picture = Literal["scan", "heat-screen", "heat-refine"]
PICTURES: tuple[Picture, ...] = ("scan", "heat-screen", "heat-refine")


class Trouble(BaseModel):
    """Why there is no answer."""

    detail: str
    code: str = Field("", description="why a file is not taken; '' for all else")


class StudyOut(BaseModel):
    """A study: an upload, and what came of it."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str = Field(description="the file's name, as it was uploaded")
    batch: str = Field(description="UUID of the batch; '' for none")
    status: Status
    code: str = Field(description="why there is no result; '' where there is one")
    message: str
    sha256: str = Field(description="of the uploaded bytes")
    size: int = Field(description="bytes")
    created_utc: datetime
    finished_utc: datetime | None
    result: Result | None


class StudiesOut(BaseModel):
    """A page of studies, the newest first."""

    total: int
    page: int
    studies: list[StudyOut]


class BatchOut(BaseModel):
    """How far a batch is."""

    counts: dict[str, int] = Field(description="studies by status")


class MeOut(BaseModel):
    """Whose token it is."""

    name: str
    is_admin: bool


def study_out(row: StudyRow) -> StudyOut:
    """Tell a study; nothing of the server's disk."""
    return StudyOut(
        id=UUID(row.id),
        name=row.name,
        batch=row.batch,
        status=row.status,
        code=row.code,
        message=row.message,
        sha256=row.sha256,
        size=row.size,
        created_utc=_utc(row.created_ms),
        finished_utc=_utc(row.finished_ms) if row.finished_ms else None,
        result=Result.model_validate(row.result) if row.result else None,
    )


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def holder_of(
    request: Request,
    told: Annotated[
        HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))
    ],
) -> SignedIn:
    """Say whose token a request carries; 401 where it has none that holds."""
    tokens = services_of(request).tokens
    account = tokens.owner(told.credentials) if told else None
    if account is None or account.must_change:
        raise HTTPException(
            401,
            "Expected the header 'Authorization: Bearer TOKEN' with a token of an "
            "account page.",
            {"www-authenticate": "Bearer"},
        )
    return SignedIn(account, csrf="", cookie_value="")


Holder = Annotated[SignedIn, Depends(holder_of)]
_TROUBLES: dict[int | str, dict[str, type[BaseModel]]] = {
    code: {"model": Trouble} for code in (400, 401, 404, 408, 409, 413, 422, 503, 507)
}
router = APIRouter(prefix="/api/v1", responses=_TROUBLES)
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "batch": {"type": "string", "format": "uuid"},
                    },
                }
            }
        },
    }
}


@router.get("/me")
def me(holder: Holder) -> MeOut:
    """Say whose token it is."""
    return MeOut(name=holder.account.name, is_admin=holder.account.is_admin)


@router.get("/model")
def model(request: Request, _: Holder) -> About:
    """Describe the bundle that scores; 503 while it is being loaded."""
    about = services_of(request).supervisor.about
    if about is None:
        raise HTTPException(503, "The model is being loaded.", {"retry-after": "2"})
    return about


@router.post("/studies", status_code=201, openapi_extra=_UPLOAD)
async def upload(request: Request, holder: Holder) -> StudyOut:
    """Upload a scan: PNG, JPEG, TIFF or DICOM, by what is inside and not by its name.

    It is scored in the background. A header ``Idempotency-Key`` makes a repeated upload
    the same study.
    """
    return study_out(await receive(request, holder))


@router.get("/studies")
def studies(
    request: Request,
    holder: Holder,
    text: Annotated[str, Field(max_length=100)] = "",
    status: Status | Literal[""] = "",
    decision: Literal["", "healthy", "diseased"] = "",
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1,
) -> StudiesOut:
    """List one's studies, 25 on a page, the newest first."""
    found = services_of(request).studies.search(
        holder.account.id, text=text, status=status, decision=decision, page=page
    )
    rows = [study_out(row) for row in found.rows]
    return StudiesOut(total=found.total, page=page, studies=rows)


@router.get("/studies/{study}")
def study(request: Request, holder: Holder, study: UUID) -> StudyOut:
    """Show a study; ask again while its status is ``queued`` or ``running``."""
    return study_out(_own(request, holder, study))


@router.delete("/studies/{study}", status_code=204)
def delete(request: Request, holder: Holder, study: UUID) -> None:
    """Delete a study with its files."""
    row, services = _own(request, holder, study), services_of(request)
    services.audit.write(holder.account.name, "delete", study=row.id)
    services.studies.delete(holder.account.id, row.id)


@router.get(
    "/studies/{study}/{picture}.png",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}},
)
def picture(
    request: Request, holder: Holder, study: UUID, picture: Picture
) -> FileResponse:
    """Give the scan, or the heatmap of a stage, as PNG."""
    return picture_of(request, _own(request, holder, study), picture)


@router.get("/batches/{batch}")
def batch(request: Request, holder: Holder, batch: UUID) -> BatchOut:
    """Say how far a batch is."""
    counts = services_of(request).studies.batch(holder.account.id, str(batch))
    if not counts:
        raise HTTPException(404, "There is no such batch.")
    return BatchOut(counts=dict(counts))


def picture_of(request: Request, row: StudyRow, picture: str) -> FileResponse:
    """Give a picture of a study; 404 where there is none."""
    path = services_of(request).studies.path(row.id, f"{picture}.png")
    if not path.is_file():
        raise HTTPException(404, "There is no such picture.")
    shown = f'inline; filename="{row.id}-{picture}.png"'
    return FileResponse(
        path, media_type="image/png", headers={"content-disposition": shown}
    )


def _own(request: Request, holder: SignedIn, study: UUID) -> StudyRow:
    found = services_of(request).studies.get(holder.account.id, str(study))
    if found is None:
        raise HTTPException(404, "There is no such study.")
    return found
