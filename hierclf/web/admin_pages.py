"""Pages of administrators: accounts, the report, the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse

from hierclf.foundation.errors import InputError
from hierclf.web.account_rows import AccountRow, SignedIn
from hierclf.web.dependencies import (
    Services,
    admin_of,
    checked_form,
    language_of,
    services_of,
)
from hierclf.web.model_pages import report_of
from hierclf.web.rendering import page
from hierclf.web.wording import audit_words, words

router = APIRouter(prefix="/admin")
Admin = Annotated[SignedIn, Depends(admin_of)]
Fields = Annotated[Mapping[str, str], Depends(checked_form)]
Act = Literal["delete", "password", "disable", "enable"]
_REPORT_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_ENTRIES = 50


@router.get("/accounts")
def accounts(request: Request, signed: Admin) -> HTMLResponse:
    """List all accounts."""
    return _accounts(request, signed)


def _accounts(
    request: Request,
    signed: SignedIn,
    *,
    good: str = "",
    trouble: str = "",
    secret: tuple[str, str] = ("", ""),
) -> HTMLResponse:
    t = words(language_of(request, signed))
    return page(
        request,
        "accounts",
        signed,
        status=409 if trouble else 200,
        good=t[good] if good else "",
        trouble=t[trouble] if trouble else "",
        named=secret[0],
        password=secret[1],
        accounts=services_of(request).accounts.list(),
    )


@router.post("/accounts")
def add_account(request: Request, signed: Admin, fields: Fields) -> HTMLResponse:
    """Add an account, and show its one-time password this once."""
    services, is_admin = services_of(request), fields.get("is_admin") == "1"
    try:
        row, password = services.accounts.create(
            fields.get("name", ""), is_admin=is_admin
        )
    except InputError:
        return _accounts(request, signed, trouble="account_bad")
    services.audit.write(
        signed.account.name, "account added", account=row.id, admin=is_admin
    )
    return _accounts(request, signed, secret=(row.name, password))


@router.post("/accounts/{account}/{act}", dependencies=[Depends(checked_form)])
def change_account(
    request: Request, signed: Admin, account: str, act: Act
) -> HTMLResponse:
    """Delete, disable or enable an account, or give it a new password."""
    row, services = _account(request, account), services_of(request)
    if row.id == signed.account.id:
        return _accounts(request, signed, trouble="account_last")
    services.audit.write(signed.account.name, f"account {act}", account=row.id)
    try:
        secret = _change(services, row, act)
    except InputError:
        return _accounts(request, signed, trouble="account_last")
    if secret:
        return _accounts(request, signed, secret=(row.name, secret))
    return _accounts(request, signed, good="account_changed")


def _account(request: Request, account: str) -> AccountRow:
    try:
        found = services_of(request).accounts.get(str(UUID(account)))
    except ValueError:
        found = None
    if found is None:
        raise HTTPException(404)
    return found


def _change(services: Services, row: AccountRow, act: Act) -> str:
    """Do it; gives a one-time password, or ''."""
    if act == "password":
        return services.accounts.set_password(row.id)
    if act == "enable":
        services.accounts.enable(row.id)
        return ""
    services.accounts.disable(row.id)  # nothing new is uploaded while it is deleted
    if act == "delete":
        services.studies.delete_of(row.id)
        services.accounts.delete(row.id)
    return ""


@router.get("/model")
def model(_: Admin) -> RedirectResponse:
    """Go to where the model is described for all."""
    return RedirectResponse("/model", 303)


@router.get("/report")
def report(request: Request, _: Admin) -> FileResponse:
    """Give the report; it may run nothing."""
    path = report_of(services_of(request))
    if not path.is_file():
        raise HTTPException(404)
    told = {"content-security-policy": _REPORT_POLICY}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=told)


@router.get("/audit")
def audit(request: Request, signed: Admin) -> HTMLResponse:
    """Show who did what, the newest first."""
    told = request.query_params.get("page", "")
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 1
    number = max(number, 1)
    entries = services_of(request).audit.newest_first(number, size=_ENTRIES)
    earliest = entries[-1].number if entries else 1
    last = number + -(-(earliest - 1) // _ENTRIES)
    return page(
        request,
        "audit",
        signed,
        entries=entries,
        said=audit_words(language_of(request, signed)),
        page=number,
        last=last,
        place=lambda other: f"/admin/audit?page={other}",
    )
