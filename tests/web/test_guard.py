"""What is refused before anything is done for a request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from hierclf.web.guard import HEADERS, Guard

LARGEST = 100


class Asked:
    """An application that reads its whole body."""

    def __init__(self, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.bodies: list[bytes] = []
        self.headers = headers or []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.headers}
        )
        await send({"type": "http.response.body", "body": b"done"})


def ask(
    app: Any,
    *,
    parts: tuple[bytes, ...] = (b"",),
    delay_s: float = 0.0,
    method: str = "GET",
    host: bytes = b"localhost:8000",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    **told: Any,
) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer."""
    sent: list[Any] = []
    waiting = list(parts)

    async def receive() -> Any:
        await asyncio.sleep(delay_s)
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    hosts = frozenset({"localhost", "::1"})
    guard = Guard(app, hosts=hosts, largest_body=LARGEST, **told)
    scope = {
        "type": "http",
        "method": method,
        "headers": [(b"host", host), *headers],
    }
    asyncio.run(guard(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found


def test_every_answer_is_marked() -> None:
    status, headers = ask(Asked())
    assert status == 200
    assert headers == dict(HEADERS)
    assert "'unsafe" not in headers["content-security-policy"]


def test_what_a_route_says_stays() -> None:
    own = [(b"Cache-Control", b"max-age=60")]
    _, headers = ask(Asked(own))
    assert headers["Cache-Control"] == "max-age=60"
    assert "cache-control" not in headers


def test_tls_is_said_where_there_is_tls() -> None:
    assert "strict-transport-security" not in ask(Asked())[1]
    assert "strict-transport-security" in ask(Asked(), tls=True)[1]


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:1", b"[::1]:8000"])
def test_known_names_are_answered(host: bytes) -> None:
    assert ask(Asked(), host=host)[0] == 200


@pytest.mark.parametrize("host", [b"", b"evil.example", b"localhost.evil.example"])
def test_other_names_are_refused(host: bytes) -> None:
    app = Asked()
    status, headers = ask(app, host=host)
    assert status == 400
    assert headers["x-content-type-options"] == "nosniff"
    assert not app.bodies


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    app = Asked()
    assert ask(app, method=method)[0] == 405
    assert not app.bodies


@pytest.mark.parametrize(
    ("told", "status"), [(b"100", 200), (b"101", 413), (b"-1", 400), (b"x", 400)]
)
def test_a_body_is_refused_by_its_length(told: bytes, status: int) -> None:
    app = Asked()
    assert ask(app, headers=((b"content-length", told),))[0] == status
    assert bool(app.bodies) == (status == 200)


@pytest.mark.parametrize("n_bytes", [100, 101])
def test_a_body_without_a_length_is_counted(n_bytes: int) -> None:
    parts = (b"a" * 60, b"b" * (n_bytes - 60))
    if n_bytes == LARGEST:
        app = Asked()
        assert ask(app, parts=parts)[0] == 200
        assert app.bodies == [b"".join(parts)]
        return
    with pytest.raises(HTTPException) as error:
        ask(Asked(), parts=parts)
    assert error.value.status_code == 413


def test_a_slow_body_is_cut_off() -> None:
    """Each part comes soon enough; all of them do not."""
    with pytest.raises(HTTPException) as error:
        ask(Asked(), parts=(b"a",) * 40, delay_s=0.05, body_s=0.3)
    assert error.value.status_code == 408
    assert ask(Asked(), parts=(b"a", b"b"), delay_s=0.0, body_s=30.0)[0] == 200
