"""The whole way in a real browser, against a real server with a real worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from hierclf.web.accounts import Accounts
from hierclf.web.audit import verify
from hierclf.web.clock import now_ms
from hierclf.web.database import Database
from hierclf.web.tables import Account
from hierclf.web.throttle import Throttle
from hierclf.web.tokens import Tokens

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "another good one"  # noqa: S105
PAGES = ("/", "/studies", "/account", "/model", "/admin/accounts", "/admin/audit")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@dataclass(frozen=True)
class Server:
    """A running server.

    Parameters
    ----------
    process : Popen
        To be ended.
    place : str
        Where it answers.
    state : Path
        Its folder.
    password : str
        Of the administrator, for the first time.
    """

    process: subprocess.Popen[str]
    place: str
    state: Path
    password: str


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state, port = tmp_path_factory.mktemp("server") / "state", _free_port()
    command = [sys.executable, "-m", "hierclf.serve", "--state", str(state)]
    made = subprocess.run(
        [*command, "--create-admin", "root"], capture_output=True, text=True, check=True
    )
    assert made.stderr == ""
    found = re.search(r"root: (\S+)", made.stdout)
    assert found is not None
    _add_reader(state)
    told = [*command, "--bundle", str(bundle), "--port", str(port), "--threads", "1"]
    process = subprocess.Popen(told, text=True)
    place = f"http://localhost:{port}"
    _await(place, process)
    yield Server(process, place, state, found[1])
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def _add_reader(state: Path) -> None:
    """Add an administrator who has chosen a password."""
    database = Database(f"sqlite:///{state / 'hierclf.db'}")
    accounts = Accounts(database, clock=now_ms, throttle=Throttle())
    accounts.create("reader", PASSWORD, is_admin=True)
    database.close()


def _await(place: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None
        assert time.monotonic() < end
        try:
            if httpx.get(f"{place}/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)


@pytest.fixture(scope="module")
def page(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = browser.new_page(base_url=server.place, locale="en-US")
        found.set_default_timeout(60_000)
        troubles: list[str] = []
        found.on("pageerror", lambda error: troubles.append(str(error)))
        found.on(
            "console",
            lambda line: troubles.append(line.text) if line.type == "error" else None,
        )
        yield found
        browser.close()
        assert [one for one in troubles if "403" not in one] == []


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "thorax 7.png"
    pixels = np.random.default_rng(3).integers(0, 256, (120, 100)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_from_signing_in_to_signing_out(
    page: Any, server: Server, scan: Path, tmp_path: Path
) -> None:
    _sign_in(page, server)
    _upload(page, [scan])
    assert page.url.startswith(f"{server.place}/studies/")
    _look_at_result(page)
    study = page.url.rpartition("/")[2]
    _upload(page, [Path(str(get_testdata_file("CT_small.dcm")))])
    page.wait_for_selector("[data-viewer]")
    _find_in_list(page, study, tmp_path)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(f"/studies/{study}")
    assert "/sign-in" in page.url
    assert verify(server.state / "audit.jsonl") >= 6


def _sign_in(page: Any, server: Server) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("do not", exact=False).first.wait_for()
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")
    for name, value in (
        ("old", server.password),
        ("new", PASSWORD),
        ("again", PASSWORD),
    ):
        page.locator(f"input[name={name}]").fill(value)
    page.locator("form[action='/account/password'] button").click()
    page.wait_for_url("**/account?done=password")


def _upload(page: Any, paths: list[Path]) -> None:
    page.goto("/")
    page.locator("#file").set_input_files([str(path) for path in paths])
    page.locator("form[data-upload] button.main").click()
    page.wait_for_url(re.compile("/(studies|batches)/"))


def _look_at_result(page: Any) -> None:
    page.wait_for_selector("[data-viewer]")
    assert page.locator("h1").inner_text().startswith(("Healthy", "Diseased"))
    heat = page.locator("img.heat:not([hidden])")
    before = heat.evaluate("one => getComputedStyle(one).opacity")
    slider = page.locator("input[data-opacity]")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert float(heat.evaluate("one => getComputedStyle(one).opacity")) > float(before)
    assert heat.evaluate("one => one.naturalWidth") > 0
    page.locator("[data-zoom=in]").click()
    assert page.locator("[data-zoomed]").inner_text() != "100 %"
    page.locator("input[data-level]").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("Research use only").is_visible()


def _find_in_list(page: Any, study: str, folder: Path) -> None:
    page.goto("/studies")
    page.get_by_label("Search").fill("thorax")
    page.get_by_role("button", name="Show").click()
    assert page.locator(f"a[href='/studies/{study}']").count() == 1
    assert page.get_by_text("CT_small.dcm").count() == 0
    with page.expect_download() as told:
        page.get_by_role("link", name="Export CSV").click()
    told.value.save_as(folder / "studies.csv")
    text = (folder / "studies.csv").read_text()
    assert study in text
    assert "CT_small.dcm" in text


def test_a_folder_with_files_that_are_none(
    page: Any, server: Server, scan: Path, tmp_path: Path
) -> None:
    """After the first test: it needs the password that was set there."""
    page.goto("/sign-in")
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(server.place + "/")
    shutil.copy(scan, tmp_path / "good.png")
    (tmp_path / "half.png").write_bytes(scan.read_bytes()[:2000])
    _upload(page, [tmp_path / "good.png", tmp_path / "half.png"])
    page.wait_for_url("**/batches/*")
    page.get_by_text("Not accepted").first.wait_for()
    page.get_by_text(re.compile("Healthy|Diseased")).first.wait_for()


HAND_OVER = """([name, told, texts]) => {
    const given = new DataTransfer();
    for (const [file, text] of Object.entries(texts)) {
        const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
        given.items.add(new File([bytes], file));
    }
    const shape = { bubbles: true, cancelable: true, [told]: given };
    const made = name === "paste" ? ClipboardEvent : DragEvent;
    document.body.dispatchEvent(new made(name, shape));
}"""


def _as_reader(page: Any, place: str = "/") -> None:
    """Open a page, signed in as who has chosen a password."""
    page.goto(place)
    if "/sign-in" in page.url:
        page.get_by_label("Name").fill("reader")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(f"{place}$"))


def _hand_over(page: Any, event: str, told: str, *paths: Path) -> None:
    """Drop or paste files, as a browser tells it."""
    texts = {path.name: b64encode(path.read_bytes()).decode() for path in paths}
    page.evaluate(HAND_OVER, [event, told, texts])


@pytest.mark.parametrize(
    ("event", "told"), [("drop", "dataTransfer"), ("paste", "clipboardData")]
)
def test_files_that_are_dropped_or_pasted(
    page: Any, scan: Path, tmp_path: Path, event: str, told: str
) -> None:
    _as_reader(page)
    note = tmp_path / "note.txt"
    note.write_text("no scan")
    _hand_over(page, event, told, note, scan)
    rows = page.locator("[data-list] li")
    rows.nth(1).wait_for()
    assert rows.count() == 2
    assert "The file is no PNG, JPEG, TIFF or DICOM" in rows.nth(0).inner_text()
    rows.nth(0).get_by_role("button").click()
    assert rows.count() == 1
    assert page.locator("[data-list] img").evaluate(
        "one => one.decode().then(() => one.naturalWidth)"
    )
    page.get_by_role("button", name="Score").click()
    page.wait_for_url("**/studies/*")
    page.wait_for_selector("[data-viewer]")
    assert scan.name in page.title()


def test_a_folder_gives_the_scans_within(page: Any, scan: Path, tmp_path: Path) -> None:
    folder, empty = tmp_path / "ward", tmp_path / "empty"
    for place in (folder / "deep", empty):
        place.mkdir(parents=True)
        (place / "notes.txt").write_text("no scan")
    for name in ("a.png", "deep/b.png"):
        shutil.copy(scan, folder / name)
    _as_reader(page)
    page.locator("#folder").set_input_files(empty)
    page.get_by_text("There is no scan in this folder").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator("#folder").set_input_files(folder)
    _sees_two_of_three(page)


def _sees_two_of_three(page: Any) -> None:
    """Scans of a folder are sent; what else is there is told, on both pages."""
    page.locator("[data-list] bdi").nth(1).wait_for()
    names = page.locator("[data-list] bdi").all_inner_texts()
    assert sorted(names) == ["a.png", "b.png"]
    assert not page.locator("[data-warning]").is_visible()
    told = "Files left out, as they are no PNG, JPEG, TIFF or DICOM: 1 (notes.txt)"
    assert page.locator("[data-left]").inner_text() == told
    page.get_by_role("button", name="Score").click()
    page.wait_for_url("**/batches/*")
    page.locator("[data-status=done]").get_by_text("2").wait_for()
    assert page.locator("[data-left-out]").inner_text() == told


def test_a_folder_that_is_dropped_is_looked_through(
    page: Any, scan: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ward"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").write_text("no scan")
    (folder / "deep" / "notes.txt").write_text("no scan")
    for name in ("a.png", "deep/b.png"):
        shutil.copy(scan, folder / name)
    _as_reader(page)
    told = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    wire = page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver", "drop"):
        place = {"type": event, "x": 400, "y": 300, "data": told}
        wire.send("Input.dispatchDragEvent", place)
    _sees_two_of_three(page)


def test_what_is_sent_is_green_only_after_it_was_read(
    page: Any, server: Server, scan: Path, tmp_path: Path
) -> None:
    half, note = tmp_path / "half.png", tmp_path / "note.txt"
    half.write_bytes(scan.read_bytes()[:2000])
    note.write_text("no scan")
    _as_reader(page)
    worker = _worker_of(server)
    os.kill(worker, signal.SIGSTOP)
    try:
        page.locator("#file").set_input_files([half, note, scan])
        page.get_by_role("button", name="Score").click()
        sent = page.locator("[data-list] li.sent")
        sent.nth(1).wait_for()
        assert set(sent.locator(".what").all_inner_texts()) == {
            "Uploaded, not read yet"
        }
        assert page.locator("[data-list] li.read").count() == 0
    finally:
        os.kill(worker, signal.SIGCONT)
    page.locator("[data-list] li.read").get_by_text("Read and scored").wait_for()
    rows = page.locator("[data-list] li")
    rows.nth(0).get_by_text("The file ends too early").wait_for()
    classes = [one.get_attribute("class") for one in rows.all()]
    assert classes == ["failed", "failed", "read"]


def _worker_of(server: Server) -> int:
    """The child of the server that has a child: the decoder."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    children = [int(one) for task in tasks for one in task.read_text().split()]
    [found] = [one for one in children if _children(one)]
    return found


