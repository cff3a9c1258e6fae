"""Signing in and out, files for browsers, errors, and what all pages have."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hierclf.web.database import Database, Unavailable
from hierclf.web.dependencies import FORM, SESSION
from hierclf.web.guard import HEADERS
from hierclf.web.pages import local
from hierclf.web.passwords import Hasher
from tests.web.conftest import Hours
from tests.web.site import PASSWORD
from tests.web.ward import SICK, Ward, result_of

PAGES = ("/", "/studies", "/account", "/model", "/admin/accounts", "/admin/audit")


@pytest.fixture
def ward(tmp_path: Path, light: Database, hours: Hours, hasher: Hasher) -> Ward:
    return Ward(tmp_path, light, hours, hasher)


class Read(HTMLParser):
    """What a screen reader and a content policy look at."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _check(page: str) -> None:
    read = Read(page)
    assert read.of("html")[0]["lang"] in ("en", "zh-Hans")
    assert len(read.of("h1")) == 1
    assert read.of("a")[0]["href"] == "#main"
    assert not read.of("style")
    assert all("src" in one for one in read.of("script"))
    for _, attrs in read.tags:
        assert not [name for name in attrs if name == "style" or name[:2] == "on"]
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labels = {one.get("for") for one in read.of("label")}
    for one in [*read.of("input"), *read.of("select")]:
        typed = one.get("type") not in ("hidden", "checkbox", "radio")
        assert one.get("id") in labels or not typed or "hidden" in one
    for form in read.of("form"):
        assert form["method"] in ("post", "get", "dialog")
    posts = sum(form["method"] == "post" for form in read.of("form"))
    assert page.count('name="csrf"') == posts


@pytest.mark.parametrize("language", ["en", "zh-CN,zh;q=0.9"])
def test_all_pages_are_well_made(ward: Ward, language: str) -> None:
    browser = ward.browser("Ada")
    rows = [
        ward.study(owner=ward.ada),
        ward.study(result_of(SICK), owner=ward.ada),
        ward.study(status="rejected", code="E_TS", message="m", owner=ward.ada),
    ]
    wanted = [*PAGES, *(f"/studies/{row.id}" for row in rows)]
    for place in wanted:
        answer = browser.get(place, headers={"accept-language": language})
        assert answer.status_code == 200, place
        _check(answer.text)
        assert ("仅供研究使用" in answer.text) == (language != "en")
        assert answer.headers["cache-control"] == "no-store"
        assert (
            answer.headers["content-security-policy"]
            == (HEADERS["content-security-policy"])
        )


def test_the_notice_is_what_was_chosen(
    tmp_path: Path, light: Database, hours: Hours, hasher: Hasher
) -> None:
    ward = Ward(tmp_path, light, hours, hasher, notice="Only <here>.")
    assert "Only &lt;here&gt;." in ward.browser().get("/sign-in").text


def test_phantoms_are_named_on_every_page(ward: Ward) -> None:
    assert "synthetic" not in ward.browser().get("/sign-in").text
    about = ward.services.supervisor.about
    assert about is not None
    ward.services.supervisor.about = about.model_copy(update={"phantom": True})
    assert "synthetic" in ward.browser().get("/sign-in").text


def test_signing_in_and_out(ward: Ward) -> None:
    browser = ward.browser()
    assert browser.get("/studies").headers["location"] == "/sign-in?next=/studies"
    answer = browser.submit("/sign-in", name="ben", password=PASSWORD, next="/studies")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION}=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert browser.get("/studies").status_code == 200
    assert browser.get("/sign-in?next=/account").headers["location"] == "/account"
    held = browser.cookies[SESSION]
    assert browser.submit("/sign-out").headers["location"] == "/sign-in"
    assert SESSION not in browser.cookies
    browser.cookies.set(SESSION, held)
    assert browser.get("/studies").status_code == 303
    assert ward.lines() == ["sign-in", "sign-out"]


@pytest.mark.parametrize(("name", "who"), [("ben", "Ben"), (PASSWORD, "unknown name")])
def test_a_refusal_tells_nothing(ward: Ward, name: str, who: str) -> None:
    answer = ward.browser().submit("/sign-in", name=name, password="wrong")  # noqa: S106
    assert answer.status_code == 403
    assert "Name and password do not fit." in answer.text
    assert "wrong" not in answer.text
    assert 'role="alert"' in answer.text
    assert [one.who for one in ward.services.audit.newest_first(1)] == [who]


def test_too_many_tries_have_to_wait(ward: Ward) -> None:
    browser = ward.browser()
    answers = [
        browser.submit("/sign-in", name="ben", password="wrong")  # noqa: S106
        for _ in range(12)
    ]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Too many attempts" in answers[-1].text


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "studies",
        "/a\r\nset-cookie: b",
        "//[",
        "",
    ],
)
def test_only_places_of_this_server_are_gone_to(place: str) -> None:
    assert local(place) == "/"


def test_a_form_without_its_token_is_refused(ward: Ward) -> None:
    browser = ward.browser("Ben")
    row = ward.study()
    places = ("/sign-out", "/account/password", "/account/tokens", "/account/language")
    for place in (*places, f"/studies/{row.id}/delete"):
        answer = browser.post(place, data={"csrf": "guessed"})
        assert answer.status_code == 403, place
        _check(answer.text)
    assert ward.services.studies.get(ward.ben.id, row.id) is not None
    fresh = ward.browser()
    token = fresh.token()
    del fresh.cookies[FORM]
    fields = {"name": "Ben", "password": PASSWORD, "csrf": token}
    assert fresh.post("/sign-in", data=fields).status_code == 403


def test_a_visitor_chooses_a_language(ward: Ward) -> None:
    browser = ward.browser()
    assert browser.get("/sign-in?language=zh").headers["location"] == "/sign-in"
    assert "<h1>登录</h1>" in browser.get("/sign-in").text
    browser.get("/sign-in?language=en")
    assert "<h1>Sign in</h1>" in browser.get("/sign-in").text


def test_files_of_pages_are_named_by_their_content(ward: Ward) -> None:
    browser = ward.browser()
    page = browser.get("/sign-in").text
    found = re.findall(r"/static/[a-z.]+\?v=[0-9a-f]{12}", page)
    assert len(found) == 3
    for place in found:
        answer = browser.get(place)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("name", ["app.py", "..%2Fpages.py", "%2Fetc%2Fpasswd", "x"])
def test_no_other_file_is_given(ward: Ward, name: str) -> None:
    assert ward.browser().get(f"/static/{name}").status_code == 404


def test_an_error_is_a_page(ward: Ward) -> None:
    answer = ward.browser("Ben").get("/nothing")
    assert answer.status_code == 404
    assert "Error 404" in answer.text
    assert "There is nothing at this address" in answer.text
    _check(answer.text)


def test_an_error_is_told_without_the_database(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = ward.browser("Ben")

    def away(_: object) -> None:
        raise Unavailable("database: expected an answer, got none. Start it.")

    monkeypatch.setattr(ward.services.accounts, "signed_in", away)
    answer = browser.get("/studies")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Error 503" in answer.text
    assert "expected an answer" not in answer.text
