"""What a route needs to know: the services, who asks, whether a form is ours."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hierclf.config.serving import ServeOptions
from hierclf.web.account_rows import SignedIn
from hierclf.web.accounts import Accounts
from hierclf.web.audit import AuditLog
from hierclf.web.clock import Clock
from hierclf.web.database import Database
from hierclf.web.secret import is_signed, sign
from hierclf.web.studies import Studies
from hierclf.web.supervisor import Supervisor
from hierclf.web.tokens import Tokens

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
SESSION = "__Host-hierclf"
"""Cookie of a session; the prefix keeps other hosts and plain HTTP from setting it."""
FORM = "__Host-hierclf-form"
"""Cookie that the token of a form without a session is made for."""
LANGUAGE = "hierclf-language"
API = "/api/"
_OF_THE_PASSWORD = frozenset({"/account", "/account/password", "/account/language"})
_SIGN_IN_FORM = "sign-in form"


@dataclass(frozen=True)
class Services:
    """What all requests share.

    Parameters
    ----------
    options : ServeOptions
        Everything that was chosen.
    database : Database
        For `hierclf.web.database.Database.ping`.
    accounts : Accounts
        Who may come in.
    tokens : Tokens
        Keys to the API.
    studies : Studies
        Uploads and what came of them.
    audit : AuditLog
        Who did what.
    supervisor : Supervisor
        Keeps the worker alive.
    secret : bytes
        Signs forms without a session.
    clock : callable
        Milliseconds since 1970.
    """

    options: ServeOptions
    database: Database
    accounts: Accounts
    tokens: Tokens
    studies: Studies
    audit: AuditLog
    supervisor: Supervisor
    secret: bytes
    clock: Clock


class SignInNeeded(Exception):  # noqa: N818 - it asks for something
    """Nobody is signed in, or must first choose a password.

    Parameters
    ----------
    place : str
        Where a browser is sent to.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def services_of(request: Request) -> Services:
    """Find the services of the application."""
    return cast(Services, request.app.state.services)


def visitor_of(request: Request) -> SignedIn | None:
    """Say who asks by the cookie of a session; None where nobody is signed in."""
    cookie = request.cookies.get(SESSION, "")
    return services_of(request).accounts.signed_in(cookie) if cookie else None


def member_of(request: Request) -> SignedIn:
    """Say who asks.

    Parameters
    ----------
    request : Request
        Of a page.

    Returns
    -------
    signed : SignedIn
        Who has chosen a password.

    Raises
    ------
    SignInNeeded
        If nobody is signed in, or the password must be changed first.
    """
    signed, path = visitor_of(request), request.url.path
    if signed is None:
        back = path if request.method == "GET" else "/"
        raise SignInNeeded(f"/sign-in?next={quote(back)}")
    if signed.account.must_change and path not in _OF_THE_PASSWORD:
        raise SignInNeeded("/account")
    return signed


def admin_of(request: Request) -> SignedIn:
    """Say which administrator asks; for all others the page is not there."""
    signed = member_of(request)
    if not signed.account.is_admin:
        services_of(request).audit.write(
            signed.account.name, "denied", place=request.url.path
        )
        raise HTTPException(404)
    return signed


async def checked_form(request: Request) -> Mapping[str, str]:
    """Read a form without files whose token is right.

    Parameters
    ----------
    request : Request
        A POST.

    Returns
    -------
    fields : mapping of str to str
        Without the token.

    Raises
    ------
    HTTPException
        403 where the token is missing or another's.
    """
    async with request.form(max_files=0, max_fields=20) as form:
        check_csrf(request, visitor_of(request), form)
        return {k: v for k, v in form.items() if isinstance(v, str) and k != "csrf"}


def check_csrf(request: Request, signed: SignedIn | None, form: FormData) -> None:
    """Refuse a form that another site may have sent.

    Parameters
    ----------
    request : Request
        With the cookie of a session, or of a form; those with a token of the API have
        no cookie that a browser would send by itself.
    signed : SignedIn or None
        Who asks.
    form : FormData
        With a field ``csrf``, unless the header ``X-CSRF-Token`` has it.

    Raises
    ------
    HTTPException
        403.
    """
    if signed is not None and not signed.cookie_value:
        return
    told = request.headers.get("x-csrf-token") or form.get("csrf", "")
    told = told if isinstance(told, str) else ""
    if signed is not None:
        right = hmac.compare_digest(told.encode(), signed.csrf.encode())
    else:
        nonce = request.cookies.get(FORM, "")
        secret = services_of(request).secret
        right = bool(nonce) and is_signed(secret, _SIGN_IN_FORM, nonce, told)
    if not right:
        raise HTTPException(403, "The form is too old or not ours. Load it again.")


def form_token(request: Request) -> tuple[str, str]:
    """Give the token of a form without a session, and the cookie it belongs to."""
    nonce = request.cookies.get(FORM, "") or secrets.token_urlsafe(32)
    return sign(services_of(request).secret, _SIGN_IN_FORM, nonce), nonce


def language_of(request: Request, signed: SignedIn | None) -> Language:
    """Choose the language of a page: the account's, the cookie's, the browser's."""
    own = signed.account.language if signed else ""
    for told in (own, request.cookies.get(LANGUAGE, "")):
        for language in LANGUAGES:
            if told == language:
                return language
    wanted = request.headers.get("accept-language", "").lower().split(",")
    for one in wanted:
        for language in LANGUAGES:
            if one.strip().startswith(language):
                return language
    return "en"


def address_of(request: Request) -> str:
    """Give the address that asks; behind a proxy, what it says."""
    return request.client.host if request.client else ""