def test_without_scripts(page: Any, server: Server, scan: Path) -> None:
    context = page.context.browser.new_context(
        base_url=server.place, java_script_enabled=False, locale="en-US"
    )
    context.set_default_timeout(60_000)
    plain = context.new_page()
    _as_reader(plain)
    plain.locator("#file").set_input_files(str(scan))
    plain.get_by_role("button", name="Score").click()
    plain.wait_for_url("**/studies/*")
    plain.locator("#verdict").wait_for()  # the page loads itself again
    assert plain.locator("h1").inner_text().startswith(("Healthy", "Diseased"))
    for picture in plain.locator("img:not([hidden])").all():
        assert picture.is_visible()
    plain.get_by_role("button", name="Delete").click()
    plain.wait_for_url("**/studies")
    assert plain.locator(f"a[href='{plain.url}']").count() == 0
    plain.get_by_role("button", name="Sign out").click()
    plain.wait_for_url("**/sign-in")
    context.close()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_no_page_is_wider_than_a_phone(
    page: Any, server: Server, scan: Path, locale: str
) -> None:
    _as_reader(page)
    _upload(page, [scan])
    page.wait_for_selector("[data-viewer]")
    study = page.url.removeprefix(server.place)
    context = page.context.browser.new_context(
        base_url=server.place, locale=locale, viewport={"width": 390, "height": 844}
    )
    context.add_cookies(page.context.cookies())
    phone = context.new_page()
    for place in (*PAGES, study):
        phone.goto(place)
        width = phone.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, place
        brand, who = phone.locator(".brand"), phone.locator(".who")
        assert abs(brand.bounding_box()["y"] - who.bounding_box()["y"]) < 30, place
    context.close()


