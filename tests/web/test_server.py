"""What is done and checked before the server answers."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hierclf.config.serving import ServeOptions
from hierclf.foundation.errors import BundleError, InputError, ResourceError
from hierclf.web import server
from hierclf.web.audit import AuditLog, verify
from hierclf.web.database import open_database
from hierclf.web.dependencies import Services
from tests.web.children import ABOUT


class Loaded:
    """A supervisor whose worker has said what it has to say."""

    def __init__(self, about: object = ABOUT, trouble: str = "") -> None:
        self.about, self.trouble = about, trouble
        self.steps: list[str] = []

    def start(self) -> None:
        self.steps.append("start")

    def stop(self, seconds: float) -> None:
        self.steps.append("stop")

    def wait(self, seconds: float) -> object:
        return self.about


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    found = Loaded()
    monkeypatch.setattr(server, "make_supervisor", lambda **_: found)
    return found


@pytest.fixture
def options(tmp_path: Path) -> ServeOptions:
    return ServeOptions(bundle=tmp_path / "bundle", state=tmp_path / "state")


def test_the_state_folder_is_its_owners_alone(options: ServeOptions) -> None:
    folder = server.open_state(options)
    for place in (folder, folder / "studies"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = ServeOptions(bundle=tmp_path, state=tmp_path / "file" / "state")
    with pytest.raises(ResourceError):
        server.open_state(told)


def test_an_administrator_is_made_once(options: ServeOptions) -> None:
    told = options.model_copy(update={"create_admin": "Ann"})
    password = server.create_admin(told)
    with pytest.raises(InputError, match="which is taken"):
        server.create_admin(told)
    database = open_database(options.database_url)
    signed = server.make_accounts(options, database).sign_in("ann", password, "here")
    assert signed.account.is_admin
    assert signed.account.must_change
    database.close()
    assert verify(options.folder / "audit.jsonl") == 1
    assert password not in (options.folder / "audit.jsonl").read_text()


def test_it_serves_what_was_loaded_and_ends_the_worker(
    options: ServeOptions, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Services] = []
    monkeypatch.setattr(server, "_run", served.append)
    server.serve(options)
    assert len(served) == 1
    assert loaded.steps == ["start", "stop"]
    [entry] = AuditLog(options.folder / "audit.jsonl").newest_first(1)
    assert (entry.what, entry.facts["bundle"]) == ("started", ABOUT.digest)


@pytest.mark.parametrize(
    ("trouble", "about", "digest", "error", "reason"),
    [
        ("bundle: refused", None, "", BundleError, "bundle: refused"),
        ("", None, "", ResourceError, "expected it loaded"),
        ("", ABOUT, "f" * 64, BundleError, "expected the digest f"),
    ],
)
def test_nothing_is_served_without_the_right_bundle(
    options: ServeOptions,
    loaded: Loaded,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
    about: object,
    digest: str,
    error: type[Exception],
    reason: str,
) -> None:
    loaded.trouble, loaded.about = trouble, about
    monkeypatch.setattr(server, "_run", lambda _: pytest.fail("it was served"))
    told = options.model_copy(update={"bundle_digest": digest})
    with pytest.raises(error, match=reason):
        server.serve(told)
    assert loaded.steps == ["start", "stop"]


def test_a_port_that_is_taken(
    options: ServeOptions, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = options.model_copy(update={"port": taken.getsockname()[1]})
        with pytest.raises(ResourceError, match="to be free, got it taken"):
            server.serve(told)
    assert loaded.steps == ["start", "stop"]


def test_who_says_nothing_is_cut_off_and_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half-sent requests and silent connections, two hundred of them."""
    import socket
    import threading
    import time

    import httpx
    import uvicorn

    async def app(scope: dict, receive: object, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    monkeypatch.setattr(server, "HEADERS_S", 3.0)
    told = {"lifespan": "off", "log_level": "critical", "port": 0}
    running = uvicorn.Server(uvicorn.Config(app, http=server.Impatient, **told))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    place = running.servers[0].sockets[0].getsockname()
    silent = [socket.create_connection(place, timeout=30) for _ in range(200)]
    for one in silent[::2]:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    with httpx.Client(base_url=f"http://127.0.0.1:{place[1]}") as client:
        assert client.get("/").text == "here"
        assert [one.recv(1) for one in silent] == [b""] * 200  # cut off
        assert client.get("/").text == "here"
    for one in silent:
        one.close()
    running.should_exit = True
    thread.join(30)


def test_old_studies_are_deleted_while_it_serves(
    options: ServeOptions, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look is at once; a database that is away does not end it."""
    import time

    from hierclf.web.studies import Studies

    calls: list[int] = []

    def expire(_: Studies, before_ms: int) -> int:
        calls.append(before_ms)
        return 2

    monkeypatch.setattr(Studies, "expire", expire)
    told = options.model_copy(update={"retention_days": 3})

    def run(services: Services) -> None:
        end = time.monotonic() + 30
        log = services.audit
        while "deleted" not in [one.what for one in log.newest_first(1)]:
            assert time.monotonic() < end
            time.sleep(0.01)
        days = (services.clock() - calls[0]) / 86_400_000
        assert days == pytest.approx(3, abs=0.01)

    monkeypatch.setattr(server, "_run", run)
    server.serve(told)
    assert calls


def test_the_server_limits_its_heaps_before_it_has_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ReachedError(Exception):
        pass

    def limit() -> None:
        raise ReachedError

    monkeypatch.setattr(server, "limit_heaps", limit)
    monkeypatch.setattr(server, "open_state", lambda _: pytest.fail("too late"))
    with pytest.raises(ReachedError):
        server.serve(None)  # type: ignore[arg-type]
