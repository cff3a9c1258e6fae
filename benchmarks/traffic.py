"""Requests of all kinds, good and bad, to a server that must outlive them."""

from __future__ import annotations

import random
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import httpx

_WAIT_S = 60
_TOO_LARGE = 21_000_000
_HALVES = 40
"""Connections with half a body that are left open; the oldest is dropped."""
_TRICKS = (
    "/static/../secret",
    "/static/%2e%2e/secret",
    "/static/..%2f..%2fsecret",
    "//etc/passwd",
    "/studies/..%5c..%5csecret/scan.png",
    "/studies/%00/scan.png",
    "/api/v1/studies/../../../etc/passwd",
    "/%ff%fe",
)


class Traffic:
    """What is sent to a server, and what it answered.

    Parameters
    ----------
    base : str
        Where it answers.
    tokens : tuple of str
        Of the account whose studies these are, and of another.
    cookie : str
        Of a session of the first one.
    scans : list of Path
        Good ones.

    Attributes
    ----------
    answers : Counter
        By act and status; 0 where nothing was answered.
    studies : set of str
        Accepted, and not deleted since.
    n_accepted, n_deleted : int
        In all.
    """

    def __init__(
        self, base: str, tokens: tuple[str, str], cookie: str, scans: list[Path]
    ) -> None:
        own, other = ({"authorization": f"Bearer {token}"} for token in tokens)
        self._client = httpx.Client(base_url=base, headers=own, timeout=_WAIT_S)
        self._other = other
        self._cookie = {"cookie": cookie, "authorization": ""}
        self._place = (self._client.base_url.host, self._client.base_url.port or 80)
        self._scans = [(path.name, path.read_bytes()) for path in scans]
        self._halves: deque[socket.socket] = deque()
        self._lock = threading.Lock()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.studies: set[str] = set()
        self.n_accepted = self.n_deleted = 0
        self._acts: dict[Callable[[], int], int] = {
            self.scan: 8,
            self.broken: 2,
            self.text_as_png: 2,
            self.too_large: 2,
            self.too_large_in_parts: 1,
            self.wrong_token: 2,
            self.unknown: 2,
            self.others: 2,
            self.half_a_body: 2,
            self.dropped: 3,
            self.trick: 2,
            self.delete: 5,
            self.export: 2,
            self.page: 4,
            self.study: 4,
            self.picture: 3,
            self.listed: 3,
            self.wrong_password: 1,
        }

    def once(self) -> int:
        """Do one thing by chance; gives the status."""
        [act] = random.choices(list(self._acts), list(self._acts.values()))  # noqa: S311
        return self.do(act)

    def every(self) -> None:
        """Do each thing."""
        for act in self._acts:
            self.do(act)

    def do(self, act: Callable[[], int]) -> int:
        """Do one thing, and count how it was answered."""
        try:
            status = act()
        except (httpx.TransportError, OSError):
            status = 0
        with self._lock:
            self.answers[act.__name__, status] += 1
        return status

    def close(self) -> None:
        """Drop all connections."""
        while self._halves:
            self._halves.popleft().close()
        self._client.close()

    def _upload(self, name: str, content: bytes) -> int:
        answer = self._client.post("/api/v1/studies", files={"file": (name, content)})
        if answer.status_code == 201:
            with self._lock:
                self.n_accepted += 1
                self.studies.add(answer.json()["id"])
        return answer.status_code

    def _any(self) -> str:
        with self._lock:
            return random.choice(tuple(self.studies) or (str(uuid4()),))  # noqa: S311

    def _get(self, place: str, headers: Mapping[str, str] | None = None) -> int:
        return self._client.get(place, headers=headers).status_code

    def scan(self) -> int:
        """Upload a good one."""
        return self._upload(*random.choice(self._scans))  # noqa: S311

    def broken(self) -> int:
        """Upload half of a good one."""
        name, content = random.choice(self._scans)  # noqa: S311
        return self._upload(name, content[: len(content) // 2])

    def text_as_png(self) -> int:
        """Upload what its name does not say."""
        return self._upload("scan.png", b"This is no scan.\n")

    def too_large(self) -> int:
        """Say that a body is larger than may be."""
        told = {"content-length": str(_TOO_LARGE)}
        return self._raw("POST", "/api/v1/studies", told, b"x" * 1000)

    def too_large_in_parts(self) -> int:
        """Send a body that does not say how large it is."""
        kind = {"content-type": "multipart/form-data; boundary=x"}
        told = {"content": _parts(), "headers": kind}
        return self._client.post("/api/v1/studies", **told).status_code

    def wrong_token(self) -> int:
        """Ask with a token that is none."""
        return self._get("/api/v1/me", {"authorization": "Bearer nonsense"})

    def unknown(self) -> int:
        """Ask for a study that is none."""
        return self._get(f"/api/v1/studies/{uuid4()}")

    def others(self) -> int:
        """Ask for a study of another."""
        return self._get(f"/api/v1/studies/{self._any()}", self._other)

    def half_a_body(self) -> int:
        """Send half a body, and stay."""
        wire = socket.create_connection(self._place, timeout=_WAIT_S)
        told = {"content-length": "5000", **self._own()}
        wire.sendall(_head("POST", "/api/v1/studies", told) + b"x" * 2500)
        with self._lock:
            self._halves.append(wire)
            late = self._halves.popleft() if len(self._halves) > _HALVES else None
        if late is not None:
            late.close()
        return 0

    def dropped(self) -> int:
        """Ask for a page, and leave before it comes."""
        with socket.create_connection(self._place, timeout=_WAIT_S) as wire:
            wire.sendall(_head("GET", "/api/v1/studies", self._own()))
        return 0

    def trick(self) -> int:
        """Ask for what lies elsewhere."""
        return self._raw("GET", random.choice(_TRICKS), self._cookie, b"")  # noqa: S311

    def delete(self) -> int:
        """Delete a study, whatever is being done with it."""
        study = self._any()
        with self._lock:
            self.studies.discard(study)
        status = self._client.delete(f"/api/v1/studies/{study}").status_code
        with self._lock:
            self.n_deleted += status == 204
        return status

    def export(self) -> int:
        """Read the table of all studies."""
        return self._get("/studies.csv", self._cookie)

    def page(self) -> int:
        """Look through the list."""
        number = random.randint(1, 9)  # noqa: S311
        return self._get(f"/studies?page={number}&text=a", self._cookie)

    def study(self) -> int:
        """Look at a study."""
        return self._get(f"/studies/{self._any()}", self._cookie)

    def picture(self) -> int:
        """Look at a heatmap."""
        return self._get(f"/studies/{self._any()}/heat-screen.png", self._cookie)

    def listed(self) -> int:
        """Ask for the list as JSON."""
        return self._get("/api/v1/studies?status=done")

    def wrong_password(self) -> int:
        """Try to sign in."""
        return sign_in(self._client, "nobody", "wrong password")[0]

    def _own(self) -> dict[str, str]:
        return {"authorization": self._client.headers["authorization"]}

    def _raw(
        self, method: str, place: str, headers: Mapping[str, str], body: bytes
    ) -> int:
        """Send what no client would; gives the status."""
        with socket.create_connection(self._place, timeout=_WAIT_S) as wire:
            wire.sendall(_head(method, place, headers) + body)
            start = wire.recv(20)
        return int(start.split()[1]) if start else 0


def sign_in(client: httpx.Client, name: str, password: str) -> tuple[int, str]:
    """Fill the form to sign in; gives the status and the cookie of the session.

    The cookie is for TLS, so that no client but a browser keeps it for localhost.
    """
    form = client.get("/sign-in")
    found = re.search(r'name="csrf" value="([^"]+)"', form.text)
    fields = {"name": name, "password": password, "csrf": found[1] if found else ""}
    headers = {"cookie": form.headers.get("set-cookie", "").partition(";")[0]}
    answer = client.post("/sign-in", data=fields, headers=headers)
    return answer.status_code, answer.headers.get("set-cookie", "").partition(";")[0]


def _head(method: str, place: str, headers: Mapping[str, str]) -> bytes:
    told = {"host": "localhost", "connection": "close", **headers}
    lines = [f"{method} {place} HTTP/1.1", *(f"{k}: {v}" for k, v in told.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _parts() -> Iterator[bytes]:
    told = b'content-disposition: form-data; name="file"; filename="a.png"'
    yield b"--x\r\n" + told + b"\r\n\r\n"
    for _ in range(_TOO_LARGE // 100_000):
        yield bytes(100_000)
