"""The application: routes, what is refused before them, and how errors look."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hierclf import __version__
from hierclf.foundation.errors import ResourceError
from hierclf.web import api
from hierclf.web.database import Unavailable
from hierclf.web.dependencies import API, Services, SignInNeeded
from hierclf.web.guard import Guard
from hierclf.web.pages import error_page, router
from hierclf.web.studies import QueueFull, QuotaReached

_log = logging.getLogger(__name__)
_MEGABYTE = 1_000_000
_FIELDS = 100_000
"""Bytes of a form beside its file."""


def create_app(services: Services) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    services : Services
        What its routes use.

    Returns
    -------
    app : FastAPI
        Pages below ``/``, JSON below ``/api/v1``, liveness at ``/health`` and
        readiness at ``/ready``. It starts nothing.
    """
    app = FastAPI(
        title="hierclf",
        version=__version__,
        description=services.options.notice,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.include_router(api.router)
    app.include_router(router, include_in_schema=False)
    app.add_api_route("/health", health, include_in_schema=False)
    app.add_api_route("/ready", ready, include_in_schema=False)
    _handle_errors(app)
    options = services.options
    app.add_middleware(
        Guard,
        hosts=_hosts(options.host, options.hosts),
        largest_body=options.upload_mb * _MEGABYTE + _FIELDS,
        tls=options.tls_key is not None or options.behind_proxy,
    )
    return app


def _hosts(host: str, others: tuple[str, ...]) -> frozenset[str]:
    names = {host, *others, "localhost", "127.0.0.1", "::1"}
    return frozenset(name.lower() for name in names)


async def health() -> dict[str, str]:
    """Say that the process answers; it asks nothing of anybody."""
    return {"status": "ok"}


def ready(request: Request) -> JSONResponse:
    """Say whether studies can be taken and scored: 200 or 503."""
    services: Services = request.app.state.services
    found = {
        "database": services.database.ping(),
        "model": services.supervisor.ready,
    }
    return JSONResponse(found, 200 if all(found.values()) else 503)


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(QueueFull, _queue_full)
    app.add_exception_handler(QuotaReached, _quota)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(ResourceError, _out_of_resources)
    app.add_exception_handler(OSError, _out_of_resources)  # a full /tmp, for one
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _defect)


def answer(
    request: Request,
    status: int,
    why: str,
    headers: Mapping[str, str] | None = None,
    *,
    away: bool = False,
    code: str = "",
) -> Response:
    """Tell what went wrong, as JSON or as a page.

    Parameters
    ----------
    request : Request
        JSON where it is of the API, or asks for it.
    status : int
        Of HTTP.
    why : str
        A sentence, and what to do; nothing of the server's inside.
    headers : mapping of str to str, optional
        Further ones.
    away : bool, default=False
        Whether the database is; a page then asks nothing of it.
    code : str, default=""
        Why a file is not taken, by which a page finds better words.
    """
    told = dict(headers or {})
    wants = request.headers.get("accept", "")
    if request.url.path.startswith(API) or "application/json" in wants:
        because = {"code": code} if code else {}
        return JSONResponse({"detail": why} | because, status, told)
    page = error_page(request, status, why, away=away, code=code)
    page.headers.update(told)
    return page


async def _sign_in(request: Request, error: Exception) -> Response:
    place = error.place if isinstance(error, SignInNeeded) else "/"
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"detail": "Sign in first."}, 401)
    return RedirectResponse(place, 303)


async def _told(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    plain = error.detail == HTTPStatus(error.status_code).phrase
    why = "There is nothing here." if plain and error.status_code == 404 else ""
    told, code = why or str(error.detail), getattr(error, "code", "")
    return answer(request, error.status_code, told, error.headers, code=code)


async def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(str(part) for part in found.get("loc", ()))
    return answer(request, 422, f"{place}: {found.get('msg', 'not as expected')}.")


async def _queue_full(request: Request, error: Exception) -> Response:
    wait = error.retry_after_s if isinstance(error, QueueFull) else 1
    why = "Too many scans are waiting. Try again in a moment."
    return answer(request, 503, why, {"retry-after": str(wait)})


async def _quota(request: Request, _: Exception) -> Response:
    return answer(request, 409, "Your studies are too many. Delete some of them.")


async def _unavailable(request: Request, _: Exception) -> Response:
    why = "The database does not answer. Try again in a moment."
    return answer(request, 503, why, {"retry-after": "5"}, away=True)


async def _out_of_resources(request: Request, error: Exception) -> Response:
    _log.error("%s", type(error).__name__ if isinstance(error, OSError) else error)
    return answer(request, 507, "The server cannot keep it. Tell its administrator.")


async def _gone(*_: object) -> Response:
    """Answer nobody: who sent the request has left, and nothing was kept."""
    return Response(status_code=400)


async def _defect(request: Request, error: Exception) -> Response:
    return answer(request, 500, "Something went wrong here. It was noted.")
