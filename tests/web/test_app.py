"""The application as browsers and scripts see it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from hierclf.data.folders import list_scans
from hierclf.data.pixels import read_scan
from hierclf.web.audit import verify
from hierclf.web.database import Database, Unavailable
from hierclf.web.dependencies import Language
from hierclf.web.queue import Outcome
from hierclf.web.studies import Studies
from hierclf.web.wording import why_no_score, words
from tests.web.children import ABOUT
from tests.web.conftest import Hours
from tests.web.site import PASSWORD, PNG, Browser, Site, make_site

RESULT = {
    "decision": "diseased",
    "label": "b",
    "screen_score": 0.75,
    "cut_point": 0.5,
    "probabilities": {"a": 0.25, "b": 0.75},
    "action": "",
    "label_set": [],
    "view_spread": None,
    "lungs_found": "",
    "warnings": [],
    "stages": [],
    "height": 10,
    "width": 10,
    "bundle": "0" * 64,
    "sha256": "1" * 64,
    "seconds": 0.1,
}
DONE = Outcome("done", "", "", RESULT, "diseased", "b", "", 0.75, "0" * 64)


@pytest.fixture
def site(light: Database, tmp_path: Path, hours: Hours, hasher) -> Site:
    found = make_site(light, tmp_path, hours, hasher, ABOUT)
    found.account("root", is_admin=True)
    return found


@pytest.fixture
def ann(site: Site) -> Browser:
    site.account("Ann")
    return site.signed_in("Ann")


def study_of(browser: Browser, **told) -> str:
    answer = browser.upload(**told)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/studies/")


# --- signing in


def test_a_session_begins_and_ends(site: Site) -> None:
    site.account("Ann")
    browser = site.browser()
    first = browser.get("/")
    assert (first.status_code, first.headers["location"]) == (303, "/sign-in?next=/")
    answer = browser.sign_in("Ann", next="/studies")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-hierclf=")
    for mark in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert mark in cookie
    assert "Domain" not in cookie
    assert browser.get("/studies").status_code == 200
    old = browser.client.cookies["__Host-hierclf"]
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    assert (
        browser.get("/studies", headers={"cookie": f"__Host-hierclf={old}"}).status_code
        == 303
    )


@pytest.mark.parametrize(
    "next", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\n/e"]
)
def test_signing_in_leads_nowhere_else(site: Site, next: str) -> None:
    site.account("Ann")
    assert site.browser().sign_in("Ann", next=next).headers["location"] == "/"


def test_wrong_names_and_passwords_look_alike(site: Site) -> None:
    site.account("Ann")
    pages = set()
    for name, password in (("Ann", "wrong password"), ("nobody", PASSWORD)):
        answer = site.browser().sign_in(name, password)
        assert answer.status_code == 403
        assert password not in answer.text
        pages.add(_without_tokens(answer.text).replace(name, "?"))
    assert len(pages) == 1


def _without_tokens(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if "csrf" not in line)


def test_too_many_tries_are_put_off(site: Site) -> None:
    site.account("Ann")
    answers = [site.browser().sign_in("Ann", "wrong password") for _ in range(6)]
    assert [one.status_code for one in answers] == [403] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_given_password_is_changed_before_anything_else(site: Site) -> None:
    _, password = site.services.accounts.create("Bob")
    browser = site.browser()
    browser.sign_in("Bob", password)
    for place in ("/", "/studies", "/studies.csv"):
        assert browser.get(place).headers["location"] == "/account"
    assert browser.upload().status_code == 303
    assert site.services.studies.counts() == {}
    fields = {"old": password, "new": "another good one", "again": "another good one"}
    assert browser.post("/account/password", fields).status_code == 303
    assert browser.get("/").status_code == 200


# --- forms


POSTS = [
    "/sign-out",
    "/studies",
    "/account/password",
    "/account/language",
    "/account/tokens",
    "/account/tokens/{id}/delete",
    "/studies/{id}/delete",
    "/admin/accounts",
    "/admin/accounts/{id}/delete",
    "/admin/accounts/{id}/password",
    "/admin/accounts/{id}/disable",
    "/admin/accounts/{id}/enable",
]


@pytest.mark.parametrize("place", POSTS)
@pytest.mark.parametrize("csrf", ["", "x" * 43, "others"])
def test_forms_of_other_sites_are_refused(site: Site, place: str, csrf: str) -> None:
    root = site.signed_in("root")
    target = site.account("Ann")
    other = site.signed_in("Ann")
    token = other.token("/account") if csrf == "others" else csrf
    before = site.services.accounts.list()
    files = {"file": ("a.png", PNG)} if place == "/studies" else None
    answer = root.post(place.format(id=target), {"name": "x"}, csrf=token, files=files)
    assert answer.status_code == 403
    assert site.services.accounts.list() == before
    assert site.services.studies.counts() == {}
    assert root.get("/").status_code == 200  # still signed in


def test_every_form_of_the_site_is_among_these(site: Site) -> None:
    import re

    posts = {
        re.sub(r"\{\w+\}", "{id}", route.path)
        for route in site.app.routes
        if "POST" in (getattr(route, "methods", None) or ())
    }
    expanded = {place.replace("{id}/{id}", "{id}/delete") for place in posts}
    assert expanded - {"/sign-in", "/api/v1/studies"} <= set(POSTS)


def test_the_form_to_sign_in_has_a_token_of_its_own(site: Site) -> None:
    site.account("Ann")
    browser, other = site.browser(), site.browser()
    fields = {"name": "Ann", "password": PASSWORD, "next": "/"}
    assert browser.post("/sign-in", fields, csrf="").status_code == 403
    foreign = other.token()
    browser.token()
    assert browser.post("/sign-in", fields, csrf=foreign).status_code == 403


# --- whose it is


def test_others_studies_are_not_there(site: Site, ann: Browser) -> None:
    study = study_of(ann)
    site.finish(DONE)
    site.account("Bob")
    for browser in (site.signed_in("Bob"), site.signed_in("root")):
        for place in ("", "/state", "/scan.png", "/heat-screen.png"):
            assert browser.get(f"/studies/{study}{place}").status_code == 404
        assert browser.post(f"/studies/{study}/delete").status_code == 404
        assert study not in browser.get("/studies").text
        assert study not in browser.get("/studies.csv").text
    assert ann.get(f"/studies/{study}").status_code == 200


@pytest.mark.parametrize(
    "place", ["/admin/accounts", "/admin/model", "/admin/report", "/admin/audit"]
)
def test_pages_of_administrators_are_not_there_for_others(
    site: Site, ann: Browser, place: str
) -> None:
    assert ann.get(place).status_code == 404
    assert site.browser().get(place).status_code == 303
    told = site.services.audit.newest_first(1)[0]
    assert (told.who, told.what) == ("Ann", "denied")


@pytest.mark.parametrize(
    "study", ["1", "' OR 1=1", "../../secret", "%00", "x" * 5000, "{id}"]
)
def test_strange_names_of_studies(ann: Browser, study: str) -> None:
    for place in (f"/studies/{study}", f"/studies/{study}/scan.png"):
        assert ann.get(place).status_code in (404, 400)


# --- uploads
BARE = bytes(16) + b"1.2.840.10008.5.1.4.1.1.2" + bytes(32)
"""A DICOM data set without the head that makes it a file."""


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("a.png", PNG, 303),
        ("A.PNG", PNG, 303),
        ("a.jpg", PNG, 303),
        ("a.png", b"<html>", 422),
        ("a.png", b"", 422),
        ("a.svg", b"<svg/>", 422),
        ("a.zip", b"PK\x03\x04", 422),
        ("a.png.exe", PNG, 303),
        ("png", PNG, 303),
        ("a.dcm", bytes(128) + b"DICM", 303),
        ("1.2.840.113619.2.5", bytes(128) + b"DICM", 303),
        ("a.dcm", PNG, 303),
        ("a.dcm", BARE, 422),
    ],
)
def test_what_is_taken(site: Site, ann: Browser, name, content, status) -> None:
    assert ann.upload(name, content).status_code == status
    n_kept = sum(site.services.studies.counts().values())
    assert n_kept == (status == 303)
    folders = list((site.services.options.folder / "studies").iterdir())
    assert len(folders) == n_kept


def test_scripts_are_told_in_json(ann: Browser) -> None:
    told = {"accept": "application/json", "x-csrf-token": ann.token("/account")}
    answer = ann.upload(headers=told)
    assert answer.status_code == 201
    assert answer.json()["status"] == "queued"
    bad = ann.upload("a.gif", b"GIF89a", headers=told)
    assert bad.status_code == 422
    told = "The file is no PNG, JPEG, TIFF or DICOM. Export the scan as one of these."
    assert bad.json() == {"detail": told, "code": "E_FORMAT"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_the_name_decides_nothing_here_as_on_the_command_line(
    ann: Browser, tmp_path: Path, kind: str, name: str
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / name, kind)
    [listed] = list_scans(tmp_path)
    assert read_scan(listed).pixels.shape == (64, 64)
    assert ann.upload(name, listed.read_bytes()).status_code == 303


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "E_EMPTY"), (b"%PDF", "E_FORMAT"), (BARE, "E_DICOM_META")],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_that_is_no_scan_is_told_in_plain_words(
    ann: Browser, content: bytes, code: str, language: Language
) -> None:
    page = ann.upload("a.png", content, headers={"accept-language": language}).text
    assert why_no_score(language, code) in page
    assert "xpected" not in page


def test_two_files_or_none_are_refused(site: Site, ann: Browser) -> None:
    two = [("file", ("a.png", PNG)), ("file", ("b.png", PNG))]
    assert ann.post("/studies", files=two).status_code in (400, 422)
    assert ann.post("/studies").status_code == 422
    other = {"file": ("a.png", PNG), "extra": (None, "x")}
    assert ann.post("/studies", files=other).status_code == 422
    assert site.services.studies.counts() == {}


def test_too_much_is_refused(light: Database, tmp_path: Path, hours, hasher) -> None:
    site = make_site(light, tmp_path, hours, hasher, ABOUT, upload_mb=1)
    site.account("Ann")
    ann = site.signed_in("Ann")
    assert ann.upload(content=PNG + bytes(1_000_000)).status_code == 303
    assert ann.upload(content=PNG + bytes(1_200_000)).status_code == 413

    def parts():  # without a length
        told = 'Content-Disposition: form-data; name="file"; filename="a.png"'
        yield f"--b\r\n{told}\r\n\r\n".encode()
        yield from (bytes(100_000) for _ in range(20))

    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert ann.client.post("/studies", content=parts(), headers=kind).status_code == 413
    assert site.services.studies.counts() == {"queued": 1}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\scans\\a.png", "a.png"),
        ("<script>alert(1)</script>.png", "script&gt;.png"),
        ("\u202egnp.a.png", "gnp.a.png"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
    ],
)
def test_names_are_shown_and_do_nothing(
    site: Site, ann: Browser, name: str, shown: str
) -> None:
    study = study_of(ann, name=name)
    folder = site.services.options.folder / "studies"
    assert [one.name for one in folder.iterdir()] == [study]
    for place in ("/studies", f"/studies/{study}"):
        page = ann.get(place).text
        assert shown in page
        assert "<script>alert" not in page
        assert "\u202e" not in page


def test_a_repeated_upload_is_one_study(site: Site, ann: Browser) -> None:
    told = {"idempotency-key": "k1"}
    assert study_of(ann, headers=told) == study_of(ann, headers=told)
    assert ann.upload(headers={"idempotency-key": "k" * 65}).status_code == 422
    assert site.services.studies.counts() == {"queued": 1}


def test_a_full_queue_says_when_to_come_again(
    light: Database, tmp_path: Path, hours, hasher
) -> None:
    site = make_site(light, tmp_path, hours, hasher, ABOUT, queue=1, quota=2)
    site.account("Ann")
    ann = site.signed_in("Ann")
    study_of(ann)
    answer = ann.upload()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    site.finish(DONE)
    study_of(ann)
    site.finish(DONE)
    assert ann.upload().status_code == 409


def test_the_worker_is_called(site: Site, ann: Browser) -> None:
    study_of(ann)
    assert site.services.supervisor.n_calls == 1  # type: ignore[attr-defined]


# --- results


def test_a_result_is_shown_with_what_it_rests_on(site: Site, ann: Browser) -> None:
    study = study_of(ann, name="scan.png")
    assert ann.get(f"/studies/{study}/state").json()["status"] == "queued"
    site.finish(DONE)
    assert ann.get(f"/studies/{study}/state").json()["status"] == "done"
    page = ann.get(f"/studies/{study}").text
    for told in ("Diseased", "0.750", "0.50", "75.0", "0" * 64, "Research use only"):
        assert told in page, told
    assert ann.get(f"/studies/{study}/scan.png").status_code == 404


@pytest.mark.parametrize(("guards", "told"), [((), 1), (("action", "scope"), 0)])
def test_a_model_that_takes_everything_for_a_scan_is_said(
    light: Database, tmp_path: Path, hours, hasher, guards, told: int
) -> None:
    about = ABOUT.model_copy(update={"guards": guards})
    site = make_site(light, tmp_path, hours, hasher, about)
    site.account("Ann")
    ann = site.signed_in("Ann")
    study = study_of(ann)
    site.finish(DONE)
    page = ann.get(f"/studies/{study}").text
    assert page.count("does not check what a scan shows") == told


@pytest.mark.parametrize("status", ["rejected", "error"])
def test_no_score_is_shown_where_there_is_none(
    site: Site, ann: Browser, status
) -> None:
    study = study_of(ann)
    site.finish(Outcome(status, "E_FORMAT", "expected a scan, got none. Mend it."))
    page = ann.get(f"/studies/{study}").text
    assert "E_FORMAT" in page
    assert 'class="score"' not in page
    assert "There is no score" in page


def test_out_of_scope_goes_before_the_numbers(site: Site, ann: Browser) -> None:
    study = study_of(ann)
    told = RESULT | {"action": "out_of_scope"}
    site.finish(Outcome("done", "", "", told, "diseased", "b", "out_of_scope", 0.75))
    page = ann.get(f"/studies/{study}").text
    assert page.index("Out of scope") < page.index("Probability of each label")
    listed = ann.get("/studies").text
    assert "0.750" not in listed


def test_the_table_is_escaped(site: Site, ann: Browser) -> None:
    study_of(ann, name="=cmd!A0.png")
    site.finish(DONE)
    answer = ann.get("/studies.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["name"].startswith("'=")
    assert (row["decision"], row["screen_score"]) == ("diseased", "0.75")


def test_a_batch_says_how_far_it_is(site: Site, ann: Browser) -> None:
    batch = "0e9f4b3e-2c2b-4a38-9c0a-0c6c6d5d3b11"
    for _ in range(2):
        answer = ann.post("/studies", {"batch": batch}, files={"file": ("a.png", PNG)})
        assert answer.status_code == 303
    told = {"queued": 2, "running": 0, "done": 0, "rejected": 0, "error": 0}
    assert ann.get(f"/batches/{batch}/state").json() == told
    assert ann.get(f"/batches/{batch}").status_code == 200
    assert site.signed_in("root").get(f"/batches/{batch}").status_code == 404
    bad = ann.post("/studies", {"batch": "x"}, files={"file": ("a.png", PNG)})
    assert bad.status_code == 422


# --- pages


PAGES = ["/", "/studies", "/account", "/model", "/admin/accounts", "/admin/audit"]


@pytest.mark.parametrize("place", [*PAGES, "/sign-in"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_says_what_it_is_not_for(site, place: str, language: str) -> None:
    browser = site.browser() if place == "/sign-in" else site.signed_in("root")
    answer = browser.get(place, headers={"accept-language": language})
    assert answer.status_code == 200
    assert words("zh" if language == "zh-CN" else "en")["notice"] in answer.text
    wanted = "zh-Hans" if language == "zh-CN" else "en"
    assert f'<html lang="{wanted}">' in answer.text
    assert answer.text.count("<h1") == 1
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for inline in ("<style", " style=", " onclick=", "javascript:"):
        assert inline not in answer.text


def test_a_notice_of_ones_own_is_said_as_it_is(
    light: Database, tmp_path: Path, hours, hasher
) -> None:
    told = {"notice": "For <trial> 7 only."}
    site = make_site(light, tmp_path, hours, hasher, ABOUT, **told)
    for language in ("en", "zh"):
        page = site.browser().get("/sign-in", headers={"accept-language": language})
        assert "For &lt;trial&gt; 7 only." in page.text


def test_pages_follow_only_known_links(site: Site) -> None:
    """Every link, form, picture and file of every page is answered."""
    import re

    root = site.signed_in("root")
    study = study_of(root)
    seen = set()
    for place in [*PAGES, f"/studies/{study}"]:
        text = root.get(place).text
        seen |= set(re.findall(r'(?:href|src)="(/[^"]*)"', text))
    assert len(seen) > 10
    for link in seen:
        assert root.get(link.replace("&amp;", "&")).status_code in (200, 303), link


def test_static_files_are_a_fixed_set(site: Site) -> None:
    browser = site.browser()
    assert browser.get("/static/app.css").headers["content-type"].startswith("text/css")
    for name in ("nothing", "..%2fapp.py", "../app.py", ".", "app.css~"):
        assert browser.get(f"/static/{name}").status_code == 404


def test_errors_tell_nothing_of_the_inside(
    site: Site, ann: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the inside")

    monkeypatch.setattr(Studies, "search", fail)
    quiet = TestClient(
        site.app, base_url="https://localhost", raise_server_exceptions=False
    )
    quiet.cookies = ann.client.cookies
    answer = quiet.get("/studies")
    assert answer.status_code == 500
    assert "secret of the inside" not in answer.text
    assert "Traceback" not in answer.text


def test_a_database_that_is_away(
    site: Site, ann: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("database: away")

    monkeypatch.setattr(Studies, "search", away)
    answer = ann.get("/studies")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    monkeypatch.setattr(Database, "ping", lambda _: False)
    assert ann.get("/ready").status_code == 503
    assert ann.get("/health").json() == {"status": "ok"}


def test_a_model_that_is_being_loaded(site: Site) -> None:
    site.services.supervisor.ready = False  # type: ignore[misc]
    assert site.browser().get("/ready").status_code == 503
    site.services.supervisor.ready = True  # type: ignore[misc]
    assert site.browser().get("/ready").json() == {"database": True, "model": True}


# --- administrators


def test_accounts_are_made_and_ended(site: Site) -> None:
    root = site.signed_in("root")
    page = root.post("/admin/accounts", {"name": "Eve"}).text
    import re

    password = re.search(r"<code[^>]*>([\w-]{16})</code>", page)
    assert password is not None
    eve = site.browser()
    assert eve.sign_in("Eve", password[1]).status_code == 303
    [row] = [one for one in site.services.accounts.list() if one.name == "Eve"]
    assert root.post(f"/admin/accounts/{row.id}/disable").status_code == 200
    assert eve.get("/account").status_code == 303
    assert root.post("/admin/accounts", {"name": "eve"}).status_code == 409
    assert root.post(f"/admin/accounts/{row.id}/delete").status_code == 200
    assert site.services.accounts.get(row.id) is None
    assert root.post(f"/admin/accounts/{row.id}/enable").status_code == 404


def test_an_account_goes_with_its_studies(site: Site, ann: Browser) -> None:
    study_of(ann)
    [row] = [one for one in site.services.accounts.list() if one.name == "Ann"]
    site.signed_in("root").post(f"/admin/accounts/{row.id}/delete")
    assert site.services.studies.counts() == {}
    assert list((site.services.options.folder / "studies").iterdir()) == []


def test_who_did_what_is_written_down(site: Site, ann: Browser) -> None:
    study = study_of(ann, name="Jane Doe.png")
    site.finish(DONE)
    ann.get(f"/studies/{study}")
    ann.get("/studies.csv")
    ann.post(f"/studies/{study}/delete")
    ann.post("/sign-out")
    site.browser().sign_in("Ann", "wrong password")
    path = site.services.options.folder / "audit.jsonl"
    told = [one.what for one in site.services.audit.newest_first(1)]
    for what in ("upload", "view", "export", "delete", "sign-in", "sign-out"):
        assert what in told
    assert "sign-in refused" in told
    text = path.read_text()
    for hidden in ("Jane", PASSWORD, "wrong password"):
        assert hidden not in text
    assert verify(path) == len(told)
    assert "sign-in refused" in site.signed_in("root").get("/admin/audit").text


def test_nothing_is_done_that_cannot_be_written_down(
    site: Site, ann: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(ann)
    path = site.services.options.folder / "audit.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert ann.post(f"/studies/{study}/delete").status_code == 507
    assert site.services.studies.counts() == {"queued": 1}


def test_an_upload_that_cannot_be_written_down_is_not_kept(
    site: Site, ann: Browser
) -> None:
    path = site.services.options.folder / "audit.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert ann.upload().status_code == 507
    assert site.services.studies.counts() == {}
    assert list((site.services.options.folder / "studies").iterdir()) == []


def test_a_repeated_upload_is_written_down_once_and_kept(
    site: Site, ann: Browser
) -> None:
    told = {"idempotency-key": "k1"}
    study = study_of(ann, headers=told)
    assert study_of(ann, headers=told) == study
    whats = [one.what for one in site.services.audit.newest_first(1)]
    assert whats.count("upload") == 1
    path = site.services.options.folder / "audit.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert study_of(ann, headers=told) == study
    assert site.services.studies.counts() == {"queued": 1}


def test_a_temporary_folder_that_is_full(
    site: Site, ann: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setattr("hierclf.web.uploads.tempfile.TemporaryDirectory", full)
    answer = ann.upload()
    assert answer.status_code == 507
    assert "/secret/place" not in answer.text
    assert site.services.studies.counts() == {}


# --- the API


def test_the_api_is_opened_by_a_token_alone(site: Site, ann: Browser) -> None:
    [row] = [one for one in site.services.accounts.list() if one.name == "Ann"]
    told = site.token(row.id)
    browser = site.browser()
    assert browser.get("/api/v1/me").status_code == 401
    assert ann.get("/api/v1/me").status_code == 401  # a cookie is not enough
    assert browser.get("/api/v1/me", headers=told).json()["name"] == "Ann"
    assert browser.get("/studies", headers=told).status_code == 303
    site.services.accounts.disable(row.id)
    assert browser.get("/api/v1/me", headers=told).status_code == 401


def test_the_api_waits_for_a_password_of_ones_own(site: Site) -> None:
    account, _ = site.services.accounts.create("Bob")
    told = site.token(account.id)
    assert site.browser().get("/api/v1/me", headers=told).status_code == 401


def test_the_api_from_upload_to_deletion(site: Site) -> None:
    told = site.token(site.account("Ann"))
    client = site.browser().client
    dicom = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    made = client.post(
        "/api/v1/studies", files={"file": ("ct.dcm", dicom)}, headers=told
    )
    assert made.status_code == 201
    place = f"/api/v1/studies/{made.json()['id']}"
    assert client.get(place, headers=told).json()["result"] is None
    site.finish(DONE)
    found = client.get(place, headers=told).json()
    assert found["status"] == "done"
    assert found["result"] == RESULT
    listed = client.get("/api/v1/studies?decision=diseased", headers=told).json()
    assert (listed["total"], listed["studies"]) == (1, [found])
    assert client.get("/api/v1/model", headers=told).json()["labels"] == ["a", "b"]
    other = site.token(site.account("Bob"))
    for method in ("GET", "DELETE"):
        assert client.request(method, place, headers=other).status_code == 404
    assert client.delete(place, headers=told).status_code == 204
    assert client.get(place, headers=told).status_code == 404


def test_the_description_names_every_route(site: Site) -> None:
    told = site.browser().get("/api/v1/openapi.json").json()
    assert told["info"]["description"] == site.services.options.notice
    assert set(told["paths"]) == {
        "/api/v1/me",
        "/api/v1/model",
        "/api/v1/studies",
        "/api/v1/studies/{study}",
        "/api/v1/studies/{study}/{picture}.png",
        "/api/v1/batches/{batch}",
    }
    assert site.browser().get("/docs").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example"])
def test_other_hosts_are_not_answered(site: Site, host: str) -> None:
    assert site.browser().get("/sign-in", headers={"host": host}).status_code == 400
