"""Workers that a supervisor starts: what they import, each of them waits for."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hierclf.foundation.errors import BundleError
from hierclf.web.result import About

ABOUT = About(
    digest="0" * 64,
    labels=("a", "b"),
    ordered=False,
    cut_point=0.5,
    rule="",
    guards=(),
    lungs=False,
    data="x",
    phantom=True,
    n_scans=1,
    created_utc=datetime(2026, 1, 1, tzinfo=UTC),
    version="0",
    card="",
)


def obedient(told: str, pipe: Connection) -> None:
    """Write down each call, until nobody is there."""
    pipe.send(ABOUT)
    try:
        while True:
            pipe.recv()
            with open(told, "a") as stream:
                stream.write("x")
    except EOFError:
        return


def stubborn(told: Any, pipe: Connection) -> None:
    """Never end by itself."""
    pipe.send(ABOUT)
    while True:
        time.sleep(1)


def refusing(told: Any, pipe: Connection) -> None:
    pipe.send(BundleError("bundle: refused"))


def dying(told: str, pipe: Connection) -> None:
    """End before a word, twice."""
    with open(told, "a") as stream:
        stream.write("x")
    if Path(told).stat().st_size > 2:
        obedient(told + ".calls", pipe)
