"""One's own account: password, language, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hierclf.foundation.errors import InputError
from hierclf.web.account_rows import Refused, SignedIn
from hierclf.web.dependencies import (
    LANGUAGES,
    checked_form,
    language_of,
    member_of,
    services_of,
)
from hierclf.web.rendering import page
from hierclf.web.wording import words

router = APIRouter()
Member = Annotated[SignedIn, Depends(member_of)]
Fields = Annotated[Mapping[str, str], Depends(checked_form)]


@router.get("/account")
def shown(request: Request, signed: Member, done: str = "") -> HTMLResponse:
    """Show one's account."""
    good = "password_changed" if done == "password" else ""
    return _page(request, signed, good=good)


def _page(
    request: Request,
    signed: SignedIn,
    *,
    good: str = "",
    trouble: str = "",
    key: str = "",
) -> HTMLResponse:
    t = words(language_of(request, signed))
    return page(
        request,
        "account",
        signed,
        status=422 if trouble else 200,
        good=t[good] if good else "",
        trouble=t[trouble] if trouble else "",
        key=key,
        must_change=signed.account.must_change,
        tokens=services_of(request).tokens.list(signed.account.id),
    )


@router.post("/account/password")
def change_password(request: Request, signed: Member, fields: Fields) -> Response:
    """Change one's password."""
    services, new = services_of(request), fields.get("new", "")
    if new != fields.get("again", ""):
        return _page(request, signed, trouble="password_differs")
    old, keep = fields.get("old", ""), signed.cookie_value
    try:
        services.accounts.change_password(signed.account.id, old, new, keep_cookie=keep)
    except Refused:
        services.audit.write(signed.account.name, "password change refused")
        return _page(request, signed, trouble="password_wrong")
    except InputError:
        return _page(request, signed, trouble="password_bad")
    services.audit.write(signed.account.name, "password changed")
    return RedirectResponse("/account?done=password", 303)


@router.post("/account/language")
def set_language(request: Request, signed: Member, fields: Fields) -> RedirectResponse:
    """Choose the language of one's pages."""
    told = fields.get("language", "")
    chosen = told if told in LANGUAGES else ""
    services_of(request).accounts.set_language(signed.account.id, chosen)
    return RedirectResponse("/account", 303)


@router.post("/account/tokens")
def make_token(request: Request, signed: Member, fields: Fields) -> HTMLResponse:
    """Make a token, and show it this once."""
    services = services_of(request)
    try:
        row, key = services.tokens.make(signed.account.id, fields.get("name", ""))
    except InputError:
        return _page(request, signed, trouble="token_bad")
    services.audit.write(signed.account.name, "token made", token=row.id)
    return _page(request, signed, key=key)


@router.post("/account/tokens/{token}/delete", dependencies=[Depends(checked_form)])
def drop_token(request: Request, signed: Member, token: str) -> RedirectResponse:
    """Delete a token of one's own."""
    try:
        key = str(UUID(token))
    except ValueError:
        raise HTTPException(404) from None
    services = services_of(request)
    services.tokens.drop(signed.account.id, key)
    services.audit.write(signed.account.name, "token deleted", token=key)
    return RedirectResponse("/account", 303)