def test_the_lines_of_the_readme_work(
    server: Server, scan: Path, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{server.state / 'hierclf.db'}")
    with database.session() as session:
        account = session.query(Account).filter_by(name="root").one()
        account.must_change = False
    _, token = Tokens(database, clock=now_ms).make(account.id, "test")
    database.close()
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    lines = [line for line in readme.splitlines() if line.startswith("curl ")]
    assert len(lines) == 5
    told = {"TOKEN": token, "SCAN": str(scan)}
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line.replace("http://localhost:8000", server.place)],  # noqa: S607
            env=os.environ | told,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        if "STUDY" not in told:
            told["STUDY"] = json.loads(done.stdout)["id"]
            _await_result(server, told)
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")


def _await_result(server: Server, told: dict[str, str]) -> None:
    headers = {"authorization": f"Bearer {told['TOKEN']}"}
    place = f"{server.place}/api/v1/studies/{told['STUDY']}"
    end = time.monotonic() + 60
    while httpx.get(place, headers=headers).json()["status"] != "done":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_killed_server_ends_its_worker(bundle: Path, tmp_path: Path) -> None:
    port = _free_port()
    told = [sys.executable, "-m", "hierclf.serve", "--state", str(tmp_path / "state")]
    told += ["--bundle", str(bundle), "--port", str(port), "--threads", "1"]
    process = subprocess.Popen(told, start_new_session=True)
    try:
        _await(f"http://localhost:{port}", process)
        children = _children(process.pid)
        assert children
    finally:
        process.kill()
        process.wait()
    end = time.monotonic() + 30
    while any(_is_alive(pid) for pid in children):
        assert time.monotonic() < end
        time.sleep(0.1)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    own = [int(one) for task in tasks for one in task.read_text().split()]
    return own + [deeper for one in own for deeper in _children(one)]


def _is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
