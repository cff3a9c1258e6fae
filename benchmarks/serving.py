"""How long an upload waits for its result, and whether the server answers meanwhile.

``python -m benchmarks.serving --bundle B --scans FOLDER`` starts ``hierclf serve``,
uploads scans one after the other, then eight at once, and asks ``/health`` meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from hierclf.assembly.provenance import versions
from hierclf.data.folders import list_scans
from hierclf.web.clock import now_ms
from hierclf.web.database import Database
from hierclf.web.tables import Account
from hierclf.web.tokens import Tokens

AT_ONCE = 8
_POLL_S = 0.02
_HEALTH_S = 0.05


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Parameters
    ----------
    client : Client
        With the token of the administrator.
    pid : int
        Of its process.
    state : Path
        Its folder.
    password : str
        Of the administrator, whose name is ``bench``.
    """

    client: httpx.Client
    pid: int
    state: Path
    password: str


@contextmanager
def server(bundle: Path, *further: str) -> Iterator[Running]:
    """Run a server with an account, and further options."""
    with tempfile.TemporaryDirectory() as place, socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        command = [sys.executable, "-m", "hierclf.serve", "--state", place]
        made = subprocess.run(
            [*command, "--create-admin", "bench"],
            check=True,
            capture_output=True,
            text=True,
        )
        password = made.stdout.partition("bench: ")[2].split()[0]
        token = token_of(Path(place), "bench")
        told = [*command, "--bundle", str(bundle), "--port", str(port), *further]
        process = subprocess.Popen(told)
        headers = {"authorization": f"Bearer {token}"}
        base = f"http://localhost:{port}"
        try:
            with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
                _await(lambda: client.get("/ready").status_code == 200)
                yield Running(client, process.pid, Path(place), password)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def token_of(state: Path, name: str) -> str:
    """Make a token of an account, who need not change the password first."""
    database = Database(f"sqlite:///{state / 'hierclf.db'}")
    with database.session() as session:
        account = session.query(Account).filter_by(name=name).one()
        account.must_change = False
    _, token = Tokens(database, clock=now_ms).make(account.id, "benchmark")
    database.close()
    return token


def _await(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        try:
            if true():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server does not answer")


def upload(client: httpx.Client, path: Path) -> float:
    """Upload a scan and wait for its result; gives the seconds that it took."""
    start = time.monotonic()
    files = {"file": (path.name, path.read_bytes())}
    answer = client.post("/api/v1/studies", files=files).raise_for_status()
    place = f"/api/v1/studies/{answer.json()['id']}"
    while client.get(place).json()["status"] in {"queued", "running"}:
        time.sleep(_POLL_S)
    return time.monotonic() - start


class Health:
    """Asks ``/health`` in a thread, and keeps how long each answer took."""

    def __init__(self, client: httpx.Client) -> None:
        self.seconds: list[float] = []
        self._client = client
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Health:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._end.wait(_HEALTH_S):
            start = time.monotonic()
            self._client.get("/health").raise_for_status()
            self.seconds.append(time.monotonic() - start)


def measure(client: httpx.Client, scans: list[Path], rounds: int) -> dict[str, Any]:
    """Upload scans alone and together."""
    upload(client, scans[0])  # what is made at the first request
    with Health(client) as health:
        alone = [upload(client, path) for path in scans]
        together = []
        for number in range(rounds):
            some = [scans[(number + k) % len(scans)] for k in range(AT_ONCE)]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                together.append(max(pool.map(lambda p: upload(client, p), some)))
    return {
        "alone": told(alone),
        f"{AT_ONCE} at once, the last": told(together),
        "health": told(health.seconds),
    }


def told(seconds: list[float]) -> dict[str, float | int]:
    """Give median, 95th and 99th percentile, and the longest."""
    values = {"n": len(seconds), "longest": round(max(seconds), 3)}
    marks = zip((50, 95, 99), np.percentile(seconds, (50, 95, 99)), strict=True)
    return values | {f"p{mark}": round(float(value), 3) for mark, value in marks}


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--scans", type=Path, required=True, help="folder of scans")
    parser.add_argument("--n", type=int, default=40, help="scans uploaded alone")
    parser.add_argument("--rounds", type=int, default=10, help="times eight at once")
    args = parser.parse_args()
    scans = [
        path for path, _ in zip(list_scans(args.scans), range(args.n), strict=False)
    ]
    with server(args.bundle) as running:
        found = measure(running.client, scans, args.rounds)
    told = {"processor": versions()["processor"], "load": os.getloadavg()}
    print(json.dumps(told | {"seconds": found}, indent=1))


if __name__ == "__main__":
    main()
