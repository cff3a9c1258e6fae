"""What stands before every request: who may be asked for, how much, how long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_S = 60.0
"""Seconds in which a body must have come, whatever its size."""
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
)
"""Sent with every answer that does not say otherwise."""


class Guard:
    """Refuse requests before anything is done for them, and mark all answers.

    Parameters
    ----------
    app : ASGI application
        What answers.
    hosts : frozenset of str
        Names by which it may be asked for, without a port; lower case.
    largest_body : int
        Bytes.
    body_s : float, default=BODY_S
        Seconds in which a body must have come.
    tls : bool, default=False
        Whether browsers reach it by TLS only.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        largest_body: int,
        body_s: float = BODY_S,
        tls: bool = False,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._largest = largest_body
        self._body_s = body_s
        told = dict(HEADERS)
        if tls:
            told["strict-transport-security"] = "max-age=31536000"
        self._headers = [(k.encode(), v.encode()) for k, v in told.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [(k, v) for k, v in self._headers if k not in there]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, marked)
            return
        body = _Body(receive, self._largest, self._body_s)
        await self._app(scope, body, marked)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = dict(scope["headers"])
        if scope["method"] not in _METHODS:
            return _refuse(405, f"Only {', '.join(sorted(_METHODS))} are answered.")
        if not _is_among(headers.get(b"host", b""), self._hosts):
            return _refuse(400, "This server is not known by that name.")
        told = headers.get(b"content-length", b"0")
        if not told.isdigit():
            return _refuse(400, "The length of the request is no number.")
        if int(told) > self._largest:
            return _refuse(413, f"At most {self._largest} bytes are taken at once.")
        return None


class _Body:
    """The body of a request; one that is too large or too slow is stopped."""

    def __init__(self, receive: Receive, largest: int, seconds: float) -> None:
        self._receive = receive
        self._largest = largest
        self._seconds = seconds
        self._n_bytes = 0
        self._until: float | None = None
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:  # what follows is the end of the connection
            return await self._receive()
        message = await self._in_time()
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self._largest:
            raise HTTPException(413, "The request is too large.")
        self._complete = not message.get("more_body", False)
        return message

    async def _in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._until = now + self._seconds if self._until is None else self._until
        try:
            return await asyncio.wait_for(self._receive(), self._until - now)
        except TimeoutError:
            raise HTTPException(408, "The request came too slowly.") from None


def _refuse(status: int, why: str) -> PlainTextResponse:
    return PlainTextResponse(f"{why}\n", status, {"connection": "close"})


def _is_among(host: bytes, hosts: frozenset[str]) -> bool:
    """Compare the name of a Host header, its port left out."""
    name = host.decode("latin-1").lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    else:
        name = name.partition(":")[0]
    return name in hosts
