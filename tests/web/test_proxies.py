"""Who asks, where a proxy says so: only those that were named are believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from hierclf.web.database import Database
from hierclf.web.passwords import Hasher
from hierclf.web.server import configure
from hierclf.web.throttle import Throttle
from tests.web.conftest import Hours
from tests.web.site import Browser, Site, make_site
from tests.web.ward import ABOUT

MOST = 3
PROXY, ELSEWHERE, PERSON = "192.0.2.7", "198.51.100.66", "203.0.113.9"


@pytest.fixture
def site(light: Database, tmp_path: Path, hours: Hours, hasher: Hasher) -> Site:
    return _site(
        light, tmp_path, hours, hasher, behind_proxy=True, proxies="192.0.2.0/28"
    )


def _site(
    database: Database, folder: Path, hours: Hours, hasher: Hasher, **told: Any
) -> Site:
    throttle = Throttle(most=MOST, clock=lambda: 0.0)
    made = make_site(database, folder, hours, hasher, ABOUT, throttle=throttle, **told)
    made.account("Ann")

    def scheme(request: Request) -> str:
        return request.url.scheme

    made.app.add_api_route("/scheme", scheme)
    return made


def _browser(site: Site, address: str, **headers: str) -> Browser:
    """A browser whose connection comes from an address."""
    config = configure(site.services)
    config.app = site.app
    config.load()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    client = TestClient(
        config.loaded_app,
        base_url="http://localhost",
        client=(address, 4711),
        headers=told,
    )
    return Browser(client)


def _try(site: Site, connection: str, forwarded: str) -> int:
    """Try to sign in with a wrong password; gives the status."""
    browser = _browser(site, connection, x_forwarded_for=forwarded)
    page = browser.get("/sign-in")
    cookie = page.headers["set-cookie"].partition(";")[0]
    token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    fields = {"name": "nobody", "password": "wrong password"}
    return int(
        browser.post(
            "/sign-in", fields, csrf=token, headers={"cookie": cookie}
        ).status_code
    )


def _noted(site: Site) -> set[object]:
    return {one.facts.get("address") for one in site.services.audit.newest_first(1)}


def test_a_forged_address_changes_neither_throttle_nor_log(site: Site) -> None:
    tries = [_try(site, ELSEWHERE, f"203.0.113.{one}") for one in range(MOST + 1)]
    assert tries == [403] * MOST + [429]
    assert _noted(site) == {ELSEWHERE}


def test_a_named_proxy_says_who_asks(site: Site) -> None:
    tries = [_try(site, PROXY, f"203.0.113.{one}") for one in range(MOST + 1)]
    assert tries == [403] * (MOST + 1)
    assert _noted(site) == {f"203.0.113.{one}" for one in range(MOST + 1)}


def test_what_was_forged_before_the_proxy_is_not_believed(site: Site) -> None:
    """A proxy adds the address it saw behind what it was sent."""
    tries = [_try(site, PROXY, f"10.0.0.{one}, {PERSON}") for one in range(MOST + 1)]
    assert tries == [403] * MOST + [429]
    assert _noted(site) == {PERSON}


@pytest.mark.parametrize(
    ("connection", "scheme"), [(PROXY, "https"), (ELSEWHERE, "http")]
)
def test_the_scheme_is_believed_from_named_proxies(
    site: Site, connection: str, scheme: str
) -> None:
    browser = _browser(site, connection, x_forwarded_proto="https")
    assert browser.get("/scheme").json() == scheme


@pytest.mark.parametrize("connection", ["127.0.0.1", "::1"])
def test_a_proxy_on_this_machine_needs_no_name(
    light: Database, tmp_path: Path, hours: Hours, hasher: Hasher, connection: str
) -> None:
    site = _site(light, tmp_path, hours, hasher, behind_proxy=True)
    _try(site, connection, PERSON)
    _try(site, PROXY, PERSON)
    assert _noted(site) == {PERSON, PROXY}


def test_without_a_proxy_nobody_is_believed(
    light: Database, tmp_path: Path, hours: Hours, hasher: Hasher
) -> None:
    site = _site(light, tmp_path, hours, hasher)
    _try(site, "127.0.0.1", PERSON)
    assert _noted(site) == {"127.0.0.1"}
