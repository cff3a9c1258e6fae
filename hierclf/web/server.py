"""The server: checks before it starts, and a clean end."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hierclf import __version__
from hierclf.config.serving import ServeOptions
from hierclf.foundation.errors import BundleError, HierclfError, ResourceError
from hierclf.foundation.files import explain_os_error
from hierclf.foundation.heaps import limit_heaps
from hierclf.web.accounts import Accounts
from hierclf.web.app import create_app
from hierclf.web.audit import AuditLog
from hierclf.web.clock import now_ms
from hierclf.web.database import Database, open_database
from hierclf.web.dependencies import Services
from hierclf.web.port import refuse_port
from hierclf.web.result import About
from hierclf.web.secret import read_secret
from hierclf.web.studies import Studies
from hierclf.web.supervisor import Supervisor, make_supervisor
from hierclf.web.throttle import Throttle
from hierclf.web.tokens import Tokens

_log = logging.getLogger(__name__)
HEADERS_S = 10.0
"""Seconds in which the headers of a request must have come."""
_DRAIN_S = 10
_CONNECTIONS = 500
_READY_S = 300.0
_HOUR_S = 3600.0
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000


class Impatient(H11Protocol):
    """HTTP that closes a connection whose request does not come.

    uvicorn waits for ever for the first request of a connection: five hundred that
    send nothing would be all that it serves.
    """

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        loop.call_later(HEADERS_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def open_state(options: ServeOptions) -> Path:
    """Make the folder that holds uploads, secret and log; only its owner may look."""
    folder = options.folder
    try:
        for place in (folder, folder / "studies"):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
    except OSError as error:
        raise explain_os_error(f"make {folder}", error) from error
    return folder


def make_accounts(options: ServeOptions, database: Database) -> Accounts:
    """Build the accounts with the lengths of their sessions."""
    return Accounts(
        database,
        clock=now_ms,
        throttle=Throttle(),
        idle_ms=options.idle_minutes * _MINUTE_MS,
        absolute_ms=options.session_hours * 60 * _MINUTE_MS,
    )


def create_admin(options: ServeOptions) -> str:
    """Make an administrator.

    Parameters
    ----------
    options : ServeOptions
        With ``create_admin``.

    Returns
    -------
    password : str
        For the first sign-in, at which it must be changed.

    Raises
    ------
    InputError
        If there is such an account.
    """
    folder = open_state(options)
    database = open_database(options.database_url)
    try:
        accounts = make_accounts(options, database)
        account, password = accounts.create(options.create_admin, is_admin=True)
        audit = AuditLog(folder / "audit.jsonl")
        audit.write("command line", "account added", account=account.name, admin=True)
        return password
    finally:
        database.close()


def serve(options: ServeOptions) -> None:
    """Serve a bundle until the process is told to end.

    Parameters
    ----------
    options : ServeOptions
        With a bundle.

    Raises
    ------
    BundleError
        If the bundle is refused.
    ResourceError
        If database, port, or state folder cannot be had.
    """
    limit_heaps()
    folder = open_state(options)
    secret = read_secret(folder)
    database = open_database(options.database_url)
    studies = Studies(
        database,
        folder / "studies",
        clock=now_ms,
        limit_queue=options.queue,
        quota=options.quota,
    )
    supervisor = make_supervisor(
        bundle=Path(options.bundle or ""),
        url=options.database_url,
        state=folder,
        threads=options.threads,
        runtime=options.runtime,
    )
    services = Services(
        options=options,
        database=database,
        accounts=make_accounts(options, database),
        tokens=Tokens(database, clock=now_ms),
        studies=studies,
        audit=AuditLog(folder / "audit.jsonl"),
        supervisor=supervisor,
        secret=secret,
        clock=now_ms,
    )
    supervisor.start()
    try:
        about = _await_model(supervisor, options.bundle_digest)
        told = {"bundle": about.digest, "version": __version__}
        services.audit.write("server", "started", **told)
        with _Sweeper(services):
            _run(services)
    finally:
        supervisor.stop(_DRAIN_S)
        database.close()


def _await_model(supervisor: Supervisor, digest: str) -> About:
    """Wait until the worker has the bundle, and see that it is the right one."""
    about = supervisor.wait(_READY_S)
    if supervisor.trouble:
        raise BundleError(supervisor.trouble)
    if about is None:
        raise ResourceError(
            f"bundle: expected it loaded within {_READY_S:g} s, got nothing. Look at "
            "the memory and the disk of this machine."
        )
    if digest and about.digest != digest:
        raise BundleError(
            f"bundle: expected the digest {digest}, got {about.digest}. Serve the "
            "bundle that was released, or change --bundle-digest."
        )
    return about


class _Sweeper:
    """Deletes old studies and remains of broken uploads, every hour."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(_DRAIN_S)

    def _run(self) -> None:
        while True:
            try:
                self._sweep()
            except (HierclfError, OSError):  # a database that is away, for one
                _log.exception("old studies were not deleted; tried again in an hour")
            if self._end.wait(_HOUR_S):
                return

    def _sweep(self) -> None:
        services = self._services
        before = services.clock() - services.options.retention_days * _DAY_MS
        n_expired = services.studies.expire(before)
        services.studies.sweep()
        if n_expired:
            services.audit.write("retention", "deleted", studies=n_expired)


def configure(services: Services) -> uvicorn.Config:
    """Say how the application is served, and which proxies are believed."""
    options = services.options
    return uvicorn.Config(
        create_app(services),
        host=options.host,
        port=options.port,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=options.behind_proxy,
        forwarded_allow_ips=list(options.proxies),
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_DRAIN_S,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
    )


def _run(services: Services) -> None:
    options = services.options
    scheme = "https" if options.tls_key else "http"
    name = "localhost" if options.is_loopback else options.host
    _log.info("serving at %s://%s:%d", scheme, name, options.port)
    try:
        uvicorn.Server(configure(services)).run()
    except SystemExit as error:  # how uvicorn tells that it could not listen
        raise refuse_port(options) from error
