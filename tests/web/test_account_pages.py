"""One's own account, and the pages of administrators."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hierclf.web.database import Database
from hierclf.web.passwords import Hasher
from tests.web.conftest import Hours
from tests.web.site import PASSWORD
from tests.web.ward import DIGEST, Ward

NEW = "another fine secret"


@pytest.fixture
def ward(tmp_path: Path, light: Database, hours: Hours, hasher: Hasher) -> Ward:
    return Ward(tmp_path, light, hours, hasher)


def _secret(page: str) -> str:
    found = re.search(r'<code class="once"[^>]*>([^<]+)</code>', page)
    assert found
    return found[1]


def test_a_password_is_changed(ward: Ward) -> None:
    here, there = ward.browser("Ben"), ward.browser("Ben")
    answer = here.submit("/account/password", old=PASSWORD, new=NEW, again=NEW)
    assert answer.headers["location"] == "/account?done=password"
    assert "The password was changed." in here.get("/account?done=password").text
    assert there.get("/").status_code == 303
    assert ward.lines()[-1] == "password changed"


@pytest.mark.parametrize(
    ("old", "new", "again", "told"),
    [
        (PASSWORD, NEW, NEW + "!", "The two new passwords differ."),
        ("wrong", NEW, NEW, "The present password is wrong."),
        (PASSWORD, "password", "password", "The new password cannot be taken"),
        (PASSWORD, "x" * 129, "x" * 129, "The new password cannot be taken"),
        (PASSWORD, PASSWORD, PASSWORD, "The new password cannot be taken"),
    ],
)
def test_a_password_is_refused(
    ward: Ward, old: str, new: str, again: str, told: str
) -> None:
    browser = ward.browser("Ben")
    answer = browser.submit("/account/password", old=old, new=new, again=again)
    assert answer.status_code == 422
    assert told in answer.text
    assert NEW not in answer.text
    ward.browser("Ben")  # it still opens


def test_a_language_is_kept(ward: Ward) -> None:
    browser = ward.browser("Ben")
    browser.submit("/account/language", language="zh")
    assert "<h1>我的账户</h1>" in browser.get("/account").text
    browser.submit("/account/language", language="xx")
    assert "<h1>Your account</h1>" in browser.get("/account").text


def test_a_token_is_shown_once(ward: Ward) -> None:
    browser = ward.browser("Ben")
    key = _secret(browser.submit("/account/tokens", name="bridge").text)
    owner = ward.services.tokens.owner(key)
    assert owner is not None
    assert owner.name == "Ben"
    page = browser.get("/account").text
    assert "bridge" in page
    assert key not in page
    token = ward.services.tokens.list(ward.ben.id)[0].id
    ward.browser("Ada").submit(f"/account/tokens/{token}/delete")
    assert ward.services.tokens.owner(key) is not None
    browser.submit(f"/account/tokens/{token}/delete")
    assert ward.services.tokens.owner(key) is None
    assert browser.submit("/account/tokens/x/delete").status_code == 404
    assert "cannot be made" in browser.submit("/account/tokens", name=" ").text


@pytest.mark.parametrize("name", ["accounts", "model", "report", "audit"])
def test_pages_of_administrators_are_not_there_for_others(
    ward: Ward, name: str
) -> None:
    assert ward.browser("Ben").get(f"/admin/{name}").status_code == 404
    assert ward.lines()[-1] == "denied"


def test_others_change_no_account(ward: Ward) -> None:
    browser = ward.browser("Ben")
    for act in ("delete", "password", "disable", "enable"):
        place = f"/admin/accounts/{ward.ada.id}/{act}"
        assert browser.submit(place).status_code == 404
    assert browser.submit("/admin/accounts", name="Eve").status_code == 404
    assert {one.name for one in ward.services.accounts.list()} == {"Ada", "Ben"}


def test_an_account_is_added_and_must_choose_a_password(ward: Ward) -> None:
    page = ward.browser("Ada").submit("/admin/accounts", name="Eve").text
    secret, browser = _secret(page), ward.browser()
    browser.submit("/sign-in", name="Eve", password=secret)
    assert browser.get("/studies").headers["location"] == "/account"
    assert "Choose a password of your own first." in browser.get("/account").text
    browser.submit("/account/password", old=secret, new=NEW, again=NEW)
    assert browser.get("/studies").status_code == 200
    eve = ward.services.accounts.list()[-1]
    assert (eve.name, eve.is_admin) == ("Eve", False)


def test_an_account_that_is_taken_is_not_added(ward: Ward) -> None:
    answer = ward.browser("Ada").submit("/admin/accounts", name="BEN", is_admin="1")
    assert answer.status_code == 409
    assert "cannot be added" in answer.text


def test_an_account_is_disabled_and_enabled(ward: Ward) -> None:
    ada, ben = ward.browser("Ada"), ward.browser("Ben")
    ada.submit(f"/admin/accounts/{ward.ben.id}/disable")
    assert ben.get("/").status_code == 303
    assert "Disabled" in ada.get("/admin/accounts").text
    ada.submit(f"/admin/accounts/{ward.ben.id}/enable")
    ward.browser("Ben")


def test_an_account_gets_a_password(ward: Ward) -> None:
    page = ward.browser("Ada").submit(f"/admin/accounts/{ward.ben.id}/password").text
    assert "One-time password for Ben" in page
    answer = ward.browser().submit("/sign-in", name="Ben", password=_secret(page))
    assert answer.status_code == 303


def test_an_account_is_deleted_with_its_studies(ward: Ward) -> None:
    row = ward.study()
    ward.browser("Ada").submit(f"/admin/accounts/{ward.ben.id}/delete")
    assert ward.services.accounts.get(ward.ben.id) is None
    assert not (ward.folder / "studies" / row.id).exists()
    assert ward.lines()[-1] == "account delete"


@pytest.mark.parametrize("act", ["delete", "disable", "password"])
def test_nobody_locks_themselves_out(ward: Ward, act: str) -> None:
    answer = ward.browser("Ada").submit(f"/admin/accounts/{ward.ada.id}/{act}")
    assert answer.status_code == 409
    assert ward.services.accounts.get(ward.ada.id) == ward.ada
    assert ward.browser("Ada")


def test_an_account_that_is_not_there_is_told(ward: Ward) -> None:
    for account in ("x", "0" * 36):
        place = f"/admin/accounts/{account}/delete"
        assert ward.browser("Ada").submit(place).status_code == 404


def test_the_model_is_described(ward: Ward) -> None:
    browser = ward.browser("Ada")
    page = browser.get("/model").text
    for told in (DIGEST, "0.42", "One &lt;site&gt;.", "<h3>Limits</h3>", "ward"):
        assert told in page
    assert "/admin/report" not in page
    assert browser.get("/admin/report").status_code == 404
    ward.services.supervisor.about = None
    assert "not ready yet" in browser.get("/model").text


def test_the_model_is_described_to_who_uses_it(ward: Ward) -> None:
    answer = ward.browser("Ada").get("/admin/model")
    assert (answer.status_code, answer.headers["location"]) == (303, "/model")
    page = ward.browser("Ben").get("/model").text
    assert DIGEST in page
    assert "One &lt;site&gt;." in page
    assert ward.browser().get("/model").status_code == 303


def test_what_every_card_says_is_translated_and_the_rest_marked(ward: Ward) -> None:
    browser = ward.browser("Ada")
    page = browser.get("/model", headers={"accept-language": "zh-CN"}).text
    assert '<section class="panel prose" lang="en"' in page
    assert '<h3 lang="zh-Hans">局限</h3>' in page
    assert "<p>One &lt;site&gt;.</p>" in page


def test_the_report_may_run_nothing(ward: Ward) -> None:
    (ward.folder / "report.html").write_text("<h1>Report</h1>")
    browser = ward.browser("Ada")
    assert "/admin/report" in browser.get("/model").text
    assert "/admin/report" not in ward.browser("Ben").get("/model").text
    assert ward.browser("Ben").get("/admin/report").status_code == 404
    answer = browser.get("/admin/report")
    assert answer.text == "<h1>Report</h1>"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")


def test_the_audit_log_is_read_in_the_language_of_the_page(ward: Ward) -> None:
    browser = ward.browser("Ada")
    ward.services.audit.write("Ben", "upload", study="1")
    ward.services.audit.write("Ben", "unheard of", colour="2")
    page = browser.get("/admin/audit", headers={"accept-language": "zh-CN"}).text
    main = page[page.index("<main") :]
    for told in ("登录", "上传", "检查 <code>1", "unheard of", "colour <code>2"):
        assert told in main
    for left in ("sign-in<", "upload<", "study <code"):
        assert left not in main
    assert "sign-in<" in browser.get("/admin/audit").text


def test_the_audit_log_is_paged(ward: Ward) -> None:
    for number in range(120):
        ward.services.audit.write("<Eve>", "upload", study=str(number))
    browser = ward.browser("Ada")  # line 121
    first = browser.get("/admin/audit").text
    assert "&lt;Eve&gt;" in first
    assert "Page 1 of 3" in first
    assert first.count("<tr>") == 1 + 50
    last = browser.get("/admin/audit?page=3").text
    assert last.count("<tr>") == 1 + 21
    assert "Page 3 of 3" in last
    assert "Nothing is written" in browser.get("/admin/audit?page=9999999").text
