"""All pages: signing in and out, files for browsers, and the pages of other modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from hierclf.web import account_pages, admin_pages, model_pages, study_pages
from hierclf.web.account_rows import Refused, SignedIn, Throttled, folded
from hierclf.web.dependencies import (
    LANGUAGE,
    LANGUAGES,
    SESSION,
    address_of,
    checked_form,
    language_of,
    services_of,
    visitor_of,
)
from hierclf.web.rendering import KINDS, STATIC, error_page, page, set_cookie
from hierclf.web.wording import words

__all__ = ["error_page", "router"]
router = APIRouter()
router.include_router(study_pages.router)
router.include_router(account_pages.router)
router.include_router(model_pages.router)
router.include_router(admin_pages.router)
Fields = Annotated[Mapping[str, str], Depends(checked_form)]
_YEAR = "public, max-age=31536000, immutable"
_UNKNOWN = "unknown name"


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Give a file that pages use; only those of a fixed set."""
    kind = KINDS.get(name)
    if kind is None:
        raise HTTPException(404)
    told = {"cache-control": _YEAR}
    return FileResponse(STATIC / name, media_type=kind, headers=told)


@router.get("/sign-in")
def ask_sign_in(request: Request, next: str = "/", language: str = "") -> Response:
    """Show the form to sign in, or choose its language."""
    if language in LANGUAGES:
        chosen = RedirectResponse("/sign-in", 303)
        chosen.set_cookie(LANGUAGE, language, max_age=31536000, samesite="lax")
        return chosen
    if visitor_of(request) is not None:
        return RedirectResponse(local(next), 303)
    return _form(request, next=local(next))


def _form(
    request: Request,
    *,
    next: str,
    name: str = "",
    trouble: str = "",
    status: int = 200,
) -> HTMLResponse:
    told = {"next": next, "name": name, "trouble": trouble}
    return page(request, "sign-in", None, status=status, **told)


def local(told: str) -> str:
    """Keep a place of this server; the start page for all others.

    Examples
    --------
    >>> local("/studies?page=2"), local("//evil.example"), local("https:evil")
    ('/studies?page=2', '/', '/')
    """
    try:
        parts = urlsplit(told)
    except ValueError:
        return "/"
    strange = parts.scheme or parts.netloc or not told.startswith("/")
    slashes = told.startswith("//") or "\\" in told or not told.isprintable()
    return "/" if strange or slashes or not told.isascii() else told


@router.post("/sign-in")
def sign_in(request: Request, fields: Fields) -> Response:
    """Open a session, or say that name and password do not fit."""
    name, place = fields.get("name", ""), local(fields.get("next", "/"))
    services, t = services_of(request), words(language_of(request, None))
    address = address_of(request)
    try:
        signed = services.accounts.sign_in(name, fields.get("password", ""), address)
    except Throttled as error:
        wait = t["sign_in_throttled"].format(seconds=error.wait_s)
        answer = _form(request, next=place, name=name, trouble=wait, status=429)
        answer.headers["retry-after"] = str(error.wait_s)
        return answer
    except Refused:
        services.audit.write(_known(request, name), "sign-in refused", address=address)
        trouble = t["sign_in_refused"]
        return _form(request, next=place, name=name, trouble=trouble, status=403)
    services.audit.write(signed.account.name, "sign-in", address=address)
    answer = HTMLResponse(status_code=303, headers={"location": place})
    set_cookie(answer, SESSION, signed.cookie_value)
    return answer


def _known(request: Request, name: str) -> str:
    """Name an account that is there; others may be passwords in the wrong field."""
    listed = services_of(request).accounts.list()
    same = [one.name for one in listed if folded(one.name) == folded(name)]
    return same[0] if same else _UNKNOWN


@router.post("/sign-out")
def sign_out(request: Request, _: Fields) -> RedirectResponse:
    """End the session, on the server, too."""
    signed: SignedIn | None = visitor_of(request)
    if signed is not None:
        services_of(request).accounts.sign_out(signed.cookie_value)
        services_of(request).audit.write(signed.account.name, "sign-out")
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="lax")
    return answer
