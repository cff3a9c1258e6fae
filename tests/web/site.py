"""A site without a worker, asked in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from hierclf.config.serving import ServeOptions
from hierclf.web.accounts import Accounts
from hierclf.web.app import create_app
from hierclf.web.audit import AuditLog
from hierclf.web.database import Database
from hierclf.web.dependencies import Services
from hierclf.web.queue import Outcome, Queue
from hierclf.web.result import About
from hierclf.web.studies import Studies
from hierclf.web.throttle import Throttle
from hierclf.web.tokens import Tokens
from tests.web.conftest import Hours

PASSWORD = "correct horse battery"  # noqa: S105
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63f80f000101010018dd8db00000000049454e44ae426082"
)


class Idle:
    """A supervisor whose worker never works."""

    def __init__(self, about: About) -> None:
        self.about: About | None = about
        self.ready = True
        self.trouble = ""
        self.n_calls = 0

    def wake(self) -> None:
        self.n_calls += 1


@dataclass
class Site:
    """The services of a site, and browsers for it."""

    services: Services
    hours: Hours
    queue: Queue
    app: Any

    def browser(self) -> Browser:
        return Browser(TestClient(self.app, base_url="https://localhost"))

    def signed_in(self, name: str) -> Browser:
        found = self.browser()
        assert found.sign_in(name).status_code == 303
        return found

    def account(self, name: str, *, is_admin: bool = False) -> str:
        return self.services.accounts.create(name, PASSWORD, is_admin=is_admin)[0].id

    def token(self, account_id: str) -> dict[str, str]:
        _, key = self.services.tokens.make(account_id, "test")
        return {"authorization": f"Bearer {key}"}

    def finish(self, outcome: Outcome) -> None:
        for row in self.queue.claim(100):
            assert self.queue.finish(row.id, outcome)


class Browser:
    """Reads pages and sends their forms."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, place: str, **told: Any) -> httpx.Response:
        return self.client.get(place, follow_redirects=False, **told)

    def token(self, place: str = "/sign-in") -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(place).text)
        assert found is not None, place
        return found[1]

    def post(
        self,
        place: str,
        fields: Mapping[str, str] | None = None,
        *,
        csrf: str | None = None,
        **told: Any,
    ) -> httpx.Response:
        token = self.token("/account") if csrf is None else csrf
        data = {**(fields or {}), "csrf": token}
        return self.client.post(place, data=data, follow_redirects=False, **told)

    def sign_in(self, name: str, password: str = PASSWORD, next: str = "/") -> Any:
        fields = {"name": name, "password": password, "next": next}
        return self.post("/sign-in", fields, csrf=self.token())

    def upload(self, name: str = "a.png", content: bytes = PNG, **told: Any) -> Any:
        files = {"file": (name, content)}
        return self.post("/studies", files=files, **told)


def make_site(
    database: Database,
    state: Path,
    hours: Hours,
    hasher: Any,
    about: About,
    *,
    throttle: Throttle | None = None,
    **told: Any,
) -> Site:
    (state / "studies").mkdir(exist_ok=True)
    options = ServeOptions(bundle=state / "bundle", state=state, **told)
    throttle = throttle or Throttle(most=1000)
    accounts = Accounts(database, clock=hours, throttle=throttle, hasher=hasher)
    studies = Studies(
        database,
        state / "studies",
        clock=hours,
        limit_queue=options.queue,
        quota=options.quota,
    )
    services = Services(
        options=options,
        database=database,
        accounts=accounts,
        tokens=Tokens(database, clock=hours),
        studies=studies,
        audit=AuditLog(state / "audit.jsonl", hours),
        supervisor=Idle(about),  # type: ignore[arg-type]
        secret=b"0123456789abcdefghijklmnopqrstuv",
        clock=hours,
    )
    return Site(services, hours, Queue(database, clock=hours), create_app(services))
